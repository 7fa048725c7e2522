//! How loud a frame is, for meters: the root mean square and the peak, in dBFS.
//!
//! 0 dBFS is the loudest that 16 bits hold; a sine of that peak has a root mean square of -3 dBFS.

use crate::frame::Frame;

/// What digital silence reads: below the smallest step of 16 bits (-90.3 dBFS).
pub const QUIETEST: f32 = -96.0;

/// Estimator: the loudness of 10 ms of sound, in dBFS, from [`QUIETEST`] to 0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Level {
    /// The root mean square: what a person hears as loudness.
    pub rms: f32,
    /// The loudest sample: 0 when it is about to be cut.
    pub peak: f32,
}

impl Level {
    /// The level of nothing.
    pub const SILENCE: Self = Self { rms: QUIETEST, peak: QUIETEST };

    /// The level of a frame.
    #[must_use]
    pub fn of(frame: &Frame) -> Self {
        let (mut peak, mut power) = (0.0_f32, 0.0_f32);
        for sample in frame.0 {
            let value = f32::from(sample) / 32_768.0;
            peak = peak.max(value.abs());
            power += value * value;
        }
        Self { rms: decibel((power / 480.0).sqrt()), peak: decibel(peak) }
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::SILENCE
    }
}

fn decibel(amplitude: f32) -> f32 {
    if amplitude > 0.0 { (20.0 * amplitude.log10()).clamp(QUIETEST, 0.0) } else { QUIETEST }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FRAME;

    #[test]
    fn silence_is_the_quietest_and_full_scale_is_zero() {
        assert_eq!(Level::of(&Frame::SILENCE), Level::SILENCE);
        assert_eq!(Level::of(&Frame([i16::MIN; FRAME])), Level { rms: 0.0, peak: 0.0 });
    }

    #[test]
    fn a_sine_of_a_tenth_reads_twenty_below_at_its_peak_and_three_less_on_average() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a tone within 16 bits"
        )]
        let tone =
            core::array::from_fn(|n| (3_276.8 * (n as f64 * core::f64::consts::TAU / 48.0).sin()) as i16);
        let level = Level::of(&Frame(tone));
        assert!((level.peak + 20.0).abs() < 0.1 && (level.rms + 23.0).abs() < 0.1, "{level:?}");
    }

    #[test]
    fn the_smallest_step_is_louder_than_silence() {
        let mut frame = Frame::SILENCE;
        frame.0[0] = 1;
        assert!(Level::of(&frame).peak > QUIETEST);
    }
}
