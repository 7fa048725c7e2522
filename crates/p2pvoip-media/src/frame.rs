//! The unit of sound that crosses every seam: 10 ms of 48 kHz mono, and the clock of media time.

use core::fmt;

/// Samples a second of all sound inside the house.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples in a [`Frame`]: 10 ms.
pub const FRAME: usize = 480;
/// Samples in one unit of media time: 2.5 ms, the shortest that Opus can code (RFC 6716 section 2.1.4).
pub const TICK_SAMPLES: usize = 120;
/// Microseconds in one unit of media time.
pub const TICK_MICROS: u64 = 2_500;

/// 10 ms of sound: 48 kHz, mono, signed 16 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame(pub [i16; FRAME]);

impl Frame {
    /// 10 ms of nothing.
    pub const SILENCE: Self = Self([0; FRAME]);
}

impl Default for Frame {
    fn default() -> Self {
        Self::SILENCE
    }
}

/// The voice of a person stays out of logs: only the loudest sample is shown.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peak = self.0.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
        write!(f, "Frame(peak {peak})")
    }
}
