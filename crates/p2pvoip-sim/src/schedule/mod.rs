//! Shapes of capacity over time, for [`BottleneckConfig::rates`](crate::BottleneckConfig::rates): Wi-Fi stalls, gaps, a cell.

mod cell;

use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Rng, Seed};

use crate::chance::exponential;
pub use cell::{Cell, lte};

/// From this long after the start, this rate; in order of time.
pub type Rates = Vec<(Duration, Bitrate)>;

/// A rate that stands still now and then, as Wi-Fi does while others have the air or the station scans.
///
/// Times without a stall are drawn from the exponential distribution with the mean `gap`, stalls evenly from the first
/// to the second of `length`. Each is at least a microsecond.
pub fn stalls(
    gap: Duration,
    length: (Duration, Duration),
    rate: Bitrate,
    duration: Duration,
    seed: &Seed,
) -> Rates {
    let mut rng = seed.derive("stalls").rng();
    let mut rates = vec![(Duration::ZERO, rate)];
    let mut at = Duration::ZERO;
    loop {
        at += at_least_a_microsecond(exponential(&mut rng, gap.as_secs_f64()));
        if at >= duration {
            return rates;
        }
        rates.push((at, Bitrate::default()));
        at += evenly(&mut rng, length);
        rates.push((at, rate));
    }
}

/// A rate that is zero for `length` after every `every`, the first time when `every` has passed.
pub fn gaps(every: Duration, length: Duration, rate: Bitrate, duration: Duration) -> Rates {
    let mut rates = vec![(Duration::ZERO, rate)];
    let every = every.max(Duration::from_micros(1));
    let mut at = every;
    while at < duration {
        rates.push((at, Bitrate::default()));
        if length < every {
            rates.push((at + length, rate));
        }
        at += every;
    }
    rates
}

/// What a bottleneck of these rates sends between two times if it never idles, rounded down.
pub fn carries(rates: &[(Duration, Bitrate)], from: Duration, until: Duration) -> DataSize {
    let mut bit_nanos = 0_u128;
    for (place, &(begin, rate)) in rates.iter().enumerate() {
        let end = rates.get(place + 1).map_or(until, |next| next.0.min(until));
        let span = end.saturating_sub(begin.max(from));
        bit_nanos += u128::from(rate.as_bps()) * span.as_nanos();
    }
    DataSize::from_bytes(u64::try_from(bit_nanos / 8_000_000_000).unwrap_or(u64::MAX))
}

/// The rate that holds at this time; zero before the first entry.
pub fn rate_at(rates: &[(Duration, Bitrate)], at: Duration) -> Bitrate {
    let later = rates.partition_point(|(begin, _)| *begin <= at);
    later.checked_sub(1).and_then(|place| rates.get(place)).map_or(Bitrate::default(), |(_, rate)| *rate)
}

fn at_least_a_microsecond(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds).max(Duration::from_micros(1))
}

/// A time from the first to the second, each equally likely.
fn evenly(rng: &mut Rng, (from, until): (Duration, Duration)) -> Duration {
    at_least_a_microsecond(from.as_secs_f64() + rng.unit() * until.saturating_sub(from).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RATE: Bitrate = Bitrate::from_kbps(20_000);

    /// Each stall's length and the time before it.
    fn stalls_of(rates: &Rates) -> Vec<(Duration, Duration)> {
        assert!(rates.windows(2).all(|two| two[0].0 < two[1].0), "in order of time");
        rates
            .windows(3)
            .step_by(2)
            .map(|w| (w[2].0.saturating_sub(w[1].0), w[1].0.saturating_sub(w[0].0)))
            .collect()
    }

    #[test]
    fn stalls_have_their_lengths_and_their_mean_gap() {
        let rates = stalls(MS * 1_000, (MS * 20, MS * 200), RATE, MS * 2_000_000, &Seed::from_u64(1));
        let found = stalls_of(&rates);
        assert!(found.iter().all(|(length, _)| (MS * 20..=MS * 200).contains(length)));
        let count = u32::try_from(found.len()).unwrap();
        let mean = |sum: Duration| sum / count;
        let length = mean(found.iter().map(|stall| stall.0).sum());
        let gap = mean(found.iter().map(|stall| stall.1).sum());
        assert!((MS * 105..MS * 115).contains(&length), "{length:?}");
        assert!((MS * 950..MS * 1_050).contains(&gap), "{gap:?}");
    }

    #[test]
    fn gaps_come_when_told() {
        let rates = gaps(MS * 10_000, MS * 300, RATE, MS * 25_000);
        let zero = Bitrate::default();
        let times = [(0, RATE), (10_000, zero), (10_300, RATE), (20_000, zero), (20_300, RATE)];
        assert_eq!(rates, times.map(|(ms, rate)| (MS * ms, rate)));
        assert_eq!(rate_at(&rates, MS * 10_299), zero);
        assert_eq!(rate_at(&rates, MS * 10_300), RATE);
        assert_eq!(rate_at(&[], MS), zero);
    }

    #[test]
    fn what_they_carry_is_the_integral() {
        let rates = gaps(MS * 10, MS * 4, Bitrate::from_kbps(800), MS * 25);
        // 100 bytes a millisecond but from 10 to 14 and from 20 to 24.
        let carried = |from: u32, until: u32| carries(&rates, MS * from, MS * until).as_bytes();
        assert_eq!((carried(0, 10), carried(9, 15), carried(11, 13)), (1_000, 200, 0));
        assert_eq!((carried(0, 100), carried(50, 60), carried(60, 50)), (9_200, 1_000, 0));
    }
}
