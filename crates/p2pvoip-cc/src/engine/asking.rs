//! What is asked of the link: when pairs of packets are wanted, and what a fall of delay says of it.

use crate::moment::Moment;
use crate::pairs::{self, Pairs};
use p2pvoip_core::Instant;

/// Pairs are wanted this often while the rate could be higher, in microseconds.
const PROBE_EVERY: u64 = 2_000_000;
/// A pair that has not left for so long after it was wanted will not, in microseconds: eight packets of the longest duration.
const PATIENCE: u64 = 1_000_000;
/// Of an owner that sends none they are wanted half as often each time, but so often at least: each 64 s.
const MOST_DOUBLINGS: u8 = 5;
/// Pairs have to tell the link within this, in microseconds.
const ANSWER: u64 = 3_000_000;
/// A fall of delay explains a faster link for this long, in microseconds.
const RECENT: u64 = 2_000_000;
/// The link is asked for again because of delay at most this often, in microseconds.
const REMEASURE: u64 = 1_000_000;

/// Estimator: what is asked of the link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// Since when a pair is wanted.
    wanted: Moment,
    /// When the last one left, or was given up.
    probed: Moment,
    /// When the link was last to be measured anew; not set once it is known, or was given up.
    asked: Moment,
    /// When that was because delay fell; how far that was, in ticks, and the size of the packet that told.
    remeasured: Moment,
    fallen: i32,
    fallen_size: u16,
    /// How many in a row were given up.
    refused: u8,
    /// Delay fell, and what the link is then has not been told yet.
    open: bool,
}

impl Asking {
    pub(super) const fn new() -> Self {
        Self {
            wanted: Moment::NONE,
            probed: Moment::NONE,
            asked: Moment::NONE,
            remeasured: Moment::NONE,
            fallen: 0,
            fallen_size: 0,
            refused: 0,
            open: false,
        }
    }

    /// Whether the next packet should be followed by itself.
    pub(super) const fn probe(&self) -> bool {
        self.wanted.is_set()
    }

    /// A pair has left.
    pub(super) const fn on_pair(&mut self, now: Instant) {
        (self.wanted, self.probed, self.refused) = (Moment::NONE, Moment::at(now), 0);
    }

    /// A pair is wanted where the law has a use for one, once a `rtt` (in microseconds) when the link is `sought`, and now
    /// and then before any is known; ever more seldom where none leaves.
    pub(super) fn plan(&mut self, pairs: &Pairs, sought: bool, useful: bool, rtt: u32, now: Instant) {
        let wait = match (sought || !pairs.is_settled() || pairs.is_begun(), pairs.rate()) {
            (true, _) if self.refused == 0 => u64::from(rtt),
            (false, Some(_)) => return self.wanted = Moment::NONE,
            _ => PROBE_EVERY << self.refused,
        };
        if !useful || !self.probed.is_before(now, wait) {
            self.wanted = Moment::NONE;
            return;
        }
        self.wanted.or_set(now);
        if self.wanted.since(now).is_some_and(|wanted| wanted >= PATIENCE) {
            (self.wanted, self.probed) = (Moment::NONE, Moment::at(now));
            self.refused = (self.refused + 1).min(MOST_DOUBLINGS);
        }
    }

    /// The link is to be measured anew, and that is worth asking an owner who has sent no pair.
    pub(super) fn ask(&mut self, pairs: &mut Pairs, now: Instant) {
        pairs.restart();
        (self.asked, self.refused) = (Moment::at(now), 0);
    }

    /// Time passes: what no pair has told in time is taken to be as it was.
    pub(super) fn on_time(&mut self, pairs: &mut Pairs, now: Instant) {
        if self.asked.since(now).is_some_and(|asked| asked >= ANSWER) {
            pairs.give_up();
            self.asked = Moment::NONE;
        }
    }

