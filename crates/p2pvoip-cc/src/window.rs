//! The least of a value over the last seconds.

use crate::fixed::low_u32;
use p2pvoip_core::Instant;

/// Parts of the window.
const BUCKETS: u32 = 10;
/// Length of one part: the window of 18 to 20 s is long enough that a flow's own queue has drained in it, and short enough
/// that clocks apart by 100 parts in a million drift by only 2 ms.
const BUCKET_MICROS: u64 = 2_000_000;

/// Estimator: the least value of the last 18 to 20 s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowedMin {
    buckets: [i32; BUCKETS as usize],
    current: u32,
    /// The least of the current part: seldom does a value change it, and a part is found by a division.
    newest: i32,
    least: i32,
}

impl WindowedMin {
    pub(crate) const fn new() -> Self {
        Self { buckets: [i32::MAX; BUCKETS as usize], current: 0, newest: i32::MAX, least: i32::MAX }
    }

    pub(crate) fn push(&mut self, value: i32, now: Instant) {
        let bucket = low_u32(now.as_micros() / BUCKET_MICROS);
        if bucket <= self.current && value >= self.newest {
            return;
        }
        if bucket > self.current {
            for passed in (self.current..bucket).take(BUCKETS as usize) {
                // The place of `passed + 1` held a bucket a window ago.
                if let Some(place) = self.buckets.get_mut(place(passed + 1)) {
                    *place = i32::MAX;
                }
            }
            if bucket - self.current > BUCKETS {
                self.buckets = [i32::MAX; BUCKETS as usize];
            }
            (self.current, self.newest) = (bucket, i32::MAX);
            self.least = self.buckets.iter().copied().min().unwrap_or(i32::MAX);
        }
        if let Some(place) = self.buckets.get_mut(place(self.current)) {
            *place = value.min(*place);
            self.newest = *place;
            self.least = self.least.min(value);
        }
    }

    /// All values are this much more than was thought.
    pub(crate) fn shift(&mut self, by: i32) {
        for value in self.buckets.iter_mut().chain([&mut self.newest, &mut self.least]) {
            if *value != i32::MAX {
                *value = value.saturating_add(by);
            }
        }
    }

    pub(crate) const fn get(&self) -> Option<i32> {
        if self.least == i32::MAX { None } else { Some(self.least) }
    }
}

const fn place(bucket: u32) -> usize {
    (bucket % BUCKETS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    extern crate std;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn the_least_is_that_of_the_last_ten_buckets(steps in proptest::collection::vec((0u64..9_000, -50i32..50), 1..60)) {
            let (mut min, mut all, mut now) = (WindowedMin::new(), Vec::new(), 0);
            for (wait, value) in steps {
                now += if wait > 8_900 { 100_000 } else { wait };
                min.push(value, Instant::from_millis(now));
                all.push((now / 2_000, value));
                let kept = all.iter().filter(|(bucket, _)| bucket + 10 > now / 2_000);
                prop_assert_eq!(min.get(), kept.map(|(_, v)| *v).min());
            }
        }
    }
}
