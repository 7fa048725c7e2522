//! How often something may happen: a bucket of permits which fills at a steady rate.

use p2pvoip_core::Instant;

/// A burst and the rate at which it is allowed again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many may happen at once.
    pub burst: u32,
    /// How many more a second.
    pub per_second: u32,
}

/// One bucket; counts in millionths of a permit, so that every microsecond counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Budget {
    millionths: u64,
    at: Instant,
}

const WHOLE: u64 = 1_000_000;

impl Budget {
    /// A full bucket.
    pub(super) const fn new(rate: Rate, now: Instant) -> Self {
        Self { millionths: rate.burst as u64 * WHOLE, at: now }
    }

    /// Takes one permit if there is one.
    pub(super) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        self.take_above(0, rate, now)
    }

    /// Takes one permit if so many are left then.
    pub(super) fn take_above(&mut self, rest: u32, rate: Rate, now: Instant) -> bool {
        let micros = u64::try_from(now.saturating_since(self.at).as_micros()).unwrap_or(u64::MAX);
        let filled = self.millionths.saturating_add(micros.saturating_mul(u64::from(rate.per_second)));
        self.millionths = filled.min(u64::from(rate.burst) * WHOLE);
        self.at = self.at.max(now);
        match self.millionths.checked_sub(WHOLE) {
            Some(left) if left >= u64::from(rest) * WHOLE => {
                self.millionths = left;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let rate = Rate { burst: 3, per_second: 2 };
        let start = Instant::from_millis(1_000);
        let mut budget = Budget::new(rate, start);
        let taken = (0..5).filter(|_| budget.take(rate, start)).count();
        assert_eq!(taken, 3);
        assert!(!budget.take(rate, Instant::from_millis(1_499)));
        assert!(budget.take(rate, Instant::from_millis(1_500)));
        let late = Instant::from_millis(100_000);
        assert_eq!((0..9).filter(|_| budget.take(rate, late)).count(), 3, "no more than the burst is saved");
    }

    #[test]
    fn what_is_to_be_left_is_left_for_those_who_may_take_it() {
        let rate = Rate { burst: 5, per_second: 1 };
        let now = Instant::from_millis(1_000);
        let mut budget = Budget::new(rate, now);
        assert_eq!((0..9).filter(|_| budget.take_above(2, rate, now)).count(), 3);
        assert_eq!((0..9).filter(|_| budget.take(rate, now)).count(), 2);
        assert!(!budget.take_above(2, rate, Instant::from_millis(3_999)));
        assert!(budget.take_above(2, rate, Instant::from_millis(4_000)));
    }
}
