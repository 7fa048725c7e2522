//! How many bytes a second pass a point, measured between two moments at which bytes passed.
//!
//! Taken from the first byte's moment to the last one's, so that a window of a few packets has no rounding: behind a
//! bottleneck, the spacing of arrivals is its rate.

use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant};

/// Points remembered: more than a second at 20 ms.
const POINTS: usize = 64;

/// Estimator: a cumulative count of bytes and the moments at which it grew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateEstimator {
    points: [(Instant, u64); POINTS],
    count: usize,
    total: u64,
}

impl RateEstimator {
    pub(crate) const fn new() -> Self {
        Self { points: [(Instant::from_micros(0), 0); POINTS], count: 0, total: 0 }
    }

    /// `size` more bytes passed; the moment is set by [`mark`](Self::mark).
    pub(crate) const fn add(&mut self, size: u64) {
        self.total = self.total.saturating_add(size);
    }

    /// All bytes added until now had passed at `at`; a moment not after the last one changes that one.
    pub(crate) fn mark(&mut self, at: Instant) {
        let newest = self.count.checked_sub(1).and_then(|last| self.points.get_mut(last % POINTS));
        if let Some(newest) = newest.filter(|newest| newest.0 >= at) {
            newest.1 = self.total;
        } else if let Some(place) = self.points.get_mut(self.count % POINTS) {
            *place = (at, self.total);
            self.count += 1;
        }
    }

    /// The rate over the shortest span of at least `span` that ends at the newest moment.
    pub(crate) fn over(&self, span: Duration) -> Option<Bitrate> {
        let back = |back: usize| {
            let index = self.count.checked_sub(back + 1)?;
            self.points.get(index % POINTS).copied()
        };
        let (newest, total) = back(0)?;
        let older = (1..self.count.min(POINTS)).filter_map(back);
        let (since, before) = older.into_iter().find(|(at, _)| newest.saturating_since(*at) >= span)?;
        Some(DataSize::from_bytes(total - before) / newest.saturating_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_packets_give_their_exact_rate_at_any_window() {
        let mut rate = RateEstimator::new();
        for i in 0..200 {
            rate.add(120);
            rate.mark(Instant::from_millis(20 * i));
        }
        for ms in [20, 50, 150, 1_000] {
            assert_eq!(rate.over(Duration::from_millis(ms)), Some(Bitrate::from_kbps(48)), "{ms} ms");
        }
        assert_eq!(rate.over(Duration::from_secs(5)), None);
    }

    #[test]
    fn a_moment_that_goes_back_loses_no_bytes() {
        let mut rate = RateEstimator::new();
        for at in [0, 100, 90, 200] {
            rate.add(500);
            rate.mark(Instant::from_millis(at));
        }
        assert_eq!(rate.over(Duration::from_millis(200)), Some(Bitrate::from_kbps(60)));
    }
}
