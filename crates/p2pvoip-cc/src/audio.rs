//! The controller of one voice flow (docs/spec/cc.md explains the law).

use crate::audio_config::{AudioConfig, ConfigError, PTIMES};
use crate::controller::{Controller, Path, Sent, Stats};
use crate::engine::{Engine, Limits};
use crate::ladder::Ladder;
use crate::report::Report;
use crate::target::Target;
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant, Wake};

/// The payload held, in packets of 40 ms, behind a queue that others fill: wideband speech (RFC 6716 section 2.1.1).
const FLOOR_PAYLOAD: Bitrate = Bitrate::from_kbps(20);
/// The pacer's rate in parts in a hundred of the wire rate: a copy and a control fragment beside the voice pass at once.
const PACING: u64 = 150;
/// The rise in a second of a flow that has a link to itself is at most this part of the rate: packets of 40 ms tell late.
const GENTLE: u64 = 20;
/// Packets remembered: 2.5 s of voice at 20 ms, more than any report in time reaches back.
const MEMORY: usize = 128;
/// How often time is looked at when nothing else happens.
const EVERY: Duration = Duration::from_millis(100);

/// Estimator: the congestion controller of one voice flow.
#[derive(Clone, Debug)]
pub struct AudioController {
    config: AudioConfig,
    engine: Engine<MEMORY>,
    ladder: Ladder,
    looked: Option<Instant>,
}

impl AudioController {
    /// A controller that starts at `config.start_payload` on path 0.
    ///
    /// # Errors
    /// [`ConfigError`] says what to give instead.
    pub fn new(config: AudioConfig) -> Result<Self, ConfigError> {
        let config = config.validate()?;
        let mut ladder = Ladder::default();
        ladder.follow(config.start(), false, &config, Instant::default());
        Ok(Self { config, engine: Engine::new(config.start().as_bps()), ladder, looked: None })
    }

    /// What was measured, for people and for the adaptation of other parts.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    fn limits(&self) -> Limits {
        let [_, middle, ..] = PTIMES;
        Limits {
            least: self.config.least().as_bps(),
            most: self.config.most().as_bps(),
            floor: self.config.wire(FLOOR_PAYLOAD, middle).as_bps(),
            gentle: GENTLE,
            weight: 8,
        }
    }

    fn follow(&mut self, now: Instant) {
        let wire = Bitrate::from_bps(self.engine.rate());
        self.ladder.follow(wire, self.engine.has_leapt(), &self.config, now);
    }
}

impl Controller for AudioController {
    fn on_sent(&mut self, sent: Sent, now: Instant) {
        self.engine.on_sent(sent, self.limits(), now);
        self.looked.get_or_insert(now);
    }

    fn on_feedback(&mut self, report: &Report, now: Instant) {
        self.engine.on_feedback(report, self.limits(), now);
        self.follow(now);
    }

    fn on_path(&mut self, path: Path, now: Instant) {
        self.config.overhead = DataSize::from_bytes(path.overhead.as_bytes().min(u64::from(u16::MAX)));
        self.engine.on_path(path.id, self.config.start().as_bps(), self.limits());
        self.follow(now);
    }

    fn on_time(&mut self, now: Instant) {
        self.engine.on_time(self.limits(), now);
        self.looked = self.looked.map(|_| now);
        self.follow(now);
    }

    fn next_at(&self) -> Option<Wake> {
        self.looked.map(|looked| Wake { at: looked + EVERY, why: "rate" })
    }

    fn target(&self) -> Target {
        let [.., longest] = PTIMES;
        // While a queue drains in which sound would come too late anyway, headers are all that can be saved.
        let ptime = if self.engine.is_deep() { longest } else { self.ladder.ptime() };
        self.engine.target(self.limits(), ptime, PACING)
    }
}
