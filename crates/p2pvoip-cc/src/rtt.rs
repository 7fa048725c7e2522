//! The round-trip time (RFC 6298 section 2), and the least of a moving window.
//!
//! # Left out
//! - The retransmission timer: nothing is retransmitted here.

use crate::window::WindowedMin;
use p2pvoip_core::Instant;

/// Estimator: smoothed and least round-trip time, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RttEstimator {
    smoothed: Option<u32>,
    newest: u32,
    least: WindowedMin,
}

impl RttEstimator {
    pub(crate) const fn new() -> Self {
        Self { smoothed: None, newest: 0, least: WindowedMin::new() }
    }

    /// A sample in microseconds.
    pub(crate) fn push(&mut self, sample: u64, now: Instant) {
        // Half an hour is as good as for ever.
        let sample = u32::try_from(sample).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs());
        // RFC 6298 section 2.3, alpha = 1/8.
        self.smoothed = Some(self.smoothed.map_or(sample, |smoothed| smoothed - smoothed / 8 + sample / 8));
        // Two in a row: one sample is short when the receiver's clock jumped while it held the report.
        self.least.push(sample.max(self.newest).cast_signed(), now);
        self.newest = sample;
    }

    /// Microseconds.
    pub(crate) const fn smoothed(&self) -> Option<u32> {
        self.smoothed
    }

    /// The newest sample over the least: what of it may be a queue, in microseconds.
    pub(crate) fn excess(&self) -> Option<u32> {
        self.least.get().map(|least| self.newest.saturating_sub(least.unsigned_abs()))
    }

    /// Microseconds.
    pub(crate) const fn least(&self) -> Option<u32> {
        match self.least.get() {
            Some(least) => Some(least.unsigned_abs()),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_short_sample_is_not_the_least() {
        let mut rtt = RttEstimator::new();
        for ms in [80, 81, 20, 80] {
            rtt.push(ms * 1_000, Instant::default());
        }
        assert_eq!(rtt.least(), Some(80_000));
    }

    #[test]
    fn the_smoothed_time_moves_by_an_eighth() {
        let mut rtt = RttEstimator::new();
        rtt.push(80_000, Instant::default());
        rtt.push(160_000, Instant::default());
        assert_eq!((rtt.smoothed(), rtt.least(), rtt.excess()), (Some(90_000), Some(80_000), Some(80_000)));
    }
}
