//! What the world says: checks of the peer, its answers, and those of STUN servers.
//!
//! Nothing changes before user name, integrity and fingerprint are there and right, and room is known to be there.

use core::net::SocketAddr;

use p2pvoip_core::Instant;

use super::intent::Intent;
use super::{Agent, Datagram, Event, Role};
use crate::address;
use crate::candidate::Kind;
use crate::error::Refused;
use crate::pair::{PairId, State};
use crate::stun::header::BINDING;
use crate::stun::{self, Class, Header, Request, Response};

/// Who keeps the role when both sides have the same (RFC 8445 section 7.3.1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The roles differ.
    Agree,
    /// The peer must switch.
    PeerSwitches,
    /// We must switch.
    WeSwitch,
}

impl Agent {
    /// Takes a datagram or leaves everything as it is.
    pub(super) fn take(&mut self, datagram: Datagram<'_>, now: Instant) -> Result<(), Refused> {
        if self.ended {
            return Err(Refused::Ended);
        }
        let (local, remote) = (address::canonical(datagram.local), address::canonical(datagram.remote));
        if self.gatherer.base(local).is_none() {
            return Err(Refused::UnknownBase);
        }
        self.outbox.require(super::INPUT_INTENTS)?;
        if let Some(inner) = self.relays.unwrap(local, remote, datagram.bytes) {
            let inner = inner?;
            return self.take_stun(inner.local, address::canonical(inner.remote), inner.bytes, now);
        }
        let relay = self.relays.at(local, remote);
        let answers = Header::of_any(datagram.bytes)
            .filter(|(method, header)| *method != BINDING && header.class.is_response());
        match (relay, answers) {
            (Some(relay), Some((_, header))) => self.on_relay_response(relay, header, datagram.bytes, now),
            _ => self.take_stun(local, remote, datagram.bytes, now),
        }
    }

    /// Takes what came to a base, or through a relay to a relayed address.
    fn take_stun(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        let header = Header::parse(bytes).ok_or(Refused::Malformed)?;
        match header.class {
            Class::Request => self.on_request(local, remote, bytes, now),
            Class::Success | Class::Error => self.on_response(header, local, remote, bytes, now),
            Class::Indication => Err(Refused::Unexpected),
        }
    }

    /// A connectivity check of the peer (RFC 8445 section 7.3).
    fn on_request(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        if !self.may_send_to(remote) || !address::can_meet(local, remote) || self.is_hidden(local) {
            return Err(Refused::Source);
        }
        let way = self.way(local, remote).ok_or(Refused::UnknownBase)?;
        let request = stun::parse_request(bytes, &self.own.key)?;
        if !self.is_username(&request.username) {
            return Err(Refused::Unauthentic);
        }
        if self.heard.elsewhere(request.id, local, remote) {
            return Err(Refused::Replayed);
        }
        let repeated = self.heard.knows(request.id);
        let verdict = self.verdict(&request);
        let id = request.id;
        if verdict == Verdict::PeerSwitches {
            self.stats.role_conflicts += 1;
            self.heard.on_check(id, local, remote);
            self.queue(Intent::Conflict { id, way });
            return Ok(());
        }
        let remote_priority = self.remotes.get(remote).map_or(request.priority, |known| known.priority);
        let ends = self.ends(local, remote, remote_priority).ok_or(Refused::UnknownBase)?;
        let controlling = self.controlling() != (verdict == Verdict::WeSwitch);
        let known = self.list.between(local, remote).map(|pair| pair.id);
        let room = self.remotes.has_room_for(remote)
            && (known.is_some() || self.list.has_room_for(ends.priority(controlling)));
        if !room {
            return Err(Refused::Limit);
        }
        if verdict == Verdict::WeSwitch {
            self.switch_role();
        }
        let _ = self.remotes.learn(remote, request.priority);
        self.heard.on_check(id, local, remote);
        self.queue(Intent::Answer { id, remote, way });
        self.stats.checks_answered += 1;
        if let Some(relay) = self.relays.relaying(local) {
            self.relays.want(relay, remote);
        }
        if let Some(pair) = known.or_else(|| self.list.insert(ends, controlling)) {
            self.on_checked(pair, request.nominate && !controlling, now);
            if !repeated {
                self.trigger(pair);
            }
        }
        Ok(())
    }

    /// The peer checked this pair, and nominated it if so (RFC 8445 sections 7.3.1.4 and 7.3.1.5).
    fn on_checked(&mut self, id: PairId, nominated: bool, now: Instant) {
        let Some(pair) = self.list.get_mut(id) else { return };
        pair.heard = true;
        if pair.state == State::Succeeded {
            if nominated && !pair.nominated {
                pair.nominated = true;
                self.select(id, now);
            }
            return;
        }
        pair.nominate |= nominated;
    }

    /// A new check of the peer triggers one of ours, unless the pair works (RFC 8445 section 7.3.1.4). Its repetitions do not:
    /// on a path of more than an RTO they would cancel each check of ours before its answer could come.
    fn trigger(&mut self, id: PairId) {
        if self.list.get(id).is_some_and(|pair| pair.state != State::Succeeded) {
            self.list.trigger(id);
        }
    }

