//! The retransmission timer's length (RFC 6298).

use std::time::Duration;

/// Before the first sample (RFC 6298 section 2.1).
const INITIAL: Duration = Duration::from_secs(1);
/// The shortest (RFC 6298 section 2.4).
const LEAST: Duration = Duration::from_secs(1);
/// The longest (RFC 6298 section 2.5).
const MOST: Duration = Duration::from_secs(60);
/// The granularity `G` of the clock (RFC 6298 section 2).
const GRANULARITY: Duration = Duration::from_millis(1);

/// Estimator: round-trip times, and how long to wait for an acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rto {
    smoothed: Option<Duration>,
    variation: Duration,
    /// How often the timer fired since the last new data was acknowledged.
    backoff: u32,
}

impl Rto {
    pub(super) fn new() -> Self {
        Self { smoothed: None, variation: Duration::ZERO, backoff: 0 }
    }

    pub(super) fn on_sample(&mut self, round_trip: Duration) {
        self.backoff = 0;
        if let Some(smoothed) = self.smoothed {
            self.variation = (self.variation * 3 + smoothed.abs_diff(round_trip)) / 4;
            self.smoothed = Some((smoothed * 7 + round_trip) / 8);
        } else {
            self.variation = round_trip / 2;
            self.smoothed = Some(round_trip);
        }
    }

    pub(super) fn on_timeout(&mut self) {
        self.backoff = (self.backoff + 1).min(6);
    }

    /// How long to wait.
    pub(super) fn wait(&self) -> Duration {
        let wait = self.smoothed.map_or(INITIAL, |smoothed| smoothed + (self.variation * 4).max(GRANULARITY));
        (wait.clamp(LEAST, MOST) * (1 << self.backoff)).min(MOST)
    }

    /// Zero before the first sample.
    pub(super) fn smoothed(&self) -> Duration {
        self.smoothed.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_the_smoothed_time_and_four_variations() {
        let mut rto = Rto::new();
        assert_eq!(rto.wait(), Duration::from_secs(1));
        rto.on_sample(Duration::from_millis(800));
        assert_eq!(rto.wait(), Duration::from_millis(800 + 4 * 400));
        rto.on_sample(Duration::from_millis(1_600));
        // 7/8 x 800 + 1/8 x 1,600, and 3/4 x 400 + 1/4 x 800.
        assert_eq!(rto.wait(), Duration::from_millis(900 + 4 * 500));
    }

    #[test]
    fn it_doubles_with_each_timeout_up_to_a_minute_and_a_sample_ends_that() {
        let mut rto = Rto::new();
        rto.on_sample(Duration::from_millis(10));
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(rto.wait(), Duration::from_secs(expected));
            rto.on_timeout();
        }
        rto.on_sample(Duration::from_millis(10));
        assert_eq!(rto.wait(), Duration::from_secs(1));
    }
}
