//! Jitter that never reorders: the NR-BPDV model (RFC 8868 sections 4.5.2 and 4.5.3).

use std::time::Duration;

use p2pvoip_core::{Instant, Rng, Seed};

use crate::chance::gaussian;

/// Deviations beyond which a draw is cut (`N_STD`, RFC 8868 section 4.5.3).
const CUT: f64 = 3.0;

/// Stage: makes arrivals late by chance, and keeps them in order.
///
/// ```
/// use std::time::Duration;
/// use p2pvoip_core::Seed;
/// use p2pvoip_sim::{Jitter, START};
///
/// let (std, max) = (Duration::from_millis(5), Duration::from_millis(30));
/// let mut jitter = Jitter::new(std, max, &Seed::from_u64(1));
/// let takes = Duration::from_millis(1);
/// let first = jitter.arrival(START, takes);
/// let second = jitter.arrival(START + takes, takes);
/// assert!(first >= START && second >= first + takes);
/// ```
#[derive(Debug)]
pub struct Jitter {
    std: f64,
    max: Duration,
    rng: Rng,
    /// The next packet arrives no earlier.
    free_at: Instant,
}

impl Jitter {
    /// Late by the absolute value of a normal draw with the deviation `std`, cut at three deviations and at `max`.
    pub fn new(std: Duration, max: Duration, seed: &Seed) -> Self {
        Self { std: std.as_secs_f64(), max, rng: seed.derive("jitter").rng(), free_at: Instant::default() }
    }

    /// When a packet arrives that would without jitter at `at`, which never goes back.
    ///
    /// The next one arrives at least `takes` later. The model asks for its time at the lowest rate of the test; where the
    /// rate changes that would be a second bottleneck, and the time it took ([`left`](crate::Out::left) less
    /// [`began`](crate::Out::began)) is the better choice. Zero keeps the order alone.
    pub fn arrival(&mut self, at: Instant, takes: Duration) -> Instant {
        let late = if self.std > 0.0 {
            let draw = gaussian(&mut self.rng).abs().min(CUT) * self.std;
            Duration::from_secs_f64(draw).min(self.max)
        } else {
            Duration::ZERO
        };
        let arrival = (at + late).max(self.free_at);
        self.free_at = arrival + takes;
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::START;

    const MS: Duration = Duration::from_millis(1);

    /// How late each of many packets is, one every `every`.
    fn lates(std: Duration, max: Duration, every: Duration, takes: Duration) -> Vec<Duration> {
        let mut jitter = Jitter::new(std, max, &Seed::from_u64(6));
        let mut last = START;
        let sent = (0..20_000).map(|place| START + every * place);
        sent.map(|at| {
            let arrival = jitter.arrival(at, takes);
            assert!(arrival >= last, "in order");
            last = arrival + takes;
            arrival.saturating_since(at)
        })
        .collect()
    }

    #[test]
    fn packets_far_apart_are_late_by_the_truncated_normal() {
        let lates = lates(MS * 5, MS * 30, MS * 100, MS);
        let mean = lates.iter().sum::<Duration>() / 20_000;
        // The mean of |N(0, 5)| is 5 sqrt(2 / pi), 3.99 ms.
        assert!((MS * 39 / 10..MS * 41 / 10).contains(&mean), "{mean:?}");
        assert_eq!(lates.iter().max(), Some(&(MS * 15)), "three deviations");
    }

    #[test]
    fn the_most_is_kept() {
        assert_eq!(lates(MS * 5, MS * 7, MS * 100, MS).iter().max(), Some(&(MS * 7)));
        assert!(lates(Duration::ZERO, MS * 7, MS * 100, MS).iter().all(Duration::is_zero));
    }

    #[test]
    fn packets_near_each_other_keep_their_order_and_their_time() {
        assert!(lates(MS * 5, MS * 30, MS * 2, MS).iter().all(|late| *late < MS * 30));
    }
}