    /// A packet of that size came sooner than ever, by so many ticks, while the link was `settled` or not. Whether it is to be
    /// measured anew for it; then nothing else is asked before that has been answered.
    pub(super) fn on_fall(&mut self, ticks: i32, size: u16, settled: bool, now: Instant) -> bool {
        let first = settled && self.remeasured.is_before(now, REMEASURE);
        if first {
            (self.remeasured, self.open) = (Moment::at(now), true);
        }
        if first || ticks > self.fallen {
            (self.fallen, self.fallen_size) = (ticks, size);
        }
        first
    }

    /// Whether what was asked because delay fell is answered now, the link being `settled` again: what delay is now is the
    /// least then. Told once.
    pub(super) const fn is_answered(&mut self, settled: bool) -> bool {
        let answered = self.open && settled;
        self.open &= !settled;
        answered
    }

    /// Whether delay fell lately.
    pub(super) const fn has_fallen(&self, now: Instant) -> bool {
        !self.remeasured.is_before(now, RECENT + 1)
    }

    /// Whether delay fell lately, and by as much as explains a link of `rate` that was of `full` before.
    pub(super) fn explains(&self, rate: u64, full: u64, now: Instant) -> bool {
        let size = self.fallen_size;
        self.has_fallen(now) && 2 * self.fallen >= pairs::ticks(size, full) - pairs::ticks(size, rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;

    const fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn what_was_asked_because_delay_fell_is_answered_once_and_not_asked_again_before() {
        let mut asking = Asking::new();
        assert!(asking.on_fall(100, 200, true, at(0)));
        assert!(!asking.is_answered(false), "no pair has come");
        assert!(!asking.on_fall(100, 200, false, at(2_000)), "it is being measured");
        assert!(asking.is_answered(true));
        assert!(!asking.is_answered(true));
        assert!(asking.on_fall(100, 200, true, at(2_000)));
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

    /// The moments in ms at which a pair is wanted, of 100 ms each.
    fn wanted(asking: &mut Asking, sought: bool, ms: core::ops::Range<u64>) -> std::vec::Vec<u64> {
        let pairs = Pairs::new();
        let mut wants = |ms: &u64| {
            asking.plan(&pairs, sought, true, 50_000, at(*ms));
            asking.probe()
        };
        ms.step_by(100).filter(|ms| wants(ms)).collect()
    }

    #[test]
    fn an_owner_that_sends_no_pairs_is_asked_ever_more_seldom() {
        for sought in [false, true] {
            let mut asking = Asking::new();
            let moments = wanted(&mut asking, sought, 0..400_000);
            let first =
                moments.iter().filter(|ms| !moments.contains(&ms.wrapping_sub(100))).map(|ms| ms / 1_000);
            let first: std::vec::Vec<u64> = first.collect();
            assert_eq!(first, [0, 5, 14, 31, 64, 129, 194, 259, 324, 389], "for a second each");
            assert_eq!(moments.len(), 100);
            asking.on_pair(at(400_000));
            let moments = wanted(&mut asking, false, 400_000..403_000);
            assert_eq!(moments.first(), Some(&402_000), "who sends one is asked as at first");
        }
    }

    #[test]
    fn a_fall_of_the_link_is_asked_for_at_once() {
        let (mut asking, mut pairs) = (Asking::new(), Pairs::new());
        wanted(&mut asking, true, 0..80_000);
        asking.plan(&pairs, true, true, 50_000, at(80_000));
        assert!(!asking.probe());
        asking.ask(&mut pairs, at(80_000));
        asking.plan(&pairs, true, true, 50_000, at(80_000));
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
        assert!(asking.on_fall(100, 200, true, at(0)));
        assert!(!asking.on_fall(300, 200, false, at(500)));
        // A packet of 200 bytes takes 1,250 ticks at 20 kbit/s and 625 at 40: half of the difference explains it.
        assert!(!asking.explains(40_000, 20_000, at(500)));
        assert!(asking.explains(22_000, 20_000, at(500)));
        assert!(!asking.on_fall(313, 200, true, at(999)));
        assert!(asking.explains(40_000, 20_000, at(999)));
        assert!(!asking.explains(40_000, 20_000, at(2_001)), "that was long ago");
        assert!(asking.on_fall(1, 200, true, at(1_000)), "and again");
        assert!(!asking.explains(40_000, 20_000, at(1_000)));
    }
}
