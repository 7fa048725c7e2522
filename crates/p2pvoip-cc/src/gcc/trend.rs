//! The trend of the delay, and what it says of the path (draft-ietf-rmcat-gcc-02 section 5.4).
//!
//! The draft leaves the arrival-time filter open ("any adaptive filter"). This is the least-squares line through the
//! smoothed delays of the last 20 groups, which took the place of the draft's Kalman filter in libwebrtc; the gain and the
//! two speeds of the threshold belong to it. Delays are whole microseconds, the trend and its threshold thousandths of
//! the draft's unit.

use super::groups::Variation;

/// Groups on the line (libwebrtc's trendline window).
const WINDOW: usize = 20;
/// `1 / (1 - smoothing)` of the accumulated delay: 0.9 is kept (libwebrtc).
const SMOOTHING_INVERSE: i64 = 10;
/// Smoothed delays carry so many bits below the microsecond.
const FRACTION_BITS: u32 = 8;
/// The slope counts times this (libwebrtc's threshold gain) ...
const GAIN: i128 = 4;
/// ... and times the number of groups so far, up to this.
const MOST_GROUPS: u16 = 60;
/// `del_var_th(0)`, its least and its most, 12.5, 6 and 600 (sections 5.4 and 5.6), in thousandths.
const THRESHOLD: i64 = 12_500;
const THRESHOLD_RANGE: (i64, i64) = (6_000, 600_000);
/// Past the threshold by so much the threshold does not move (section 5.4): 15.
const SPIKE: i64 = 15_000;
/// `K_u` and `K_d` for the trendline, a millisecond, in ten-thousandths (libwebrtc).
const SPEED_UP: i64 = 87;
const SPEED_DOWN: i64 = 390;
/// The threshold moves for no longer than this at a time (libwebrtc).
const LONGEST_MS: i64 = 100;
/// `overuse_time_th` (section 5.6).
const OVERUSE_MICROS: i64 = 10_000;
/// An accumulated delay is kept within a quarter of an hour, far beyond any queue.
const MOST_DELAY_MICROS: i64 = 1_000_000_000;

/// What the detector says of the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Usage {
    #[default]
    Normal,
    Over,
    Under,
}

#[derive(Clone, Copy, Debug, Default)]
struct Point {
    at: i64,
    /// In 256ths of a microsecond.
    delay: i64,
}

/// Estimator: whether a queue grows.
#[derive(Clone, Debug)]
pub(super) struct Trend {
    points: [Point; WINDOW],
    /// Points so far, up to the window, and the place of the next.
    known: usize,
    next: usize,
    groups: u16,
    accumulated: i64,
    smoothed: i64,
    trend: i64,
    threshold: i64,
    moved: Option<i64>,
    /// How long, in microseconds, and in how many groups the threshold has been exceeded.
    over: Option<i64>,
    exceeded: u16,
    usage: Usage,
}

impl Trend {
    pub(super) const fn new() -> Self {
        Self {
            points: [Point { at: 0, delay: 0 }; WINDOW],
            known: 0,
            next: 0,
            groups: 0,
            accumulated: 0,
            smoothed: 0,
            trend: 0,
            threshold: THRESHOLD,
            moved: None,
            over: None,
            exceeded: 0,
            usage: Usage::Normal,
        }
    }

    pub(super) const fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn push(&mut self, variation: Variation) {
        self.groups = (self.groups + 1).min(MOST_GROUPS);
        let moved = self.accumulated + (variation.arrival - variation.departure);
        self.accumulated = moved.clamp(-MOST_DELAY_MICROS, MOST_DELAY_MICROS);
        self.smoothed += ((self.accumulated << FRACTION_BITS) - self.smoothed) / SMOOTHING_INVERSE;
        if let Some(point) = self.points.get_mut(self.next) {
            *point = Point { at: variation.at, delay: self.smoothed };
        }
        self.next = (self.next + 1) % WINDOW;
        self.known = (self.known + 1).min(WINDOW);
        let trend = if self.known == WINDOW { self.slope().unwrap_or(self.trend) } else { self.trend };
        self.detect(trend, variation);
    }

