//! What is asked of the link: when pairs of packets are wanted, and what a fall of delay says of it.

use crate::moment::Moment;
use crate::pairs::{self, Pairs};
use p2pvoip_core::Instant;

/// Pairs are wanted this often while the rate could be higher, in microseconds.
const PROBE_EVERY: u64 = 2_000_000;
/// Pairs have to tell the link within this, in microseconds.
const ANSWER: u64 = 3_000_000;
/// A fall of delay explains a faster link for this long, in microseconds.
const RECENT: u64 = 2_000_000;
/// The link is asked for again because of delay at most this often, in microseconds.
const REMEASURE: u64 = 1_000_000;

/// How far delay fell below the least, in ticks, and the size of the packet that told.
#[derive(Clone, Copy, Debug)]
struct Fall {
    ticks: i32,
    size: u16,
}

/// Estimator: what is asked of the link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// A pair is wanted.
    probe: bool,
    /// When the last one left.
    probed: Moment,
    /// When the link was last to be measured anew; not set once it is known, or was given up.
    asked: Moment,
    /// When that was because delay fell, and how far.
    remeasured: Moment,
    fallen: Fall,
}

impl Asking {
    pub(super) const fn new() -> Self {
        Self {
            probe: false,
            probed: Moment::NONE,
            asked: Moment::NONE,
            remeasured: Moment::NONE,
            fallen: Fall { ticks: 0, size: 0 },
        }
    }

    /// Whether the next packet should be followed by itself.
    pub(super) const fn probe(&self) -> bool {
        self.probe
    }

    /// A pair has left.
    pub(super) const fn on_pair(&mut self, now: Instant) {
        (self.probe, self.probed) = (false, Moment::at(now));
    }

    /// A pair is wanted where the law has a use for one, once a `rtt` (in microseconds) when the link is `sought`, and now
    /// and then before any is known.
    pub(super) fn plan(&mut self, pairs: &Pairs, sought: bool, useful: bool, rtt: u32, now: Instant) {
        let due = (sought || !pairs.is_settled()) && self.probed.is_before(now, u64::from(rtt))
            || pairs.rate().is_none() && self.probed.is_before(now, PROBE_EVERY);
        self.probe = due && useful;
    }

    /// The link is to be measured anew.
    pub(super) fn ask(&mut self, pairs: &mut Pairs, now: Instant) {
        pairs.restart();
        self.asked = Moment::at(now);
    }

    /// Time passes: what no pair has told in time is taken to be as it was.
    pub(super) fn on_time(&mut self, pairs: &mut Pairs, now: Instant) {
        if self.asked.since(now).is_some_and(|asked| asked >= ANSWER) {
            pairs.give_up();
            self.asked = Moment::NONE;
        }
    }

    /// A packet of that size came sooner than ever, by so many ticks. Whether the link is to be measured anew for it.
    pub(super) fn on_fall(&mut self, ticks: i32, size: u16, now: Instant) -> bool {
        let first = self.remeasured.is_before(now, REMEASURE);
        if first {
            self.remeasured = Moment::at(now);
        }
        if first || ticks > self.fallen.ticks {
            self.fallen = Fall { ticks, size };
        }
        first
    }

    /// Whether delay fell lately.
    pub(super) const fn has_fallen(&self, now: Instant) -> bool {
        !self.remeasured.is_before(now, RECENT + 1)
    }

    /// Whether delay fell lately, and by as much as explains a link of `rate` that was of `full` before.
    pub(super) fn explains(&self, rate: u64, full: u64, now: Instant) -> bool {
        let Fall { ticks, size } = self.fallen;
        self.has_fallen(now) && 2 * ticks >= pairs::ticks(size, full) - pairs::ticks(size, rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn a_pair_is_wanted_now_and_then_while_none_is_known() {
        let (mut asking, pairs) = (Asking::new(), Pairs::new());
        asking.plan(&pairs, false, false, 50_000, at(0));
        assert!(!asking.probe(), "nobody has a use for it");
        asking.plan(&pairs, false, true, 50_000, at(0));
        assert!(asking.probe());
        asking.on_pair(at(0));
        asking.plan(&pairs, false, true, 50_000, at(1_999));
        assert!(!asking.probe());
        asking.plan(&pairs, false, true, 50_000, at(2_000));
        assert!(asking.probe());
    }

    #[test]
    fn a_link_that_is_sought_is_asked_for_once_a_round_trip() {
        let (mut asking, pairs) = (Asking::new(), Pairs::new());
        asking.on_pair(at(0));
        asking.plan(&pairs, true, true, 50_000, at(49));
        assert!(!asking.probe());
        asking.plan(&pairs, true, true, 50_000, at(50));
        assert!(asking.probe());
    }

    #[test]
    fn a_fall_asks_once_a_second_and_the_furthest_is_told() {
        let mut asking = Asking::new();
        assert!(!asking.has_fallen(at(0)));
        assert!(asking.on_fall(100, 200, at(0)));
        assert!(!asking.on_fall(300, 200, at(500)));
        // A packet of 200 bytes takes 1,250 ticks at 20 kbit/s and 625 at 40: half of the difference explains it.
        assert!(!asking.explains(40_000, 20_000, at(500)));
        assert!(asking.explains(22_000, 20_000, at(500)));
        assert!(!asking.on_fall(313, 200, at(999)));
        assert!(asking.explains(40_000, 20_000, at(999)));
        assert!(!asking.explains(40_000, 20_000, at(2_001)), "that was long ago");
        assert!(asking.on_fall(1, 200, at(1_000)), "and again");
        assert!(!asking.explains(40_000, 20_000, at(1_000)));
    }
}
