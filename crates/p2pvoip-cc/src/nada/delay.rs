//! The queueing delay of RFC 8698 section 5.1.1: over the least one-way delay of ten minutes, the least of the newest samples.
//!
//! Also what becomes of it while packets are lost: the warping of equation (1).

use crate::ledger::signed;

/// Minutes for which a least delay is remembered (RFC 6817 section 4.4, `BASE_HISTORY`, to which RFC 8698 section 6.1
/// refers): long enough to see an empty queue, short enough for clocks that part.
const MINUTES: usize = 10;
const MINUTE_MICROS: i64 = 60_000_000;
/// Samples of the minimum filter (RFC 8698 section 5.1.1) ...
const FILTER: usize = 15;
/// ... and what it may delay (`DFILT`, section 4.1): at the rate of voice 15 samples would be a third of a second and more.
const DFILT_MICROS: i64 = 120_000;
/// `QTH`: from here on delay is warped (RFC 8698 section 4.1).
pub(super) const QTH_MICROS: u64 = 50_000;
/// log2(e) / 2 in 65,536ths: `LAMBDA` is 0.5 (RFC 8698 section 4.1), and the power is of two.
const LAMBDA_LOG2E: u64 = 47_274;

/// Estimator: the queueing delay.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    /// The least one-way delay of each minute, the running one first; clocks' offset included.
    base: [i64; MINUTES],
    minute: i64,
    /// When a packet came, and its queueing delay.
    samples: [(i64, u32); FILTER],
    next: usize,
    newest: i64,
}

impl Delay {
    pub(super) const fn new() -> Self {
        Self {
            base: [i64::MAX; MINUTES],
            minute: i64::MIN,
            samples: [(i64::MIN, u32::MAX); FILTER],
            next: 0,
            newest: 0,
        }
    }

    /// A packet left at `sent` and came at `at` of the other clock: its queueing delay in microseconds.
    pub(super) fn sample(&mut self, sent: i64, at: i64) -> u32 {
        let minute = sent.div_euclid(MINUTE_MICROS);
        if minute > self.minute {
            let passed = usize::try_from(minute.saturating_sub(self.minute)).unwrap_or(MINUTES).min(MINUTES);
            self.base.rotate_right(passed % MINUTES);
            for old in self.base.iter_mut().take(passed) {
                *old = i64::MAX;
            }
            self.minute = minute;
        }
        let delay = at.saturating_sub(sent);
        if let Some(least) = self.base.first_mut() {
            *least = delay.min(*least);
        }
        let base = self.base.iter().copied().min().unwrap_or(delay);
        let queue = u32::try_from(delay.saturating_sub(base)).unwrap_or(u32::MAX);
        if let Some(place) = self.samples.get_mut(self.next) {
            *place = (at, queue);
        }
        self.newest = at;
        self.next = (self.next + 1) % FILTER;
        queue
    }

    /// The least queueing delay of the newest samples (`d_queue`), in microseconds.
    pub(super) fn queue(&self) -> Option<u64> {
        let begin = self.newest.saturating_sub(DFILT_MICROS);
        self.samples.iter().filter(|(at, _)| *at >= begin).map(|(_, queue)| u64::from(*queue)).min()
    }
}

/// Equation (1): `QTH exp(-LAMBDA (queue - QTH) / QTH)` above `QTH`.
pub(super) fn warped(queue_micros: u64) -> u64 {
    let Some(over) = queue_micros.checked_sub(QTH_MICROS) else { return queue_micros };
    // 2^-power in 65,536ths: the whole part shifts, the rest is a Taylor series of six terms (error below 0.1 %).
    let power = (over.min(100 * QTH_MICROS) * LAMBDA_LOG2E) / QTH_MICROS;
    let rest = signed(power & 0xffff);
    let series =
        [-87, 630, -3_637, 15_743, -45_426, 65_536].iter().fold(0, |sum, term| ((sum * rest) >> 16) + term);
    (QTH_MICROS * series.unsigned_abs()) >> (16 + (power >> 16).min(40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warping_follows_the_exponential() {
        for queue in (0..2_000_000).step_by(777) {
            let x = f64::from(u32::try_from(queue).unwrap());
            let expected =
                if queue < 50_000 { x } else { 50_000.0 * (-0.5 * (x - 50_000.0) / 50_000.0).exp() };
            let got = f64::from(u32::try_from(warped(queue)).unwrap());
            assert!((got - expected).abs() < 2.0 + expected * 0.001, "{queue}: {got} {expected}");
        }
        assert_eq!((warped(49_999), warped(50_000), warped(u64::MAX)), (49_999, 50_000, 0));
    }

    #[test]
    fn a_spike_is_filtered_and_a_queue_is_not() {
        let mut delay = Delay::new();
        for n in 0..100 {
            delay.sample(n * 20_000, n * 20_000 - 5_000_000 + if n == 50 { 80_000 } else { 0 });
            assert_eq!(delay.queue(), Some(0));
        }
        for n in 100..115 {
            delay.sample(n * 20_000, n * 20_000 - 5_000_000 + 30_000);
        }
        assert_eq!(delay.queue(), Some(30_000));
    }

    #[test]
    fn a_route_that_became_longer_is_the_base_after_ten_minutes() {
        let mut delay = Delay::new();
        delay.sample(0, 10_000);
        for second in 1..=600 {
            assert_eq!(
                delay.sample(second * 1_000_000, second * 1_000_000 + 40_000),
                if second < 600 { 30_000 } else { 0 }
            );
        }
        delay.sample(i64::MAX / 2, 0);
        assert_eq!(delay.sample(i64::MAX / 2, 7), 7);
    }
}