    /// The slope of the line through the points, times gain and groups, in thousandths.
    fn slope(&self) -> Option<i64> {
        let origin = self.points.get(self.next)?;
        let (mut x, mut y, mut xx, mut xy) = (0i128, 0i128, 0i128, 0i128);
        for point in &self.points {
            let passed = (point.at - origin.at).clamp(-MOST_DELAY_MICROS, MOST_DELAY_MICROS);
            let (dx, dy) = (i128::from(passed), i128::from(point.delay - origin.delay));
            (x, y, xx, xy) = (x + dx, y + dy, xx + dx * dx, xy + dx * dy);
        }
        let count = self.points.len() as i128;
        let below = (count * xx - x * x) << FRACTION_BITS;
        let scaled = (count * xy - x * y) * GAIN * i128::from(self.groups) * 1_000;
        i64::try_from(scaled.checked_div(below)?).ok()
    }

    fn detect(&mut self, trend: i64, variation: Variation) {
        if trend > self.threshold {
            let over = self.over.map_or(variation.departure / 2, |over| over + variation.departure);
            (self.over, self.exceeded) = (Some(over), self.exceeded.saturating_add(1));
            if over > OVERUSE_MICROS && self.exceeded > 1 && trend >= self.trend {
                (self.over, self.exceeded, self.usage) = (Some(0), 0, Usage::Over);
            }
        } else {
            (self.over, self.exceeded) = (None, 0);
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.trend = trend;
        self.adapt(trend.saturating_abs(), variation.at);
    }

    fn adapt(&mut self, size: i64, at: i64) {
        let passed = ((at - self.moved.unwrap_or(at)) / 1_000).clamp(0, LONGEST_MS);
        self.moved = Some(at);
        if size - self.threshold > SPIKE {
            return;
        }
        let speed = if size < self.threshold { SPEED_DOWN } else { SPEED_UP };
        let moved = self.threshold + speed * (size - self.threshold) * passed / 10_000;
        self.threshold = moved.clamp(THRESHOLD_RANGE.0, THRESHOLD_RANGE.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups 20 ms apart, each later than the one before by so many microseconds.
    fn run(trend: &mut Trend, from: i64, groups: i64, later: i64) -> i64 {
        for n in 0..groups {
            let at = from + (n + 1) * (20_000 + later);
            trend.push(Variation { departure: 20_000, arrival: 20_000 + later, at });
        }
        from + groups * (20_000 + later)
    }

    #[test]
    fn a_delay_that_stays_is_normal_and_one_that_grows_is_overuse() {
        let mut trend = Trend::new();
        let at = run(&mut trend, 0, 100, 0);
        assert_eq!(trend.usage(), Usage::Normal);
        let at = run(&mut trend, at, 10, 4_000);
        assert_eq!(trend.usage(), Usage::Over);
        run(&mut trend, at, 20, -4_000);
        assert_eq!(trend.usage(), Usage::Under);
    }

    #[test]
    fn the_slope_is_that_of_the_line() {
        let mut trend = Trend::new();
        run(&mut trend, 0, 200, 1_000);
        // One millisecond in 21, times 60 groups and a gain of 4.
        let expected = 1_000 * 60 * 4 / 21;
        assert!((trend.trend - expected).abs() < expected / 50, "{} {expected}", trend.trend);
    }

    #[test]
    fn the_threshold_follows_within_its_range_and_not_after_spikes() {
        let mut trend = Trend::new();
        run(&mut trend, 0, 1_000, 0);
        assert_eq!(trend.threshold, THRESHOLD_RANGE.0);
        let at = run(&mut trend, 1_000_000_000, 30, 19_000);
        assert!(trend.threshold < 7_000, "{}", trend.threshold);
        run(&mut trend, at, 2_000, 1_000);
        assert!(trend.threshold <= THRESHOLD_RANGE.1);
    }

    #[test]
    fn times_beyond_reason_do_not_break_it() {
        let mut trend = Trend::new();
        for n in 0..100 {
            let at = if n % 2 == 0 { 1 << 61 } else { 0 };
            trend.push(Variation { departure: 1 << 61, arrival: 0, at });
            trend.push(Variation { departure: 0, arrival: 1 << 61, at });
        }
    }
}
