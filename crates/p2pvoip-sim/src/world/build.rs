//! Building and changing a world: hosts, interfaces, NATs, nodes.

use std::net::IpAddr;
use std::time::Duration;

use p2pvoip_core::Instant;

use super::route::Holder;
use super::{Gateway, Host, HostId, Interface, LinkId, NatId, Node, RealmId, World};
use crate::link::{Link, LinkConfig};
use crate::nat::{Nat, NatConfig};

/// The two directions by which a host or NAT is joined to a realm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// From it to the realm.
    pub up: LinkId,
    /// From the realm to it.
    pub down: LinkId,
}

impl<N: Node> World<N> {
    /// Adds a host without addresses, on which nothing runs.
    pub fn add_host(&mut self) -> HostId {
        let (node, wake, planned) = (None, None, None);
        let woken = (Instant::default(), 0);
        let interfaces = Vec::new();
        self.hosts.push(Host { node, interfaces, accepts_streams: true, wake, planned, woken });
        HostId(self.hosts.len() - 1)
    }

    /// Runs a node on a host, in place of what ran there, which is returned.
    pub fn install(&mut self, host: HostId, node: N) -> Option<N> {
        let place = self.hosts.get_mut(host.0)?;
        let before = place.node.replace(node);
        self.drain(host);
        before
    }

    /// Stops what runs on a host, as if its process died: nobody is told, but its streams are cut.
    pub fn uninstall(&mut self, host: HostId) -> Option<N> {
        let node = self.hosts.get_mut(host.0)?.node.take();
        for stream in self.streams_of(host) {
            self.cut(stream);
        }
        node
    }

    /// Gives a host an address in a realm, in place of whoever had it.
    pub fn attach(
        &mut self,
        host: HostId,
        realm: RealmId,
        address: IpAddr,
        up: LinkConfig,
        down: LinkConfig,
    ) -> Access {
        let access = Access { up: self.add_link(up), down: self.add_link(down) };
        if let Some(attached) = self.hosts.get_mut(host.0) {
            attached.interfaces.push(Interface { realm, address, access });
            self.holders.insert((realm, address), Holder::Host(host, access.down));
        }
        access
    }

    /// Takes an address from a host; what is under way to it is lost.
    pub fn detach(&mut self, host: HostId, address: IpAddr) {
        let Some(detached) = self.hosts.get_mut(host.0) else { return };
        for gone in detached.interfaces.extract_if(.., |interface| interface.address == address) {
            self.holders.remove(&(gone.realm, address));
        }
    }

    /// Adds a NAT with this external address in the realm `outer`; returns it and the new realm behind it.
    pub fn add_nat(
        &mut self,
        outer: RealmId,
        address: IpAddr,
        config: NatConfig,
        up: LinkConfig,
        down: LinkConfig,
    ) -> (NatId, RealmId, Access) {
        let access = Access { up: self.add_link(up), down: self.add_link(down) };
        let (id, inner) = (NatId(self.nats.len()), RealmId(self.realms.len()));
        let seed = self.seed.derive_index("nat", id.0 as u64);
        let nat = Nat::new(config, address, &seed, self.now);
        self.nats.push(Gateway { nat, inner, outer, access });
        self.realms.push(Some(id));
        self.holders.insert((outer, address), Holder::Nat(id, access.down));
        (id, inner, access)
    }

    /// How long each message takes on streams that nodes open from now on.
    pub fn set_stream_delay(&mut self, delay: Duration) {
        self.stream_delay = delay;
    }

    fn add_link(&mut self, config: LinkConfig) -> LinkId {
        let id = LinkId(self.links.len());
        let seed = self.seed.derive_index("link", id.0 as u64);
        self.links.push(Link::new(config, &seed, self.now));
        id
    }
}
