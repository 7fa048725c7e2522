//! The dates of prekeys and bundles: which period a moment belongs to, and what is still accepted with clocks that are off.
//!
//! # Timers
//! - A prekey lives for [`PREKEY_PERIOD`]; its bundle may be used for [`PREKEY_GRACE`] more.
//!
//! Each clock may be off by [`CLOCK_SKEW`]. Who reads a date that another clock wrote tolerates that much; the
//! responder, who meets a caller that itself tolerated it, tolerates it twice.

use core::time::Duration;

use p2pvoip_core::UnixTime;

const DAY: u64 = 86_400;

/// How long one prekey is published: a week.
pub const PREKEY_PERIOD: Duration = Duration::from_secs(7 * DAY);
/// How long a prekey is accepted after the end of its period: two days.
pub const PREKEY_GRACE: Duration = Duration::from_secs(2 * DAY);
/// How far a peer's clock may be off: two hours.
pub const CLOCK_SKEW: Duration = Duration::from_secs(2 * 3_600);
/// How long a first handshake message is answered after it was made: ten minutes.
pub const OFFER_LIFE: Duration = Duration::from_secs(600);

/// The number of the period that `now` is in.
pub(crate) fn period_of(now: UnixTime) -> u64 {
    now.as_secs() / PREKEY_PERIOD.as_secs()
}

/// The periods whose prekeys a responder accepts at `now`, the present one first: at most one beside it.
pub(crate) fn accepted_periods(now: UnixTime) -> impl Iterator<Item = u64> {
    let current = period_of(now);
    let near = [Some(current), current.checked_sub(1), current.checked_add(1)];
    near.into_iter().flatten().filter(move |period| is_accepted(*period, now))
}

/// Whether a responder at `now` still or already accepts the prekey of a period.
fn is_accepted(period: u64, now: UnixTime) -> bool {
    let tolerance = CLOCK_SKEW + CLOCK_SKEW;
    start_of(period) <= now + tolerance && now <= end_of(period) + tolerance
}

/// When a period starts.
pub(crate) fn start_of(period: u64) -> UnixTime {
    UnixTime::from_secs(period.saturating_mul(PREKEY_PERIOD.as_secs()))
}

/// When the prekey of a period stops being usable.
pub(crate) fn end_of(period: u64) -> UnixTime {
    start_of(period.saturating_add(1)) + PREKEY_GRACE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prekey_is_accepted_from_the_skew_before_its_period_to_the_skew_after_its_grace() {
        let second = Duration::from_secs(1);
        let first = start_of(1_000) - CLOCK_SKEW - CLOCK_SKEW;
        let last = end_of(1_000) + CLOCK_SKEW + CLOCK_SKEW;
        let accepted = |now| accepted_periods(now).any(|period| period == 1_000);
        for now in [first, start_of(1_000), start_of(1_001), end_of(1_000), last] {
            assert!(accepted(now));
        }
        assert!(!accepted(first - second) && !accepted(last + second));
    }

    #[test]
    fn the_first_period_has_none_before_it() {
        assert_eq!(accepted_periods(UnixTime::from_secs(0)).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn at_most_two_prekeys_are_accepted_at_any_moment_the_present_one_first() {
        let start = start_of(1_000);
        let hour = Duration::from_secs(3_600);
        for hours in 0..7 * 24 {
            let periods: Vec<u64> = accepted_periods(start + hour * hours).collect();
            let expected = match hours {
                0..=52 => vec![1_000, 999],
                53..=163 => vec![1_000],
                _ => vec![1_000, 1_001],
            };
            assert_eq!(periods, expected, "hour {hours}");
        }
    }
}
