//! Microseconds of virtual time, and their moments as controllers know them.

use p2pvoip_core::Instant;
use p2pvoip_sim::START;

/// Microseconds since the beginning of a run.
pub type Micros = u64;

/// A second.
pub const SECOND: Micros = 1_000_000;
/// A millisecond.
pub const MILLI: Micros = 1_000;

/// The moment `at` as controllers and queues know it.
pub const fn instant(at: Micros) -> Instant {
    Instant::from_micros(START.as_micros() + at)
}

/// The way back from [`instant`].
pub const fn micros(at: Instant) -> Micros {
    at.as_micros().saturating_sub(START.as_micros())
}

/// Seconds, for people and tables.
pub fn seconds(at: Micros) -> f64 {
    at as f64 / SECOND as f64
}

/// Microseconds of so many seconds.
pub fn from_seconds(seconds: f64) -> Micros {
    (seconds * SECOND as f64).round().max(0.0) as Micros
}
