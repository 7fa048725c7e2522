//! A flow that hears nothing: its rate halves each second, by the time that has passed and not by how often it is looked at.

use super::drain::WHOLE;
use super::signals::{Limits, part};
use super::{LONGEST_STEP, Law};
use crate::controller::Phase;
use crate::moment::Moment;
use p2pvoip_core::Instant;

/// Without feedback for the round trip and this long, in microseconds, it has stopped: the longest gap that a call should
/// pass without a fall is of 500 ms.
const SILENCE: u64 = 700_000;
/// A silent flow halves its rate each such time, in microseconds.
const SILENT_HALF: u64 = 1_000_000;
/// 2^-x between 0 and 1, in 65,536ths: the Taylor series of exp(-x ln 2), the highest power first, which has the
/// rest of the series in it: so a whole second is a half, and nothing rises from one second to the next.
const HALVING: [i64; 6] = [-78, 630, -3_637, 15_743, -45_426, 65_536];

impl Law {
    /// Time passes, and the sender has been `waiting` for news for so many microseconds: the rate decays.
    pub(crate) fn on_time(&mut self, waiting: u64, rtt: u64, limits: Limits) {
        let Some(silent) = waiting.checked_sub(rtt + SILENCE).filter(|silent| *silent > 0) else { return };
        if self.phase != Phase::Silent {
            (self.phase, self.drain.part, self.before_silence) = (Phase::Silent, WHOLE, self.rate);
        }
        self.rate = decayed(self.before_silence, silent);
        self.limit(limits);
    }

    /// Something was delivered, but no report told when: no queue is known. The rate returns slowly to what it was before it
    /// fell silent, and else it stays.
    pub(crate) fn on_unseen(&mut self, limits: Limits, now: Instant) {
        let silent = self.phase == Phase::Silent;
        let step = self.updated.since(now).filter(|_| !silent).unwrap_or(0).min(LONGEST_STEP);
        self.updated = Moment::at(now);
        if silent {
            self.phase = Phase::Growing;
        }
        let risen = self.rate + part(self.rate / limits.gentle.max(1), step, 1_000_000);
        self.rate = self.rate.max(risen.min(self.before_silence));
        self.limit(limits);
    }

    /// The rate from which it fell silent; zero when a queue is known again.
    pub(crate) const fn before_silence(&self) -> u64 {
        self.before_silence
    }

    /// The path was silent for so long that it begins anew; without a queue that is known it returns to `rate`.
    pub(crate) const fn return_to(&mut self, rate: u64) {
        self.before_silence = rate;
    }
}

/// What is left of a rate after a silence of so many microseconds.
fn decayed(rate: u64, silent: u64) -> u64 {
    let (halves, rest) = (silent / SILENT_HALF, silent % SILENT_HALF);
    let rest = i64::try_from(part(rest, 65_536, SILENT_HALF)).unwrap_or(0);
    let left = HALVING.iter().fold(0, |sum, term| ((sum * rest) >> 16) + term);
    part(rate, left.unsigned_abs(), 65_536) >> halves.min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { least: 10_000, most: 100_000, floor: 20_000, gentle: 20, weight: 8 };

    #[test]
    fn a_second_halves_and_no_moment_raises() {
        assert_eq!(
            [0, 1, 2, 3, 64].map(|s| decayed(80_000, s * 1_000_000)),
            [80_000, 40_000, 20_000, 10_000, 0]
        );
        let mut last = 1 << 31;
        for ms in 0..5_000_u32 {
            let left = u32::try_from(decayed(1 << 31, 1_000 * u64::from(ms))).unwrap();
            let exact = f64::from(1_u32 << 31) * (-f64::from(ms) / 1_000.0).exp2();
            assert!(
                left <= last && (f64::from(left) / exact - 1.0).abs() < 0.000_3,
                "{ms} ms: {left} {exact}"
            );
            last = left;
        }
    }

    #[test]
    fn how_often_time_is_looked_at_plays_no_part() {
        let after = |step: usize| {
            let mut law = Law::new(80_000);
            (0..=3_400_u64).step_by(step).for_each(|ms| law.on_time(1_000 * ms, 100_000, LIMITS));
            law.rate()
        };
        assert_eq!([10, 100, 1_700, 3_400].map(after), [after(1); 4]);
        assert!((13_100..13_300).contains(&after(1)), "2.6 s of silence");
    }

    #[test]
    fn without_a_queue_news_ends_it_and_the_rate_returns_by_a_twentieth_a_second() {
        let mut law = Law::new(80_000);
        law.on_time(800_000, 100_000, LIMITS);
        assert_eq!(law.phase(), Phase::Growing, "not yet");
        law.on_time(1_800_000, 100_000, LIMITS);
        assert_eq!((law.phase(), law.rate(), law.before_silence()), (Phase::Silent, 40_000, 80_000));
        law.on_unseen(LIMITS, Instant::from_millis(1_800));
        assert_eq!((law.phase(), law.rate()), (Phase::Growing, 40_000));
        law.on_time(0, 100_000, LIMITS);
        let rates = [10, 20, 30].map(|s| {
            let steps = 10 * (s - 10)..10 * s;
            steps.for_each(|step| law.on_unseen(LIMITS, Instant::from_millis(1_800 + 100 * step)));
            law.rate()
        });
        assert!((63_000..66_000).contains(&rates[0]), "{rates:?}");
        assert_eq!(rates[1..], [80_000, 80_000], "and no further");
    }
}
