//! One question to a server, frozen when it is made, and its repetitions.
//!
//! # Timers
//! - The next repetition: every [`REPEAT_EVERY`], [`SENDS`] sends in all; the question fails that long after the last.
//!   It does not back off: a question is asked once in a while by a person who waits, and silence is an answer here.

use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::Instant;

use crate::stun::TransactionId;

/// How long after a send the next one comes: the least RTO (RFC 8489 section 6.2.1).
pub(super) const REPEAT_EVERY: Duration = Duration::from_millis(500);
/// How often a question is asked in all.
const SENDS: u8 = 4;

/// What a question is for (RFC 5780 sections 4.3 and 4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// Test I: does the STUN server with this number answer, and what does it see?
    Stun(usize),
    /// Is the TURN server with this number there?
    Turn(usize),
    /// Test I from the other socket: without its answer silence in the tests of filtering says nothing.
    Control,
    /// Filtering test II: answer from the other address and port.
    FilterBoth,
    /// Filtering test III: answer from the other port.
    FilterPort,
    /// Mapping test II: what does the other address see, at the first port?
    MapAddress,
    /// Mapping test III: what does it see at the other port?
    MapBoth,
    /// Does what leaves the filtering socket for the external address of the mapping socket come there?
    HairpinThere,
    /// And the other way, which also opens the way for the first.
    HairpinBack,
}

/// All that the bytes of a question are made from, and from where its answer must come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) id: TransactionId,
    pub(super) purpose: Purpose,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) answer_from: SocketAddr,
}

/// What came of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Nothing yet.
    Open,
    /// An answer from where it should come from: what it saw, if it is worth anything, and its other address.
    Answered { mapped: Option<SocketAddr>, other: Option<SocketAddr>, code: Option<u16> },
    /// The server answered, but did not do what it was asked to.
    Ignored,
    /// No answer.
    Silent,
    /// Nobody needs to know any more.
    Dropped,
}

/// A question and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    pub(super) ask: Ask,
    pub(super) outcome: Outcome,
    pub(super) rtt: Option<Duration>,
    first: Instant,
    next: Instant,
    sends: u8,
}

impl Asking {
    /// A question that is asked now for the first time.
    pub(super) fn start(ask: Ask, now: Instant) -> Self {
        let next = now + REPEAT_EVERY;
        Self { ask, outcome: Outcome::Open, rtt: None, first: now, next, sends: 1 }
    }

    /// Whether nothing came of it yet.
    pub(super) fn is_open(&self) -> bool {
        self.outcome == Outcome::Open
    }

    /// When [`Asking::step`] is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.is_open().then_some(self.next)
    }

    /// The time has come: true to ask again, false when it is silent.
    pub(super) fn step(&mut self, now: Instant) -> bool {
        if self.sends == SENDS {
            self.outcome = Outcome::Silent;
            return false;
        }
        self.sends += 1;
        self.next = now + REPEAT_EVERY;
        true
    }

    /// It ends so at `now`. The round trip is known when only one send can have been answered.
    pub(super) fn close(&mut self, outcome: Outcome, now: Instant) {
        self.outcome = outcome;
        self.rtt = (self.sends == 1).then(|| now.saturating_since(self.first));
    }

    /// What was seen, when it was answered.
    pub(super) fn mapped(&self) -> Option<SocketAddr> {
        match self.outcome {
            Outcome::Answered { mapped, .. } => mapped,
            Outcome::Open | Outcome::Ignored | Outcome::Silent | Outcome::Dropped => None,
        }
    }

    /// Whether it was answered from where it should be.
    pub(super) const fn is_answered(&self) -> bool {
        matches!(self.outcome, Outcome::Answered { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(now: Instant) -> Asking {
        let here = SocketAddr::from(([10, 0, 0, 1], 1));
        let ask =
            Ask { id: [0; 12], purpose: Purpose::Control, local: here, remote: here, answer_from: here };
        Asking::start(ask, now)
    }

    #[test]
    fn asks_four_times_and_is_silent_after_two_seconds() {
        let mut asking = asking(Instant::from_millis(0));
        for send in 1..4 {
            assert_eq!(asking.next_at(), Some(Instant::from_millis(send * 500)));
            assert!(asking.step(Instant::from_millis(send * 500)));
        }
        assert!(!asking.step(Instant::from_millis(2_000)));
        assert_eq!((asking.outcome, asking.next_at()), (Outcome::Silent, None));
    }

    #[test]
    fn measures_only_what_was_sent_once() {
        let answered = Outcome::Answered { mapped: None, other: None, code: None };
        let mut once = asking(Instant::from_millis(0));
        once.close(answered, Instant::from_millis(80));
        assert_eq!(once.rtt, Some(Duration::from_millis(80)));
        let mut twice = asking(Instant::from_millis(0));
        assert!(twice.step(Instant::from_millis(500)));
        twice.close(answered, Instant::from_millis(580));
        assert_eq!(twice.rtt, None);
    }
}
