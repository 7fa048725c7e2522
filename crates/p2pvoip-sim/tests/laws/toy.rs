//! A ping with retransmission, lawful or broken in one way.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use p2pvoip_core::{Instant, Machine, Output, Wake};

/// How a toy is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    SpeaksAfterWait,
    NeverWaits,
    FiresEarly,
    Spins,
    SpinsWhenOverslept,
    RefusalMovesTimer,
    NoiseShortensPatience,
    HiddenDice,
    ClaimsTooMuch,
    KeepsOnlyLatest,
    LastInFirstOut,
    ChangesBeforeFull,
    NoRoom,
    EventsFirst,
    TightOutbox,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Pong(u8),
    Lost(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Error {
    Full,
    Unknown,
    Known,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Intent {
    Ping(u8),
    Tell(Event),
}

struct Waiting {
    id: u8,
    sends: u32,
    again_at: Instant,
}

/// Sends again after this, doubling.
const AGAIN: Duration = Duration::from_millis(500);

thread_local! {
    static DICE: Cell<u8> = const { Cell::new(0) };
}

/// Machine: pings by number, sends each up to `most_sends` times.
pub(crate) struct Ping {
    flaw: Flaw,
    waiting: Vec<Waiting>,
    outbox: VecDeque<Intent>,
    capacity: usize,
    most_sends: u32,
    spoke: bool,
    now: Instant,
}

impl Ping {
    pub(crate) fn new(flaw: Flaw, now: Instant) -> Self {
        let capacity = match flaw {
            Flaw::NoRoom => 0,
            Flaw::TightOutbox => 1,
            Flaw::ChangesBeforeFull => 2,
            _ => 8,
        };
        Self { flaw, waiting: Vec::new(), outbox: VecDeque::new(), capacity, most_sends: 4, spoke: true, now }
    }

    pub(crate) fn ping(&mut self, id: u8, now: Instant) -> Result<(), Error> {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.id == id) {
            if self.flaw == Flaw::RefusalMovesTimer {
                waiting.again_at += Duration::from_millis(1);
            }
            return Err(Error::Known);
        }
        if self.outbox.len() >= self.capacity {
            if self.flaw == Flaw::ChangesBeforeFull {
                self.most_sends -= 1;
            }
            return Err(Error::Full);
        }
        self.waiting.push(Waiting { id, sends: 1, again_at: now + AGAIN });
        self.push(Intent::Ping(id));
        self.fire(now);
        Ok(())
    }

    fn push(&mut self, intent: Intent) {
        self.spoke = false;
        if self.flaw == Flaw::KeepsOnlyLatest {
            self.outbox.clear();
        }
        self.outbox.push_back(intent);
    }

    fn fire(&mut self, now: Instant) {
        self.now = now;
        let slack = match self.flaw {
            Flaw::FiresEarly => Duration::from_millis(300),
            _ => Duration::ZERO,
        };
        while self.outbox.len() < self.capacity {
            let due = self.waiting.iter().position(|waiting| waiting.again_at <= now + slack);
            let Some(place) = due else { return };
            let (id, sends) = (self.waiting[place].id, self.waiting[place].sends);
            if sends >= self.most_sends {
                self.waiting.remove(place);
                self.push(Intent::Tell(Event::Lost(id)));
                continue;
            }
            let overslept = now.saturating_since(self.waiting[place].again_at) > Duration::ZERO;
            let waiting = &mut self.waiting[place];
            waiting.sends += 1;
            waiting.again_at = now + AGAIN * (1 << sends);
            self.push(Intent::Ping(id));
            if self.flaw == Flaw::Spins || self.flaw == Flaw::SpinsWhenOverslept && overslept {
                self.waiting[place].again_at = now;
                return;
            }
        }
    }

    fn take(&mut self) -> Option<Intent> {
        match self.flaw {
            Flaw::LastInFirstOut => self.outbox.pop_back(),
            Flaw::EventsFirst => {
                let event = self.outbox.iter().position(|intent| matches!(intent, Intent::Tell(_)));
                self.outbox.remove(event.unwrap_or(0))
            }
            Flaw::NeverWaits => Some(Intent::Ping(0)),
            _ => self.outbox.pop_front(),
        }
    }
}

impl Machine for Ping {
    const MAX_TRANSMIT: usize = 2;
    type Input<'a> = &'a [u8];
    type Transmit = ();
    type Event = Event;
    type Error = Error;

    fn handle_input(&mut self, pong: &[u8], now: Instant) -> Result<(), Error> {
        let id = *pong.first().ok_or(Error::Unknown)?;
        let Some(place) = self.waiting.iter().position(|waiting| waiting.id == id) else {
            if self.flaw == Flaw::NoiseShortensPatience && id == b'n' {
                self.most_sends = 2;
            }
            return Err(Error::Unknown);
        };
        if self.outbox.len() >= self.capacity {
            return Err(Error::Full);
        }
        self.waiting.remove(place);
        self.push(Intent::Tell(Event::Pong(id)));
        self.fire(now);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.fire(now);
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<(), Event> {
        let intent = self.take();
        // A due timer may have waited for room.
        if intent.is_some() && !matches!(self.flaw, Flaw::Spins | Flaw::SpinsWhenOverslept) {
            self.fire(self.now);
        }
        match intent {
            Some(Intent::Ping(id)) => {
                buf[0] = id;
                if self.flaw == Flaw::HiddenDice {
                    buf[1] = DICE.replace(DICE.get() + 1);
                }
                let claims_two = matches!(self.flaw, Flaw::ClaimsTooMuch | Flaw::HiddenDice);
                Output::Transmit { to: (), len: if claims_two { 2 } else { 1 } }
            }
            Some(Intent::Tell(event)) => Output::Event(event),
            None => {
                if self.flaw == Flaw::SpeaksAfterWait && !self.spoke {
                    self.spoke = true;
                    self.push(Intent::Ping(9));
                    self.spoke = true;
                }
                let at = self.waiting.iter().map(|waiting| waiting.again_at).min();
                Output::Wait(at.map(|at| Wake { at, why: "again" }))
            }
        }
    }
}
