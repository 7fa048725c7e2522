//! How late frames come, and how long to wait for them: a histogram of arrival time minus media time.
//!
//! The histogram lies on an absolute axis, so that a change of the fastest way moves nothing in it. Each arrival
//! outweighs those before it a little: a new lateness is believed after a few packets, an old one is forgotten over
//! [`MEMORY`]. A frame counts from when it could first be played, be it by a copy or by its successor's repair, so the
//! target grows to await repair exactly when losses make that worth it.
//!
//! # Left out
//! - The sender's clock against ours: drift moves all arrivals slowly, and forgetting follows it.

use core::time::Duration;
use p2pvoip_core::Instant;

use crate::frame::TICK_MICROS;

/// Width of a bucket in microseconds.
const BUCKET: i64 = 5_000;
/// Buckets: 2.56 s of lateness can be told apart.
const BUCKETS: usize = 512;
/// Where the fastest arrivals are put, so that faster ones still fit below.
const START: usize = 64;
/// The same in microseconds.
const START_MICROS: i64 = 64 * BUCKET;
/// Memory of the histogram: an arrival's weight falls to 1/e in this time of voice.
const MEMORY: Duration = Duration::from_secs(6);
/// The part of the frames that shall be there in time.
const IN_TIME: f32 = 0.99;
/// The window over which the fastest arrival is looked for, twice: between one and two of these.
const WINDOW: Duration = Duration::from_secs(10);
/// A pull takes 10 ms at once, and so may need a frame that much before its own time.
const PULL_MARGIN: Duration = Duration::from_millis(10);

/// Arrival minus media time in microseconds, on an arbitrary but common origin.
pub(super) type Offset = i64;

