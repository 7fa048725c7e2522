//! Whether more that is sent is more that arrives. Where much is lost and it is not, the loss is congestion, whatever delay
//! says: a policer, or a queue that has been full for as long as delay is remembered.

use super::signals::part;
use crate::moment::Moment;
use p2pvoip_core::Instant;

/// While at least so many parts in a hundred of what is sent arrive, no question is asked.
const YIELDS: u64 = 85;
/// A rate higher by this many parts in a hundred ...
const TESTED: u64 = 125;
/// ... should bring so many parts in a hundred of what came before.
const GAINED: u64 = 108;
/// It is asked twice, this far apart, in microseconds: losses by chance vary.
const DOUBT: u64 = 1_000_000;

/// What came of the question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// Go on.
    Yes,
    /// Send no more until it is asked again.
    Wait,
    /// What was sent more was lost.
    InVain,
}

/// Estimator: whether more brings more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Yields {
    /// The rate, what arrived of it, and when, before more was sent.
    reference: (u64, u64, Moment),
    /// Since when that seems to be in vain.
    doubt: Moment,
}

impl Yields {
    pub(super) const fn new() -> Self {
        Self { reference: (0, 0, Moment::NONE), doubt: Moment::NONE }
    }

    /// The flow may send at `rate`; `raw` arrives of `sent`.
    pub(super) fn ask(&mut self, rate: u64, raw: u64, sent: u64, now: Instant) -> Answer {
        if !self.reference.2.is_set() {
            self.reference = (rate, raw, Moment::at(now));
        }
        let (before, arrived, since) = self.reference;
        let tested = rate >= part(before, TESTED, 100) && since.is_before(now, DOUBT);
        if raw >= part(sent, YIELDS, 100) || (tested && raw >= part(arrived, GAINED, 100)) {
            (self.reference, self.doubt) = ((rate, raw, Moment::at(now)), Moment::NONE);
            return Answer::Yes;
        }
        if !tested {
            return Answer::Yes;
        }
        self.doubt.or_set(now);
        if !self.doubt.is_before(now, DOUBT) {
            return Answer::Wait;
        }
        *self = Self::new();
        Answer::InVain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends more by a fifth each second, of which `arrives` tells what comes; the first answer that is no yes for good.
    fn first_no(mut arrives: impl FnMut(u64) -> u64) -> Option<u64> {
        let (mut yields, mut rate) = (Yields::new(), 100_000);
        for tenth in 0..200u64 {
            match yields.ask(rate, arrives(rate), rate, Instant::from_millis(100 * tenth)) {
                Answer::Yes if tenth % 10 == 9 => rate += rate / 5,
                Answer::Yes | Answer::Wait => {}
                Answer::InVain => return Some(rate),
            }
        }
        None
    }

    #[test]
    fn loss_by_chance_is_no_congestion_and_a_policer_is() {
        assert_eq!(first_no(|rate| rate), None);
        assert_eq!(first_no(|rate| rate * 7 / 10), None, "three of ten are lost, of more as of less");
        let stopped = first_no(|rate| rate.min(300_000));
        assert!(stopped.is_some_and(|rate| rate < 600_000), "{stopped:?}");
    }
}
