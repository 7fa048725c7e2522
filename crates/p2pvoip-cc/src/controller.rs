//! The seam between a sender and its congestion controller: facts in, a [`Target`] out.

use crate::{Breaker, Fixed, Report, Target};
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant, Wake};

/// A packet that left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Its number: rising by one for each packet of this direction.
    pub number: u64,
    /// Its size on the wire, IP and UDP headers included.
    pub size: DataSize,
    /// The sender's name of the path it took.
    pub path: u8,
}

/// The path that media takes from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path {
    /// The sender's name of it.
    pub id: u8,
    /// Bytes of IP, UDP and relay headers that every packet carries.
    pub overhead: DataSize,
}

impl Path {
    /// A path of plain IPv4 and UDP.
    pub const fn ipv4(id: u8) -> Self {
        Self { id, overhead: DataSize::from_bytes(28) }
    }
}

/// Decides how fast one flow sends: facts in, one answer out.
pub trait Controller {
    /// A packet left. A number that is not above all before it is ignored and counted.
    fn on_sent(&mut self, sent: Sent, now: Instant);

    /// A report arrived, already authenticated. What cannot be true is ignored and counted, never believed.
    fn on_feedback(&mut self, report: &Report, now: Instant);

    /// From now on media takes `path`; the same path again only changes its limits.
    fn on_path(&mut self, path: Path, now: Instant);

    /// Time has passed: call it at [`next_at`](Self::next_at), or whenever it suits.
    fn on_time(&mut self, now: Instant);

    /// When the target changes by itself, if it will.
    fn next_at(&self) -> Option<Wake>;

    /// What the sender should do now.
    fn target(&self) -> Target;
}

/// What the controller is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// Raising the rate while no queue stands.
    #[default]
    Growing,
    /// Sending less than is delivered, so that a standing queue drains.
    Draining,
    /// Sharing a queue that others fill: the rate follows losses as that of TCP does.
    Competing,
    /// Feedback has stopped; the rate decays.
    Silent,
}

/// What a controller has measured; durations are `None` until there is a sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Smoothed round-trip time, without the time for which the feedback was held.
    pub rtt: Option<Duration>,
    /// The least round-trip time of the last 20 s.
    pub min_rtt: Option<Duration>,
    /// The queue that stands: the least one-way delay of the last 60 ms and five samples over the least of the last 20 s.
    pub queueing_delay: Option<Duration>,
    /// The share of packets lost, 0 to 1, smoothed.
    pub loss: Fixed,
    /// The mean number of packets lost in a row, at least 1.
    pub burst: Fixed,
    /// Bytes sent and neither reported nor given up.
    pub in_flight: DataSize,
    /// The rate at which bytes arrive at the other end.
    pub delivered: Option<Bitrate>,
    /// The rate at which bytes left.
    pub sent_rate: Option<Bitrate>,
    /// Packets reported as received.
    pub acked: u64,
    /// Packets found lost; one that arrives later is taken off again.
    pub lost: u64,
    /// Packets whose fate no feedback told.
    pub unreported: u64,
    /// Packets that the network marked as having met congestion.
    pub marked: u64,
    /// Feedback that cannot be true: it names packets never sent, or times before they were.
    pub refused: u64,
    /// Feedback about packets too old to be remembered, or overtaken by newer feedback.
    pub stale: u64,
    /// Calls of `on_sent` with a number that was not above all before it.
    pub misnumbered: u64,
    /// What the controller is doing.
    pub phase: Phase,
    /// The circuit breaker.
    pub breaker: Breaker,
}
