//! Finds a path between two peers and keeps it: ICE over UDP, without IO.
//!
//! One [`Agent`] serves one call: it gathers candidates, checks pairs of them, nominates the best that works and keeps
//! the consent of the peer fresh. It follows RFC 8445 (full agent, one component, UDP), RFC 8838 (trickle), RFC 7675
//! (consent), RFC 8489 (STUN), RFC 8656 (TURN over UDP) and RFC 7983 (telling STUN from the rest). The owner carries datagrams to and from
//! sockets, and candidates and credentials to and from the peer.
//!
//! ```
//! use p2pvoip_core::{Instant, Machine, Output, Seed};
//! use p2pvoip_nat::{Agent, Config, Event, Role};
//!
//! let now = Instant::from_micros(0);
//! let mut config = Config::default();
//! config.stun_servers.push("192.0.2.1:3478".parse()?);
//! let mut agent = Agent::new(config, Role::Controlling, Seed::from_u64(1), now)?;
//! agent.gather(&["198.51.100.7:4000".parse()?], now)?;
//!
//! let mut buf = [0; Agent::MAX_TRANSMIT];
//! // The host candidate goes to the peer by signalling, the STUN request to the server by the socket.
//! assert!(matches!(agent.poll_output(&mut buf), Output::Event(Event::Candidate(_))));
//! assert!(matches!(agent.poll_output(&mut buf), Output::Transmit { .. }));
//! assert!(matches!(agent.poll_output(&mut buf), Output::Wait(Some(_))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing)]

mod address;
mod agent;
mod candidate;
mod check;
mod checklist;
mod config;
mod consent;
mod credentials;
pub mod discovery;
mod error;
mod gather;
mod heard;
mod nomination;
mod pair;
mod remotes;
mod route;
mod stats;
pub mod stun;
mod turn;

pub use agent::{Agent, Datagram, Event, Role, Transmit};
pub use candidate::{Candidate, Kind};
pub use config::{CandidatePolicy, Config, ConfigError};
pub use credentials::Credentials;
pub use error::{CommandError, Failure, Refused, RelayFailure};
pub use route::{Prefix, Route, RouteKind};
pub use stats::Stats;
pub use stun::is_stun;
pub use turn::{Inner, Password, TurnServer};
