//! What arrived, was lost or marked in the last half second of the receiver's clock: 25 steps of 20 ms.
//!
//! The steps in the window are whole, but for the last one, so that the span of what is summed is known exactly.

use super::News;

/// The length of the window (RFC 8698 section 4.1, `LOGWIN`; within the 0.5 to 1 s of draft-ietf-rmcat-gcc-02 section
/// 5.5).
const LOGWIN_MICROS: i64 = 500_000;
/// The length of a step.
const STEP_MICROS: i64 = 20_000;
/// Steps of which a window consists, the running one included.
const STEPS: i64 = LOGWIN_MICROS / STEP_MICROS;
/// No rate is told from less.
const LEAST_SPAN_MICROS: i64 = 100_000;
/// Nothing happened in it yet.
const NEVER: i64 = i64::MIN;

#[derive(Clone, Copy, Debug)]
struct Step {
    index: i64,
    bytes: u32,
    /// The largest queueing delay of a packet, in microseconds.
    worst: u32,
    came: u16,
    lost: u16,
    decided: u16,
    marked: u16,
}

/// What the window holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) bytes: u64,
    pub(crate) came: u64,
    pub(crate) lost: u64,
    /// Packets whose fate became known.
    pub(crate) decided: u64,
    pub(crate) marked: u64,
    /// The largest queueing delay of a packet, in microseconds.
    pub(crate) worst: u32,
    /// Bits a second, when enough time has passed since the first packet.
    pub(crate) rate: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Window {
    steps: [Step; STEPS as usize],
    first: Option<i64>,
}

impl Window {
    pub(crate) const fn new() -> Self {
        let step = Step { index: NEVER, bytes: 0, worst: 0, came: 0, lost: 0, decided: 0, marked: 0 };
        Self { steps: [step; STEPS as usize], first: None }
    }

    /// A packet of `size` bytes came at `at` after that much queueing.
    pub(crate) fn came(&mut self, at: i64, size: u32, queue_micros: u32) {
        self.first.get_or_insert(at);
        if let Some(step) = self.step(at) {
            step.bytes = step.bytes.saturating_add(size);
            step.came = step.came.saturating_add(1);
            step.worst = step.worst.max(queue_micros);
        }
    }

    /// What a report told as a whole, at the time it was made.
    pub(crate) fn suffered(&mut self, news: &News) {
        if news.untimed > 0 {
            self.first.get_or_insert(news.end);
        }
        if let Some(step) = self.step(news.end) {
            step.bytes = step.bytes.saturating_add(news.untimed);
            step.lost = step.lost.saturating_add(news.lost);
            step.decided = step.decided.saturating_add(news.decided);
            step.marked = step.marked.saturating_add(news.marked);
        }
    }

    /// The half second up to `end`.
    pub(crate) fn sums(&self, end: i64) -> Sums {
        let now = end.div_euclid(STEP_MICROS);
        let begin = (now - STEPS + 1) * STEP_MICROS;
        let mut sums = Sums::default();
        for step in self.steps.iter().filter(|step| (now - STEPS + 1..=now).contains(&step.index)) {
            sums.bytes += u64::from(step.bytes);
            sums.came += u64::from(step.came);
            sums.lost += u64::from(step.lost);
            sums.decided += u64::from(step.decided);
            sums.marked += u64::from(step.marked);
            sums.worst = sums.worst.max(step.worst);
        }
        let span = end - self.first.unwrap_or(end).max(begin);
        let span = u64::try_from(span).ok().filter(|_| span >= LEAST_SPAN_MICROS);
        sums.rate = span.and_then(|span| (sums.bytes * 8_000_000).checked_div(span));
        sums
    }

    /// The step of a moment, made anew when it is newer than what was in its place; none for a moment past the window.
    fn step(&mut self, at: i64) -> Option<&mut Step> {
        let index = at.div_euclid(STEP_MICROS);
        let place = usize::try_from(index.rem_euclid(STEPS)).ok()?;
        let step = self.steps.get_mut(place)?;
        if step.index < index {
            *step = Step { index, bytes: 0, worst: 0, came: 0, lost: 0, decided: 0, marked: 0 };
        }
        (step.index == index).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_told_exactly_wherever_the_window_ends() {
        let mut window = Window::new();
        for ms in 0..2_000 {
            window.came(ms * 1_000, 125, 0);
            let end = ms * 1_000 + 999;
            let rate = window.sums(end).rate;
            assert_eq!(rate.is_some(), ms >= 100, "{ms}");
            assert!(rate.is_none_or(|rate| rate.abs_diff(1_000_000) < 20_000), "{ms}: {rate:?}");
        }
    }

    #[test]
    fn what_is_older_than_half_a_second_is_forgotten() {
        let mut window = Window::new();
        window.came(0, 100, 70);
        window.suffered(&News { end: 0, untimed: 50, marked: 1, lost: 2, decided: 3, jumped: false });
        let sums = window.sums(499_999);
        assert_eq!((sums.bytes, sums.came, sums.lost, sums.decided, sums.marked), (150, 1, 2, 3, 1));
        assert_eq!((sums.worst, window.sums(500_000).came), (70, 0));
        window.came(500_001, 100, 3);
        assert_eq!((window.sums(500_001).came, window.sums(500_001).worst), (1, 3));
        window.came(499, 100, 3);
        assert_eq!(window.sums(500_001).came, 1, "a time past the window changes nothing");
    }
}
