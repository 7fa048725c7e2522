//! The snapshot of a call: what was sent, received, repaired and refused, and over which path.
//!
//! Names are those of W3C "Identifiers for WebRTC's Statistics API" (getStats) where it has one; fields
//! say so, and name the metric of RFC 3611 that they stand for. Counters count from the call's first packet and never go back.

use core::time::Duration;
use p2pvoip_core::Bitrate;

use crate::bursts::Bursts;
use crate::quality::Quality;

/// One call at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct CallStats {
    /// How long the two have been connected.
    pub duration: Duration,
    /// What this side sends.
    pub outbound: OutboundStats,
    /// What this side receives and plays.
    pub inbound: InboundStats,
    /// The path that is used now.
    pub path: PathStats,
    /// Packets that were dropped unread, by cause.
    pub refused: RefusedStats,
    /// How good what this side hears probably is; none before enough was played.
    pub quality: Option<Quality>,
}

/// What this side sends.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct OutboundStats {
    /// Packets sent (getStats `packetsSent`).
    pub packets_sent: u64,
    /// Bytes of those packets on the wire, IP and UDP headers included (getStats `bytesSent` and `headerBytesSent`).
    pub bytes_sent: u64,
    /// Packets that carried a copy of an earlier frame.
    pub copies_sent: u64,
    /// Frames dropped before they were sent, since they were stale.
    pub frames_dropped: u64,
    /// Packets that the peer's feedback says were lost (getStats remote-inbound `packetsLost`).
    pub packets_lost: u64,
    /// The share of packets lost lately, 0 to 1, from the peer's feedback (getStats `fractionLost`).
    pub fraction_lost: f32,
    /// Packets that left with a mark that says that this side takes part in ECN (getStats `packetsSentWithEct1` counts those of
    /// one of the two).
    pub packets_sent_with_ect: u64,
    /// Of those, the ones that a router marked as having met congestion, from the peer's feedback (the peer's getStats
    /// `packetsReceivedWithCe`).
    pub packets_marked: u64,
    /// What the congestion controller allows on the wire (getStats `targetBitrate`).
    pub target_bitrate: Bitrate,
    /// What the congestion controller is doing.
    pub congestion: Congestion,
    /// What is sent on the wire now.
    pub bitrate: Bitrate,
    /// How much sound one packet holds (RFC 8866 section 6.4 `ptime`); longer where the rate is low.
    pub ptime: Duration,
    /// How far the encoder looks ahead: what it adds to the delay beside the packet time.
    pub codec_delay: Duration,
}

/// What the congestion controller is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[non_exhaustive]
pub enum Congestion {
    /// Raising the rate, or holding it at its most, while no queue stands.
    #[default]
    Growing,
    /// Sending less than gets through, so that a queue drains.
    Draining,
    /// Holding a floor behind a queue that others fill.
    Competing,
    /// Nothing is heard from the other side; the rate falls.
    Silent,
}

impl Congestion {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Growing, Self::Draining, Self::Competing, Self::Silent];

    /// A stable word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Growing => "growing",
            Self::Draining => "draining",
            Self::Competing => "competing",
            Self::Silent => "silent",
        }
    }
}

/// What this side receives and plays.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct InboundStats {
    /// Packets received and read (getStats `packetsReceived`).
    pub packets_received: u64,
    /// Bytes of those packets on the wire, IP and UDP headers included (getStats `bytesReceived` and
    /// `headerBytesReceived`).
    pub bytes_received: u64,
    /// Frames that did not come in their own packet: lost before repair (getStats `packetsLost`; RFC 3611 section 4.7.1
    /// loss rate).
    pub packets_lost: u64,
    /// Of those, brought back from a copy or from in-band correction (getStats `fecPacketsReceived` counts the
    /// packets, this the frames; RFC 5725 post-repair loss is `packets_lost - packets_recovered`).
    pub packets_recovered: u64,
    /// Packets that came too late to be played (getStats `packetsDiscarded`; RFC 3611 section 4.7.1 discard rate).
    pub packets_discarded: u64,
    /// Packets that came twice (RFC 3611 section 4.6 `dup_packets`).
    pub packets_duplicated: u64,
    /// Samples handed to the speaker, at 48 kHz (getStats `totalSamplesReceived`).
    pub total_samples: u64,
    /// Of those, made up since nothing was there to play (getStats `concealedSamples`).
    pub concealed_samples: u64,
    /// Times that sound had to be made up right after sound that had not (getStats `concealmentEvents`).
    pub concealment_events: u64,
    /// Samples put into the sound to let the playout delay grow (getStats `insertedSamplesForDeceleration`).
    pub inserted_samples: u64,
    /// Samples taken out of the sound to let the playout delay shrink (getStats `removedSamplesForAcceleration`).
    pub removed_samples: u64,
    /// Frames that were heard: decoded, or rebuilt from their successor.
    pub frames_played: u64,
    /// Frames that were not: no packet, copy or correction of them was there in time.
    pub frames_missed: u64,
    /// Of the frames heard, those decoded from their own packet or from a copy of it.
    pub frames_decoded: u64,
    /// Bytes of codec payload in those.
    pub payload_bytes: u64,
    /// Sound in those.
    pub decoded_time: Duration,
    /// How losses after repair cluster (RFC 3611 section 4.7.2).
    pub bursts: Bursts,
    /// Deviation of arrival times, smoothed (RFC 3550 section 6.4.1; getStats `jitter`).
    pub jitter: Duration,
    /// From arrival to the speaker, now (getStats `jitterBufferDelay` / `jitterBufferEmittedCount`).
    pub playout_delay: Duration,
    /// Where the jitter buffer steers it to (getStats `jitterBufferTargetDelay` / `jitterBufferEmittedCount`).
    pub target_playout_delay: Duration,
    /// The most that it would steer it to (RFC 3611 section 4.7.7 JB abs max).
    pub max_playout_delay: Duration,
    /// What is received on the wire now.
    pub bitrate: Bitrate,
}

/// How the packets of the path get through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum PathKind {
    /// From device to device.
    Direct,
    /// Through a relay.
    Relayed,
}

impl PathKind {
    /// A stable word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relayed => "relayed",
        }
    }
}

/// The path that is used now.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct PathStats {
    /// Which kind; none while there is no path.
    pub kind: Option<PathKind>,
    /// The last round-trip time (getStats `currentRoundTripTime`; RFC 3611 section 4.7.3 round trip delay).
    pub round_trip_time: Option<Duration>,
    /// The least round-trip time so far.
    pub min_round_trip_time: Option<Duration>,
    /// The queue that this side's packets meet in the network.
    pub queueing_delay: Option<Duration>,
    /// How often the path changed (getStats `selectedCandidatePairChanges`).
    pub changes: u32,
}

/// Packets that were dropped unread, by cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RefusedStats {
    /// They were not what the format says.
    pub malformed: u64,
    /// They came over the path that is used, but were not sealed by the peer.
    pub unauthenticated: u64,
    /// They came before, or are too old to tell.
    pub replayed: u64,
    /// They came from another address than the path's, and were not sealed by the peer.
    pub unknown_source: u64,
    /// They were dropped by a limit.
    pub limited: u64,
}

impl RefusedStats {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.malformed
            .saturating_add(self.unauthenticated)
            .saturating_add(self.replayed)
            .saturating_add(self.unknown_source)
            .saturating_add(self.limited)
    }
}

impl InboundStats {
    /// Frames that were lost and not brought back.
    pub const fn packets_unrepaired(&self) -> u64 {
        self.packets_lost.saturating_sub(self.packets_recovered)
    }
}
