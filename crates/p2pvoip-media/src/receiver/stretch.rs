//! Decoded sound that waits to be pulled, and its shortening and lengthening by one period of the voice (WSOLA:
//! Verhelst and Roelands, "An overlap-add technique based on waveform similarity", 1993).
//!
//! To shorten, one period is faded into the next and so disappears; to lengthen, the period just played is faded in
//! and so comes twice. The period is where the sound is most like itself; where nothing is alike, nothing is done,
//! unless it is quiet or haste is greater than care.

use super::stats::PlayedKind;
use crate::frame::{FRAME, Frame};
use std::collections::VecDeque;

/// The shortest period in samples: 2.5 ms, 400 Hz.
const SHORTEST: usize = 120;
/// The longest period in samples: 12.5 ms, 80 Hz.
const LONGEST: usize = 600;
/// The search looks at every fourth lag and sample first.
const COARSE: usize = 4;
/// Samples of what was played that are kept.
const HISTORY: usize = LONGEST;
/// Sound that may wait in samples: the longest frame twice, and what stretching adds.
const CAPACITY: usize = 2 * 5_760 + LONGEST;
/// Mean square below which sound counts as quiet and may be cut anywhere: about -54 dB of full scale.
const QUIET: f32 = 4_000.0;

/// How alike two periods have to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Care {
    /// Only what nobody hears.
    Usual,
    /// Far from the target: nearly anything.
    Haste,
}

impl Care {
    const fn least_likeness(self) -> f32 {
        match self {
            Self::Usual => 0.75,
            Self::Haste => 0.25,
        }
    }
}

/// Sound between the decoder and the speaker.
pub(super) struct Pcm {
    /// `HISTORY` samples that were played, then those that wait.
    samples: Vec<i16>,
    /// What the waiting samples are, in runs.
    kinds: VecDeque<(PlayedKind, usize)>,
}

impl Pcm {
    pub(super) fn new() -> Self {
        let mut samples = Vec::with_capacity(HISTORY + CAPACITY);
        samples.resize(HISTORY, 0);
        Self { samples, kinds: VecDeque::with_capacity(64) }
    }

    /// Samples that wait.
    pub(super) fn len(&self) -> usize {
        self.samples.len() - HISTORY
    }

    pub(super) fn push(&mut self, kind: PlayedKind, sound: &[i16]) {
        let sound = sound.get(..sound.len().min(CAPACITY - self.len().min(CAPACITY))).unwrap_or_default();
        self.samples.extend_from_slice(sound);
        match self.kinds.back_mut() {
            Some(last) if last.0 == kind => last.1 += sound.len(),
            _ => self.kinds.push_back((kind, sound.len())),
        }
    }

    /// The next 10 ms, and what most of them are; what is missing is silence.
    pub(super) fn take(&mut self, out: &mut Frame) -> PlayedKind {
        let missing = FRAME.saturating_sub(self.len());
        if missing > 0 {
            self.push(PlayedKind::Silence, Frame::SILENCE.0.split_at(missing.min(FRAME)).0);
        }
        if let Some(sound) = self.samples.get(HISTORY..HISTORY + FRAME) {
            out.0.copy_from_slice(sound);
        }
        self.samples.drain(..FRAME);
        self.take_kinds(FRAME)
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.samples.truncate(HISTORY);
        self.kinds.clear();
    }

    /// Makes what waits shorter by one period; returns by how many samples.
    pub(super) fn shorten(&mut self, care: Care) -> Option<usize> {
        let longest = LONGEST.min(self.len() / 2);
        let waiting = self.samples.get(HISTORY..)?;
        let period =
            find_period(longest, care, |lag| Some((waiting.get(..lag)?, waiting.get(lag..2 * lag)?)))?;
        let (first, second) = self.samples.get_mut(HISTORY..HISTORY + 2 * period)?.split_at_mut(period);
        fade(first, second);
        self.samples.drain(HISTORY + period..HISTORY + 2 * period);
        self.take_kinds(period);
        Some(period)
    }

    /// Makes what waits longer by one period; returns by how many samples.
    pub(super) fn lengthen(&mut self, care: Care) -> Option<usize> {
        let longest = LONGEST.min(self.len());
        let played = self.samples.get(..HISTORY)?;
        let waiting = self.samples.get(HISTORY..)?;
        let period =
            find_period(longest, care, |lag| Some((waiting.get(..lag)?, played.get(HISTORY - lag..)?)))?;
        let mut again = [0; LONGEST];
        let again = again.get_mut(..period)?;
        again.copy_from_slice(waiting.get(..period)?);
        fade(again, played.get(HISTORY - period..)?);
        self.samples.splice(HISTORY..HISTORY, again.iter().copied());
        if let Some(first) = self.kinds.front_mut() {
            first.1 += period;
        }
        Some(period)
    }

    /// Takes the kinds of the first samples, and says which most of them have.
    fn take_kinds(&mut self, samples: usize) -> PlayedKind {
        let mut left = samples;
        let mut most = (PlayedKind::Silence, 0);
        while let Some(first) = self.kinds.front_mut() {
            let taken = first.1.min(left);
            if taken > most.1 {
                most = (first.0, taken);
            }
            first.1 -= taken;
            left -= taken;
            if first.1 > 0 {
                break;
            }
            self.kinds.pop_front();
        }
        most.0
    }
}

