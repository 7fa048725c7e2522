//! What the controller for voice must know of its media, and the rates that follow from it.
//!
//! # Left out
//! - The codec's ladder: the media takes the largest rung that fits the wire rate.

use crate::memory::Memory;
use core::fmt;
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize};

/// The packet durations that voice uses, the shortest first (RFC 6716 section 2.1.4). The longest is for the narrowest
/// links alone: a lost packet of 120 ms is a lost syllable.
pub(crate) const PTIMES: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(60),
    Duration::from_millis(120),
];

/// The media behind an [`AudioController`](crate::AudioController).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AudioConfig {
    /// The least rate of the codec.
    pub least_payload: Bitrate,
    /// The rate of the codec at which a call starts.
    pub start_payload: Bitrate,
    /// The greatest rate of the codec.
    pub most_payload: Bitrate,
    /// Bytes of a packet that are neither codec payload nor the path's overhead (given by
    /// [`on_path`](crate::Controller::on_path)): media headers, seal, room for feedback.
    pub header: DataSize,
    /// The path's overhead until `on_path` tells it.
    pub overhead: DataSize,
    /// What the last flow on this path has learnt ([`AudioController::memory`](crate::AudioController::memory)): the flow
    /// starts there, and not at `start_payload`.
    pub memory: Option<Memory>,
}

impl Default for AudioConfig {
    /// Opus from 6 to 64 kbit/s, starting at 32; 44 bytes of a 1.1 packet (seal 19, feedback chunk 20, audio chunk 5);
    /// IPv4 and UDP.
    fn default() -> Self {
        Self {
            least_payload: Bitrate::from_kbps(6),
            start_payload: Bitrate::from_kbps(32),
            most_payload: Bitrate::from_kbps(64),
            header: DataSize::from_bytes(44),
            overhead: DataSize::from_bytes(28),
            memory: None,
        }
    }
}

/// The fastest flow, so that rates times microseconds fit into 64 bits.
pub(crate) const FASTEST: Bitrate = Bitrate::from_kbps(10_000_000);

/// A configuration that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The rates are not in order.
    Unordered,
    /// A rate is zero.
    Zero,
    /// A packet's headers are longer than a datagram.
    Header,
    /// A rate is above what the arithmetic holds.
    Fast,
    /// A weight is out of its range.
    Weight,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unordered => "give rates in order: least, start, most",
            Self::Zero => "give a least rate above zero",
            Self::Header => "give a header and an overhead of less than 65,536 bytes together",
            Self::Fast => "give a greatest rate of at most 10 Gbit/s",
            Self::Weight => "give a weight from 1 to 64; 8 is usual",
        })
    }
}

impl core::error::Error for ConfigError {}

impl AudioConfig {
    pub(crate) fn validate(self) -> Result<Self, ConfigError> {
        if self.least_payload == Bitrate::default() {
            return Err(ConfigError::Zero);
        }
        if self.least_payload > self.start_payload || self.start_payload > self.most_payload {
            return Err(ConfigError::Unordered);
        }
        if (self.header + self.overhead).as_bytes() > u64::from(u16::MAX) {
            return Err(ConfigError::Header);
        }
        if self.most_payload > FASTEST {
            return Err(ConfigError::Fast);
        }
        Ok(self)
    }

    /// The wire rate of a payload rate in packets of `ptime`.
    pub(crate) fn wire(&self, payload: Bitrate, ptime: Duration) -> Bitrate {
        payload + (self.header + self.overhead) / ptime
    }

    /// The least wire rate: the least payload in the longest packets.
    pub(crate) fn least(&self) -> Bitrate {
        let [.., longest] = PTIMES;
        self.wire(self.least_payload, longest)
    }

    /// The wire rate at which a flow starts on an unknown path.
    pub(crate) fn start(&self) -> Bitrate {
        let [shortest, ..] = PTIMES;
        self.wire(self.start_payload, shortest)
    }

    /// The greatest wire rate: the greatest payload in the shortest packets.
    pub(crate) fn most(&self) -> Bitrate {
        let [shortest, ..] = PTIMES;
        self.wire(self.most_payload, shortest)
    }
}
