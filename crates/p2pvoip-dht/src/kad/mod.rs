//! A directory in the network: nodes on libp2p-kad, and what publishes and looks up there. With [`record`](crate::Record)'s
//! rules in front of every record, since nodes are strangers.
//!
//! This module opens sockets, as the one exception of the crate: TCP, Noise and yamux, under a protocol name of its own. A
//! [`Node`] keeps records of others; a [`KadDirectory`] is a [`Directory`](crate::Directory) that keeps none.
//!
//! # Timers
//! - `query`: [`QUERY_WAIT`]; `entry`: [`ENTRY_WAIT`] for the first node to be reached; `idle` connections: [`IDLE`].
//! - A node enters the network every [`REJOIN`] as long as it knows nobody, and forgets what has ended every
//!   [`SWEEP`].
//!
//! # Left out
//! - Records are not handed on by nodes: their owners publish them anew, hourly.
//! - QUIC, relays, and any way through a NAT for nodes: an operator's node has a reachable address.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "libp2p has many events and kinds of address; what does not concern us is left alone"
)]

mod address;
mod crowd;
mod directory;
mod node;
mod reach;
mod stock;
mod swarm;
#[cfg(test)]
mod tests;
mod worker;

use std::time::Duration;

pub use address::{BadPeerAddress, PeerAddress};
pub use directory::{Config, KadDirectory, MAX_WAITING};
pub use node::{Node, NodeConfig};
pub use swarm::StartError;

/// The name of the protocol: no other network's nodes answer to it.
pub const PROTOCOL: &str = "/p2pvoip/kad/1.0.0";
/// How long one query may take.
pub const QUERY_WAIT: Duration = Duration::from_secs(6);
/// How long the first node of the network is waited for.
pub const ENTRY_WAIT: Duration = Duration::from_secs(3);
/// How long a connection that nobody uses stays open.
pub const IDLE: Duration = Duration::from_secs(30);
/// How often a node forgets what has ended.
pub const SWEEP: Duration = Duration::from_secs(600);
/// How often a node that knows nobody tries to enter the network.
pub const REJOIN: Duration = Duration::from_secs(10);
/// Nodes at which a record has to be found again before it counts as published, when as many answer.
pub const READ_BACK: usize = 2;
/// How often a record is put before it counts as not published.
pub const ATTEMPTS: u32 = 3;
/// Records that one lookup takes from nodes, at most.
pub const MAX_FOUND: usize = 32;
