//! The seam between a sender and its congestion controller: facts in, a [`Target`] out.
//!
//! Time passes by the calls: a sender that sends is one that calls, and one that does not send needs no control. So a
//! controller has no timer.

use crate::{Breaker, Feedback, Target};
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant};

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

/// Decides how fast one flow sends.
pub trait Controller {
    /// A packet left. A number that is not above all before it is ignored and counted.
    fn on_sent(&mut self, sent: Sent, now: Instant);

    /// Feedback arrived, already authenticated. What cannot be true is ignored and counted, never believed.
    fn on_feedback(&mut self, feedback: &Feedback, now: Instant);

    /// From now on media takes `path`, whose packets carry `overhead` bytes of IP, UDP and relay headers.
    fn on_path(&mut self, path: u8, overhead: DataSize, now: Instant);

    /// What the sender should do now.
    fn target(&self) -> Target;

    /// What was measured, for people and for the adaptation of other parts.
    fn stats(&self) -> Stats;
}

/// What the controller is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// Raising the rate while no queue stands.
    #[default]
    Growing,
    /// Sending less than is delivered, so that a standing queue drains.
    Draining,
    /// Holding a floor behind a queue that others fill.
    Competing,
    /// Feedback has stopped; the rate decays.
    Silent,
}

/// What a controller has measured; durations are `None` until there is a sample.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Smoothed round-trip time, without the time for which the feedback was held.
    pub rtt: Option<Duration>,
    /// The least round-trip time of the last 30 s.
    pub min_rtt: Option<Duration>,
    /// The queue that stands: the least one-way delay of the last 100 ms over the least of the last 30 s.
    pub queueing_delay: Option<Duration>,
    /// The share of packets lost, 0 to 1, smoothed.
    pub loss: f32,
    /// The mean number of packets lost in a row, at least 1.
    pub burst: f32,
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