/// Fades from `first` to `second`, in the place of `first`.
#[expect(clippy::cast_possible_truncation, reason = "a weighted mean of two i16 is one")]
fn fade(first: &mut [i16], second: &[i16]) {
    let len = i32::try_from(first.len()).unwrap_or(i32::MAX);
    for (at, (a, b)) in (0..len).zip(first.iter_mut().zip(second)) {
        *a = ((i32::from(*a) * (len - at) + i32::from(*b) * at) / len.max(1)) as i16;
    }
}

/// The lag at which the two stretches of sound that `pair` gives are most alike, if alike enough or quiet.
fn find_period<'a>(
    longest: usize,
    care: Care,
    pair: impl Fn(usize) -> Option<(&'a [i16], &'a [i16])>,
) -> Option<usize> {
    let likeness_at = |lag: usize, step: usize| pair(lag).map_or(-1.0, |(a, b)| likeness(a, b, step));
    let (a, b) = pair(longest).filter(|_| longest >= SHORTEST)?;
    if power(a) < QUIET && power(b) < QUIET {
        return Some(longest);
    }
    let coarse = best((SHORTEST..=longest).step_by(COARSE), |lag| likeness_at(lag, COARSE))?;
    let around = coarse.0.saturating_sub(COARSE - 1).max(SHORTEST)..=(coarse.0 + COARSE - 1).min(longest);
    let fine = best(around, |lag| likeness_at(lag, 1))?;
    (fine.1 >= care.least_likeness()).then_some(fine.0)
}

fn best(lags: impl Iterator<Item = usize>, score: impl Fn(usize) -> f32) -> Option<(usize, f32)> {
    lags.map(|lag| (lag, score(lag))).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The normalised correlation, from -1 to 1.
fn likeness(a: &[i16], b: &[i16], step: usize) -> f32 {
    let (mut product, mut power_a, mut power_b) = (0.0, 1.0, 1.0);
    for (a, b) in a.iter().zip(b).step_by(step) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        product += a * b;
        power_a += a * a;
        power_b += b * b;
    }
    product / (power_a * power_b).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "at most 600 samples")]
fn power(sound: &[i16]) -> f32 {
    sound.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / (sound.len().max(1) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone of 200 Hz: its period is 240 samples.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a test signal")]
    fn tone(from: usize, len: usize) -> Vec<i16> {
        (from..from + len)
            .map(|n| ((n as f64 * core::f64::consts::TAU / 240.0).sin() * 9_000.0) as i16)
            .collect()
    }

    fn noise(len: usize) -> Vec<i16> {
        let mut rng = p2pvoip_core::Seed::from_u64(1).rng();
        (0..len).map(|_| i16::from_le_bytes(rng.array())).collect()
    }

    /// The largest step between neighbours: a click would be one.
    fn roughest(sound: &[i16]) -> i32 {
        sound.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap()
    }

    fn drain(pcm: &mut Pcm) -> Vec<i16> {
        let mut sound = Vec::new();
        while pcm.len() >= FRAME {
            let mut frame = Frame::SILENCE;
            pcm.take(&mut frame);
            sound.extend_from_slice(&frame.0);
        }
        sound
    }

    #[test]
    fn a_tone_is_shortened_and_lengthened_by_whole_periods_without_a_click() {
        let usual = roughest(&tone(0, 2_000));
        for lengthen in [false, true] {
            let mut pcm = Pcm::new();
            pcm.push(PlayedKind::Decoded, &tone(0, 2_400));
            let mut frame = Frame::SILENCE;
            pcm.take(&mut frame);
            pcm.take(&mut frame);
            let before = pcm.len();
            let period = if lengthen { pcm.lengthen(Care::Usual) } else { pcm.shorten(Care::Usual) }.unwrap();
            assert_eq!(period % 240, 0, "{period}");
            assert_eq!(pcm.len(), if lengthen { before + period } else { before - period });
            let mut sound = frame.0.to_vec();
            sound.extend(drain(&mut pcm));
            assert!(roughest(&sound) <= usual + 2, "{} of {usual}", roughest(&sound));
        }
    }

    #[test]
    fn noise_is_left_alone_unless_in_haste_and_silence_is_cut_at_will() {
        let mut pcm = Pcm::new();
        pcm.push(PlayedKind::Decoded, &noise(2_400));
        assert_eq!((pcm.shorten(Care::Usual), pcm.lengthen(Care::Usual)), (None, None));
        let mut pcm = Pcm::new();
        pcm.push(PlayedKind::Decoded, &[0; 1_200]);
        assert_eq!(pcm.shorten(Care::Usual), Some(600));
        assert_eq!(pcm.lengthen(Care::Usual), Some(600));
    }

    #[test]
    fn too_little_sound_is_not_stretched_and_too_much_is_cut() {
        let mut pcm = Pcm::new();
        pcm.push(PlayedKind::Decoded, &tone(0, 200));
        assert_eq!(pcm.shorten(Care::Haste), None);
        for _ in 0..50 {
            pcm.push(PlayedKind::Decoded, &tone(0, 960));
        }
        assert_eq!(pcm.len(), CAPACITY);
    }

    #[test]
    fn a_pull_is_of_the_kind_of_most_of_its_samples() {
        let mut pcm = Pcm::new();
        pcm.push(PlayedKind::Decoded, &[1; 200]);
        pcm.push(PlayedKind::Concealed, &[2; 700]);
        let mut frame = Frame::SILENCE;
        assert_eq!(pcm.take(&mut frame), PlayedKind::Concealed);
        assert_eq!((frame.0[199], frame.0[200]), (1, 2));
        assert_eq!(pcm.take(&mut frame), PlayedKind::Concealed);
        assert_eq!(pcm.take(&mut frame), PlayedKind::Silence);
    }
}
