//! What a controller asks of the sender of media and of the pacer.
//!
//! # Left out
//! - How the wire rate is split into payload and redundancy: the media decides that, by `loss` and `burst`.

use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize};

/// What the sender should do now.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Target {
    /// The rate on the wire, all headers included, that the media may use.
    pub wire: Bitrate,
    /// The least duration of sound a packet should carry; longer packets spend less on headers.
    pub ptime: Duration,
    /// The share of packets that are lost, 0 to 1.
    pub loss: f32,
    /// The mean number of packets lost in a row, at least 1.
    pub burst: f32,
    /// The rate of the pacer, above the wire rate so that audio never waits behind its own average.
    pub pacing: Bitrate,
    /// The most that should be in flight; past it only audio goes out, repair and probes wait.
    pub window: DataSize,
    /// The newest part of the wire rate is not proven yet: spend it on redundancy first, and on payload later.
    pub probe: bool,
    /// Whether sending may go on at all.
    pub breaker: Breaker,
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
    /// Stop sending media on this path (RFC 8083 section 4.5); a new path closes the breaker.
    Open,
}
