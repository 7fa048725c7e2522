//! A source of video in the manner of RFC 8593 and RFC 8867 section 4.3: 30 frames a second whose sizes vary.
//!
//! # Left out
//! - Bursts of key frames: RFC 8867's sources send none.

use std::collections::VecDeque;

use p2pvoip_core::{Rng, Seed};

use crate::time::{MILLI, Micros, SECOND};

/// The least rate on the wire in bits a second (RFC 8867 section 4.3).
pub const LEAST: u64 = 150_000;
/// The most.
pub const MOST: u64 = 1_500_000;
/// The largest packet on the wire: 1,200 bytes and 50 of headers.
pub const PACKET: u32 = 1_250;
/// The encoder follows a new target after this (RFC 8867 section 4.3).
const RESPONSE: Micros = 100 * MILLI;
/// Frames a second.
const FRAMES: u64 = 30;
/// The rate of each second is off by up to this (RFC 8867 section 4.3).
const RATE_NOISE: f64 = 0.05;
/// Scale of the Laplace distribution of frame sizes (RFC 8593 section 5: 0.15).
const FRAME_NOISE: f64 = 0.15;

/// A synthetic encoder.
pub struct Video {
    rng: Rng,
    /// Targets on their way to the encoder.
    coming: VecDeque<(Micros, u64)>,
    rate: u64,
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
            coming: VecDeque::new(),
            rate: LEAST,
            noise: (0.0, 0),
            next: first,
            frames: 0,
            first,
            excess: 0.0,
        }
    }

    /// A new target in bits a second on the wire.
    pub fn set_target(&mut self, rate: u64, now: Micros) {
        let rate = rate.clamp(LEAST, MOST);
        if self.coming.back().map_or(self.rate, |last| last.1) != rate {
            self.coming.push_back((now + RESPONSE, rate));
        }
    }

    /// When the next frame is made.
    pub const fn next_at(&self) -> Micros {
        self.next
    }

    /// The size on the wire of the frame that is made at `now`.
    pub fn frame(&mut self, now: Micros) -> u32 {
        while let Some((_, rate)) = self.coming.pop_front_if(|coming| coming.0 <= now) {
            self.rate = rate;
        }
        if now >= self.noise.1 {
            self.noise = ((self.rng.unit() * 2.0 - 1.0) * RATE_NOISE, now + SECOND);
        }
        self.frames += 1;
        self.next = self.first + self.frames * SECOND / FRAMES;
        let mean = self.rate as f64 / 8.0 / FRAMES as f64 * (1.0 + self.noise.0);
        let half = self.rng.unit() - 0.5;
        let laplace = -FRAME_NOISE * half.signum() * (1.0 - 2.0 * half.abs()).max(0.05).ln();
        let size = mean * (1.0 + laplace) - self.excess;
        let size = size.max(80.0);
        self.excess = 0.0;
        size as u32
    }
}

/// The sizes of the packets of a frame.
pub fn packets(frame: u32) -> impl Iterator<Item = u32> {
    let count = frame.div_ceil(PACKET).max(1);
    (0..count).map(move |index| frame / count + u32::from(index < frame % count))
}
