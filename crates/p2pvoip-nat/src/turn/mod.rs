//! TURN over UDP (RFC 8656): relays that pass datagrams on between peers that cannot reach each other.
//!
//! Each base allocates at each server of its family. A channel is bound for every address of the peer, which is the
//! permission for that address as well (RFC 8656 section 12): one round trip instead of two, and four bytes a packet.
//!
//! # Timers
//! - The pace of new allocations: Ta, apart from that of checks and queries.
//! - The end of gathering: servers that have not answered by then are done without.
//! - Those of each allocation.
//!
//! # Left out
//! - TURN over TCP and TLS, TCP allocations (RFC 6062), EVEN-PORT and reservations, DONT-FRAGMENT, mobility (RFC 8016),
//!   SHA-256 and anonymous user names (RFC 8489 section 9.2), servers without authentication.

mod allocation;
mod channel;
pub(crate) mod channel_data;
pub(crate) mod indication;
mod server;
pub(crate) mod way;

use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::{Instant, Rng};

use crate::address;
use crate::candidate::{Kind, priority};
use crate::check::Schedule;
use crate::config::Config;
use crate::error::{Refused, RelayFailure};
use crate::gather::{Base, MAX_BASES};
use crate::stun::TransactionId;
use crate::stun::turn::{Answer, Request};

use allocation::Allocation;
pub(crate) use allocation::{Origin, Outcome};
pub use server::{Password, TurnServer};
use way::Way;

/// The most allocations of one agent; beyond, the least preferred bases have none.
pub(crate) const MAX_RELAYS: usize = 8;

/// A request that is repeated until it is answered.
#[derive(Clone)]
struct Open {
    request: Request,
    schedule: Schedule,
    /// How often it was made anew for a new nonce.
    challenges: u8,
    /// What it was before, for each nonce that was called stale: a genuine answer to one of these counts as well.
    before: Vec<Request>,
}

impl Open {
    /// The form of it with this id.
    fn form(&self, id: TransactionId) -> Option<&Request> {
        core::iter::once(&self.request).chain(&self.before).find(|request| request.id == id)
    }
}

/// What a relay passed on: as if it had come from the peer to the relayed address.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Inner<'a> {
    /// The relayed address that it was sent to.
    pub local: SocketAddr,
    /// The peer that sent it.
    pub remote: SocketAddr,
    /// What it says.
    pub bytes: &'a [u8],
}

impl core::fmt::Debug for Inner<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inner").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Names an allocation as long as the agent lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RelayId(usize);

/// Stage: the allocations of one agent.
pub(crate) struct Relays {
    all: Vec<Allocation>,
    rng: Rng,
    ta: Duration,
    next: Instant,
    ends_at: Option<Instant>,
}

impl Relays {
    /// None yet.
    pub(crate) const fn new(rng: Rng, now: Instant) -> Self {
        Self { all: Vec::new(), rng, ta: Duration::ZERO, next: now, ends_at: None }
    }

    /// Plans an allocation at each server for each base of its family, base by base: a second server is of more use than an
    /// eighth base.
    pub(crate) fn plan(&mut self, bases: &[Base], config: &Config, now: Instant) {
        let mut foundation = u32::try_from(2 * MAX_BASES * crate::config::MAX_SERVERS).unwrap_or_default();
        for base in bases {
            for (server, rank) in config.turn_servers.iter().zip(0..) {
                let mut server = server.clone();
                server.address = address::canonical(server.address);
                if !address::can_meet(base.address, server.address) {
                    continue;
                }
                // A server that is named twice has one allocation: addresses and ports tell them apart (RFC 8656 section 3.2).
                let is_new = self.at(base.address, server.address).is_none();
                if is_new && self.all.len() < MAX_RELAYS {
                    let preference = base.preference_at(rank);
                    let origin = Origin { base: base.address, preference, foundation };
                    self.all.push(Allocation::new(origin, server, now));
                }
                // One for what is reflexive and one for what is relayed.
                foundation += 2;
            }
        }
        self.ta = config.ta;
        self.next = now;
        self.ends_at = Some(now + config.gather_for);
    }

    /// Whether it is known of each what becomes of it.
    pub(crate) fn is_done(&self) -> bool {
        self.all.iter().all(Allocation::is_settled)
    }

