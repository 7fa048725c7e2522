//! What all disciplines share: a packet that waits, the line it waits in, and the choice among disciplines.

use std::collections::VecDeque;

use p2pvoip_core::{Ecn, Seed};

use super::dual_pi2::DualPi2;
use super::fq_codel::FqCoDel;
use super::pie::Pie;
use super::policer::Policer;
use super::server::{Nanos, length};
use super::tail::Tail;
use super::{Discipline, Limit};

/// A packet that waits for the server.
#[derive(Debug)]
pub(super) struct Waiting<P> {
    pub(super) flow: u32,
    /// Bytes on the wire.
    pub(super) size: u64,
    pub(super) ecn: Ecn,
    /// Whether this queue has marked it.
    pub(super) marked: bool,
    /// Whether no other waited in its line when it joined.
    pub(super) was_first: bool,
    pub(super) entered: Nanos,
    pub(super) payload: P,
}

impl<P> Waiting<P> {
    /// How long it has waited.
    pub(super) fn sojourn(&self, now: Nanos) -> Nanos {
        now.saturating_sub(self.entered)
    }

    /// Marks it when its transport takes part in ECN; tells whether it does (RFC 3168 section 5).
    pub(super) fn mark(&mut self) -> bool {
        match self.ecn {
            Ecn::NotEct => return false,
            Ecn::Ect0 | Ecn::Ect1 => {
                self.ecn = Ecn::Ce;
                self.marked = true;
            }
            Ecn::Ce => {}
        }
        true
    }
}

/// What a queue sees of the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) now: Nanos,
    /// Bytes of the packet under transmission.
    pub(super) sending: u64,
    /// Bits a second, the last that were not zero; `None` where sending takes no time.
    pub(super) rate: Option<u64>,
}

impl Limit {
    /// Whether a packet of `size` may join `queued` bytes that wait.
    pub(super) fn admits(self, size: u64, queued: u64, view: &View) -> bool {
        let held = queued + view.sending;
        let most = match (self, view.rate) {
            (Self::Size(most), _) => most.as_bytes(),
            (Self::Delay(_), None) => u64::MAX,
            (Self::Delay(delay), Some(rate)) => {
                let bytes = u128::from(rate) * u128::from(length(delay)) / 8_000_000_000;
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
        };
        held == 0 || held.saturating_add(size) <= most
    }
}

/// Packets in a line, and how many bytes they are.
#[derive(Debug)]
pub(super) struct Line<P> {
    packets: VecDeque<Waiting<P>>,
    size: u64,
}

impl<P> Line<P> {
    pub(super) fn new() -> Self {
        Self { packets: VecDeque::new(), size: 0 }
    }

    pub(super) fn push(&mut self, mut packet: Waiting<P>) {
        packet.was_first = self.packets.is_empty();
        self.size += packet.size;
        self.packets.push_back(packet);
    }

    pub(super) fn pop(&mut self) -> Option<Waiting<P>> {
        let packet = self.packets.pop_front()?;
        self.size -= packet.size;
        Some(packet)
    }

    /// How long the first has waited; zero when there is none.
    pub(super) fn delay(&self, now: Nanos) -> Nanos {
        self.packets.front().map_or(0, |packet| packet.sojourn(now))
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }
}

/// Where packets go that are dropped after they have been queued.
pub(super) type Drops<'a, P> = &'a mut dyn FnMut(Waiting<P>);

/// The discipline while it runs.
#[derive(Debug)]
pub(super) enum Queue<P> {
    Tail(Tail<P>),
    FqCoDel(Box<FqCoDel<P>>),
    Pie(Box<Pie<P>>),
    DualPi2(Box<DualPi2<P>>),
    Policer(Policer<P>),
}

impl<P> Queue<P> {
    pub(super) fn new(discipline: Discipline, seed: &Seed, start: Nanos) -> Self {
        match discipline {
            Discipline::DropTail { limit } => Self::Tail(Tail::new(limit, None)),
            Discipline::Step { mark_above, limit } => Self::Tail(Tail::new(limit, Some(length(mark_above)))),
            Discipline::FqCoDel(config) => Self::FqCoDel(Box::new(FqCoDel::new(&config, seed))),
            Discipline::Pie(config) => Self::Pie(Box::new(Pie::new(&config, seed, start))),
            Discipline::DualPi2(config) => Self::DualPi2(Box::new(DualPi2::new(&config, start))),
            Discipline::Policer { rate, burst } => Self::Policer(Policer::new(rate, burst, start)),
        }
    }

    /// Takes the packet, or gives it back when it is dropped at the entry.
    pub(super) fn enqueue(
        &mut self,
        packet: Waiting<P>,
        view: &View,
        drops: Drops<'_, P>,
    ) -> Result<(), Waiting<P>> {
        match self {
            Self::Tail(queue) => queue.enqueue(packet, view),
            Self::FqCoDel(queue) => {
                queue.enqueue(packet, drops);
                Ok(())
            }
            Self::Pie(queue) => queue.enqueue(packet, view),
            Self::DualPi2(queue) => queue.enqueue(packet, view),
            Self::Policer(queue) => queue.enqueue(packet, view.now),
        }
    }

    /// The packet that is sent next, now that the server is free.
    pub(super) fn dequeue(&mut self, now: Nanos, drops: Drops<'_, P>) -> Option<Waiting<P>> {
        match self {
            Self::Tail(queue) => queue.dequeue(now),
            Self::FqCoDel(queue) => queue.dequeue(now, drops),
            Self::Pie(queue) => queue.dequeue(now),
            Self::DualPi2(queue) => queue.dequeue(now, drops),
            Self::Policer(queue) => queue.dequeue(),
        }
    }

    /// Bytes that wait.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Tail(queue) => queue.size(),
            Self::FqCoDel(queue) => queue.size(),
            Self::Pie(queue) => queue.size(),
            Self::DualPi2(queue) => queue.size(),
            Self::Policer(queue) => queue.size(),
        }
    }

    /// Packets that wait.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Tail(queue) => queue.len(),
            Self::FqCoDel(queue) => queue.len(),
            Self::Pie(queue) => queue.len(),
            Self::DualPi2(queue) => queue.len(),
            Self::Policer(queue) => queue.len(),
        }
    }
}
