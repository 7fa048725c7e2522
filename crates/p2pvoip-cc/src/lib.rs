//! Congestion control for low-latency voice: how fast to send, and when, from what the other side reports.
//!
//! No runtime, no clock, no allocation, no packets: this crate is told sizes, numbers and times, and answers with a
//! [`Target`]. Four parts, each usable alone:
//! - [`FeedbackCollector`] at the receiver notes what arrived and writes a [`Report`] (RFC 8888 semantics); a stack with
//!   RTCP has [`rfc8888`] and [`twcc`] instead;
//! - [`Controller`] at the sender turns feedback into a [`Target`]; [`AudioController`] is the one for voice;
//!   [`Nada`] and [`Gcc`] are published laws behind the same trait;
//! - [`Pacer`] says when a packet may leave;
//! - the owner of the media spends `Target::wire` on payload and redundancy.
//!
//! ```
//! use core::time::Duration;
//! use p2pvoip_cc::{AudioConfig, AudioController, Class, Controller, FeedbackCollector, Pacer, Path, Report, Sent};
//! use p2pvoip_core::{DataSize, Ecn, Instant};
//!
//! let mut now = Instant::from_millis(0);
//! let mut controller = AudioController::new(AudioConfig::default())?;
//! let mut pacer = Pacer::new(&controller.target(), now);
//! let mut receiver = FeedbackCollector::new();
//! controller.on_path(Path::ipv4(0), now);
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
//!     if let Ok(report) = Report::parse(slot.get(..len).unwrap_or_default(), number) {
//!         controller.on_feedback(&report, now + Duration::from_millis(85));
//!     }
//!     pacer.set_target(&controller.target(), now);
//!     now += Duration::from_millis(20);
//! }
//! assert_eq!(controller.stats().rtt, Some(Duration::from_millis(80)));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing)]
#![no_std]

mod audio;
mod audio_config;
mod collector;
mod controller;
mod coupled;
mod delay;
mod engine;
mod feedback;
mod fixed;
mod gcc;
mod history;
mod ladder;
mod ledger;
mod loss;
mod memory;
mod moment;
mod nada;
mod pacer;
mod pairs;
mod rate;
mod recent;
mod report;
pub mod rfc8888;
mod rtt;
mod slices;
mod target;
pub mod twcc;
mod video;
mod window;

pub use audio::AudioController;
pub use audio_config::{AudioConfig, ConfigError};
pub use collector::{
    Arrived, BUDGET_DEPTH, FEEDBACK_INTERVAL, FEEDBACK_RATE, FeedbackCollector, LONGEST_WAIT,
};
pub use controller::{Controller, Path, Phase, Sent, Stats};
pub use coupled::{Coupled, Demand, Exchange, Fse, NoSuchFlow};
pub use feedback::{MAX_LEN, MIN_LEN};
pub use fixed::Fixed;
pub use gcc::{Gcc, GccConfig, GccConfigError};
pub use memory::Memory;
pub use nada::{Nada, NadaConfig, NadaConfigError};
pub use pacer::{AUDIO_PACKETS, AUDIO_TIME, Class, OTHER_PACKETS, OTHER_TIME, Pacer};
pub use report::{EcnCounts, MAX_TIMES, REACH, RemoteTime, Report};
pub use target::{Breaker, Target};
pub use video::{VideoConfig, VideoController};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
