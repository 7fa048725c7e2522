//! A bottleneck that runs by events: a server of a changing rate behind a queue discipline, shared by many flows.
//!
//! [`Link`](crate::Link) tells at once when a packet comes out, which suits a drop-tail queue alone. Here what leaves next,
//! and whether it leaves, is decided when the server is free: so active queue management, scheduling and marks by
//! the time a packet waited are as in a router. Push packets and pull them in order of time.
//!
//! # Left out
//! - Propagation delay, loss by chance and jitter: the owner adds them to `left`; see [`Jitter`](crate::Jitter).

mod codel;
mod config;
mod dual_pi2;
mod fq_codel;
mod pie;
mod policer;
mod queue;
mod server;
mod tail;

use std::collections::VecDeque;

use p2pvoip_core::{DataSize, Ecn, Instant, Seed};

pub use config::{BottleneckConfig, Discipline, DualPi2Config, FqCoDelConfig, Limit, PieConfig};
use queue::{Queue, View, Waiting};
use server::{Nanos, Server, instant, nanos};

/// Packets that a bottleneck holds at once: waiting, under transmission, out but not pulled, dropped but not pulled.
pub const MAX_HELD: usize = 65_536;

/// A packet that left a bottleneck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Out<P> {
    /// What was pushed.
    pub payload: P,
    /// Whose it is.
    pub flow: u32,
    /// Its size on the wire.
    pub size: DataSize,
    /// Its mark: [`Ecn::Ce`] when the queue marked it.
    pub ecn: Ecn,
    /// When it was pushed.
    pub entered: Instant,
    /// When its transmission began, rounded up to a microsecond.
    pub began: Instant,
    /// When its last bit was sent, rounded up to a microsecond.
    pub left: Instant,
}

/// What a bottleneck did so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BottleneckStats {
    /// Packets pushed.
    pub pushed: u64,
    /// Packets that left.
    pub left: u64,
    /// What those carry.
    pub left_size: DataSize,
    /// Packets that were refused when pushed.
    pub refused: u64,
    /// Packets that were dropped after they had been queued.
    pub dropped: u64,
    /// Packets that the queue marked as having met congestion.
    pub marked: u64,
}

/// The packet under transmission.
#[derive(Debug)]
struct Sending<P> {
    packet: Waiting<P>,
    began: Nanos,
    /// `None` when the rate stays zero for ever.
    until: Option<Nanos>,
}

/// Stage: a server of a changing rate behind a queue discipline.
///
/// ```
/// use std::time::Duration;
/// use p2pvoip_core::{Bitrate, DataSize, Ecn, Seed};
/// use p2pvoip_sim::{Bottleneck, BottleneckConfig, Discipline, Limit, START};
///
/// let config = BottleneckConfig {
///     rates: vec![(Duration::ZERO, Bitrate::from_kbps(80))],
///     queue: Discipline::DropTail { limit: Limit::Delay(Duration::from_millis(300)) },
/// };
/// let mut bottleneck = Bottleneck::new(config, &Seed::from_u64(1), START);
/// for name in ["first", "second"] {
///     bottleneck.push(7, DataSize::from_bytes(100), Ecn::NotEct, name, START).expect("there is room");
/// }
/// let at = bottleneck.next_at().expect("the first is under transmission");
/// assert_eq!(at, START + Duration::from_millis(10));
/// assert_eq!(bottleneck.pull(at).map(|out| out.payload), Some("first"));
/// assert_eq!(bottleneck.next_at(), Some(START + Duration::from_millis(20)));
/// ```
#[derive(Debug)]
pub struct Bottleneck<P> {
    server: Server,
    queue: Queue<P>,
    sending: Option<Sending<P>>,
    done: VecDeque<Out<P>>,
    dropped: VecDeque<P>,
    stats: BottleneckStats,
}

impl<P> Bottleneck<P> {
    /// An idle one that begins at `start`, from which its schedule of rates counts.
    pub fn new(config: BottleneckConfig, seed: &Seed, start: Instant) -> Self {
        Self {
            server: Server::new(config.rates, start),
            queue: Queue::new(config.queue, &seed.derive("bottleneck"), nanos(start)),
            sending: None,
            done: VecDeque::new(),
            dropped: VecDeque::new(),
            stats: BottleneckStats::default(),
        }
    }

