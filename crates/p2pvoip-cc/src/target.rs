//! What a controller asks of the sender of media and of the pacer.
//!
//! # Left out
//! - How the wire rate is split into payload and redundancy: the media decides that, by `loss` and `burst`.

use crate::Fixed;
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Ecn};

/// What the sender should do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Target {
    /// The rate on the wire, all headers included, that the media may use.
    pub wire: Bitrate,
    /// The least duration of sound a packet should carry; longer packets spend less on headers. Zero for a flow
    /// without sound.
    pub ptime: Duration,
    /// The share of packets that are lost, 0 to 1.
    pub loss: Fixed,
    /// The mean number of packets lost in a row, at least 1.
    pub burst: Fixed,
    /// The rate of the pacer.
    pub pacing: Bitrate,
    /// The most that should be in flight; past it only audio goes out, everything else waits.
    pub window: DataSize,
    /// Let a copy of the next packet follow right behind it: the distance at which the two arrive tells the rate of
    /// the path. The newest part of the wire rate is not proven while this is wanted: redundancy first, payload later.
    pub probe: bool,
    /// The mark with which packets should leave (RFC 9331 section 4.1 for ECT(1)).
    pub ecn: Ecn,
    /// Whether sending may go on at all.
    pub breaker: Breaker,
}

impl Target {
    /// A plain target: that rate for the media and, by `pacing`, for the pacer; no loss, no limit in flight, no mark.
    /// For controllers outside this crate, which then change what they have to say.
    pub const fn plain(wire: Bitrate, pacing: Bitrate) -> Self {
        Self {
            wire,
            ptime: Duration::ZERO,
            loss: Fixed::ZERO,
            burst: Fixed::ONE,
            pacing,
            window: DataSize::from_bytes(u64::MAX),
            probe: false,
            ecn: Ecn::NotEct,
            breaker: Breaker::Closed,
        }
    }
}

/// The circuit breaker of the flow (RFC 8083): the last resort when control did not help.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Breaker {
    /// Send.
    #[default]
    Closed,
    /// Send at the least rate: the flow takes more than ten times what TCP would under this loss (RFC 8083 section
    /// 4.3); if that goes on, the breaker opens.
    Reduced,
    /// Stop sending media on this path (RFC 8083 section 4.5). News of a packet that was delivered lets the flow go on,
    /// at the least rate, and a new path closes the breaker; after congestion such news counts from the first trial on.
    Open,
    /// It is open, but one packet, of the longest duration, may leave now, to learn whether the path delivers again; then it
    /// is `Open` until that is told, or the next may leave.
    Trial,
}

impl Breaker {
    /// Whether media has stopped: but for single trials nothing may be sent.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Trial)
    }
}