    /// When [`Relays::fire`] has something to do.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let start = self.all.iter().any(Allocation::is_planned).then_some(self.next);
        let end = if self.is_done() { None } else { self.ends_at };
        self.all.iter().filter_map(Allocation::next_at).chain(start).chain(end).min()
    }

    /// Does the first thing that is due; none when nothing is.
    pub(crate) fn fire(&mut self, now: Instant) -> Option<(RelayId, Outcome)> {
        let is_over = self.ends_at.is_some_and(|at| at <= now);
        for (index, allocation) in self.all.iter_mut().enumerate() {
            let id = RelayId(index);
            if is_over && allocation.give_up() {
                return Some((id, Outcome::Lost(RelayFailure::NoAnswer)));
            }
            if let Some(outcome) = allocation.fire(&mut self.rng, now) {
                return Some((id, outcome));
            }
            if allocation.is_planned() && self.next <= now {
                self.next = now + self.ta;
                return Some((id, Outcome::Send(allocation.start(&mut self.rng, now))));
            }
        }
        None
    }

    /// The allocation from this base at this server.
    pub(crate) fn at(&self, base: SocketAddr, server: SocketAddr) -> Option<RelayId> {
        let here =
            |allocation: &Allocation| allocation.origin().base == base && allocation.server() == server;
        self.all.iter().position(here).map(RelayId)
    }

    /// The open request with this id at an allocation.
    pub(crate) fn open(&self, relay: RelayId, id: TransactionId) -> Option<&Request> {
        self.get(relay)?.open(id)
    }

    /// The server of an allocation answered the open request with this id.
    pub(crate) fn on_answer(
        &mut self,
        relay: RelayId,
        id: TransactionId,
        answer: Answer,
        now: Instant,
    ) -> Outcome {
        match self.all.get_mut(relay.0) {
            Some(allocation) => allocation.on_answer(id, answer, &mut self.rng, now),
            None => Outcome::Nothing,
        }
    }

    /// The allocation cannot be used after all.
    pub(crate) fn lose(&mut self, relay: RelayId) {
        if let Some(allocation) = self.all.get_mut(relay.0) {
            let _told = allocation.lose(RelayFailure::Address);
        }
    }

    /// What a server passes on in ChannelData or a Data indication: none when it is anything else.
    ///
    /// # Errors
    /// [`Refused`] when it comes by no channel that was asked for, or from a peer that has no permission.
    pub(crate) fn unwrap<'a>(
        &self,
        base: SocketAddr,
        server: SocketAddr,
        bytes: &'a [u8],
    ) -> Option<Result<Inner<'a>, Refused>> {
        let allocation = self.get(self.at(base, server)?)?;
        let is_channel = matches!(bytes.first(), Some(64..=79));
        if !is_channel && bytes.get(..2) != Some(&DATA_INDICATION) {
            return None;
        }
        let inner = || {
            let local = allocation.relayed().ok_or(Refused::Unexpected)?;
            let (remote, bytes) = if is_channel {
                let (channel, payload) = channel_data::parse(bytes).ok_or(Refused::Malformed)?;
                (allocation.channels().peer(channel).ok_or(Refused::Unexpected)?, payload)
            } else {
                let (peer, payload) = indication::parse(bytes).ok_or(Refused::Malformed)?;
                let peer = address::canonical(peer);
                (
                    Some(peer).filter(|p| allocation.channels().permits(*p)).ok_or(Refused::Unexpected)?,
                    payload,
                )
            };
            Ok(Inner { local, remote, bytes })
        };
        Some(inner())
    }

    /// The allocation with this relayed address.
    pub(crate) fn relaying(&self, relayed: SocketAddr) -> Option<RelayId> {
        self.all.iter().position(|allocation| allocation.relayed() == Some(relayed)).map(RelayId)
    }

    /// The relayed addresses.
    pub(crate) fn active(&self) -> impl Iterator<Item = (RelayId, SocketAddr)> {
        let all = self.all.iter().enumerate();
        all.filter_map(|(index, allocation)| Some((RelayId(index), allocation.relayed()?)))
    }

    /// How many channels are bound.
    pub(crate) fn channels(&self) -> usize {
        self.all.iter().map(|allocation| allocation.channels().len_bound()).sum()
    }

    /// Where an allocation comes from.
    pub(crate) fn origin(&self, relay: RelayId) -> Option<Origin> {
        self.get(relay).map(Allocation::origin)
    }

    /// From which base to which server the requests of an allocation go.
    pub(crate) fn ends(&self, relay: RelayId) -> Option<(SocketAddr, SocketAddr)> {
        self.get(relay).map(|allocation| (allocation.origin().base, allocation.server()))
    }

    /// The relayed address of an allocation.
    pub(crate) fn relayed(&self, relay: RelayId) -> Option<SocketAddr> {
        self.get(relay)?.relayed()
    }

    /// The priority of a relayed candidate.
    pub(crate) fn priority(&self, relay: RelayId) -> u32 {
        priority(Kind::Relayed, self.get(relay).map_or(0, |allocation| allocation.origin().preference))
    }

    /// A channel to this peer is of use.
    pub(crate) fn want(&mut self, relay: RelayId, peer: SocketAddr) {
        if let Some(allocation) = self.all.get_mut(relay.0) {
            allocation.channels_mut().want(peer);
        }
    }

    /// How a datagram of ours gets from a relayed address to a peer now.
    pub(crate) fn way(&self, relay: RelayId, peer: SocketAddr) -> Option<Way> {
        let allocation = self.get(relay)?;
        let (base, server) = (allocation.origin().base, allocation.server());
        Some(match allocation.channels().bound(peer) {
            Some(channel) => Way::Channel { base, server, channel },
            None => Way::Send { base, server, peer },
        })
    }

    /// The requests that give back all that is ours.
    pub(crate) fn farewells(&mut self) -> Vec<(SocketAddr, SocketAddr, Request)> {
        let rng = &mut self.rng;
        let all = self.all.iter();
        all.filter_map(|a| Some((a.origin().base, a.server(), a.farewell(rng)?))).collect()
    }

    /// Nothing is relayed any more.
    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    fn get(&self, relay: RelayId) -> Option<&Allocation> {
        self.all.get(relay.0)
    }
}

/// The first two bytes of a Data indication (RFC 8656 section 17).
const DATA_INDICATION: [u8; 2] = [0x00, 0x17];

#[cfg(test)]
mod tests;
