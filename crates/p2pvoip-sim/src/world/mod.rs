//! The world: hosts, links, NATs and streams in virtual time, the same for the same seed.
//!
//! # Timers
//! One for each host, at the moment for which its node waits.
//!
//! # Left out
//! - ICMP, fragments, routing protocols, multicast; a datagram has one way or none.
//! - Ports of hosts: a node has all of them.

mod agenda;
mod buffers;
mod build;
mod node;
mod record;
mod route;
mod stream;
mod time;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use p2pvoip_core::{Instant, Seed};

use crate::link::Link;
use crate::nat::Nat;
pub(crate) use agenda::Agenda;
use buffers::Buffers;
pub use build::Access;
pub use node::{Action, Datagram, Node, StreamEvent};
pub use record::{Cause, Counters, Fate, Tap, Tapped, Traced};
use record::{TRACE_LEN, Trace};
use route::{Holder, Packet, Place};
use stream::Stream;
pub use stream::StreamId;

/// The most bytes of a datagram or a message.
pub const MAX_BYTES: usize = 65_536;
/// The most happenings that a world plans; datagrams beyond are lost.
pub const MOST_PLANNED: usize = 1 << 20;
/// The most timeouts at one moment before a node is said to spin.
const MOST_TIMEOUTS: u32 = 1_000;
/// How long a stream that a node opens takes for each message, unless told otherwise.
const STREAM_DELAY: Duration = Duration::from_millis(25);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(usize);
    )*};
}
ids! {
    /// A host of a world.
    HostId,
    /// A NAT of a world.
    NatId,
    /// A direction of a link of a world.
    LinkId,
    /// A space of addresses of a world: the public one, or what is behind a NAT.
    RealmId
}

/// The realm in which addresses are public.
pub const PUBLIC: RealmId = RealmId(0);

/// What is planned to happen.
#[derive(Debug)]
enum Happening {
    Packet { packet: Packet, place: Place },
    Stream { stream: StreamId },
    Wake { host: HostId },
}

#[derive(Debug)]
struct Interface {
    realm: RealmId,
    address: IpAddr,
    access: Access,
}

#[derive(Debug)]
struct Host<N> {
    node: Option<N>,
    interfaces: Vec<Interface>,
    accepts_streams: bool,
    /// For when its node waits.
    wake: Option<Instant>,
    /// The earliest wake in the agenda, which may be earlier than the node's.
    planned: Option<Instant>,
    /// When it was woken last, and how often at that moment.
    woken: (Instant, u32),
}

#[derive(Debug)]
struct Gateway {
    nat: Nat,
    inner: RealmId,
    outer: RealmId,
    access: Access,
}

/// A hook that sees every datagram.
type TapHook = Box<dyn FnMut(&mut Tapped<'_>) -> Tap>;

/// Hosts that run nodes of type `N`, joined by links and NATs, in virtual time.
pub struct World<N> {
    now: Instant,
    seed: Seed,
    agenda: Agenda<Happening>,
    hosts: Vec<Host<N>>,
    links: Vec<Link>,
    nats: Vec<Gateway>,
    /// The NAT of each realm.
    realms: Vec<Option<NatId>>,
    holders: BTreeMap<(RealmId, IpAddr), Holder>,
    streams: Vec<Stream>,
    stream_delay: Duration,
    counters: Counters,
    trace: Trace,
    taps: Vec<TapHook>,
    buffers: Buffers,
}

impl<N> std::fmt::Debug for World<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("World");
        shown.field("now", &self.now).field("hosts", &self.hosts.len()).field("nats", &self.nats.len());
        shown.field("planned", &self.agenda.len()).field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl<N: Node> World<N> {
    /// An empty world at [`START`](crate::START).
    pub fn new(seed: &Seed) -> Self {
        Self {
            now: crate::START,
            seed: seed.derive("world"),
            agenda: Agenda::new(),
            hosts: Vec::new(),
            links: Vec::new(),
            nats: Vec::new(),
            realms: vec![None],
            holders: BTreeMap::new(),
            streams: Vec::new(),
            stream_delay: STREAM_DELAY,
            counters: Counters::default(),
            trace: Trace::new(TRACE_LEN),
            taps: Vec::new(),
            buffers: Buffers::new(),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What it counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The newest of what happened to datagrams, the oldest first.
    pub fn trace(&self) -> impl Iterator<Item = &Traced> + '_ {
        self.trace.lines()
    }

    /// Keeps that many lines of trace from now on, none for zero; what was kept is forgotten.
    pub fn set_trace_len(&mut self, lines: usize) {
        self.trace = Trace::new(lines);
    }

    /// Adds a hook that sees every datagram where its sender hands it to the network, after those added before.
    pub fn tap(&mut self, tap: impl FnMut(&mut Tapped<'_>) -> Tap + 'static) {
        self.taps.push(Box::new(tap));
    }

    /// The node of a host.
    pub fn node(&self, host: HostId) -> Option<&N> {
        self.hosts.get(host.0)?.node.as_ref()
    }

    /// A link, to ask.
    pub fn link(&self, link: LinkId) -> Option<&Link> {
        self.links.get(link.0)
    }

    /// A link, to change.
    pub fn link_mut(&mut self, link: LinkId) -> Option<&mut Link> {
        self.links.get_mut(link.0)
    }

    /// A NAT, to ask.
    pub fn nat(&self, nat: NatId) -> Option<&Nat> {
        self.nats.get(nat.0).map(|gateway| &gateway.nat)
    }

    /// A NAT, to change.
    pub fn nat_mut(&mut self, nat: NatId) -> Option<&mut Nat> {
        self.nats.get_mut(nat.0).map(|gateway| &mut gateway.nat)
    }

    /// The owner of a node commands something; what the node does upon it happens at once. `None` when nothing runs
    /// there.
    pub fn command<R>(&mut self, host: HostId, command: impl FnOnce(&mut N, Instant) -> R) -> Option<R> {
        let now = self.now;
        let result = command(self.hosts.get_mut(host.0)?.node.as_mut()?, now);
        self.drain(host);
        Some(result)
    }
}