    /// A packet of `size` on the wire enters at `now`, which never goes back.
    ///
    /// # Errors
    /// Gives the payload back when the packet is dropped at the entry: the queue is full, an early drop, out of tokens,
    /// or [`MAX_HELD`] packets are held.
    pub fn push(&mut self, flow: u32, size: DataSize, ecn: Ecn, payload: P, now: Instant) -> Result<(), P> {
        let now = nanos(now);
        self.advance(now);
        self.stats.pushed += 1;
        if self.held() >= MAX_HELD {
            self.stats.refused += 1;
            return Err(payload);
        }
        let sending = self.sending.as_ref().map_or(0, |sending| sending.packet.size);
        let view = View { now, sending, rate: self.server.nominal_rate(now) };
        let packet = Waiting {
            flow,
            size: size.as_bytes(),
            ecn,
            marked: false,
            was_first: false,
            entered: now,
            payload,
        };
        let dropped = &mut self.dropped;
        let before = dropped.len();
        let taken = self.queue.enqueue(packet, &view, &mut |packet| dropped.push_back(packet.payload));
        self.count_dropped(before);
        if let Err(packet) = taken {
            self.stats.refused += 1;
            return Err(packet.payload);
        }
        if self.sending.is_none() {
            self.begin(now);
        }
        Ok(())
    }

    /// When there is something to pull; `None` while it is idle, or stands still for ever.
    pub fn next_at(&self) -> Option<Instant> {
        match (self.done.front(), &self.sending) {
            (Some(out), _) => Some(out.left),
            (None, Some(sending)) => sending.until.map(instant),
            (None, None) => None,
        }
    }

    /// The next packet whose last bit was sent at or before `now`.
    pub fn pull(&mut self, now: Instant) -> Option<Out<P>> {
        self.advance(nanos(now));
        if self.done.front()?.left > now { None } else { self.done.pop_front() }
    }

    /// The next packet that was dropped after it had been queued, in the order of dropping.
    pub fn pull_dropped(&mut self) -> Option<P> {
        self.dropped.pop_front()
    }

    /// Bytes that are held and not yet out, the packet under transmission included as a whole.
    pub fn backlog(&self) -> DataSize {
        let sending = self.sending.as_ref().map_or(0, |sending| sending.packet.size);
        DataSize::from_bytes(self.queue.size() + sending)
    }

    /// What it did so far.
    pub fn stats(&self) -> &BottleneckStats {
        &self.stats
    }

    fn held(&self) -> usize {
        self.queue.len() + usize::from(self.sending.is_some()) + self.done.len() + self.dropped.len()
    }

    /// Sends what is sent by `now`, each packet from the moment the one before it is out.
    fn advance(&mut self, now: Nanos) {
        while let Some(until) = self.sending.as_ref().and_then(|sending| sending.until)
            && until <= now
        {
            if let Some(sending) = self.sending.take() {
                self.finish(sending, until);
            }
            self.begin(until);
        }
    }

    fn finish(&mut self, Sending { packet, began, .. }: Sending<P>, until: Nanos) {
        let size = DataSize::from_bytes(packet.size);
        self.stats.left += 1;
        self.stats.left_size += size;
        self.stats.marked += u64::from(packet.marked);
        self.done.push_back(Out {
            payload: packet.payload,
            flow: packet.flow,
            size,
            ecn: packet.ecn,
            entered: instant(packet.entered),
            began: instant(began),
            left: instant(until),
        });
    }

    fn begin(&mut self, at: Nanos) {
        let dropped = &mut self.dropped;
        let before = dropped.len();
        let next = self.queue.dequeue(at, &mut |packet| dropped.push_back(packet.payload));
        self.count_dropped(before);
        if let Some(packet) = next {
            let until = self.server.finish(at, packet.size);
            self.sending = Some(Sending { packet, began: at, until });
        }
    }

    fn count_dropped(&mut self, before: usize) {
        self.stats.dropped += (self.dropped.len() - before) as u64;
    }
}
