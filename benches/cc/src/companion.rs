//! The voice beside a video: 20 kbit/s at a constant rate, 50 packets a second (RFC 8867 section 4.3).

use crate::time::{MILLI, Micros};

/// Bytes on the wire: 50 of sound, 50 of headers.
pub const PACKET: u32 = 100;
/// The time between packets.
pub const PTIME: Micros = 20 * MILLI;
/// The rate on the wire in bits a second.
pub const RATE: u64 = 40_000;
