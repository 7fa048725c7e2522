//! What the world says: answers of servers, and what one of our sockets sent to the other.

use core::net::SocketAddr;

use p2pvoip_core::Instant;

use super::ask::{Ask, Outcome, Purpose};
use super::{Discovery, Event, INPUT_INTENTS, Intent};
use crate::address;
use crate::agent::Datagram;
use crate::error::Refused;
use crate::stun::{Class, Header, Response, TransactionId, behaviour};

impl Discovery {
    /// Takes a datagram or leaves everything as it is.
    pub(super) fn take(&mut self, datagram: Datagram<'_>, now: Instant) -> Result<(), Refused> {
        if self.done {
            return Err(Refused::Ended);
        }
        let (local, remote) = (address::canonical(datagram.local), address::canonical(datagram.remote));
        if local != self.config.mapping && local != self.config.filtering {
            return Err(Refused::UnknownBase);
        }
        self.outbox.require(INPUT_INTENTS)?;
        let Some(header) = Header::parse(datagram.bytes) else {
            let (id, code) = behaviour::parse_relay_refusal(datagram.bytes)?;
            let ask = self.open(id, |purpose| matches!(purpose, Purpose::Turn(_)))?;
            return if (ask.local, ask.answer_from) == (local, remote) {
                self.close(ask, Outcome::Answered { mapped: None, other: None, code: Some(code) }, now);
                Ok(())
            } else {
                Err(Refused::Asymmetric)
            };
        };
        match header.class {
            Class::Request => self.on_request(header.id, local, datagram.bytes, now),
            Class::Success | Class::Error => self.on_answer(header.id, local, remote, datagram.bytes, now),
            Class::Indication => Err(Refused::Unexpected),
        }
    }

    /// What one of our sockets sent came to the other: the translator hairpins (RFC 4787 section 6).
    fn on_request(
        &mut self,
        id: TransactionId,
        local: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        let is_hairpin = |purpose| matches!(purpose, Purpose::HairpinThere | Purpose::HairpinBack);
        let ask = self.open(id, is_hairpin).map_err(|_| Refused::Unexpected)?;
        if local == ask.local {
            return Err(Refused::Asymmetric);
        }
        if !behaviour::is_own_request(bytes) {
            return Err(Refused::Unauthentic);
        }
        self.close(ask, Outcome::Answered { mapped: None, other: None, code: None }, now);
        Ok(())
    }

    /// The answer of a STUN server.
    fn on_answer(
        &mut self,
        id: TransactionId,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        let asks_stun =
            |purpose| !matches!(purpose, Purpose::Turn(_) | Purpose::HairpinThere | Purpose::HairpinBack);
        let ask = self.open(id, asks_stun)?;
        if local != ask.local || (remote != ask.answer_from && remote != ask.remote) {
            return Err(Refused::Asymmetric);
        }
        let answer = behaviour::parse_probe_answer(bytes)?;
        let outcome = match answer.response {
            _ if remote != ask.answer_from => Outcome::Ignored,
            Response::Mapped(mapped) => {
                let mapped = address::canonical(mapped);
                let useful = !address::is_dubious(mapped) && mapped.is_ipv4() == local.is_ipv4();
                let other = answer.other.map(address::canonical);
                Outcome::Answered { mapped: useful.then_some(mapped), other, code: None }
            }
            Response::RoleConflict | Response::Error if matches!(ask.purpose, Purpose::Stun(_)) => {
                Outcome::Answered { mapped: None, other: None, code: None }
            }
            Response::RoleConflict | Response::Error => Outcome::Ignored,
        };
        self.close(ask, outcome, now);
        Ok(())
    }

    /// The open question with this id, if its purpose is one of those.
    fn open(&self, id: TransactionId, is_one: impl Fn(Purpose) -> bool) -> Result<Ask, Refused> {
        let open = self.questions.iter().find(|asking| asking.ask.id == id && asking.is_open());
        open.map(|asking| asking.ask).filter(|ask| is_one(ask.purpose)).ok_or(Refused::NoRequest)
    }

    /// A question has ended. Room for an event was required before.
    fn close(&mut self, ask: Ask, outcome: Outcome, now: Instant) {
        if let Some(asking) = self.questions.iter_mut().find(|asking| asking.ask.id == ask.id) {
            asking.close(outcome, now);
        }
        self.tell_server(ask.purpose);
    }

    /// Tells what came of the question to a server.
    pub(super) fn tell_server(&mut self, purpose: Purpose) {
        let event = match purpose {
            Purpose::Stun(index) => self.stun_finding(index).map(Event::Stun),
            Purpose::Turn(index) => self.turn_finding(index).map(Event::Turn),
            Purpose::Control
            | Purpose::FilterBoth
            | Purpose::FilterPort
            | Purpose::MapAddress
            | Purpose::MapBoth
            | Purpose::HairpinThere
            | Purpose::HairpinBack => None,
        };
        if let Some(event) = event {
            self.queue(Intent::Tell(event));
        }
    }
}
