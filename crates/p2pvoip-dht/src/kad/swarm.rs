//! One swarm: transport, connection limits, the Kademlia behaviour and what peers learn of one another on connecting.
//!
//! Every swarm has a new peer id, so that nothing links two runs of a program.

use libp2p_connection_limits::{Behaviour as Limits, ConnectionLimits};
use libp2p_core::{Multiaddr, Transport as _, upgrade};
use libp2p_identify as identify;
use libp2p_identity::{Keypair, PeerId};
use libp2p_kad as kad;
use libp2p_kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p_swarm::{NetworkBehaviour, StreamProtocol, Swarm};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use super::address::{multiaddr, socket_of};
use super::crowd::Crowd;
use super::reach::{Guard, Reach};
use super::{IDLE, PROTOCOL, QUERY_WAIT};
use crate::MAX_SHELF_LEN;

/// How long a connection may take until it can be used.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How many nodes a query asks at once, and the number of its disjoint paths (S/Kademlia).
const PARALLELISM: usize = 4;
/// Connections that others open to a node.
const MAX_INCOMING: u32 = 512;
/// Those of them that are not established yet.
const MAX_PENDING: u32 = 64;
/// Connections with one peer.
const MAX_PER_PEER: u32 = 3;
/// Ports that a peer may say it listens at.
const MAX_PORTS: usize = 2;

/// Why a directory or a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No address to enter the network by.
    #[error("the DHT has no node to begin with; name at least one")]
    NoPeers,
    /// The system gives no keys or sockets.
    #[error("the DHT's sockets or keys cannot be made: {0}")]
    Transport(String),
    /// The address to serve at cannot be used.
    #[error("the DHT node cannot listen at {address}: {why}; give another address or port")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        why: io::Error,
    },
}

/// What runs on each connection.
#[derive(NetworkBehaviour)]
#[behaviour(prelude = "libp2p_swarm::derive_prelude")]
pub(super) struct Behaviour {
    limits: Limits,
    crowd: Crowd,
    identify: identify::Behaviour,
    pub(super) kad: kad::Behaviour<MemoryStore>,
}

/// Whether a swarm keeps records of others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// It asks and keeps nothing; others do not count on it.
    Client,
    /// It keeps so many records.
    Server { max_records: usize },
}

/// A swarm with a new identity, and what it dials.
pub(super) fn build(role: Role) -> Result<(Swarm<Behaviour>, Reach), StartError> {
    // The store refuses values of its limit and more.
    build_with(role, MAX_SHELF_LEN + 1)
}

/// The same with another limit of its store, in bytes for each record.
pub(super) fn build_with(
    role: Role,
    max_value_bytes: usize,
) -> Result<(Swarm<Behaviour>, Reach), StartError> {
    let keys = Keypair::generate_ed25519();
    let id = PeerId::from(keys.public());
    let noise = libp2p_noise::Config::new(&keys).map_err(|error| StartError::Transport(error.to_string()))?;
    let reach = Reach::new();
    let tcp = libp2p_tcp::tokio::Transport::new(libp2p_tcp::Config::default().nodelay(true));
    let transport = Guard::new(tcp, reach.clone())
        .upgrade(upgrade::Version::V1Lazy)
        .authenticate(noise)
        .multiplex(libp2p_yamux::Config::default())
        .timeout(CONNECT_WAIT)
        .boxed();
    let limits = ConnectionLimits::default()
        .with_max_established_incoming(Some(MAX_INCOMING))
        .with_max_pending_incoming(Some(MAX_PENDING))
        .with_max_established_per_peer(Some(MAX_PER_PEER));
    // What a peer is told of us: the protocol, and nothing of the program or of our addresses beyond a server's ports.
    let identity = identify::Config::new(PROTOCOL.to_owned(), keys.public())
        .with_agent_version("p2pvoip".to_owned())
        .with_hide_listen_addrs(role == Role::Client)
        .with_cache_size(0);
    let behaviour = Behaviour {
        limits: Limits::new(limits),
        crowd: Crowd::default(),
        identify: identify::Behaviour::new(identity),
        kad: kademlia(id, role, max_value_bytes),
    };
    let config = libp2p_swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE);
    Ok((Swarm::new(transport, behaviour, id, config), reach))
}

fn kademlia(id: PeerId, role: Role, max_value_bytes: usize) -> kad::Behaviour<MemoryStore> {
    let mut config = kad::Config::new(StreamProtocol::new(PROTOCOL));
    config
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .disjoint_query_paths(true)
        .set_query_timeout(QUERY_WAIT)
        .set_caching(kad::Caching::Disabled)
        .set_record_ttl(None)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None);
    if let Some(parallelism) = NonZeroUsize::new(PARALLELISM) {
        config.set_parallelism(parallelism);
    }
    let (max_records, mode) = match role {
        Role::Client => (super::MAX_WAITING, kad::Mode::Client),
        Role::Server { max_records } => (max_records, kad::Mode::Server),
    };
    let store =
        MemoryStoreConfig { max_records, max_value_bytes, max_provided_keys: 0, max_providers_per_key: 0 };
    let mut kad = kad::Behaviour::with_config(id, MemoryStore::with_config(id, store), config);
    kad.set_mode(Some(mode));
    kad
}

/// Opens a connection to whoever is at these addresses, which who set us up has named.
pub(super) fn dial_all(swarm: &mut Swarm<Behaviour>, reach: &Reach, addresses: &[SocketAddr]) {
    for address in addresses {
        reach.open(address.ip());
        if let Err(error) = swarm.dial(multiaddr(*address)) {
            tracing::debug!(%error, "a node of the DHT cannot be dialled");
        }
    }
}

/// Whether the swarm knows a node that it can ask.
pub(super) fn knows_somebody(swarm: &mut Swarm<Behaviour>) -> bool {
    swarm.behaviour_mut().kad.kbuckets().any(|bucket| bucket.num_entries() > 0)
}

/// A peer told of itself: one that keeps records is asked from now on, at the address from which it came.
///
/// The ports are what it says; the IP address is the one of the connection, so that nobody tells us a third's here.
/// What nodes answer to queries names whole addresses: these are dialled within [`Reach`] alone.
pub(super) fn on_identified(
    swarm: &mut Swarm<Behaviour>,
    peer: PeerId,
    from: Option<IpAddr>,
    told: &identify::Info,
) {
    let keeps = told.protocols.iter().any(|protocol| protocol.as_ref() == PROTOCOL);
    let Some(ip) = from.filter(|_| keeps) else { return };
    let mut ports: Vec<u16> =
        told.listen_addrs.iter().filter_map(socket_of).map(|address| address.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    for port in ports.into_iter().take(MAX_PORTS) {
        swarm.behaviour_mut().kad.add_address(&peer, multiaddr(SocketAddr::new(ip, port)));
    }
}

/// The IP address at the start of a multiaddr.
pub(super) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    socket_of(address).map(|address| address.ip())
}
