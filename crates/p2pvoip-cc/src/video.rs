//! The controller of video, or of video and voice in one flow: the same law as for voice, without its ladder.

use crate::audio_config::{ConfigError, FASTEST};
use crate::controller::{Controller, Path, Sent, Stats};
use crate::engine::{Engine, Limits};
use crate::memory::Memory;
use crate::report::Report;
use crate::target::Target;
use core::time::Duration;
use p2pvoip_core::{Bitrate, Instant, Wake};

/// The pacer's rate in parts in a hundred of the wire rate: frames are spread out, so that they make no queue.
const PACING: u64 = 110;
/// The rise in a second of a flow that has a link to itself is at most this part of the rate.
const STEADY: u64 = 10;
/// Packets remembered: more than a second at 300 packets a second.
const MEMORY: usize = 384;

/// The rates of a [`VideoController`], all headers included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct VideoConfig {
    /// The least rate.
    pub least: Bitrate,
    /// The rate at which a flow starts.
    pub start: Bitrate,
    /// The greatest rate.
    pub most: Bitrate,
    /// How much of a full link this flow takes beside others, 8 being usual; 1 to 64.
    pub weight: u8,
    /// What the last flow on this path has learnt ([`VideoController::memory`]): the flow starts there, and not at `start`.
    pub memory: Option<Memory>,
}

impl Default for VideoConfig {
    /// From 150 kbit/s, where a flow starts, to 1.5 Mbit/s (RFC 8867 section 4.3).
    fn default() -> Self {
        Self {
            least: Bitrate::from_kbps(150),
            start: Bitrate::from_kbps(150),
            most: Bitrate::from_kbps(1_500),
            weight: 8,
            memory: None,
        }
    }
}

/// Estimator: the congestion controller of one flow with video.
#[derive(Clone, Debug)]
pub struct VideoController {
    config: VideoConfig,
    engine: Engine<MEMORY>,
}

impl VideoController {
    /// A controller that starts at `config.start`, or by `config.memory`, on path 0.
    ///
    /// # Errors
    /// [`ConfigError`] says what to give instead.
    pub fn new(config: VideoConfig) -> Result<Self, ConfigError> {
        if config.least == Bitrate::default() {
            return Err(ConfigError::Zero);
        }
        if !(1..=64).contains(&config.weight) {
            return Err(ConfigError::Weight);
        }
        if config.most > FASTEST {
            return Err(ConfigError::Fast);
        }
        if config.least > config.start || config.start > config.most {
            return Err(ConfigError::Unordered);
        }
        let engine = Engine::warm(config.start.as_bps(), config.memory, limits(&config));
        Ok(Self { config, engine })
    }

    /// What was measured, for people and for the adaptation of other parts.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// What the next flow on this path should know, for its [`VideoConfig::memory`]; `None` until enough has arrived, and while
    /// nothing does.
    pub fn memory(&self) -> Option<Memory> {
        self.engine.memory(self.limits())
    }

    fn limits(&self) -> Limits {
        limits(&self.config)
    }
}

fn limits(config: &VideoConfig) -> Limits {
    let VideoConfig { least, most, weight, .. } = *config;
    let (least, most) = (least.as_bps(), most.as_bps());
    Limits { least, most, floor: least, gentle: STEADY, weight: u64::from(weight) }
}

impl Controller for VideoController {
    fn on_sent(&mut self, sent: Sent, now: Instant) {
        self.engine.on_sent(sent, self.limits(), now);
    }

    fn on_feedback(&mut self, report: &Report, now: Instant) {
        self.engine.on_feedback(report, self.limits(), now);
    }

    fn on_path(&mut self, path: Path, _now: Instant) {
        self.engine.on_path(path.id, self.config.start.as_bps(), self.limits());
    }

    fn on_time(&mut self, now: Instant) {
        self.engine.on_time(self.limits(), now);
    }

    fn next_at(&self) -> Option<Wake> {
        self.engine.next_at()
    }

    fn target(&self) -> Target {
        self.engine.target(self.limits(), Duration::ZERO, PACING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_cannot_be_used_says_what_to_give() {
        let with = |change: fn(&mut VideoConfig)| {
            let mut config = VideoConfig::default();
            change(&mut config);
            VideoController::new(config).err()
        };
        assert_eq!(with(|_| {}), None);
        assert_eq!(with(|config| config.least = Bitrate::default()), Some(ConfigError::Zero));
        assert_eq!(with(|config| config.start = Bitrate::from_kbps(9_000)), Some(ConfigError::Unordered));
        assert_eq!(with(|config| config.most = Bitrate::from_bps(u64::MAX)), Some(ConfigError::Fast));
        assert_eq!(with(|config| config.weight = 65), Some(ConfigError::Weight));
        assert_eq!(with(|config| config.weight = 0), Some(ConfigError::Weight));
    }
}
