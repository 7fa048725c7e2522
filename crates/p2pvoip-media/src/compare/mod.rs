//! Whether a voice arrived: aligns a recording of the far end with what was said at the near end.
//!
//! Codecs change waveforms and jitter buffers stretch time, so both sounds are compared by what an ear keeps: the loudness
//! of 16 bands of the spectrum every 10 ms, against its mean over the recording. A path of lags, one for each 10 ms of the
//! original, is found by dynamic programming; a frame is present when its surroundings are alike at its lag. The
//! offset at the most common lag is then refined to samples by the cross-correlation of the waveforms.
//!
//! ```
//! use p2pvoip_media::compare::align;
//! let silence = vec![0; 48_000];
//! let alignment = align(&silence, &silence);
//! assert_eq!((alignment.active(), alignment.present()), (0, 0));
//! ```
//!
//! A verdict looks at 100 ms on either side, so gaps shorter than about that are not seen one by one.
//!
//! # Left out
//! - A score of quality: presence and place are what a demonstration has to prove.

mod path;
mod spectrum;

use core::ops::Range;

use crate::frame::FRAME;
use spectrum::Features;

/// A frame is present when its similarity is at least this. Chosen on one sentence through Opus at 6 to 40 kbit/s, with losses
/// and stretching: of the same words 99 % of the frames reach it, of another sentence by the same reader 5 %.
pub const PRESENT: f32 = 0.7;

/// One 10 ms frame of the original.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Verdict {
    /// Whether something is said in it; silence proves nothing.
    pub active: bool,
    /// How alike original and received are around here, from -1 to 1; 0 where either is silent.
    pub similarity: f32,
    /// How many 10 ms later the frame is found in what was received.
    pub lag: i32,
}

impl Verdict {
    /// Whether the frame was heard at the far end.
    pub fn is_present(&self) -> bool {
        self.active && self.similarity >= PRESENT
    }
}

/// How an original lies in what was received.
#[derive(Clone, PartialEq, Debug)]
pub struct Alignment {
    /// Samples by which the received sound is later than the original, at the most common lag.
    pub offset: i64,
    /// The correlation of the waveforms at that offset over the loudest part, from -1 to 1.
    pub correlation: f32,
    /// One for each whole 10 ms of the original.
    pub frames: Vec<Verdict>,
}

impl Alignment {
    /// Frames in which something is said.
    pub fn active(&self) -> usize {
        self.frames.iter().filter(|frame| frame.active).count()
    }

    /// Of these, those that were heard.
    pub fn present(&self) -> usize {
        self.frames.iter().filter(|frame| frame.is_present()).count()
    }

    /// The part of what was said that was heard, from 0 to 1; 0 when nothing was said.
    #[expect(clippy::cast_precision_loss, reason = "hours of frames fit an f32 well enough for a ratio")]
    pub fn share(&self) -> f32 {
        self.present() as f32 / self.active().max(1) as f32
    }

    /// The longest run of active frames that were not heard, in frames of 10 ms.
    pub fn longest_gap(&self) -> usize {
        let mut longest = 0;
        let mut run = 0;
        for frame in self.frames.iter().filter(|frame| frame.active) {
            run = if frame.is_present() { 0 } else { run + 1 };
            longest = longest.max(run);
        }
        longest
    }
}

/// Finds the original in what was received, both at 48 kHz, mono.
///
/// Received sound may begin before or after the original, miss parts, and be stretched by some percent.
/// Takes time in proportion to the product of both lengths in tenths of a second; meant for seconds to minutes.
pub fn align(original: &[i16], received: &[i16]) -> Alignment {
    let (said, heard) = (Features::of(original), Features::of(received));
    let Some(common) = path::common_lag(&said, &heard) else {
        let nothing = Verdict { active: false, similarity: 0.0, lag: 0 };
        let frames = (0..said.len()).map(|at| Verdict { active: said.is_active(at), ..nothing }).collect();
        return Alignment { offset: 0, correlation: 0.0, frames };
    };
    let found = path::follow(&said, &heard, common);
    let frames: Vec<_> = (found.iter().enumerate())
        .map(|(at, step)| Verdict { active: said.is_active(at), similarity: step.similarity, lag: step.lag })
        .collect();
    let (offset, correlation) = refine(original, received, &frames);
    Alignment { offset, correlation, frames }
}

/// Frames of the stretch whose waveform is compared: half a second.
const STRETCH: usize = 50;
/// How far around the lag the best sample offset is looked for: 15 ms each way.
const REACH: i64 = 720;
/// The search looks at every fourth offset and sample first.
const COARSE: i64 = 4;
/// Samples in a frame.
const FRAME_SAMPLES: i64 = 480;

/// The offset of the most common lag, by the waveform of the loudest half second that lies at it.
fn refine(original: &[i16], received: &[i16], frames: &[Verdict]) -> (i64, f32) {
    let Some(lag) = most_common(frames) else { return (0, 0.0) };
    let middle = i64::from(lag) * FRAME_SAMPLES;
    let loudest = (0..frames.len().saturating_sub(STRETCH - 1)).step_by(STRETCH / 5).max_by_key(|from| {
        let run = frames.get(*from..from + STRETCH).unwrap_or_default();
        run.iter().filter(|frame| frame.is_present() && frame.lag == lag).count()
    });
    let from = loudest.unwrap_or_default() * FRAME;
    let part = from..(from + STRETCH * FRAME).min(original.len());
    let score = |offset: i64, step| correlation(original, received, &part, offset, step);
    let coarse =
        best((-REACH / COARSE..=REACH / COARSE).map(|by| middle + by * COARSE), |offset| score(offset, 4));
    let fine = 1 - COARSE..COARSE;
    best(fine.map(|by| coarse.0 + by), |offset| score(offset, 1))
}

fn most_common(frames: &[Verdict]) -> Option<i32> {
    let mut lags: Vec<_> = frames.iter().filter(|frame| frame.is_present()).map(|frame| frame.lag).collect();
    lags.sort_unstable();
    lags.chunk_by(|a, b| a == b).max_by_key(|run| run.len()).and_then(|run| run.first().copied())
}

fn best(offsets: impl Iterator<Item = i64>, score: impl Fn(i64) -> f32) -> (i64, f32) {
    let scored = offsets.map(|offset| (offset, score(offset)));
    scored.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

fn correlation(original: &[i16], received: &[i16], part: &Range<usize>, offset: i64, step: usize) -> f32 {
    let (mut product, mut power_a, mut power_b) = (0.0f32, 1.0f32, 1.0f32);
    for at in part.clone().step_by(step) {
        let there = i64::try_from(at).ok().and_then(|at| usize::try_from(at + offset).ok());
        let b = there.and_then(|at| received.get(at)).copied().map_or(0.0, f32::from);
        let a = original.get(at).copied().map_or(0.0, f32::from);
        product += a * b;
        power_a += a * a;
        power_b += b * b;
    }
    product / (power_a * power_b).sqrt()
}
