//! Between the device's rate and 48 kHz, at a speed that can be steered: rubato's windowed sinc, one channel.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable as _, Async, FixedAsync, Resampler as _, SincInterpolationParameters, WindowFunction,
};

use super::drift::MOST;
use crate::frame::{FRAME, Frame, SAMPLE_RATE};

/// The lowest rate of a device.
pub(super) const LOWEST_RATE: u32 = 4_000;
/// The highest rate of a device.
pub(super) const HIGHEST_RATE: u32 = 768_000;
/// Taps of the filter: half of them are its delay, 0.7 ms at 48 kHz. A voice needs no steeper one.
const TAPS: usize = 64;
/// How far rubato lets the speed be changed; more than is ever asked for.
const ROOM: f64 = 1.0 + 2.0 * MOST;

/// Stage: samples of a device into frames.
pub(super) struct ToFrames {
    sinc: Async<f32>,
    input: Vec<f32>,
}

/// Stage: frames into samples of a device.
pub(super) struct FromFrames {
    sinc: Async<f32>,
    output: Vec<f32>,
}

fn sinc(ratio: f64, fixed: FixedAsync) -> Option<Async<f32>> {
    let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2);
    Async::new_sinc(ratio, ROOM, &parameters, FRAME, 1, fixed).ok()
}

impl ToFrames {
    /// From this rate; `None` when it is out of range.
    pub(super) fn new(rate: u32) -> Option<Self> {
        let in_range = (LOWEST_RATE..=HIGHEST_RATE).contains(&rate);
        let sinc = sinc(f64::from(SAMPLE_RATE) / f64::from(rate.max(1)), FixedAsync::Output)?;
        let input = vec![0.0; sinc.input_frames_max()];
        in_range.then_some(Self { sinc, input })
    }

    /// Makes the next frame as fast as `speed` says; `take` fills all of the buffer it is given, or says that it cannot.
    pub(super) fn next(
        &mut self,
        speed: f64,
        take: impl FnOnce(&mut [f32]) -> bool,
        frame: &mut Frame,
    ) -> bool {
        // Within bounds by construction; a speed that is refused leaves the last one.
        let _ = self.sinc.set_resample_ratio_relative(1.0 / speed, true);
        let wanted = self.sinc.input_frames_next();
        let Some(input) = self.input.get_mut(..wanted) else { return false };
        if !take(input) {
            return false;
        }
        let mut output = [0.0; FRAME];
        let (Ok(from), Ok(mut to)) =
            (InterleavedSlice::new(&*input, 1, wanted), InterleavedSlice::new_mut(&mut output, 1, FRAME))
        else {
            return false;
        };
        let made = self.sinc.process_into_buffer(&from, &mut to, None).is_ok();
        for (sample, value) in frame.0.iter_mut().zip(output) {
            *sample = quantise(value);
        }
        made
    }
}

impl FromFrames {
    /// To this rate; `None` when it is out of range.
    pub(super) fn new(rate: u32) -> Option<Self> {
        let in_range = (LOWEST_RATE..=HIGHEST_RATE).contains(&rate);
        let sinc = sinc(f64::from(rate) / f64::from(SAMPLE_RATE), FixedAsync::Input)?;
        let output = vec![0.0; sinc.output_frames_max()];
        in_range.then_some(Self { sinc, output })
    }

    /// The samples of a frame, played as fast as `speed` says.
    pub(super) fn next(&mut self, speed: f64, frame: &Frame) -> &[f32] {
        let _ = self.sinc.set_resample_ratio_relative(1.0 / speed, true);
        let input: [f32; FRAME] =
            core::array::from_fn(|n| frame.0.get(n).map_or(0.0, |sample| f32::from(*sample) / 32_768.0));
        let room = self.output.len();
        let (Ok(from), Ok(mut to)) =
            (InterleavedSlice::new(&input, 1, FRAME), InterleavedSlice::new_mut(&mut self.output, 1, room))
        else {
            return &[];
        };
        let made = self.sinc.process_into_buffer(&from, &mut to, None).map_or(0, |(_, made)| made);
        self.output.get(..made).unwrap_or_default()
    }
}

/// To 16 bits; what is too loud is cut.
#[expect(clippy::cast_possible_truncation, reason = "clamped before")]
fn quantise(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

impl core::fmt::Debug for ToFrames {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ToFrames").finish_non_exhaustive()
    }
}

impl core::fmt::Debug for FromFrames {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FromFrames").finish_non_exhaustive()
    }
}
