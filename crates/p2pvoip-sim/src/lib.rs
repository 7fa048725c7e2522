//! A deterministic network in virtual time: links, NATs, topologies, laws and sweeps.
//!
//! Nothing here knows of any protocol above UDP. The same seed and the same commands give the same world.
//!
//! - [`alloc`] counts allocations.
//! - [`laws`] proves the five laws of `p2pvoip_core::Machine` for any machine.
//! - [`Bottleneck`] is a server behind a queue discipline (FQ-CoDel, PIE, DualPI2, ...), shared by many flows.
//! - [`Jitter`] makes arrivals late and keeps their order; [`schedule`] has shapes of capacity: Wi-Fi stalls, a cell.
//! - [`Link`] is one direction of a link, usable by itself; [`Nat`] is a NAT, usable by itself.
//! - [`Pair`] joins two machines by two links; [`World`] joins [`Node`]s by links, NATs and streams.
//! - [`tcp`] is a bulk transfer to compete with: NewReno or CUBIC.
//! - [`topology`] has worlds that are ready for two callers.
//! - [`sweep`] tells a story again with another packet lost each time.
//!
//! ```
//! use std::time::Duration;
//! use p2pvoip_core::{DataSize, Seed};
//! use p2pvoip_sim::{Link, LinkConfig, Pushed, START};
//!
//! let config = LinkConfig::delay(Duration::from_millis(30));
//! let mut link = Link::new(config, &Seed::from_u64(1), START);
//! let out = link.push(DataSize::from_bytes(200), START);
//! let at = START + Duration::from_millis(30);
//! assert_eq!(out, Pushed::Delivered { at, again: None, marked: false });
//! ```

pub mod alloc;
pub mod bottleneck;
mod chance;
mod jitter;
pub mod laws;
pub mod link;
mod math;
pub mod nat;
mod pair;
pub mod schedule;
pub mod sweep;
pub mod tcp;
pub mod topology;
pub mod world;

use p2pvoip_core::Instant;

pub use bottleneck::{Bottleneck, BottleneckConfig, Discipline, Limit, Out};
pub use jitter::Jitter;
pub use link::{Link, LinkConfig, LinkStats, Loss, Lost, Pushed, Queue};
pub use nat::{Filtering, Mapping, Nat, NatConfig, PortAllocation, Scope};
pub use pair::{End, Pair, Ran};
pub use sweep::Cut;
pub use topology::Topology;
pub use world::{Action, Cause, Datagram, HostId, Node, StreamEvent, StreamId, Tap, World};

/// When every world begins: not the epoch, so that a machine which takes zero for `never` is found.
pub const START: Instant = Instant::from_millis(10_000);

/// The examples of the README are tested with those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
