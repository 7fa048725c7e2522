//! One machine while it is played: calls go in, outputs are taken and kept, and laws 1 and 2 are watched throughout.

use std::rc::Rc;

use p2pvoip_core::{Instant, Machine, Output, Wake};

use super::script::{Entry, Expect, Make, Step, What};
use super::{Lawful, Laws, START, SeenOf, Verdict};

/// More outputs than this without a `Wait` are taken for an endless stream.
const MOST_OUTPUTS: usize = 100_000;
/// More timeouts than this within one step are taken for spinning.
const MOST_TIMEOUTS: usize = 1_000_000;

/// What a machine gave out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen<T, E> {
    /// Bytes to send.
    Transmit {
        /// Where to.
        to: T,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Something told to the owner.
    Event(E),
}

/// What one draining gave: a piece of all outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// When.
    pub(super) now: Instant,
    /// How many outputs there were before.
    first: usize,
    /// How many there are with it.
    end: usize,
    /// What the machine waits for then.
    pub(super) wake: Option<Wake>,
}

/// Ends a run that broke a law.
#[expect(clippy::panic, reason = "a harness fails by panicking, as a test does")]
#[track_caller]
pub(super) fn fail(law: &str, what: &str) -> ! {
    panic!("{law}: {what}")
}

/// A machine and all that came out of it.
pub(super) struct Player<M: Machine> {
    machine: M,
    buf: Vec<u8>,
    fill: u8,
    pub(super) outputs: Vec<SeenOf<M>>,
    pub(super) moments: Vec<Moment>,
}

impl<M: Lawful> Player<M> {
    /// A new machine; its buffer is filled with `fill`, so that bytes which it claims but does not write differ.
    pub(super) fn new(laws: &Laws<M>, fill: u8) -> Self {
        let machine = (laws.construct)(START);
        Self { machine, buf: vec![fill; M::MAX_TRANSMIT], fill, outputs: Vec::new(), moments: Vec::new() }
    }

    /// What the machine said last that it waits for.
    pub(super) fn wake(&self) -> Option<Wake> {
        self.moments.last().and_then(|moment| moment.wake)
    }

    /// Makes a call.
    pub(super) fn call(&mut self, call: &dyn Fn(&mut M, Instant) -> Verdict, now: Instant) -> Verdict {
        call(&mut self.machine, now)
    }

    /// Calls `handle_timeout` without taking outputs.
    pub(super) fn timeout(&mut self, now: Instant) {
        self.machine.handle_timeout(now);
    }

    /// Calls `handle_timeout` and takes all outputs, which is where law 2 holds.
    pub(super) fn timeout_and_drain(&mut self, now: Instant, after: &str) {
        self.timeout(now);
        self.drain(now, after);
        if let Some(wake) = self.wake()
            && wake.at <= now
        {
            fail(
                "Law 2 (no spinning)",
                &format!(
                    "after a timeout at {now:?} and draining, the machine waits for {wake:?}, which is not later; after {after}"
                ),
            );
        }
    }

    /// Takes all outputs, which is where law 1 holds.
    pub(super) fn drain(&mut self, now: Instant, after: &str) {
        let first = self.outputs.len();
        let wake = loop {
            match self.poll(after) {
                Ok(seen) => self.outputs.push(seen),
                Err(wake) => break wake,
            }
            if self.outputs.len() - first > MOST_OUTPUTS {
                fail("Law 1 (poll until Wait)", &format!("the outputs after {after} do not end"));
            }
        };
        for _ in 0..2 {
            match self.poll(after) {
                Ok(seen) => fail(
                    "Law 1 (poll until Wait)",
                    &format!("{seen:?} came after Wait without a call, after {after}"),
                ),
                Err(again) if again != wake => fail(
                    "Law 1 (poll until Wait)",
                    &format!("Wait({wake:?}) became Wait({again:?}) without a call, after {after}"),
                ),
                Err(_) => {}
            }
        }
        self.moments.push(Moment { now, first, end: self.outputs.len(), wake });
    }

    /// The outputs of one draining.
    pub(super) fn outputs_of(&self, moment: &Moment) -> &[SeenOf<M>] {
        self.outputs.get(moment.first..moment.end).unwrap_or_default()
    }

    /// All outputs, in order, and when they were taken.
    pub(super) fn into_timed(self) -> Vec<(Instant, SeenOf<M>)> {
        let times = self.moments.iter().flat_map(|m| std::iter::repeat_n(m.now, m.end - m.first));
        times.zip(self.outputs).collect()
    }

