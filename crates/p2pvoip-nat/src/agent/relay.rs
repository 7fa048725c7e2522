//! What relays say and what follows: candidates, channels to the peer's addresses, and the pairs that go through them.
//!
//! A pair with a relayed local end is formed when its channel is bound: before that nothing would get through.

use core::net::SocketAddr;

use p2pvoip_core::Instant;

use super::intent::Intent;
use super::{Agent, Event};
use crate::address;
use crate::candidate::{Candidate, Kind};
use crate::config::CandidatePolicy;
use crate::error::{Refused, RelayFailure};
use crate::pair::Ends;
use crate::stun::header::Header;
use crate::stun::turn::parse_response;
use crate::turn::way::Way;
use crate::turn::{Outcome, RelayId};

impl Agent {
    /// A server's answer about an allocation or a channel.
    pub(super) fn on_relay_response(
        &mut self,
        relay: RelayId,
        header: Header,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        let request = self.relays.open(relay, header.id).ok_or(Refused::NoRequest)?;
        let answer = parse_response(bytes, request)?;
        let outcome = self.relays.on_answer(relay, header.id, answer, now);
        self.on_relay(relay, outcome);
        Ok(())
    }

    /// What has become of an allocation. Makes at most two intents.
    pub(super) fn on_relay(&mut self, relay: RelayId, outcome: Outcome) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::Send(request) => {
                let Some((base, server)) = self.relays.ends(relay) else { return };
                self.stats.server_requests += 1;
                self.queue(Intent::Relay { base, server, request });
            }
            Outcome::Keep(id) => {
                let Some((base, server)) = self.relays.ends(relay) else { return };
                self.queue(Intent::Keep { base, server, id });
            }
            Outcome::Allocated { relayed, mapped } => self.on_allocated(relay, relayed, mapped),
            Outcome::Bound(peer) => self.pair_through(relay, peer),
            Outcome::PeerRefused(peer) => {
                let local = self.relays.relayed(relay);
                for pair in self.list.iter_mut() {
                    if Some(pair.ends.local) == local && pair.ends.remote == peer {
                        pair.fail();
                    }
                }
            }
            Outcome::Lost(failure) => self.on_relay_lost(failure),
        }
    }

    /// A relayed address is ours: it is told, and channels are bound from it.
    fn on_allocated(&mut self, relay: RelayId, relayed: SocketAddr, mapped: SocketAddr) {
        let Some(origin) = self.relays.origin(relay) else { return };
        let is_new = self.gatherer.base(relayed).is_none() && self.relays.relaying(relayed) == Some(relay);
        if !is_new || address::is_dubious(relayed) || !address::can_meet(origin.base, relayed) {
            self.relays.lose(relay);
            return self.on_relay_lost(RelayFailure::Address);
        }
        let (preference, foundation) = (origin.preference, origin.foundation);
        let told = self.gatherer.add_reflexive(origin.base, mapped, preference, foundation);
        if let Some(reflexive) = told {
            self.say(Event::Candidate(reflexive));
        }
        let priority = self.relays.priority(relay);
        let candidate = Candidate::new(Kind::Relayed, relayed, priority, foundation + 1);
        let candidate = self.gatherer.tell(candidate);
        self.say(Event::Candidate(candidate));
        let known: Vec<Candidate> = self.remotes.iter().copied().collect();
        for remote in known {
            self.want_channel(relay, relayed, remote);
        }
    }

    /// An allocation is over, and with it the pairs that went through it.
    fn on_relay_lost(&mut self, failure: RelayFailure) {
        for pair in self.list.iter_mut() {
            let local = pair.ends.local;
            if self.gatherer.base(local).is_none() && self.relays.relaying(local).is_none() {
                pair.fail();
            }
        }
        self.say(Event::RelayFailed(failure));
    }

    /// A channel to this candidate is bound, if a pair through it could still be chosen.
    ///
    /// Not to a private address, unless the relay is in a private network itself: it would lead nowhere, and tell whoever runs
    /// the relay the addresses of the peer's network.
    pub(super) fn want_channel(&mut self, relay: RelayId, relayed: SocketAddr, remote: Candidate) {
        if address::is_private(remote.address.ip()) && !address::is_private(relayed.ip()) {
            return;
        }
        let ends = self.ends(relayed, remote.address, remote.priority);
        if address::can_meet(relayed, remote.address) && ends.is_some_and(|ends| !self.is_useless(&ends)) {
            self.relays.want(relay, remote.address);
        }
    }

    /// A channel is bound: the pair that goes through it can be checked.
    fn pair_through(&mut self, relay: RelayId, peer: SocketAddr) {
        let Some(local) = self.relays.relayed(relay) else { return };
        let Some(remote) = self.remotes.get(peer).copied() else { return };
        self.pair_between(local, remote);
    }

    /// Forms a pair, unless it is there or of no use.
    pub(super) fn pair_between(&mut self, local: SocketAddr, remote: Candidate) {
        let Some(ends) = self.ends(local, remote.address, remote.priority) else { return };
        let known = self.list.between(local, remote.address).is_some();
        if address::can_meet(local, remote.address) && !known && !self.is_useless(&ends) {
            let _ = self.list.insert(ends, self.controlling());
        }
    }

    /// Whether a pair is worth less than the choice, so that it would be pruned at once (RFC 8445 section 8.1.2).
    fn is_useless(&self, ends: &Ends) -> bool {
        let chosen = self.nomination.selected().and_then(|id| self.list.get(id));
        chosen.is_some_and(|chosen| ends.priority(self.controlling()) < chosen.priority)
    }

    /// The ends of a pair between a base or a relayed address of ours and an address of the peer.
    pub(super) fn ends(&self, local: SocketAddr, remote: SocketAddr, remote_priority: u32) -> Option<Ends> {
        let (local_priority, learnt_priority) = if let Some(base) = self.gatherer.base(local) {
            (base.priority(), base.learnt_priority())
        } else {
            // What is learnt through a relay is worth no more than what is told of it: direct pairs stay preferred.
            let priority = self.relays.priority(self.relays.relaying(local)?);
            (priority, priority)
        };
        Some(Ends { local, remote, local_priority, remote_priority, learnt_priority })
    }

    /// How a message gets from a local end of ours to the peer now.
    pub(super) fn way(&self, local: SocketAddr, remote: SocketAddr) -> Option<Way> {
        if self.gatherer.base(local).is_some() {
            return Some(Way::Direct { base: local, peer: remote });
        }
        self.relays.way(self.relays.relaying(local)?, remote)
    }

    /// Whether the policy keeps us from sending from this local end.
    pub(super) fn is_hidden(&self, local: SocketAddr) -> bool {
        self.config.policy == CandidatePolicy::RelayOnly && self.gatherer.base(local).is_some()
    }

    /// Gives back what servers hold for us; they are told once, and forget by themselves if that is lost.
    pub(super) fn leave_relays(&mut self) {
        for (base, server, request) in self.relays.farewells() {
            self.stats.server_requests += 1;
            self.queue(Intent::Relay { base, server, request });
        }
        self.relays.clear();
    }
}
