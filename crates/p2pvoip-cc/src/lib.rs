//! Congestion control for low-latency voice: how fast to send, and when, from what the other side reports.
//!
//! No runtime, no clock, no allocation, no packets: this crate is told sizes, numbers and times, and answers with a
//! [`Target`]. Four parts, each usable alone:
//! - [`FeedbackCollector`] at the receiver notes what arrived and writes [`Feedback`] (RFC 8888 semantics);
//! - [`Controller`] at the sender turns feedback into a [`Target`]; [`AudioController`] is the one for voice;
//! - [`Pacer`] says when a packet may leave;
//! - the owner of the media spends `Target::wire` on payload and redundancy.
//!
//! ```
//! use core::time::Duration;
//! use p2pvoip_cc::{AudioConfig, AudioController, Class, Controller, Feedback, FeedbackCollector, Pacer, Sent};
//! use p2pvoip_core::{DataSize, Ecn, Instant};
//!
//! let mut now = Instant::from_millis(0);
//! let mut controller = AudioController::new(AudioConfig::default())?;
//! let mut pacer = Pacer::new(&controller.target(), now);
//! let mut receiver = FeedbackCollector::new();
//! controller.on_path(0, DataSize::from_bytes(28), now);
//! for number in 0..100 {
//!     let size = DataSize::from_bytes(150);
//!     if pacer.permit(size, Class::Audio, now).is_ok() {
//!         controller.on_sent(Sent { number, size, path: 0 }, now);
//!     }
//!     // ... the network carries the packet; at the other end:
//!     receiver.on_received(number, 0, Ecn::NotEct, now + Duration::from_millis(40));
//!     let mut slot = [0; 18];
//!     let len = receiver.emit(&mut slot, now + Duration::from_millis(45)).unwrap_or(0);
//!     // ... and it rides back on the next packet of the other direction.
//!     let feedback = Feedback::parse(slot.get(..len).unwrap_or_default())?;
//!     controller.on_feedback(&feedback, now + Duration::from_millis(85));
//!     pacer.set_target(&controller.target(), now);
//!     now += Duration::from_millis(20);
//! }
//! assert_eq!(controller.stats().rtt, Some(Duration::from_millis(80)));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing)]
#![no_std]

mod audio;
mod collector;
mod controller;
mod coupled;
mod delay;
mod feedback;
mod history;
mod loss;
mod pacer;
mod rate;
mod rtt;
mod target;

pub use audio::{AudioConfig, AudioController, ConfigError};
pub use collector::{FeedbackCollector, LONGEST_WAIT};
pub use controller::{Controller, Phase, Sent, Stats};
pub use coupled::{Coupled, Demand, Exchange, Fse, NoSuchFlow};
pub use feedback::{EcnCounts, Feedback, MAX_LEN, MIN_LEN, Report, Reports};
pub use pacer::{AUDIO_PACKETS, AUDIO_TIME, Class, OTHER_PACKETS, OTHER_TIME, Pacer};
pub use target::{Breaker, Target};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
