//! A node of the network: keeps the records of others, by the rules of [`shelf`](crate::admit), and knows other nodes.

use futures_util::StreamExt as _;
use libp2p_kad as kad;
use libp2p_kad::store::RecordStore as _;
use libp2p_swarm::{ConnectionId, Swarm, SwarmEvent};
use p2pvoip_core::UnixTime;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use tokio::time::{MissedTickBehavior, interval};

use super::address::{PeerAddress, multiaddr, socket_of};
use super::reach::Reach;
use super::stock::Stock;
use super::swarm::{Behaviour, BehaviourEvent, Role, StartError, build, dial_all, ip_of, on_identified};
use super::{REJOIN, SWEEP};
use crate::{Quota, Record, ShelfError, admit};

/// How a node is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeConfig {
    /// The address to serve at; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Nodes by which the network is entered; none for the first node of a network.
    pub peers: Vec<PeerAddress>,
    /// Records that are kept at most; 600 bytes or so each.
    pub max_records: usize,
    /// What the date is.
    pub clock: fn() -> UnixTime,
}

impl NodeConfig {
    /// A node at this address with the system's date.
    pub const fn new(listen: SocketAddr, clock: fn() -> UnixTime) -> Self {
        Self { listen, peers: Vec::new(), max_records: 16_384, clock }
    }
}

/// A node that keeps records of others.
pub struct Node {
    swarm: Swarm<Behaviour>,
    reach: Reach,
    config: NodeConfig,
    local: SocketAddr,
    quota: Quota,
    stock: Stock,
    /// From where each open connection came, or where it leads.
    connections: BTreeMap<ConnectionId, IpAddr>,
}

impl Node {
    /// Opens the node's socket.
    ///
    /// # Errors
    /// [`StartError`] when the address cannot be used.
    ///
    /// # Panics
    /// Outside a tokio runtime with its timer and IO.
    pub async fn bind(config: NodeConfig) -> Result<Self, StartError> {
        let (mut swarm, reach) = build(Role::Server { max_records: config.max_records })?;
        reach.open(config.listen.ip());
        let failed = |why| StartError::Listen { address: config.listen, why };
        swarm
            .listen_on(multiaddr(config.listen))
            .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        let local = loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address, .. } => {
                    if let Some(local) = socket_of(&address) {
                        break local;
                    }
                }
                SwarmEvent::ListenerClosed { reason: Err(why), .. }
                | SwarmEvent::ListenerError { error: why, .. } => {
                    return Err(failed(why));
                }
                _ => {}
            }
        };
        Ok(Self {
            swarm,
            reach,
            config,
            local,
            quota: Quota::default(),
            stock: Stock::default(),
            connections: BTreeMap::new(),
        })
    }

    /// The address that it serves at.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `stop` is ready.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let (mut sweep, mut join) = (interval(SWEEP), interval(REJOIN));
        for timer in [&mut sweep, &mut join] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                () = &mut stop => return,
                event = self.swarm.select_next_some() => self.on_event(event),
                _ = sweep.tick() => self.forget_ended(),
                _ = join.tick() => self.join().await,
            }
        }
    }

    /// Enters the network when nobody is known.
    async fn join(&mut self) {
        if !super::swarm::knows_somebody(&mut self.swarm) {
            let peers = self.config.peers.clone();
            for peer in peers {
                dial_all(&mut self.swarm, &self.reach, &peer.resolve().await);
            }
        }
    }

    fn forget_ended(&mut self) {
        let now = (self.config.clock)();
        let is_of_now = |record: &kad::Record| {
            Record::end_of(&record.value).is_some_and(|end| now < end + crate::CLOCK_SKEW)
        };
        let store = self.swarm.behaviour_mut().kad.store_mut();
        store.retain(|_, record| is_of_now(record));
        self.stock.retain(|slot| store.get(&kad::RecordKey::new(slot.as_bytes())).is_some());
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { connection_id, endpoint, .. } => {
                if let Some(ip) = ip_of(endpoint.get_remote_address()) {
                    self.connections.insert(connection_id, ip);
                }
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                self.connections.remove(&connection_id);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(libp2p_identify::Event::Received {
                connection_id,
                peer_id,
                info,
            })) => {
                let from = self.connections.get(&connection_id).copied();
                on_identified(&mut self.swarm, peer_id, from, &info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::InboundRequest {
                request: kad::InboundRequest::PutRecord { connection, record: Some(record), .. },
            })) => {
                if let Err(error) = self.keep(connection, record) {
                    tracing::debug!(%error, "a record was not kept");
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, connection: ConnectionId, mut record: kad::Record) -> Result<(), ShelfError> {
        let now = (self.config.clock)();
        let from = self.connections.get(&connection).copied().ok_or(ShelfError::TooMany)?;
        self.quota.count(from, now)?;
        let store = self.swarm.behaviour_mut().kad.store_mut();
        let stored = store.get(&record.key).map(|stored| stored.value.clone());
        let slot = admit(record.key.as_ref(), &record.value, stored.as_deref(), now)?.slot();
        let same = stored.as_ref() == Some(&record.value);
        if stored.is_none() {
            self.make_room(from);
        }
        // Who published is nobody's business, and how long it stays is said in the record itself.
        (record.publisher, record.expires) = (None, None);
        let store = self.swarm.behaviour_mut().kad.store_mut();
        store.put(record).map_err(|_| ShelfError::TooMany)?;
        self.stock.hold(slot, from, same);
        Ok(())
    }

    /// For one more record from that address.
    fn make_room(&mut self, from: IpAddr) {
        if self.stock.len() >= self.config.max_records {
            self.forget_ended();
        }
        if self.stock.len() >= self.config.max_records
            && let Some(slot) = self.stock.give_way(from)
        {
            let key = kad::RecordKey::new(slot.as_bytes());
            self.swarm.behaviour_mut().kad.store_mut().remove(&key);
        }
    }
}

impl core::fmt::Debug for Node {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Node").field("connections", &self.connections.len()).finish_non_exhaustive()
    }
}
