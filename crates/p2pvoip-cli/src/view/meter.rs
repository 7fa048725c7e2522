//! How loud it is in both directions, told by the tasks that carry the sound and read by the view; no lock in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use p2pvoip::Frame;
use p2pvoip::media::{Level, QUIETEST};

/// Steps in a decibel: levels are kept as whole numbers above the quietest, so that the loudest is a maximum.
const STEPS: f32 = 100.0;
/// How much a meter falls between two pictures at most, in decibels, so that the eye can follow.
const FALL: f32 = 4.0;

/// The loudest since it was last read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Loudest>);

#[derive(Debug, Default)]
struct Loudest {
    rms: AtomicU32,
    peak: AtomicU32,
}

impl Meter {
    /// A frame passes.
    pub(crate) fn pass(&self, frame: &Frame) {
        let level = Level::of(frame);
        self.0.rms.fetch_max(steps(level.rms), Ordering::Relaxed);
        self.0.peak.fetch_max(steps(level.peak), Ordering::Relaxed);
    }

    /// The loudest since the last time, falling slowly from what was shown.
    pub(super) fn read(&self, shown: Level) -> Level {
        let now = |counter: &AtomicU32, shown: f32| {
            decibel(counter.swap(0, Ordering::Relaxed)).max(shown - FALL).max(QUIETEST)
        };
        Level { rms: now(&self.0.rms, shown.rms), peak: now(&self.0.peak, shown.peak) }
    }
}

/// Both directions of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meters {
    /// What is said here.
    pub(crate) microphone: Meter,
    /// What is heard here.
    pub(crate) speaker: Meter,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a level is between the quietest and 0"
)]
fn steps(decibel: f32) -> u32 {
    ((decibel - QUIETEST) * STEPS) as u32
}

#[expect(clippy::cast_precision_loss, reason = "at most 9,600 steps")]
fn decibel(steps: u32) -> f32 {
    steps as f32 / STEPS + QUIETEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_frame_is_read_once_and_then_falls() {
        let meter = Meter::default();
        meter.pass(&Frame([16_384; p2pvoip::FRAME]));
        meter.pass(&Frame([4; p2pvoip::FRAME]));
        let first = meter.read(Level::SILENCE);
        assert!((first.rms + 6.0).abs() < 0.1 && (first.peak + 6.0).abs() < 0.1, "{first:?}");
        let second = meter.read(first);
        assert!((second.rms - (first.rms - FALL)).abs() < 0.1, "{second:?}");
        let last = (0..40).fold(second, |shown, _| meter.read(shown));
        assert_eq!(last, Level::SILENCE);
    }
}
