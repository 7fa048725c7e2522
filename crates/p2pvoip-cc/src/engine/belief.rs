//! What queue is believed: as much of the delay's as the round trip bears out.

use crate::delay::{DelayEstimator, Queue};
use crate::report::TICK_MICROS;
use crate::rtt::RttEstimator;
use p2pvoip_core::Instant;

/// The round trip that is assumed before there is a sample, in microseconds.
const RTT_UNKNOWN: u32 = 300_000;
/// Of a clock that was set the least delay is known up to this, 20 ms in ticks: the round trip has the time of a second packet
/// on the link in it.
const DOUBT: i32 = 312;
/// A queue may be this much longer than the round trip shows, 5 ms in ticks ...
const UNSURE: i32 = 78;
/// ... or so often; then the least delay is forgotten.
const CONTRADICTED: u8 = 4;
/// A queue above this in each of the two newest samples, and not falling, is one: 30 ms in ticks.
const JUMP: i32 = 468;
/// No path becomes shorter or longer by so much at once, 1 s in ticks: the receiver's clock was set, and spans across that
/// tell no rate.
pub(super) const LEAP: i32 = 15_625;
/// More than this is no least delay that was never real, but a clock that was set: 100 ms in ticks.
const SET: i32 = 1_562;

/// A queue as it is believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Believed {
    pub(super) queue: Queue,
    /// A long one has appeared at once.
    pub(super) jumped: bool,
    /// The receiver's clock jumped: spans across that tell no rate.
    pub(super) leapt: bool,
}

/// Estimator: delay, the round trip, and what both say of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Belief {
    pub(super) delay: DelayEstimator,
    rtt: RttEstimator,
    /// The round trip before there is a sample, in microseconds.
    rtt_assumed: u32,
    /// How often in a row the round trip did not bear out the queue.
    contradicted: u8,
}

impl Belief {
    pub(super) const fn new() -> Self {
        Self {
            delay: DelayEstimator::new(),
            rtt: RttEstimator::new(),
            rtt_assumed: RTT_UNKNOWN,
            contradicted: 0,
        }
    }

    /// The round trip that was least on this path before, in microseconds.
    pub(super) const fn recall_rtt(&mut self, micros: u32) {
        self.rtt_assumed = micros;
    }

    /// The path has become longer by what seemed a queue.
    pub(super) fn on_longer(&mut self) {
        if let Some(queue) = self.delay.queue() {
            self.delay.rebase(queue.least, 0);
        }
    }

    /// A round trip in microseconds.
    pub(super) fn on_rtt(&mut self, sample: u64, now: Instant) {
        self.rtt.push(sample, now);
    }

    /// The round trip, assumed where there is no sample, in microseconds.
    pub(super) fn rtt(&self) -> u32 {
        self.rtt.smoothed().unwrap_or(self.rtt_assumed)
    }

    /// The smoothed and the least round trip, in microseconds.
    pub(super) const fn rtts(&self) -> (Option<u32>, Option<u32>) {
        (self.rtt.smoothed(), self.rtt.least())
    }

