//! What a world counts and remembers: counters, the causes of loss, a bounded trace, and taps.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;

use p2pvoip_core::Instant;

use super::HostId;
use crate::link::Lost;
use crate::nat::Refused;

/// How many entries a trace holds unless told otherwise.
pub(super) const TRACE_LEN: usize = 256;

/// Why a datagram did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// A tap dropped it.
    Tap,
    /// A link dropped it.
    Link(Lost),
    /// A NAT refused it.
    Nat(Refused),
    /// Nobody has the address that it is for.
    NoRoute,
    /// The sender does not have the address that it claimed.
    NotOwnAddress,
    /// Nothing runs on the host that it is for.
    NoNode,
    /// More was under way than [`MOST_PLANNED`](super::MOST_PLANNED).
    Overload,
}

/// What a world counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Datagrams that nodes sent.
    pub sent: u64,
    /// Datagrams that nodes were given, duplicates included.
    pub delivered: u64,
    /// Datagrams that a link made of others.
    pub duplicated: u64,
    /// Messages that nodes sent on streams.
    pub messages_sent: u64,
    /// Messages that nodes were given.
    pub messages_delivered: u64,
    /// Messages that went down with their stream.
    pub messages_lost: u64,
    lost: BTreeMap<Cause, u64>,
}

impl Counters {
    /// How many datagrams were lost by this cause.
    pub fn lost(&self, cause: Cause) -> u64 {
        self.lost.get(&cause).copied().unwrap_or_default()
    }

    /// Every cause that there was, and how many datagrams it took.
    pub fn causes(&self) -> impl Iterator<Item = (Cause, u64)> + '_ {
        self.lost.iter().map(|(cause, count)| (*cause, *count))
    }

    /// How many datagrams were lost in all.
    pub fn lost_in_all(&self) -> u64 {
        self.lost.values().sum()
    }

    pub(super) fn lose(&mut self, cause: Cause) {
        *self.lost.entry(cause).or_default() += 1;
    }
}

/// What happened to a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// A node sent it.
    Sent,
    /// A node was given it.
    Delivered,
    /// It was lost.
    Lost(Cause),
}

/// One line of a trace. Its `Debug` shows the addresses: they are those of a world that does not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Traced {
    /// When.
    pub at: Instant,
    /// Which datagram: the first that was sent is number 1; a duplicate has the number of the first.
    pub number: u64,
    /// What happened to it.
    pub fate: Fate,
    /// Its source there and then.
    pub from: SocketAddr,
    /// Its destination there and then.
    pub to: SocketAddr,
    /// How many bytes it carries.
    pub len: usize,
}

impl fmt::Display for Traced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, number, fate, from, to, len } = self;
        write!(f, "{:>10} us #{number} {fate:?} {from} -> {to} {len} bytes", at.as_micros())
    }
}

/// The newest lines of what happened.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    lines: VecDeque<Traced>,
    limit: usize,
}

impl Trace {
    pub(super) fn new(limit: usize) -> Self {
        Self { lines: VecDeque::new(), limit }
    }

    pub(super) fn push(&mut self, line: Traced) {
        if self.limit == 0 {
            return;
        }
        if self.lines.len() >= self.limit {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Traced> + '_ {
        self.lines.iter()
    }
}

/// A datagram as a tap sees it, where its sender hands it to the network.
#[derive(Debug)]
pub struct Tapped<'a> {
    /// Which datagram: the first that was sent is number 1.
    pub number: u64,
    /// Who sent it.
    pub host: HostId,
    /// Its source, before any NAT.
    pub from: SocketAddr,
    /// Its destination, before any NAT.
    pub to: SocketAddr,
    /// What it carries; a tap may change it.
    pub bytes: &'a mut Vec<u8>,
    /// When.
    pub now: Instant,
}

/// What a tap wants done with a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tap {
    /// Let it go on.
    Pass,
    /// Drop it.
    Drop,
}