/// The offset of media time that is here at `now`.
pub(super) fn offset(media_time: u64, now: Instant) -> Offset {
    signed(now.as_micros()).saturating_sub(signed(media_time.saturating_mul(TICK_MICROS)))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Estimator: told when frames became playable, answers how long to wait.
#[derive(Debug)]
pub(super) struct DelayEstimator {
    weights: Box<[f32; BUCKETS]>,
    /// The offset where bucket 0 begins.
    origin: Offset,
    observed: u32,
    /// The fastest in this window and in the one before.
    fastest: [Option<Offset>; 2],
    window_from: Instant,
    least: Duration,
    most: Duration,
    target: Duration,
}

impl DelayEstimator {
    pub(super) fn new(least: Duration, most: Duration, start: Duration) -> Self {
        Self {
            weights: Box::new([0.0; BUCKETS]),
            origin: 0,
            observed: 0,
            fastest: [None; 2],
            window_from: Instant::default(),
            least,
            most,
            target: start.clamp(least, most),
        }
    }

    /// Forgets all, in place.
    pub(super) fn reset(&mut self, start: Duration) {
        self.weights.fill(0.0);
        (self.observed, self.fastest) = (0, [None; 2]);
        self.target = start.clamp(self.least, self.most);
    }

    /// A frame of that span could first be played at `now`.
    pub(super) fn observe(&mut self, offset: Offset, span: Duration, now: Instant) {
        self.note_fastest(offset, now);
        if self.observed == 0 {
            self.origin = offset.saturating_sub(START_MICROS);
        }
        self.observed = self.observed.saturating_add(1);
        let bucket = self.bucket(offset);
        let weight = (span.as_secs_f32() / MEMORY.as_secs_f32()).max(1.0 / self.observed_f32()).min(1.0);
        for kept in self.weights.iter_mut() {
            *kept *= 1.0 - weight;
        }
        if let Some(place) = self.weights.get_mut(bucket) {
            *place += weight;
        }
        self.target = self.wanted();
    }

    /// Lateness of which a frame played now, with that offset, is: the playout delay.
    pub(super) fn delay(&self, offset: Offset) -> Duration {
        let delay = offset.saturating_sub(self.base().unwrap_or(offset));
        Duration::from_micros(u64::try_from(delay).unwrap_or_default())
    }

    /// How long to wait for frames, from the fastest way on.
    pub(super) fn target(&self) -> Duration {
        self.target
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 2^24 the span's weight is the larger one anyway")]
    fn observed_f32(&self) -> f32 {
        self.observed as f32
    }

    fn base(&self) -> Option<Offset> {
        match self.fastest {
            [Some(a), Some(b)] => Some(a.min(b)),
            [a, b] => a.or(b),
        }
    }

    fn note_fastest(&mut self, offset: Offset, now: Instant) {
        if self.fastest[0].is_none() || now.saturating_since(self.window_from) > WINDOW {
            self.fastest = [None, self.fastest[0]];
            self.window_from = now;
        }
        let fastest = self.fastest[0].map_or(offset, |old| old.min(offset));
        self.fastest[0] = Some(fastest);
    }

    /// The bucket of an offset; moves the axis when the offset lies outside.
    fn bucket(&mut self, offset: Offset) -> usize {
        let place = offset.saturating_sub(self.origin).div_euclid(BUCKET);
        let Ok(place) = usize::try_from(place) else {
            return self.make_room_below(place.unsigned_abs());
        };
        if place < BUCKETS {
            return place;
        }
        let empty = self.weights.iter().position(|weight| *weight > 1e-6).unwrap_or_default();
        let shift = empty.saturating_sub(START).min(place.saturating_sub(BUCKETS - 1));
        self.weights.rotate_left(shift);
        self.origin = self.origin.saturating_add(BUCKET * signed(shift as u64));
        place.saturating_sub(shift).min(BUCKETS - 1)
    }

    /// Moves all up so that an offset `below` buckets under the axis lies at its start; the top gathers what overflows.
    fn make_room_below(&mut self, below: u64) -> usize {
        let shift = usize::try_from(below).unwrap_or(BUCKETS).saturating_add(START).min(BUCKETS);
        let (kept, over) = self.weights.split_at(BUCKETS - shift);
        let over: f32 = over.iter().sum();
        let mut moved = [0.0; BUCKETS];
        if let Some(place) = moved.get_mut(shift..) {
            place.copy_from_slice(kept);
        }
        if let Some(top) = moved.last_mut() {
            *top += over;
        }
        *self.weights = moved;
        self.origin =
            self.origin.saturating_sub(signed(below).saturating_mul(BUCKET)).saturating_sub(START_MICROS);
        START
    }

    /// The delay after which all but a few frames are here.
    fn wanted(&self) -> Duration {
        let mut late = 1.0 - IN_TIME;
        let mut edge = BUCKETS;
        for (bucket, weight) in self.weights.iter().enumerate().rev() {
            late -= weight;
            edge = bucket + 1;
            if late < 0.0 {
                break;
            }
        }
        let offset = self.origin.saturating_add(BUCKET * signed(edge as u64));
        (self.delay(offset) + PULL_MARGIN).clamp(self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(20);

    fn estimator() -> DelayEstimator {
        DelayEstimator::new(Duration::from_millis(10), Duration::from_secs(2), Duration::from_millis(20))
    }

    fn feed(estimator: &mut DelayEstimator, from: u64, count: u64, late: impl Fn(u64) -> u64) {
        for n in from..from + count {
            let now = Instant::from_millis(1_000 + n * 20 + late(n));
            estimator.observe(offset(n * 8, now), SPAN, now);
        }
    }

    #[test]
    fn a_steady_link_needs_little_more_than_one_pull() {
        let mut e = estimator();
        feed(&mut e, 0, 100, |_| 0);
        assert!(e.target() <= Duration::from_millis(15), "{:?}", e.target());
    }

    #[test]
    fn the_target_rises_fast_and_falls_slowly() {
        let mut e = estimator();
        feed(&mut e, 0, 500, |_| 0);
        feed(&mut e, 500, 8, |_| 80);
        assert!(e.target() >= Duration::from_millis(80), "{:?}", e.target());
        feed(&mut e, 508, 100, |_| 0);
        assert!(e.target() >= Duration::from_millis(80), "two seconds are too few to forget");
        feed(&mut e, 608, 1_500, |_| 0);
        assert!(e.target() <= Duration::from_millis(15), "{:?}", e.target());
    }

    #[test]
    fn a_longer_route_becomes_the_base_in_the_end() {
        let mut e = estimator();
        feed(&mut e, 0, 500, |_| 0);
        feed(&mut e, 500, 2_500, |_| 80);
        assert!(e.target() <= Duration::from_millis(15), "{:?}", e.target());
    }

    #[test]
    fn the_wildest_offsets_stay_within_bounds() {
        let mut e = estimator();
        for media_time in [0, u64::MAX, 5, u64::MAX / 2, 1 << 40, 7] {
            for now in [0, u64::MAX, 1_000, u64::MAX / 2] {
                let now = Instant::from_micros(now);
                e.observe(offset(media_time, now), SPAN, now);
                assert!(e.target() >= Duration::from_millis(10) && e.target() <= Duration::from_secs(2));
                let sum: f32 = e.weights.iter().sum();
                assert!((0.9..1.1).contains(&sum), "{sum}");
            }
        }
    }

    #[test]
    fn drift_of_the_clocks_moves_the_axis_along() {
        let mut e = estimator();
        // A thousandth faster and slower, for three minutes each.
        feed(&mut e, 0, 9_000, |n| n / 50);
        assert!(e.target() <= Duration::from_millis(45), "{:?}", e.target());
    }
}
