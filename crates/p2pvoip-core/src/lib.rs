//! The words that all p2pvoip crates share: machines, timers, time, units, seeds and the wire.
//!
//! No IO, no clock, no dice, no allocation and no dependency. Everything here is small enough to be read in one
//! sitting, and stable enough that two crates which never heard of each other can be composed by it.
//!
//! ```
//! use core::time::Duration;
//! use p2pvoip_core::{Bitrate, DataSize, Instant};
//!
//! let now = Instant::from_micros(0) + Duration::from_millis(20);
//! assert_eq!(Bitrate::from_kbps(24) * Duration::from_millis(20), DataSize::from_bytes(60));
//! assert_eq!(now.as_micros(), 20_000);
//! ```
#![warn(clippy::indexing_slicing)]
#![no_std]

mod machine;
mod outbox;
mod redact;
mod seed;
mod time;
mod timers;
mod units;
pub mod wire;

pub use machine::{Machine, Output, Wake};
pub use outbox::{Full, Outbox};
pub use redact::Redacted;
pub use seed::{Rng, Seed};
pub use time::{Instant, UnixTime};
pub use timers::Timers;
pub use units::{Bitrate, DataSize, Ecn};
