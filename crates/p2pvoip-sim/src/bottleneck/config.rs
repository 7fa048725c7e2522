//! What a bottleneck is like: its rates, and the discipline of its queue.

use p2pvoip_core::{Bitrate, DataSize};
use std::time::Duration;

/// What a bottleneck is like.
#[derive(Clone, PartialEq, Debug)]
pub struct BottleneckConfig {
    /// From this long after the start, this rate; in order of time. Zero sends nothing, and holds before the first
    /// entry. A rate that changes in the middle of a packet changes the rest of it. Empty: sending takes no time.
    pub rates: Vec<(Duration, Bitrate)>,
    /// What waits, and what is dropped or marked.
    pub queue: Discipline,
}

/// How much waits for the server at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// What the rate of the moment sends in this time (RFC 8867 section 4.2); while the rate is zero, the one before it.
    Delay(Duration),
    /// So many bytes.
    Size(DataSize),
}

/// Which packet is sent next, and which are dropped or marked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Discipline {
    /// First in, first out. A packet is dropped when it and those before it, the one under transmission included, are
    /// more than the limit; an idle server takes any packet.
    DropTail {
        /// The most that waits.
        limit: Limit,
    },
    /// As drop-tail, and packets of transports that take part in ECN are marked when they waited for longer than this.
    Step {
        /// The longest wait without a mark.
        mark_above: Duration,
        /// The most that waits.
        limit: Limit,
    },
    /// A queue with CoDel for each flow, served by turns, sparse flows first (RFC 8290, RFC 8289).
    FqCoDel(FqCoDelConfig),
    /// Drops by chance that a controller of the delay sets (RFC 8033).
    Pie(PieConfig),
    /// A queue of low latency for L4S coupled with one for classic traffic (RFC 9332).
    DualPi2(DualPi2Config),
    /// A token bucket: what does not conform is dropped, what does goes on to the server, in order.
    Policer {
        /// How fast tokens come.
        rate: Bitrate,
        /// How many there are at most, and at the start.
        burst: DataSize,
    },
}

/// FQ-CoDel (RFC 8290 section 5.2). The default has its values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FqCoDelConfig {
    /// The standing delay that is let be.
    pub target: Duration,
    /// How long it may be exceeded; about the round-trip times that are usual.
    pub interval: Duration,
    /// What a flow sends in one turn.
    pub quantum: DataSize,
    /// Whether transports that take part are marked in place of being dropped.
    pub ecn: bool,
    /// Packets that wait at most, of all flows.
    pub limit: usize,
}

impl Default for FqCoDelConfig {
    fn default() -> Self {
        Self {
            target: Duration::from_millis(5),
            interval: Duration::from_millis(100),
            quantum: DataSize::from_bytes(1_514),
            ecn: false,
            limit: 10_240,
        }
    }
}

/// PIE (RFC 8033 section 4). The default has its values, and a queue of 1 MB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PieConfig {
    /// The delay that it steers to.
    pub target: Duration,
    /// A burst that is let pass after a quiet time.
    pub max_burst: Duration,
    /// Whether transports that take part are marked in place of being dropped, while the probability is below 10 %.
    pub ecn: bool,
    /// The most that waits.
    pub limit: Limit,
}

impl Default for PieConfig {
    fn default() -> Self {
        Self {
            target: Duration::from_millis(15),
            max_burst: Duration::from_millis(150),
            ecn: false,
            limit: Limit::Size(DataSize::from_bytes(1_000_000)),
        }
    }
}

/// DualPI2 (RFC 9332 appendix A). The default has its values, and a step at 1 ms for L4S.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DualPi2Config {
    /// The delay that classic traffic is steered to.
    pub target: Duration,
    /// L4S packets that waited for longer are marked.
    pub step: Duration,
    /// The most that waits in both queues.
    pub limit: Limit,
}

impl Default for DualPi2Config {
    fn default() -> Self {
        Self {
            target: Duration::from_millis(15),
            step: Duration::from_millis(1),
            limit: Limit::Delay(Duration::from_millis(250)),
        }
    }
}
