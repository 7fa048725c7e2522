//! How many bytes a second pass a point, measured between two moments at which bytes passed.
//!
//! Taken from the first byte's moment to the last one's, so that a window of a few packets has no rounding: behind a
//! bottleneck, the spacing of arrivals is its rate.

use crate::recent::Recent;
use crate::report::{RemoteTime, TICK_MICROS};

/// Points are at least so far apart, 40 ms in ticks, but for the newest: twelve of them reach back over 400 ms.
const APART: i32 = 625;

/// Estimator: a cumulative count of bytes and the last `POINTS` moments at which it grew, one a report, by a clock of 24 bits
/// of 64 us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter<const POINTS: usize> {
    points: Recent<Point, POINTS>,
    total: u32,
}

/// So many bytes had passed then.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: RemoteTime,
    total: u32,
}

impl<const POINTS: usize> Meter<POINTS> {
    pub(crate) const fn new() -> Self {
        Self { points: Recent::new(Point { at: RemoteTime::from_ticks(0), total: 0 }), total: 0 }
    }

    /// So many more bytes passed; the moment is set by [`mark`](Self::mark).
    pub(crate) const fn add(&mut self, bytes: u32) {
        self.total = self.total.wrapping_add(bytes);
    }

    /// All bytes added until now had passed at `at`; a moment not after the last one changes that one, and so does one so
    /// close behind the one before it that the points would not reach far enough back.
    pub(crate) fn mark(&mut self, at: RemoteTime) {
        let point = Point { at, total: self.total };
        match self.points.all_mut() {
            [newest, ..] if newest.at.since(at) >= 0 => newest.total = point.total,
            [newest, before, ..] if newest.at.since(before.at) < APART => *newest = point,
            _ => self.points.push(point),
        }
    }

    /// Bits a second over the shortest span of at least `span` microseconds that ends at the newest moment.
    #[inline]
    pub(crate) fn over(&self, span: u32) -> Option<u64> {
        let (newest, older) = self.points.all().split_first()?;
        let span = i32::try_from(u64::from(span).div_ceil(TICK_MICROS)).unwrap_or(i32::MAX).max(1);
        let since = older.iter().find(|point| newest.at.since(point.at) >= span)?;
        let ticks = u64::try_from(newest.at.since(since.at)).ok()?;
        let bytes = u64::from(newest.total.wrapping_sub(since.total));
        (bytes * (8_000_000 / TICK_MICROS)).checked_div(ticks)
    }
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
        for apart in [100, 156, 390, 500, 620] {
            let mut meter = Meter::<12>::new();
            for i in 0..500 {
                meter.add(100);
                meter.mark(at(i * apart));
            }
            let (rate, exact) = (
                meter.over(400_000).expect("twelve points reach back so far"),
                12_500_000 / u64::from(apart),
            );
            assert!(rate.abs_diff(exact) <= exact / 50, "{rate} of {exact}, {apart} ticks apart");
        }
    }
}
