//! The bindings of a NAT, and the translation of packets in both directions.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use p2pvoip_core::{Instant, Seed};

use super::ports::Ports;
use super::{NatConfig, Scope};

/// The most remote endpoints that one binding remembers for filtering; the one idle for longest is forgotten beyond.
const MOST_PERMITS: usize = 1_024;

/// Why a packet did not pass.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refused {
    /// No binding has this external port.
    NoBinding,
    /// The binding's filter does not admit the sender.
    Filtered,
    /// An inner host sent to the NAT's own address, and it does not hairpin.
    NoHairpin,
    /// Its table or its ports are used up.
    Full,
}

/// What a NAT did so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NatStats {
    /// Packets that went out, hairpinned ones included.
    pub outbound: u64,
    /// Packets that came in, hairpinned ones included.
    pub inbound: u64,
    /// Bindings made.
    pub bindings: u64,
    /// Inbound packets for which there was no binding.
    pub no_binding: u64,
    /// Inbound packets that a filter refused.
    pub filtered: u64,
}

/// What of a remote endpoint counts: nothing, the address, or the port as well.
type Key = Option<(IpAddr, Option<u16>)>;

fn key(scope: Scope, remote: SocketAddr) -> Key {
    match scope {
        Scope::EndpointIndependent => None,
        Scope::AddressDependent => Some((remote.ip(), None)),
        Scope::AddressAndPortDependent => Some((remote.ip(), Some(remote.port()))),
    }
}

#[derive(Debug)]
struct Binding {
    inner: SocketAddr,
    remote: Key,
    refreshed: Instant,
    /// To whom the inner host sent, and when last.
    permits: BTreeMap<Key, Instant>,
}

/// Stage: one NAT with one external address.
#[derive(Debug)]
pub struct Nat {
    config: NatConfig,
    address: IpAddr,
    ports: Ports,
    by_inner: BTreeMap<(SocketAddr, Key), u16>,
    by_port: BTreeMap<u16, Binding>,
    stats: NatStats,
}

impl Nat {
    /// A NAT without bindings.
    pub fn new(config: NatConfig, address: IpAddr, seed: &Seed, now: Instant) -> Self {
        let ports = Ports::new(config.ports, config.others, seed.derive("nat").rng(), now);
        let (by_inner, by_port) = (BTreeMap::new(), BTreeMap::new());
        Self { config, address, ports, by_inner, by_port, stats: NatStats::default() }
    }

    /// Its external address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Its configuration.
    pub fn config(&self) -> &NatConfig {
        &self.config
    }

    /// What it did so far.
    pub fn stats(&self) -> &NatStats {
        &self.stats
    }

    /// Forgets all bindings, as a restart does.
    pub fn forget(&mut self) {
        self.by_inner.clear();
        self.by_port.clear();
    }

    /// A packet leaves: the external endpoint that it seems to come from.
    ///
    /// # Errors
    /// [`Refused::Full`] when it needs a new binding and there is no room or port for it.
    pub fn outbound(
        &mut self,
        inner: SocketAddr,
        remote: SocketAddr,
        now: Instant,
    ) -> Result<SocketAddr, Refused> {
        let owner = (inner, key(self.config.mapping, remote));
        let port = match self.live_port(&owner, now) {
            Some(port) => port,
            None => self.bind(owner, now)?,
        };
        let permit = key(self.config.filtering, remote);
        if let Some(binding) = self.by_port.get_mut(&port) {
            binding.refreshed = now;
            if binding.permits.len() >= MOST_PERMITS && !binding.permits.contains_key(&permit) {
                let idlest = binding.permits.iter().min_by_key(|(_, used)| **used).map(|(permit, _)| *permit);
                idlest.and_then(|permit| binding.permits.remove(&permit));
            }
            binding.permits.insert(permit, now);
        }
        self.stats.outbound += 1;
        Ok(SocketAddr::new(self.address, port))
    }

    /// A packet comes to the external `port`: the inner endpoint that it is for.
    ///
    /// # Errors
    /// [`Refused::NoBinding`] or [`Refused::Filtered`].
    pub fn inbound(&mut self, remote: SocketAddr, port: u16, now: Instant) -> Result<SocketAddr, Refused> {
        let (lifetime, filtering) = (self.config.lifetime, self.config.filtering);
        let binding = self.by_port.get_mut(&port).filter(|binding| binding.refreshed + lifetime > now);
        let Some(binding) = binding else {
            self.stats.no_binding += 1;
            return Err(Refused::NoBinding);
        };
        let permit = binding.permits.get_mut(&key(filtering, remote)).filter(|used| **used + lifetime > now);
        let Some(used) = permit else {
            self.stats.filtered += 1;
            return Err(Refused::Filtered);
        };
        if self.config.inbound_refreshes {
            binding.refreshed = now;
            *used = now;
        }
        self.stats.inbound += 1;
        Ok(binding.inner)
    }

    /// An inner host sends to the NAT's own `port`: the external source that the receiver sees (REQ-9), and the inner
    /// endpoint that it is for.
    ///
    /// # Errors
    /// [`Refused`], for every reason that there is.
    pub fn hairpin(
        &mut self,
        inner: SocketAddr,
        port: u16,
        now: Instant,
    ) -> Result<(SocketAddr, SocketAddr), Refused> {
        if !self.config.hairpin {
            return Err(Refused::NoHairpin);
        }
        let from = self.outbound(inner, SocketAddr::new(self.address, port), now)?;
        let to = self.inbound(from, port, now)?;
        Ok((from, to))
    }

    /// How many bindings it holds, dead ones that nothing has met since included.
    pub fn len(&self) -> usize {
        self.by_port.len()
    }

    /// Whether it holds no binding.
    pub fn is_empty(&self) -> bool {
        self.by_port.is_empty()
    }

    fn live_port(&self, owner: &(SocketAddr, Key), now: Instant) -> Option<u16> {
        let port = *self.by_inner.get(owner)?;
        let binding = self.by_port.get(&port)?;
        (binding.refreshed + self.config.lifetime > now).then_some(port)
    }

    fn bind(&mut self, owner: (SocketAddr, Key), now: Instant) -> Result<u16, Refused> {
        self.unbind(&owner);
        if self.by_port.len() >= self.config.capacity {
            self.forget_dead(now);
        }
        if self.by_port.len() >= self.config.capacity {
            return Err(Refused::Full);
        }
        let (lifetime, by_port) = (self.config.lifetime, &self.by_port);
        let is_free =
            |port: u16| by_port.get(&port).is_none_or(|binding| binding.refreshed + lifetime <= now);
        let port = self.ports.choose(owner.0.port(), now, is_free).ok_or(Refused::Full)?;
        if let Some(dead) = self.by_port.remove(&port) {
            self.by_inner.remove(&(dead.inner, dead.remote));
        }
        let (inner, remote) = owner;
        self.by_port.insert(port, Binding { inner, remote, refreshed: now, permits: BTreeMap::new() });
        self.by_inner.insert(owner, port);
        self.stats.bindings += 1;
        Ok(port)
    }

    fn unbind(&mut self, owner: &(SocketAddr, Key)) {
        if let Some(port) = self.by_inner.remove(owner) {
            self.by_port.remove(&port);
        }
    }

    fn forget_dead(&mut self, now: Instant) {
        let lifetime = self.config.lifetime;
        self.by_port.retain(|_, binding| binding.refreshed + lifetime > now);
        let by_port = &self.by_port;
        self.by_inner.retain(|_, port| by_port.contains_key(port));
    }
}
