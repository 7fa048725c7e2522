//! How much of the one-way delay is a queue that stands (after RFC 6817 and RFC 8289).
//!
//! The base is the least one-way delay of the last 30 s, so that neither the offset of the two clocks nor their drift
//! matters. A queue stands when even the least delay of the last 100 ms is above the base (CoDel, RFC 8289 section 3.2):
//! jitter passes, and so does a burst that the link releases after a gap.
//!
//! # Left out
//! - Trends: a slope tells of a queue a little earlier, and of jitter as well.

use crate::rtt::WindowedMin;
use core::time::Duration;
use p2pvoip_core::Instant;

/// For how long a queue must stand before it counts (RFC 8289 section 4.2, CoDel's interval).
const INTERVAL_MICROS: i64 = 100_000;
/// Samples remembered: more than arrive within the interval at 20 ms, copies and control included.
const SAMPLES: usize = 32;

/// Estimator: the standing queue in front of the receiver.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DelayEstimator {
    base: WindowedMin,
    /// Arrival (receiver's clock) and one-way delay in microseconds, a ring.
    samples: [(i64, i64); SAMPLES],
    count: usize,
}

impl DelayEstimator {
    /// A packet sent at `sent` (our clock) arrived at `arrived` (the receiver's), both in microseconds.
    ///
    /// Samples come in the order of arrival; one that is overtaken by later ones moves the base alone.
    pub(crate) fn push(&mut self, sent: i64, arrived: i64, now: Instant) {
        let delay = arrived.saturating_sub(sent);
        self.base.push(delay, now);
        if self.newest().is_some_and(|(newest, _)| arrived < newest) {
            return;
        }
        if let Some(place) = self.samples.get_mut(self.count % SAMPLES) {
            *place = (arrived, delay);
            self.count += 1;
        }
    }

    /// The least queueing delay of the interval before the newest arrival, and of the packet just before it.
    pub(crate) fn standing(&self) -> Option<Duration> {
        let (newest, mut least) = self.newest()?;
        let held = self.count.min(SAMPLES);
        for back in 1..held {
            let Some((arrived, delay)) = self.back(back) else { break };
            least = least.min(delay);
            if newest.saturating_sub(arrived) >= INTERVAL_MICROS {
                break;
            }
        }
        let queue = least.saturating_sub(self.base.get()?);
        Some(Duration::from_micros(u64::try_from(queue).unwrap_or(0)))
    }

    fn newest(&self) -> Option<(i64, i64)> {
        self.back(0)
    }

    /// The sample that many before the newest.
    fn back(&self, back: usize) -> Option<(i64, i64)> {
        let index = self.count.checked_sub(back + 1)?;
        self.samples.get(index % SAMPLES).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `(sent ms, delay ms)` with the receiver's clock off by an hour.
    fn fed(samples: impl IntoIterator<Item = (i64, i64)>) -> DelayEstimator {
        let mut delay = DelayEstimator::default();
        for (sent, took) in samples {
            let now = Instant::from_millis(u64::try_from(sent + took).unwrap());
            delay.push(sent * 1_000, (sent + took - 3_600_000) * 1_000, now);
        }
        delay
    }

    fn standing(delay: &DelayEstimator) -> u128 {
        delay.standing().unwrap().as_millis()
    }

    #[test]
    fn a_queue_counts_when_it_has_stood_for_the_interval() {
        let flow = |until: i64| fed((0..until).map(|i| (i * 20, if i < 10 { 40 } else { 120 })));
        assert_eq!(standing(&flow(10)), 0);
        assert_eq!(standing(&flow(13)), 0);
        assert_eq!(standing(&flow(20)), 80);
    }

    #[test]
    fn jitter_is_no_queue() {
        assert!(standing(&fed((0..50).map(|i| (i * 20, 40 + (i * 7) % 19)))) < 5);
    }

    #[test]
    fn a_burst_released_after_a_gap_is_no_queue() {
        // A gap of 500 ms, then 25 packets within 80 ms: each waited less than the one before.
        let gap = (0..10).map(|i| (i * 20, 40)).chain((10..35).map(|i| (i * 20, 540 - (i - 10) * 17)));
        for len in 1..35 {
            assert!(standing(&fed(gap.clone().take(len))) < 20, "after {len} packets");
        }
    }

    #[test]
    fn drift_of_the_clocks_is_forgotten_with_the_window() {
        // 200 parts in a million for ten minutes: 120 ms of false delay, of which at most 6 ms are seen.
        let drifting = fed((0..30_000).map(|i| (i * 20, 40 + i * 20 / 5_000)));
        assert!(standing(&drifting) <= 7);
    }
}