    fn poll(&mut self, after: &str) -> Result<SeenOf<M>, Option<Wake>> {
        self.buf.fill(self.fill);
        match self.machine.poll_output(&mut self.buf) {
            Output::Transmit { to, len } => match self.buf.get(..len) {
                Some(bytes) => Ok(Seen::Transmit { to, bytes: bytes.to_vec() }),
                None => fail(
                    "MAX_TRANSMIT",
                    &format!(
                        "a transmit of {len} bytes is longer than the {} promised, after {after}",
                        M::MAX_TRANSMIT
                    ),
                ),
            },
            Output::Event(event) => Ok(Seen::Event(event)),
            Output::Wait(wake) => Err(wake),
        }
    }
}

/// The first run: takes outputs at once and writes the tape.
pub(super) struct Recorder<M: Lawful> {
    player: Player<M>,
    tape: Vec<Entry<M>>,
    now: Instant,
}

/// What the first run leaves: the calls, and what came after each (one more: what came before the first).
pub(super) struct Recording<M: Lawful> {
    pub(super) tape: Vec<Entry<M>>,
    pub(super) player: Player<M>,
}

impl<M: Lawful> Recorder<M> {
    /// Plays the whole script.
    pub(super) fn record(laws: &Laws<M>) -> Recording<M> {
        let mut run = Self { player: Player::new(laws, 0xaa), tape: Vec::new(), now: START };
        run.player.drain(START, "construction");
        run.settle("construction");
        for (number, step) in laws.steps.iter().enumerate() {
            run.step(number + 1, step);
        }
        Recording { tape: run.tape, player: run.player }
    }

    fn step(&mut self, number: usize, step: &Step<M>) {
        match step {
            Step::Wait(duration) => {
                let until = self.now + *duration;
                self.run_until(until, &format!("step {number} (wait)"));
                self.now = until;
            }
            Step::UntilWake => match self.player.wake() {
                Some(wake) => {
                    self.now = self.now.max(wake.at);
                    self.tick(&format!("step {number} (until the wake `{}`)", wake.why));
                }
                None => {
                    fail("script", &format!("step {number} waits for a wake, but the machine wants none"))
                }
            },
            Step::Call { name, expect, make } => self.call(number, name, *expect, make),
        }
    }

    fn call(&mut self, number: usize, name: &str, expect: Expect, make: &Make<M>) {
        let after = format!("step {number} ({name})");
        let (call, is_reply) = match make {
            Make::Fixed(call) => (Rc::clone(call), false),
            Make::Reply(answer) => {
                let Some(call) = answer(&self.player.outputs) else {
                    fail("script", &format!("{after} found nothing to reply to"));
                };
                (call, true)
            }
        };
        let verdict = self.player.call(&*call, self.now);
        match (verdict, expect) {
            (Verdict::Accepted, Expect::Accepted) | (Verdict::Refused, Expect::Refused) => {}
            (Verdict::Full, _) => {
                fail(
                    "outbox",
                    &format!("{after} was told Full right after draining: one call must always fit"),
                );
            }
            (Verdict::Refused, Expect::Accepted) => {
                fail("script", &format!("{after} should be accepted, but was refused"));
            }
            (Verdict::Accepted, Expect::Refused) => {
                fail("script", &format!("{after} should be refused, but was accepted"));
            }
        }
        self.tape
            .push(Entry { now: self.now, what: What::Call { name: after.clone(), call, verdict, is_reply } });
        self.player.drain(self.now, &after);
        self.settle(&after);
    }

    /// Timeouts that are due already.
    fn settle(&mut self, after: &str) {
        self.run_until(self.now, after);
    }

    fn run_until(&mut self, until: Instant, after: &str) {
        for _ in 0..MOST_TIMEOUTS {
            match self.player.wake() {
                Some(wake) if wake.at <= until => {
                    self.now = self.now.max(wake.at);
                    self.tick(after);
                }
                _ => return,
            }
        }
        fail("Law 2 (no spinning)", &format!("more than {MOST_TIMEOUTS} timeouts in {after}"));
    }

    fn tick(&mut self, after: &str) {
        self.tape.push(Entry { now: self.now, what: What::Timeout });
        self.player.timeout_and_drain(self.now, after);
    }
}
