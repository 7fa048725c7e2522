//! Whose queue it is that is being drained: one of our own becomes shorter by what is sent less.
//!
//! While the queue stands, what arrives of an only flow is the link's rate. Sending less by a part of that lets the queue fall
//! by that part of a second each second. A queue that TCP holds full does not follow.

use super::signals::part;
use crate::moment::Moment;
use p2pvoip_core::Instant;

/// It is judged when a queue of our own would have become shorter by so many parts in a hundred ...
const JUDGED: u64 = 15;
/// ... and by this, in microseconds: jitter may do as much as a part of that.
const LEAST_DUE: u64 = 16_000;
/// A queue that changed by at most so many parts in a hundred of what was due has stayed as it was.
const STILL: u64 = 12;
/// After so many such verdicts in a row it is none, and the path has become longer.
const LONGER: u8 = 2;
/// A queue of our own becomes shorter by at least so many parts in a hundred of what is expected: another flow of the same
/// law, or the voice beside a video, may hold a part of the link.
const FOLLOWS: u64 = 70;
/// A queue that becomes shorter by less than so many parts in a hundred of that is of others: of four flows that have it together
/// each would see more.
const HARDLY: u64 = 20;
/// What is sent less tells of whom the queue is when it is at least so many parts in a hundred of the link.
const TELLING: u64 = 12;
/// Where it does not tell, a drain that works leaves at most so many parts in a hundred of the queue.
const SHRUNK: u64 = 85;

/// What is known of the queue that is drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Not yet more than before.
    Open,
    /// It becomes shorter by what is sent less; told once.
    Ours,
    /// It does not, or not as much: others share in it.
    Futile,
    /// It hardly does: others fill it.
    Others,
    /// It stays as it was whatever is sent: it is none, and the path has become longer.
    Longer,
}

/// Estimator: whether a queue follows what is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge {
    /// When the queue that is compared with was met: by the first packet sent after the cut, or at the last verdict.
    met: Moment,
    queue: u64,
    /// It became shorter by what was sent less.
    follows: bool,
    /// It was known before the drain that it is of our making.
    known: bool,
    /// How often in a row it stayed as it was.
    still: u8,
}

impl Judge {
    /// A drain begins, of a queue that is `known` to be of our making, or not.
    pub(super) const fn new(known: bool) -> Self {
        Self { met: Moment::NONE, queue: 0, follows: false, known, still: 0 }
    }

    /// Whether the queue has become shorter by what was sent less.
    pub(super) const fn follows(&self) -> bool {
        self.follows
    }

    /// Whether the queue is of our making: by what was known, or seen.
    pub(super) const fn is_ours(&self) -> bool {
        self.follows || self.known
    }

    /// The queue that is compared with, in microseconds.
    pub(super) const fn queue(&self) -> u64 {
        self.queue
    }

    /// What packets sent after the cut met: a `queue` in microseconds, on a `link` of which `wire` is used. There is no
    /// verdict before the drain has had its time, when it is `ripe`.
    pub(super) fn hear(&mut self, queue: u64, (link, wire): (u64, u64), ripe: bool, now: Instant) -> Verdict {
        let Some(passed) = self.met.since(now) else {
            (self.met, self.queue) = (Moment::at(now), queue);
            return Verdict::Open;
        };
        if !ripe {
            return Verdict::Open;
        }
        let less = link.saturating_sub(wire);
        if less < part(link, TELLING, 100) {
            let stays = !self.known && queue > part(self.queue, SHRUNK, 100);
            return if stays { Verdict::Futile } else { Verdict::Open };
        }
        let due = part(passed, less, link);
        if due < part(self.queue, JUDGED, 100).max(LEAST_DUE) {
            return Verdict::Open;
        }
        let (fell, changed) = (self.queue.saturating_sub(queue), self.queue.abs_diff(queue));
        (self.met, self.queue) = (Moment::at(now), queue);
        if changed <= part(due, STILL, 100) {
            self.still += 1;
            return if self.still >= LONGER { Verdict::Longer } else { Verdict::Open };
        }
        self.still = 0;
        if fell < part(due, HARDLY, 100) {
            return Verdict::Others;
        }
        if fell < part(due, FOLLOWS, 100) {
            return Verdict::Futile;
        }
        if self.follows {
            return Verdict::Open;
        }
        // What is sent from now on is compared when it has arrived.
        (self.follows, self.met) = (true, Moment::NONE);
        Verdict::Ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first verdict on a queue of 400 ms that changes by so many microseconds each millisecond, at 15 of 100 kbit/s.
    fn verdict(change: i64, wire: u64) -> Option<(u64, Verdict)> {
        let mut judge = Judge::new(false);
        (0..10_000u64).step_by(20).find_map(|ms| {
            let queue = u64::try_from(400_000 + change * i64::try_from(ms).unwrap()).unwrap_or(0);
            let verdict = judge.hear(queue, (100_000, wire), true, Instant::from_millis(ms));
            (verdict != Verdict::Open).then_some((ms, verdict))
        })
    }

    #[test]
    fn a_queue_that_falls_by_what_is_sent_less_is_ours_and_one_that_stays_is_not() {
        // A link of which 15 parts in a hundred are used drains 850 us each millisecond.
        assert_eq!(verdict(-850, 15_000), Some((80, Verdict::Ours)));
        assert_eq!(verdict(200, 15_000), Some((80, Verdict::Others)));
        assert_eq!(
            verdict(0, 15_000),
            Some((160, Verdict::Longer)),
            "nothing but a longer path stays as it is"
        );
        assert_eq!(verdict(-300, 15_000), Some((80, Verdict::Futile)), "a third of the link is ours");
    }

    #[test]
    fn the_less_is_taken_off_the_longer_it_takes_to_judge() {
        assert_eq!(verdict(-200, 80_000), Some((300, Verdict::Ours)));
        assert_eq!(verdict(0, 95_000), Some((20, Verdict::Futile)), "nothing can be told, and it stays");
    }

    #[test]
    fn a_queue_known_to_be_ours_is_not_given_up_where_nothing_can_be_told() {
        let mut judge = Judge::new(true);
        for ms in (0..5_000).step_by(20) {
            let verdict = judge.hear(400_000, (100_000, 95_000), true, Instant::from_millis(ms));
            assert_eq!(verdict, Verdict::Open);
        }
    }
}
