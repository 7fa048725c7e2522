//! How fast a ring is drained: a sound card's clock is not the system's, and the ring's level tells by how much.

/// The most by which sound is played or taken faster or slower: 0.5 %, a twelfth of a semitone, which nobody hears.
pub(super) const MOST: f64 = 0.005;

/// Seconds between two observations: one for each frame.
const STEP: f64 = 0.01;

/// The level is smoothed over that many seconds, since callbacks come in lumps.
const SMOOTHING: f64 = 1.0;

/// Speed for each second that the level is off, and for each second of that for each second it lasts: critically damped, so
/// the level settles within some 20 s without swinging.
const PROPORTIONAL: f64 = 0.1;
const INTEGRAL: f64 = PROPORTIONAL * PROPORTIONAL / 4.0;

/// What waits beyond half of the largest callback and half a frame, in seconds. Where callbacks and frames drift past each other,
/// the level that is seen swings slowly by a frame (10 ms) and steering follows it; and neither is on time to the millisecond.
const LEAST_MARGIN: f64 = 0.015;

/// How much more after each underrun, and at most.
const MORE_MARGIN: f64 = 0.005;
const MOST_MARGIN: f64 = 0.080;

/// How far above the target the level may be before sound is dropped, in seconds.
const TOO_MUCH: f64 = 0.060;

/// Observations over which the largest callback is remembered, twice: a second.
const WINDOW: u32 = 100;

/// Estimator: told the level of a ring once a frame, it answers how fast to drain it, and what level it aims at.
#[derive(Debug)]
pub(super) struct Steering {
    rate: f64,
    margin: f64,
    /// The smoothed level in seconds, once there is one.
    level: Option<f64>,
    integral: f64,
    /// The largest callback in this window and in the last one, in samples.
    largest: (usize, usize),
    seen: u32,
}

impl Steering {
    /// For a ring of this many samples a second.
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate: f64::from(rate),
            margin: LEAST_MARGIN,
            level: None,
            integral: 0.0,
            largest: (0, 0),
            seen: 0,
        }
    }

    /// The level before a frame enters or leaves, and the largest callback since the last time, in samples. Gives the speed at which
    /// the ring is to be drained, 1 plus or minus [`MOST`].
    pub(super) fn observe(&mut self, waiting: usize, largest: usize) -> f64 {
        self.remember(largest);
        let now = self.seconds(waiting);
        let level = self.level.map_or(now, |level| level + (now - level) * STEP / SMOOTHING);
        self.level = Some(level);
        let error = level - self.target();
        // Bounded, so that a long time of too little does not become a long time of too much.
        self.integral = (self.integral + error * INTEGRAL * STEP).clamp(-MOST, MOST);
        1.0 + (error * PROPORTIONAL + self.integral).clamp(-MOST, MOST)
    }

    fn remember(&mut self, largest: usize) {
        self.largest.0 = self.largest.0.max(largest);
        self.seen += 1;
        if self.seen == WINDOW {
            self.largest = (0, self.largest.0);
            self.seen = 0;
        }
    }

    /// The ring ran dry: from now on more waits. The clocks' difference is still what was learnt.
    pub(super) fn on_underrun(&mut self) {
        self.margin = (self.margin + MORE_MARGIN).min(MOST_MARGIN);
        self.level = None;
    }

    /// The level was changed by hand.
    pub(super) fn on_skip(&mut self) {
        self.level = None;
    }

    /// Whether so much waits that steering would take too long.
    pub(super) fn is_too_much(&self, waiting: usize) -> bool {
        self.seconds(waiting) > self.target() + TOO_MUCH + self.largest_seconds() / 2.0
    }

    /// The level to begin with, in samples.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and below a second of samples"
    )]
    pub(super) fn target_samples(&self) -> usize {
        (self.target() * self.rate) as usize
    }

    /// The smoothed level in seconds.
    pub(super) fn level(&self) -> f64 {
        self.level.unwrap_or_default()
    }

    /// The level aimed at, in seconds. At the limit half the ring: a device that takes more at once cannot be helped.
    fn target(&self) -> f64 {
        let half = f64::from(super::RING_MILLIS) / 2_000.0;
        (self.largest_seconds() / 2.0 + STEP / 2.0 + self.margin).min(half)
    }

    fn largest_seconds(&self) -> f64 {
        self.seconds(self.largest.0.max(self.largest.1))
    }

    #[expect(clippy::cast_precision_loss, reason = "a level is below a second of samples")]
    fn seconds(&self, samples: usize) -> f64 {
        samples as f64 / self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_aimed_at_is_drained_faster_and_less_slower_within_half_a_percent() {
        let mut steering = Steering::new(48_000);
        let target = steering.target_samples();
        assert!(steering.observe(target + 480, 0) > 1.0);
        let mut steering = Steering::new(48_000);
        assert!(steering.observe(target - 480, 0) < 1.0);
        for _ in 0..100_000 {
            assert!((1.0 - MOST..=1.0 + MOST).contains(&steering.observe(24_000, 0)));
        }
        assert!((steering.observe(24_000, 0) - 1.0 - MOST).abs() < 1e-9);
    }

    #[test]
    fn a_device_with_large_callbacks_is_given_more_to_wait_and_one_that_runs_dry_too() {
        let mut steering = Steering::new(48_000);
        let small = steering.target_samples();
        steering.observe(small, 4_800);
        assert_eq!(steering.target_samples(), small + 2_400);
        // What was once large is forgotten after two windows.
        for _ in 0..2 * WINDOW {
            steering.observe(small, 0);
        }
        assert_eq!(steering.target_samples(), small);
        for _ in 0..1_000 {
            steering.on_underrun();
        }
        assert!(steering.target_samples() > small && steering.target() < 0.1);
    }
}
