//! A source of video in the manner of RFC 8593 and RFC 8867 section 4.3: 30 frames a second whose sizes vary.
//!
//! # Left out
//! - Bursts of key frames: RFC 8867's sources send none.

use p2pvoip_core::{Rng, Seed};

use crate::time::{MILLI, Micros, SECOND};

/// The least rate on the wire in bits a second (RFC 8867 section 4.3).
pub const LEAST: u64 = 150_000;
/// The most.
pub const MOST: u64 = 1_500_000;
/// The largest packet on the wire: 1,200 bytes and 50 of headers.
pub const PACKET: u32 = 1_250;
/// An encoder that has taken up a new target ignores others for this long (RFC 8593 section 5.1; 100 ms by RFC 8867
/// section 4.3).
const RESPONSE: Micros = 100 * MILLI;
/// Frames a second.
const FRAMES: u64 = 30;
/// The rate of each second is off by up to this (RFC 8867 section 4.3).
const RATE_NOISE: f64 = 0.05;
/// Scale of the Laplace distribution of frame sizes (RFC 8593 section 5: 0.15).
const FRAME_NOISE: f64 = 0.15;
/// The largest deviation of one frame, in scales.
const FARTHEST: f64 = 3.0;
/// An encoder holds its mean: of what earlier frames took too much, the next one takes this part back.
const TAKEN_BACK: f64 = 0.3;
/// What is taken back is at most that of so many frames.
const MOST_EXCESS: f64 = 3.0;
/// The smallest frame, headers included.
const LEAST_FRAME: f64 = 80.0;

/// A synthetic encoder.
#[derive(Debug)]
pub struct Video {
    rng: Rng,
    /// The newest target.
    wanted: u64,
    /// The target that the encoder has taken up, and until when it ignores others.
    rate: u64,
    deaf_until: Micros,
    /// The noise of the present second, and when it ends.
    noise: (f64, Micros),
    next: Micros,
    frames: u64,
    first: Micros,
    /// What earlier frames sent too much, in bytes; it is taken back slowly.
    excess: f64,
}

impl Video {
    /// A source that makes its first frame within a frame's time of `start`.
    pub fn new(seed: &Seed, start: Micros) -> Self {
        let mut rng = seed.derive("video").rng();
        let first = start + rng.below(SECOND / FRAMES);
        Self {
            rng,
            wanted: LEAST,
            rate: LEAST,
            deaf_until: 0,
            noise: (0.0, 0),
            next: first,
            frames: 0,
            first,
            excess: 0.0,
        }
    }

    /// A new target in bits a second on the wire.
    pub fn set_target(&mut self, rate: u64) {
        self.wanted = rate.clamp(LEAST, MOST);
    }

    /// When the next frame is made.
    pub const fn next_at(&self) -> Micros {
        self.next
    }

    /// The size on the wire of the frame that is made at `now`.
    pub fn frame(&mut self, now: Micros) -> u32 {
        if self.rate != self.wanted && now >= self.deaf_until {
            self.rate = self.wanted;
            self.deaf_until = now + RESPONSE;
        }
        if now >= self.noise.1 {
            self.noise = ((self.rng.unit() * 2.0 - 1.0) * RATE_NOISE, now + SECOND);
        }
        self.frames += 1;
        self.next = self.first + self.frames * SECOND / FRAMES;
        let mean = self.rate as f64 / 8.0 / FRAMES as f64 * (1.0 + self.noise.0);
        let size = (mean * (1.0 + self.laplace()) - self.excess * TAKEN_BACK).max(LEAST_FRAME);
        self.excess = (self.excess + size - mean).clamp(-MOST_EXCESS * mean, MOST_EXCESS * mean);
        size as u32
    }

    /// The deviation of a frame from the mean.
    fn laplace(&mut self) -> f64 {
        let half = self.rng.unit() - 0.5;
        let scales = -(1.0 - 2.0 * half.abs()).max(f64::MIN_POSITIVE).ln();
        FRAME_NOISE * half.signum() * scales.min(FARTHEST)
    }
}

/// The sizes of the packets of a frame.
pub fn packets(frame: u32) -> impl Iterator<Item = u32> {
    let count = frame.div_ceil(PACKET).max(1);
    (0..count).map(move |index| frame / count + u32::from(index < frame % count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_rate_is_the_target_within_two_percent() {
        for rate in [150_000, 400_000, 1_000_000, 1_500_000] {
            let mut video = Video::new(&Seed::from_u64(rate), 0);
            video.set_target(rate);
            let (mut bytes, end) = (0, 300 * SECOND);
            while video.next_at() < end {
                let now = video.next_at();
                bytes += u64::from(video.frame(now));
            }
            let is = bytes as f64 * 8.0 / crate::time::seconds(end);
            assert!((is / rate as f64 - 1.0).abs() < 0.02, "{is} of {rate}");
        }
    }

    #[test]
    fn a_new_target_is_ignored_within_100_ms_of_the_last() {
        let mut video = Video::new(&Seed::from_u64(1), 0);
        let first = video.next_at();
        video.set_target(1_000_000);
        video.frame(first);
        video.set_target(500_000);
        video.frame(first + 90 * MILLI);
        assert_eq!(video.rate, 1_000_000);
        video.frame(first + 100 * MILLI);
        assert_eq!(video.rate, 500_000);
    }

    #[test]
    fn packets_hold_the_frame_and_none_is_too_large() {
        for frame in [1, 80, 1_249, 1_250, 1_251, 2_501, 40_000] {
            let sizes: Vec<u32> = packets(frame).collect();
            assert_eq!(sizes.iter().sum::<u32>(), frame);
            assert!(sizes.iter().all(|size| (1..=PACKET).contains(size)), "{sizes:?}");
        }
    }
}
