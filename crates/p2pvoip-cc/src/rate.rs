//! How many bytes a second pass a point, measured between two moments at which bytes passed.
//!
//! Taken from the first byte's moment to the last one's, so that a window of a few packets has no rounding: behind a
//! bottleneck, the spacing of arrivals is its rate.

use crate::report::{RemoteTime, TICK_MICROS};

/// Points are at least so far apart, 45 ms in ticks: twelve of them reach back as far as spans are asked for.
const APART: i32 = 703;

/// Estimator: a cumulative count of bytes and the last `POINTS` moments at which it grew, one a report, by a clock of 24 bits
/// of 64 us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter<const POINTS: usize> {
    points: [(RemoteTime, u32); POINTS],
    count: u32,
    total: u32,
}

impl<const POINTS: usize> Meter<POINTS> {
    pub(crate) const fn new() -> Self {
        Self { points: [(RemoteTime::from_ticks(0), 0); POINTS], count: 0, total: 0 }
    }

    /// `size` more bytes passed; the moment is set by [`mark`](Self::mark).
    pub(crate) const fn add(&mut self, size: u16) {
        self.total = self.total.wrapping_add(size as u32);
    }

    /// All bytes added until now had passed at `at`; a moment not after the last one changes that one, and so does one so
    /// close behind the one before it that the ring would not reach far enough back.
    pub(crate) fn mark(&mut self, at: RemoteTime) {
        let total = self.total;
        let newest = self.count.checked_sub(1).and_then(|last| self.points.get_mut(last as usize % POINTS));
        if let Some(newest) = newest.filter(|newest| newest.0.since(at) >= 0) {
            newest.1 = total;
        } else if let Some(newest) = self.crowded(at) {
            *newest = (at, total);
        } else if let Some(place) = self.points.get_mut(self.count as usize % POINTS) {
            *place = (at, total);
            // Kept within twice the ring, so that it never wraps.
            self.count += 1;
            if self.count as usize >= 2 * POINTS {
                self.count -= low(POINTS);
            }
        }
    }

    /// The newest point, when the one before it is less than [`APART`] before `at`.
    fn crowded(&mut self, at: RemoteTime) -> Option<&mut (RemoteTime, u32)> {
        let before = self.points.get(self.count.checked_sub(2)? as usize % POINTS)?.0;
        let newest = self.count.checked_sub(1)? as usize % POINTS;
        if at.since(before) < APART { self.points.get_mut(newest) } else { None }
    }

    /// Bits a second over the shortest span of at least `span` microseconds that ends at the newest moment.
    pub(crate) fn over(&self, span: u32) -> Option<u64> {
        let back = |back: u32| {
            let index = self.count.checked_sub(back + 1)?;
            self.points.get(index as usize % POINTS).copied()
        };
        let (newest, total) = back(0)?;
        let span = i32::try_from(u64::from(span).div_ceil(TICK_MICROS)).unwrap_or(i32::MAX).max(1);
        let older = (1..self.count.min(low(POINTS))).filter_map(back);
        let (since, before) = older.into_iter().find(|(at, _)| newest.since(*at) >= span)?;
        let ticks = u64::try_from(newest.since(since)).ok()?;
        (u64::from(total.wrapping_sub(before)) * (8_000_000 / TICK_MICROS)).checked_div(ticks)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the ring is small")]
const fn low(points: usize) -> u32 {
    points as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ticks: u32) -> RemoteTime {
        RemoteTime::from_ticks(ticks)
    }

    #[test]
    fn even_packets_give_their_exact_rate_at_any_window() {
        let mut meter = Meter::<16>::new();
        for i in 0..200 {
            meter.add(120);
            meter.mark(at(0xff_ff00 + i * 625));
        }
        for ms in [40, 100, 300] {
            assert_eq!(meter.over(ms * 1_000), Some(24_000), "{ms} ms");
        }
        assert_eq!(meter.over(5_000_000), None);
    }

    #[test]
    fn a_moment_that_goes_back_loses_no_bytes() {
        let mut meter = Meter::<16>::new();
        for ticks in [0, 1_000, 900, 2_000] {
            meter.add(800);
            meter.mark(at(ticks));
        }
        assert_eq!(meter.over(128_000), Some(150_000));
    }

    #[test]
    fn many_reports_a_second_do_not_shorten_what_is_remembered() {
        let mut meter = Meter::<12>::new();
        for i in 0..500 {
            meter.add(100);
            // A hundred reports a second.
            meter.mark(at(i * 156));
        }
        let rate = meter.over(400_000).expect("twelve points reach back so far");
        assert!((79_000..=81_500).contains(&rate), "{rate}");
    }
}
