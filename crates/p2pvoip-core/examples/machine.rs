//! The shape of everything here that speaks with a network: a machine that greets, asks again, and gives up.

use core::time::Duration;
use p2pvoip_core::{Full, Instant, Machine, Outbox, Output, Timers};

/// After this, the greeting is said again.
const AGAIN: Duration = Duration::from_secs(1);
/// So often it is said in all.
const MOST: u8 = 3;

/// Machine: says a byte until it is answered.
#[derive(Default)]
struct Greeter {
    said: u8,
    outbox: Outbox<&'static str, 4>,
    timers: Timers<(), 1>,
}

impl Greeter {
    /// The owner's command: begin.
    fn greet(&mut self, now: Instant) -> Result<(), Full> {
        self.outbox.require(1)?;
        self.say(now);
        Ok(())
    }

    fn say(&mut self, now: Instant) {
        self.said += 1;
        self.timers.set((), now + AGAIN);
        let _required = self.outbox.push("say");
    }
}

impl Machine for Greeter {
    const MAX_TRANSMIT: usize = 1;
    type Input<'a> = &'a [u8];
    type Transmit = ();
    type Event = &'static str;
    type Error = Full;

    fn handle_input(&mut self, _answer: &[u8], _now: Instant) -> Result<(), Full> {
        // Room for all that follows is asked for before anything changes.
        self.outbox.require(1)?;
        self.timers.cancel(());
        self.outbox.push("answered")
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.outbox.require(1).is_err() || self.timers.pop_due(now).is_none() {
            return;
        }
        if self.said < MOST {
            self.say(now);
        } else {
            let _required = self.outbox.push("gave up");
        }
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<(), &'static str> {
        match self.outbox.pop() {
            Some("say") => {
                buf.fill(b'?');
                Output::Transmit { to: (), len: 1 }
            }
            Some(event) => Output::Event(event),
            None => Output::Wait(self.timers.wake(|()| "greet again")),
        }
    }
}

fn main() -> Result<(), Full> {
    let mut machine = Greeter::default();
    let mut now = Instant::from_millis(0);
    machine.greet(now)?;
    // The owner's loop: poll until it waits, sleep until then (here: no time at all), and say that time has passed.
    let (mut sent, mut told) = (0, "");
    loop {
        match machine.poll_output(&mut [0; Greeter::MAX_TRANSMIT]) {
            Output::Transmit { .. } => sent += 1,
            Output::Event(event) => told = event,
            Output::Wait(None) => break,
            Output::Wait(Some(wake)) => {
                println!("at {now:?}: nothing to do until {:?} ({})", wake.at, wake.why);
                now = wake.at;
                machine.handle_timeout(now);
            }
        }
    }
    assert_eq!((sent, told), (3, "gave up"));
    println!("{told} after {sent} greetings");
    Ok(())
}
