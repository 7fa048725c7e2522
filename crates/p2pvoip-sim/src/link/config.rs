//! What a link is like.

use p2pvoip_core::{Bitrate, DataSize};
use std::time::Duration;

use super::Loss;

/// What one direction of a link is like. The default is a perfect one: no delay, no loss, no limit of rate.
///
/// ```
/// use std::time::Duration;
/// use p2pvoip_core::Bitrate;
/// use p2pvoip_sim::{LinkConfig, Loss};
///
/// let dsl = LinkConfig {
///     delay: Duration::from_millis(15),
///     rate: Some(Bitrate::from_kbps(1_000)),
///     loss: Loss::Independent(0.01),
///     ..LinkConfig::default()
/// };
/// assert_eq!(dsl.mtu.as_bytes(), 1_500);
/// ```
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Propagation delay.
    pub delay: Duration,
    /// Each packet is late by a time between zero and this, each equally likely.
    pub jitter: Duration,
    /// Whether jitter lets a packet overtake another.
    pub reorders: bool,
    /// How packets are lost by chance.
    pub loss: Loss,
    /// The probability that a delivered packet comes out twice.
    pub duplication: f64,
    /// The rate of the bottleneck at the start; `None` is no bottleneck.
    pub rate: Option<Bitrate>,
    /// Changes of the rate: from this long after the start, this rate. In order of time.
    pub rates: Vec<(Duration, Option<Bitrate>)>,
    /// What waits for the bottleneck.
    pub queue: Queue,
    /// A packet that waited for longer is marked as having met congestion, if its sender takes part (RFC 3168).
    pub mark_above: Option<Duration>,
    /// The longest packet, IP and UDP headers included; longer ones vanish, as with the don't-fragment bit.
    pub mtu: DataSize,
    /// The link is down from the first moment, until before the second, both counted from the start.
    pub outages: Vec<(Duration, Duration)>,
}

impl LinkConfig {
    /// A perfect link but for its delay.
    #[must_use]
    pub fn delay(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    pub(super) fn is_out(&self, since_start: Duration) -> bool {
        self.outages.iter().any(|&(from, until)| from <= since_start && since_start < until)
    }
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            reorders: false,
            loss: Loss::None,
            duplication: 0.0,
            rate: None,
            rates: Vec::new(),
            queue: Queue::Delay(Duration::from_millis(200)),
            mark_above: None,
            mtu: DataSize::from_bytes(1_500),
            outages: Vec::new(),
        }
    }
}

/// The limit of a drop-tail queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// A packet that would wait for longer than this is dropped.
    Delay(Duration),
    /// A packet is dropped when it and those before it, the one under transmission included, are more than this.
    Size(DataSize),
}
