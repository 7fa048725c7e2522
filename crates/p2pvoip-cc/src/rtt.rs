//! The round-trip time (RFC 6298 section 2), and the least of a moving window.
//!
//! # Left out
//! - The retransmission timer: nothing is retransmitted here.

use core::time::Duration;
use p2pvoip_core::Instant;

/// The window of the least delay: long enough that the flow's own queue has drained in it, short enough that clocks
/// apart by 100 parts in a million drift by only 3 ms.
const BUCKETS: usize = 10;
/// Length of one part of the window.
const BUCKET: Duration = Duration::from_secs(3);

/// Estimator: the least value of the last 27 to 30 s.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WindowedMin {
    buckets: [Option<i64>; BUCKETS],
    current: u64,
}

impl WindowedMin {
    pub(crate) fn push(&mut self, value: i64, now: Instant) {
        let bucket = now.as_micros() / (BUCKET.as_secs() * 1_000_000);
        for passed in (self.current..bucket).take(BUCKETS) {
            // The place of `passed + 1` held a bucket a window ago.
            if let Some(place) = self.buckets.get_mut(place(passed + 1)) {
                *place = None;
            }
        }
        if bucket > self.current.saturating_add(BUCKETS as u64) {
            self.buckets = [None; BUCKETS];
        }
        self.current = self.current.max(bucket);
        if let Some(place) = self.buckets.get_mut(place(self.current)) {
            *place = Some(place.map_or(value, |least| least.min(value)));
        }
    }

    pub(crate) fn get(&self) -> Option<i64> {
        self.buckets.iter().flatten().min().copied()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the remainder is below the number of buckets")]
const fn place(bucket: u64) -> usize {
    (bucket % BUCKETS as u64) as usize
}

/// Estimator: smoothed and least round-trip time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RttEstimator {
    smoothed: Option<Duration>,
    least: WindowedMin,
}

impl RttEstimator {
    pub(crate) fn push(&mut self, sample: Duration, now: Instant) {
        // RFC 6298 section 2.3, alpha = 1/8.
        self.smoothed = Some(self.smoothed.map_or(sample, |smoothed| (smoothed * 7 + sample) / 8));
        self.least.push(i64::try_from(sample.as_micros()).unwrap_or(i64::MAX), now);
    }

    pub(crate) const fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    pub(crate) fn least(&self) -> Option<Duration> {
        self.least.get().and_then(|micros| u64::try_from(micros).ok()).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    extern crate std;
    use std::vec::Vec;

    #[test]
    fn the_smoothed_time_moves_by_an_eighth() {
        let mut rtt = RttEstimator::default();
        rtt.push(Duration::from_millis(80), Instant::default());
        rtt.push(Duration::from_millis(160), Instant::default());
        assert_eq!(rtt.smoothed(), Some(Duration::from_millis(90)));
        assert_eq!(rtt.least(), Some(Duration::from_millis(80)));
    }

    proptest! {
        #[test]
        fn the_least_is_that_of_the_last_ten_buckets(steps in proptest::collection::vec((0u64..9_000, -50i64..50), 1..60)) {
            let (mut min, mut all, mut now) = (WindowedMin::default(), Vec::new(), 0);
            for (wait, value) in steps {
                now += if wait > 8_900 { 100_000 } else { wait };
                min.push(value, Instant::from_millis(now));
                all.push((now / 3_000, value));
                let kept = all.iter().filter(|(bucket, _)| bucket + 10 > now / 3_000);
                prop_assert_eq!(min.get(), kept.map(|(_, v)| *v).min());
            }
        }
    }
}