    /// The queue, as far as the round trip bears it out: a queue on the way there makes that longer too, but clocks that
    /// jump, or a least delay that was never real, do not. It is asked where the last report was `timed`.
    pub(super) fn queue(&mut self, timed: bool) -> Option<Believed> {
        let Self { delay, rtt, .. } = self;
        let queue = delay.queue()?;
        delay.note(queue.apart);
        let jumped = delay.jump().is_some_and(|jump| jump > JUMP + 3 * delay.jitter());
        let excess = rtt.excess().filter(|_| timed);
        let Some(excess) = excess.and_then(|micros| i32::try_from(u64::from(micros) / TICK_MICROS).ok())
        else {
            return Some(Believed { queue, jumped, leapt: false });
        };
        let most = excess.saturating_add(UNSURE + 2 * delay.jitter());
        let jumped = jumped && most >= JUMP;
        let wrong = queue.newest - excess;
        if wrong > LEAP {
            // A clock that was set by so much is known by one packet. What the base is too high is soon found out.
            self.contradicted = 0;
            delay.rebase(wrong, DOUBT);
            let queue = Queue { least: queue.least.min(most), newest: most, ..queue };
            return Some(Believed { queue, jumped: false, leapt: true });
        }
        if queue.least <= most {
            self.contradicted = 0;
            // Of a clock that was set the newest packet tells first.
            let newest = if wrong > SET { most } else { queue.newest };
            return Some(Believed { queue: Queue { newest, ..queue }, jumped, leapt: false });
        }
        // The least round trip has a packet's own time in it: what falls short of a long queue by that does not contradict it.
        self.contradicted = if queue.least > most.saturating_mul(2) { self.contradicted + 1 } else { 0 };
        let leapt = self.contradicted >= CONTRADICTED;
        if leapt {
            self.contradicted = 0;
            if wrong > SET {
                // What is too much is soon found out by a packet that waits less.
                delay.rebase(wrong, DOUBT);
            } else {
                delay.restart();
            }
        }
        Some(Believed { queue: Queue { least: most, newest: most, ..queue }, jumped: false, leapt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::RemoteTime;

    /// Packets every 20 ms, of which each tells a delay and a round trip in ms; what was believed of the last.
    fn told(belief: &mut Belief, from: u64, packets: &[(u64, Option<u64>)]) -> Option<Believed> {
        let mut last = None;
        for (n, (delay, rtt)) in (from..).zip(packets) {
            let (sent, now) = (1_000 * 20 * n, Instant::from_millis(20 * n + delay));
            let there = RemoteTime::from_micros(sent + 1_000 * delay);
            let sample = belief.delay.sample(RemoteTime::from_micros(sent), there, 0);
            belief.delay.push(sample, true, now);
            if let Some(rtt) = rtt {
                belief.on_rtt(*rtt * 1_000, now);
            }
            last = belief.queue(rtt.is_some());
        }
        last
    }

    fn believed_ms(believed: Option<Believed>) -> Option<i32> {
        believed.map(|believed| believed.queue.least * 64 / 1_000)
    }

    #[test]
    fn a_queue_that_the_round_trip_shows_is_believed() {
        let mut belief = Belief::new();
        assert_eq!((belief.rtt(), belief.rtts()), (RTT_UNKNOWN, (None, None)), "nothing is known");
        belief.recall_rtt(70_000);
        assert_eq!(belief.rtt(), 70_000);
        assert_eq!(believed_ms(told(&mut belief, 0, &[(40, Some(80)); 4])), None);
        assert_eq!(belief.rtts(), (Some(80_000), Some(80_000)));
        assert_eq!(believed_ms(told(&mut belief, 4, &[(40, Some(80)); 6])), Some(0));
        let queued = told(&mut belief, 10, &[(80, Some(120)); 8]);
        assert!((39..=40).contains(&believed_ms(queued).unwrap()), "{queued:?}");
        assert!(queued.is_some_and(|queued| !queued.leapt));
    }

    #[test]
    fn a_queue_that_the_round_trip_does_not_show_is_soon_forgotten() {
        let mut belief = Belief::new();
        told(&mut belief, 0, &[(40, Some(80)); 10]);
        let mut leaps = 0;
        for n in 10..40 {
            let believed = told(&mut belief, n, &[(100, Some(80))]);
            assert!(believed_ms(believed).is_none_or(|ms| ms <= 12), "{believed:?}");
            leaps += u32::from(believed.is_some_and(|believed| believed.leapt));
        }
        assert_eq!(leaps, 1, "and then the longer delay is the base");
    }

    #[test]
    fn a_clock_set_by_more_than_a_second_is_known_by_one_packet() {
        let mut belief = Belief::new();
        told(&mut belief, 0, &[(40, Some(80)); 10]);
        assert!(told(&mut belief, 10, &[(3_040, Some(80))]).is_some_and(|believed| believed.leapt));
        let after = told(&mut belief, 11, &[(3_040, Some(80)); 6]);
        assert!(after.is_some_and(|after| !after.leapt && after.queue.least <= UNSURE), "{after:?}");
    }

    #[test]
    fn without_round_trips_delay_is_believed_alone() {
        let mut belief = Belief::new();
        told(&mut belief, 0, &[(40, None); 10]);
        assert_eq!(believed_ms(told(&mut belief, 10, &[(100, None); 8])), Some(59));
    }
}
