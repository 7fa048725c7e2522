//! The way of a datagram: out of its host, through links and NATs, to a host.
//!
//! A realm is a space of addresses; realm 0 is the public one. A NAT joins an inner realm to an outer one. Each host's
//! interface and each NAT has a link up and a link down. A link that does nothing takes no place in the agenda.

use std::net::SocketAddr;

use p2pvoip_core::{DataSize, Ecn};

use super::record::{Cause, Fate, Tap, Tapped, Traced};
use super::{Happening, HostId, LinkId, MOST_PLANNED, NatId, Node, RealmId, World};
use crate::link::Pushed;

/// The bytes of the IPv4 and UDP headers (RFC 791, RFC 768).
const HEADERS_V4: usize = 28;
/// The bytes of the IPv6 and UDP headers (RFC 8200, RFC 768).
const HEADERS_V6: usize = 48;

/// A datagram under way.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) number: u64,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) ecn: Ecn,
}

/// Where a packet is after a link.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In a realm, on its way to whoever has its destination.
    Realm(RealmId),
    /// At the outside of a NAT.
    Nat(NatId),
    /// At a host.
    Host(HostId),
}

/// Who has an address in a realm.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder {
    /// A host, behind this link down.
    Host(HostId, LinkId),
    /// The outside of a NAT, behind this link down.
    Nat(NatId, LinkId),
}

impl<N: Node> World<N> {
    /// A node sends a datagram.
    pub(super) fn send(
        &mut self,
        host: HostId,
        (from, to): (SocketAddr, SocketAddr),
        ecn: Ecn,
        bytes: &[u8],
    ) {
        self.counters.sent += 1;
        let number = self.counters.sent;
        let bytes = self.buffers.copy(bytes);
        let mut packet = Packet { number, from, to, bytes, ecn };
        self.note(&packet, Fate::Sent);
        let now = self.now;
        for tap in &mut self.taps {
            let Packet { from, to, ref mut bytes, .. } = packet;
            if tap(&mut Tapped { number, host, from, to, bytes, now }) == Tap::Drop {
                self.lose(packet, Cause::Tap);
                return;
            }
        }
        let interfaces = self.hosts.get(host.0).map(|host| host.interfaces.as_slice()).unwrap_or_default();
        match interfaces.iter().find(|interface| interface.address == from.ip()) {
            Some(interface) => {
                let (up, realm) = (interface.access.up, interface.realm);
                self.through(up, packet, Place::Realm(realm));
            }
            None => self.lose(packet, Cause::NotOwnAddress),
        }
    }

    /// Lets a packet pass a link, to be at `place` after it.
    fn through(&mut self, link: LinkId, mut packet: Packet, place: Place) {
        let headers = if packet.to.is_ipv4() { HEADERS_V4 } else { HEADERS_V6 };
        let size = DataSize::from_bytes((packet.bytes.len() + headers) as u64);
        let now = self.now;
        let Some(link) = self.links.get_mut(link.0) else {
            self.lose(packet, Cause::NoRoute);
            return;
        };
        match link.push(size, now) {
            Pushed::Dropped(lost) => self.lose(packet, Cause::Link(lost)),
            Pushed::Delivered { .. } if self.agenda.len() >= MOST_PLANNED => {
                self.lose(packet, Cause::Overload);
            }
            Pushed::Delivered { at, again, marked } => {
                // Only who takes part is told of congestion (RFC 3168 section 5).
                if marked && packet.ecn != Ecn::NotEct {
                    packet.ecn = Ecn::Ce;
                }
                if let Some(again) = again {
                    self.counters.duplicated += 1;
                    let bytes = self.buffers.copy(&packet.bytes);
                    let copy = Packet { bytes, ..packet };
                    self.agenda.plan(again, Happening::Packet { packet: copy, place });
                }
                // What comes to a host is always planned, so that no node is called while another one is.
                if at > now || matches!(place, Place::Host(_)) {
                    self.agenda.plan(at, Happening::Packet { packet, place });
                } else {
                    self.go_on(packet, place);
                }
            }
        }
    }

    /// A packet is somewhere, and goes on from there.
    pub(super) fn go_on(&mut self, packet: Packet, place: Place) {
        match place {
            Place::Host(host) => self.deliver(host, packet),
            Place::Nat(nat) => self.enter_nat(nat, packet),
            Place::Realm(realm) => match self.holders.get(&(realm, packet.to.ip())).copied() {
                Some(Holder::Host(host, down)) => self.through(down, packet, Place::Host(host)),
                Some(Holder::Nat(nat, down)) => self.through(down, packet, Place::Nat(nat)),
                None => self.leave_realm(realm, packet),
            },
        }
    }

    /// From the outside of a NAT to its inside.
    fn enter_nat(&mut self, id: NatId, mut packet: Packet) {
        let now = self.now;
        let Some(gateway) = self.nats.get_mut(id.0) else { return self.lose(packet, Cause::NoRoute) };
        match gateway.nat.inbound(packet.from, packet.to.port(), now) {
            Ok(inner) => {
                packet.to = inner;
                let realm = gateway.inner;
                self.go_on(packet, Place::Realm(realm));
            }
            Err(refused) => self.lose(packet, Cause::Nat(refused)),
        }
    }

    /// From the inside of a realm's NAT to its outside, or back in by its hairpin.
    fn leave_realm(&mut self, realm: RealmId, mut packet: Packet) {
        let now = self.now;
        let gateway = self.realms.get(realm.0).copied().flatten().and_then(|id| self.nats.get_mut(id.0));
        let Some(gateway) = gateway else { return self.lose(packet, Cause::NoRoute) };
        if packet.to.ip() == gateway.nat.address() {
            match gateway.nat.hairpin(packet.from, packet.to.port(), now) {
                Ok((from, to)) => {
                    (packet.from, packet.to) = (from, to);
                    self.go_on(packet, Place::Realm(realm));
                }
                Err(refused) => self.lose(packet, Cause::Nat(refused)),
            }
            return;
        }
        match gateway.nat.outbound(packet.from, packet.to, now) {
            Ok(from) => {
                packet.from = from;
                let (up, outer) = (gateway.access.up, gateway.outer);
                self.through(up, packet, Place::Realm(outer));
            }
            Err(refused) => self.lose(packet, Cause::Nat(refused)),
        }
    }

    fn deliver(&mut self, host: HostId, packet: Packet) {
        let now = self.now;
        let has_address = |host: &super::Host<N>| host.interfaces.iter().any(|i| i.address == packet.to.ip());
        if !self.hosts.get(host.0).is_some_and(has_address) {
            return self.lose(packet, Cause::NoRoute);
        }
        if self.hosts.get(host.0).is_none_or(|host| host.node.is_none()) {
            return self.lose(packet, Cause::NoNode);
        }
        self.counters.delivered += 1;
        self.note(&packet, Fate::Delivered);
        let Packet { from, to, bytes, ecn, .. } = packet;
        if let Some(node) = self.hosts.get_mut(host.0).and_then(|host| host.node.as_mut()) {
            node.handle_datagram(super::Datagram { from, to, bytes: &bytes, ecn }, now);
        }
        self.buffers.give_back(bytes);
        self.drain(host);
    }

    fn lose(&mut self, packet: Packet, cause: Cause) {
        self.counters.lose(cause);
        self.note(&packet, Fate::Lost(cause));
        self.buffers.give_back(packet.bytes);
    }

    fn note(&mut self, packet: &Packet, fate: Fate) {
        let Packet { number, from, to, .. } = *packet;
        self.trace.push(Traced { at: self.now, number, fate, from, to, len: packet.bytes.len() });
    }
}
