//! What happened in a call, for people: counters, observers, and how good it probably sounded.
//!
//! [`CallStats`] is a snapshot that the owner of a call fills from what its parts know. A [`Recorder`] is told of
//! snapshots and keeps a bounded series, which gives a [`Summary`] at the end. A [`QualityMeter`] makes an opinion score of them by
//! the [E-model](emodel). Nothing is sent or stored anywhere.
//!
//! ```
//! use p2pvoip_core::Instant;
//! use p2pvoip_telemetry::{CallStats, Metric, Observer, Recorder};
//! use std::time::Duration;
//!
//! let mut recorder = Recorder::new();
//! let mut stats = CallStats::default();
//! for second in 0..60u64 {
//!     stats.inbound.packets_received += 50;
//!     stats.path.round_trip_time = Some(Duration::from_millis(20 + second % 3));
//!     recorder.on_stats(&stats, Instant::from_millis(1_000 * second));
//! }
//! let rtt = recorder.summary().get(Metric::RoundTripTime).unwrap();
//! assert_eq!((rtt.min, rtt.median, rtt.max), (20.0, 21.0, 22.0));
//! ```
mod bursts;
pub mod emodel;
mod meter;
mod quality;
mod recorder;
mod series;
mod stats;
mod summary;
mod voip;

pub use bursts::{BurstGap, Bursts, Fate, GMIN};
pub use meter::{ENOUGH, MEMORY, QualityMeter};
pub use quality::{Grade, Quality};
pub use recorder::{Observer, Recorder, SAMPLE_INTERVAL};
pub use series::{Metric, SAMPLES, Sample};
pub use stats::{CallStats, Congestion, InboundStats, OutboundStats, PathKind, PathStats, RefusedStats};
pub use summary::{Spread, Summary};
pub use voip::VoipMetrics;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
