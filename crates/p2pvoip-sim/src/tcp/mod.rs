//! A bulk transfer over TCP without a socket, to compete with: NewReno or CUBIC, with selective acknowledgements.
//!
//! The owner carries segments and acknowledgements: `poll_transmit` until `None` after each call of the sender, and
//! `on_segment` and `on_time` of the receiver give the acknowledgement that goes back.
//!
//! # Left out
//! - Opening and closing, the receiver's window (both ends know [`MAX_WINDOW`]), ECN, pacing, HyStart.
//! - Tail loss probes (RFC 8985) and limited transmit (RFC 3042): the end of a short transfer may wait for the timer.
//! - Undoing a cut that proves spurious: a delay that jumps by more than the timer costs what it costs.

mod cubic;
mod receiver;
mod rto;
mod scoreboard;
mod sender;
mod window;

use std::time::Duration;

use p2pvoip_core::{DataSize, Instant};

pub use receiver::TcpReceiver;
pub use sender::TcpSender;

/// Bytes of IPv4 (20), TCP (20) and timestamps (12) on each segment and acknowledgement.
pub const HEADERS: u64 = 52;
/// Bytes that are sent and not acknowledged at most.
pub const MAX_WINDOW: u64 = 4 << 20;
/// Ranges that an acknowledgement tells of at most, beside timestamps (RFC 2018 section 3).
pub const MAX_RANGES: usize = 3;

/// How the window grows and shrinks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Algorithm {
    /// By a segment each round trip, and by half (RFC 5681).
    #[default]
    NewReno,
    /// By a cubic function of time, and to 0.7 (RFC 9438).
    Cubic,
}

/// What a transfer is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpConfig {
    /// How the window grows and shrinks.
    pub algorithm: Algorithm,
    /// Bytes to send; `None` is without end.
    pub total: Option<u64>,
    /// Bytes of a full segment, headers not counted: 1,448 make 1,500 on the wire.
    pub mss: u64,
}

impl Default for TcpConfig {
    fn default() -> Self {
        Self { algorithm: Algorithm::NewReno, total: None, mss: 1_448 }
    }
}

/// A segment of data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its first byte's place in the transfer.
    pub seq: u64,
    /// Bytes of data.
    pub len: u64,
    /// When it was sent: the timestamp (RFC 7323).
    pub sent: Instant,
}

impl Segment {
    /// Its size on the wire.
    pub fn size(&self) -> DataSize {
        DataSize::from_bytes(self.len + HEADERS)
    }

    fn end(&self) -> u64 {
        self.seq.saturating_add(self.len)
    }
}

/// Bytes from the first place up to, but not including, the second.
pub type Range = (u64, u64);

/// An acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ack {
    /// All bytes before this place have come.
    pub next: u64,
    /// Ranges beyond it that have come as well, the newest first.
    pub ranges: [Option<Range>; MAX_RANGES],
    /// The timestamp of the segment that caused it (RFC 7323 section 4.3).
    pub echo: Instant,
}

impl Ack {
    /// Its size on the wire: each range takes 8 bytes, the option 4 more.
    pub fn size(&self) -> DataSize {
        let ranges = self.ranges.iter().flatten().count() as u64;
        DataSize::from_bytes(HEADERS + ranges * 8 + if ranges > 0 { 4 } else { 0 })
    }
}

/// What a sender did so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpStats {
    /// The congestion window, in bytes of data.
    pub window: DataSize,
    /// Bytes of data that were acknowledged without a gap.
    pub delivered: u64,
    /// Segments sent, again ones counted.
    pub sent: u64,
    /// Segments sent again.
    pub retransmitted: u64,
    /// Times that the window was cut for losses that acknowledgements told of.
    pub recoveries: u64,
    /// Times that the timer fired.
    pub timeouts: u64,
    /// The smoothed round-trip time, zero before the first sample.
    pub round_trip: Duration,
}
