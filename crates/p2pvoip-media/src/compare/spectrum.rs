//! What an ear keeps of a sound: the loudness of 16 bands every 10 ms, against their mean.

use core::f32::consts::TAU;

use crate::frame::FRAME;

/// Bands, equally wide on the mel scale.
pub(super) const BANDS: usize = 16;
/// Of three samples one is kept: 16 kHz.
const DECIMATION: usize = 3;
/// Points of the transform: 32 ms at 16 kHz.
const POINTS: usize = 512;
/// The bands reach from here to there, in Hz: what narrowband speech keeps too.
const LOWEST: f32 = 120.0;
/// See [`LOWEST`].
const HIGHEST: f32 = 3_600.0;
/// A frame is active when it is less than this far below the loud ones, in powers of e (26 dB).
const ACTIVE_BELOW_LOUD: f32 = 6.0;
/// Nothing below this mean band power is heard: about 4 units of amplitude.
const FLOOR: f32 = 2.0e4;
/// The floor of all bands together, twice: below that nothing is said.
const SILENCE: f32 = 2.0 * 16.0 * FLOOR;

/// The loudness of each band.
pub(super) type Bands = [f32; BANDS];

/// A sound, as it is compared.
pub(super) struct Features {
    /// The logarithm of each band's power, less its mean over the active frames; zero where inactive.
    bands: Vec<Bands>,
    active: Vec<bool>,
}

impl Features {
    pub(super) fn of(sound: &[i16]) -> Self {
        let slow = decimate(sound);
        let transform = Transform::new();
        let hop = FRAME / DECIMATION;
        let powers: Vec<Bands> = (0..sound.len() / FRAME)
            .map(|frame| transform.bands(&slow, (frame * hop).saturating_add(hop / 2)))
            .collect();
        let loudness: Vec<f32> = powers.iter().map(|bands| bands.iter().sum::<f32>().ln()).collect();
        let mut sorted = loudness.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let loud = sorted.get(sorted.len() * 95 / 100).copied().unwrap_or_default();
        let silence = SILENCE.ln();
        let active = loudness.iter().map(|l| *l > silence && *l > loud - ACTIVE_BELOW_LOUD).collect();
        let mut features = Self { bands: powers.iter().map(|bands| bands.map(f32::ln)).collect(), active };
        features.subtract_mean();
        features
    }

    /// Frames of 10 ms.
    pub(super) fn len(&self) -> usize {
        self.bands.len()
    }

    /// Whether something is said in a frame.
    pub(super) fn is_active(&self, frame: usize) -> bool {
        self.active.get(frame).copied().unwrap_or_default()
    }

    /// A frame's bands; nothing outside of the sound.
    pub(super) fn at(&self, frame: i64) -> &Bands {
        const NOTHING: &Bands = &[0.0; BANDS];
        usize::try_from(frame).ok().and_then(|frame| self.bands.get(frame)).unwrap_or(NOTHING)
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of frames")]
    fn subtract_mean(&mut self) {
        let count = self.active.iter().filter(|active| **active).count().max(1) as f32;
        let mut mean = [0.0; BANDS];
        for (bands, _) in self.bands.iter().zip(&self.active).filter(|(_, active)| **active) {
            for (sum, band) in mean.iter_mut().zip(bands) {
                *sum += band / count;
            }
        }
        for (bands, active) in self.bands.iter_mut().zip(&self.active) {
            for (band, mean) in bands.iter_mut().zip(mean) {
                *band = if *active { *band - mean } else { 0.0 };
            }
        }
    }
}

/// A third of the rate, by means of three: enough of a filter below 3.6 kHz.
fn decimate(sound: &[i16]) -> Vec<f32> {
    sound
        .as_chunks::<DECIMATION>()
        .0
        .iter()
        .map(|three| three.map(f32::from).iter().sum::<f32>() / 3.0)
        .collect()
}

struct Transform {
    window: Vec<f32>,
    /// The band of each bin, where it has one.
    band_of: Vec<Option<usize>>,
    twiddles: Vec<(f32, f32)>,
}

impl Transform {
    #[expect(clippy::cast_precision_loss, reason = "indices below 512")]
    fn new() -> Self {
        let angle = |n: usize| TAU * n as f32 / POINTS as f32;
        let hertz = |bin: usize| bin as f32 * 16_000.0 / POINTS as f32;
        Self {
            window: (0..POINTS).map(|n| 0.5 - 0.5 * angle(n).cos()).collect(),
            band_of: (0..POINTS / 2).map(|bin| band(hertz(bin))).collect(),
            twiddles: (0..POINTS / 2).map(|n| (angle(n).cos(), -angle(n).sin())).collect(),
        }
    }

    /// The power of each band around a sample, at least the floor.
    fn bands(&self, sound: &[f32], middle: usize) -> Bands {
        let mut points = [(0.0, 0.0); POINTS];
        for (n, (point, window)) in points.iter_mut().zip(&self.window).enumerate() {
            let at = (middle + n).checked_sub(POINTS / 2);
            let sample = at.and_then(|at| sound.get(at)).copied().unwrap_or_default();
            *point = (sample * window, 0.0);
        }
        self.transform(&mut points);
        let mut bands = [FLOOR; BANDS];
        for (point, band) in points.iter().zip(&self.band_of) {
            if let Some(sum) = band.and_then(|band| bands.get_mut(band)) {
                *sum += point.0 * point.0 + point.1 * point.1;
            }
        }
        bands
    }

    /// The fast Fourier transform, decimation in time, in place (Cooley and Tukey, 1965).
    #[expect(clippy::indexing_slicing, reason = "every index is below the fixed number of points")]
    fn transform(&self, points: &mut [(f32, f32); POINTS]) {
        let bits = POINTS.trailing_zeros();
        for n in 0..POINTS {
            let mirrored = n.reverse_bits() >> (usize::BITS - bits);
            if n < mirrored {
                points.swap(n, mirrored);
            }
        }
        let mut half = 1;
        while half < POINTS {
            for from in (0..POINTS).step_by(2 * half) {
                for n in 0..half {
                    let (cos, sin) = self.twiddles[n * (POINTS / 2 / half)];
                    let (a, b) = (points[from + n], points[from + n + half]);
                    let turned = (b.0 * cos - b.1 * sin, b.0 * sin + b.1 * cos);
                    points[from + n] = (a.0 + turned.0, a.1 + turned.1);
                    points[from + n + half] = (a.0 - turned.0, a.1 - turned.1);
                }
            }
            half *= 2;
        }
    }
}

/// The band of a frequency.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and the number of bands"
)]
fn band(hertz: f32) -> Option<usize> {
    let mel = |hertz: f32| (1.0 + hertz / 700.0).ln();
    let place = (mel(hertz) - mel(LOWEST)) / (mel(HIGHEST) - mel(LOWEST));
    (0.0..1.0).contains(&place).then_some((place * BANDS as f32) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a test signal")]
    fn a_tone_lies_in_its_band_and_silence_is_inactive() {
        let tone: Vec<i16> = (0..9_600).map(|n| ((n as f32 * TAU / 48.0).sin() * 8_000.0) as i16).collect();
        let slow = decimate(&tone);
        let bands = Transform::new().bands(&slow, 1_600);
        let loudest = (0..BANDS).max_by(|a, b| bands[*a].total_cmp(&bands[*b]));
        assert_eq!(loudest, band(1_000.0));
        let silence = Features::of(&[0; 4_800]);
        assert!((0..10).all(|frame| !silence.is_active(frame)));
    }
}