    /// An answer to a query or to a check.
    fn on_response(
        &mut self,
        header: Header,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        if let Some(query) = self.gatherer.open(header.id) {
            if (query.local, query.server) != (local, remote) {
                return Err(Refused::Asymmetric);
            }
            let mapped = match stun::parse_query_answer(bytes)? {
                Response::Mapped(mapped) => Some(mapped),
                Response::RoleConflict | Response::Error => None,
            };
            if let Some(candidate) = self.gatherer.on_answer(header.id, mapped) {
                self.say(Event::Candidate(candidate));
            }
            return Ok(());
        }
        self.on_peer_response(header, local, remote, bytes, now)
    }

    /// An answer to a check or a consent check (RFC 8445 section 7.2.5).
    fn on_peer_response(
        &mut self,
        header: Header,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        let peer = self.peer.as_ref().ok_or(Refused::NoRequest)?;
        let consent = self.consent.as_ref().filter(|consent| consent.asked(header.id).is_some());
        let pair = match consent {
            Some(consent) => self.list.get(consent.pair()),
            None => self.list.asked(header.id),
        };
        let pair = pair.ok_or(Refused::NoRequest)?;
        if (pair.ends.local, pair.ends.remote) != (local, remote) {
            return Err(Refused::Asymmetric);
        }
        let id = pair.id;
        match stun::parse_answer(bytes, &peer.key)? {
            Response::Mapped(mapped) => {
                self.stats.answers_received += 1;
                self.on_success(id, header, address::canonical(mapped), now);
            }
            Response::RoleConflict => self.on_role_conflict(id, header),
            Response::Error => {
                if let Some(pair) = self.list.get_mut(id).filter(|pair| pair.check(header.id).is_some()) {
                    pair.fail();
                }
            }
        }
        Ok(())
    }

    /// The peer answered: the pair works (RFC 8445 section 7.2.5.3), and consent is fresh (RFC 7675 section 5.1).
    fn on_success(&mut self, id: PairId, header: Header, mapped: SocketAddr, now: Instant) {
        let controlling = self.controlling();
        let mut chosen = false;
        if let Some(pair) = self.list.get_mut(id) {
            if let Some((check, _)) = pair.check(header.id) {
                let kind = match self.relays.relaying(check.local) {
                    Some(_) => Kind::Relayed,
                    None => self.gatherer.kind_of(mapped, check.local),
                };
                pair.succeed(header.id, kind, now);
                chosen = pair.nominate && (!controlling || check.nominate);
                if chosen {
                    pair.nominate = false;
                    pair.nominated = true;
                }
            } else if let Some(valid) = &mut pair.valid {
                valid.proven = now;
                let sent = self.consent.as_ref().and_then(|consent| consent.asked(header.id));
                valid.rtt = sent.map(|sent| now.saturating_since(sent)).or(valid.rtt);
            }
        }
        if let Some(consent) = self.consent.as_mut().filter(|consent| consent.pair() == id) {
            consent.renew(now);
        }
        if chosen {
            self.select(id, now);
        }
    }

    /// The peer says that both sides have the same role (RFC 8445 section 7.2.5.1).
    fn on_role_conflict(&mut self, id: PairId, header: Header) {
        let check = self.list.get(id).and_then(|pair| pair.check(header.id));
        // An answer to a check in the role before tells nothing new. Each refusal counts once, even if it comes twice.
        if check.is_none_or(|(check, _)| check.controlling == self.controlling()) {
            self.switch_role();
            self.own.tie_breaker = self.dice.roles.next_u64();
        }
        if let Some(pair) = self.list.get_mut(id) {
            pair.close(header.id);
        }
        if let Some(consent) = &mut self.consent {
            consent.close(header.id);
        }
        self.list.trigger(id);
    }

    fn switch_role(&mut self) {
        self.own.role = if self.controlling() { Role::Controlled } else { Role::Controlling };
        self.stats.role_conflicts += 1;
        self.list.change_role(self.controlling());
    }

    fn verdict(&self, request: &Request) -> Verdict {
        if request.controlling != self.controlling() {
            return Verdict::Agree;
        }
        // The side with the larger or equal number controls.
        let ours_is_larger = self.own.tie_breaker >= request.tie_breaker;
        if ours_is_larger == self.controlling() { Verdict::PeerSwitches } else { Verdict::WeSwitch }
    }

    /// Whether a user name is ours, and the peer's if its own is known (RFC 8445 section 7.2.2).
    fn is_username(&self, username: &str) -> bool {
        match (username.split_once(':'), &self.peer) {
            (Some((ours, theirs)), Some(peer)) => {
                ours == self.own.credentials.ufrag() && theirs == peer.credentials.ufrag()
            }
            (Some((ours, _)), None) => ours == self.own.credentials.ufrag(),
            (None, _) => false,
        }
    }
}
