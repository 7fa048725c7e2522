//! The controller of one voice flow (docs/spec/cc.md explains the law).

use crate::audio_config::{AudioConfig, ConfigError, PTIMES};
use crate::controller::{Controller, Path, Sent, Stats};
use crate::engine::{Engine, Limits};
use crate::ladder::Ladder;
use crate::memory::Memory;
use crate::report::Report;
use crate::target::Target;
use p2pvoip_core::{Bitrate, DataSize, Instant, Wake};

/// The payload held, in packets of 40 ms, behind a queue that others fill: wideband speech (RFC 6716 section 2.1.1).
const FLOOR_PAYLOAD: Bitrate = Bitrate::from_kbps(20);
/// The pacer's rate in parts in a hundred of the wire rate: a copy and a control fragment beside the voice pass at once.
const PACING: u64 = 150;
/// The rise in a second of a flow that has a link to itself is at most this part of the rate: packets of 40 ms tell late.
const GENTLE: u64 = 20;
/// Packets remembered: 1.3 s of voice at 20 ms, as much as a gap of 500 ms and a round trip of 600 ms; a report reaches no
/// further.
const MEMORY: usize = 64;

/// Estimator: the congestion controller of one voice flow.
#[derive(Clone, Debug)]
pub struct AudioController {
    media: Media,
    engine: Engine<MEMORY>,
    ladder: Ladder,
    rates: Rates,
}

/// What is kept of a configuration: payload rates in bits a second, and sizes in bytes.
#[derive(Clone, Copy, Debug)]
struct Media {
    least: u32,
    start: u32,
    most: u32,
    header: u16,
    overhead: u16,
}

impl Media {
    fn of(config: &AudioConfig) -> Self {
        let bytes = |size: DataSize| u16::try_from(size.as_bytes()).unwrap_or(u16::MAX);
        Self {
            least: bps(config.least_payload),
            start: bps(config.start_payload),
            most: bps(config.most_payload),
            header: bytes(config.header),
            overhead: bytes(config.overhead),
        }
    }

    fn config(self) -> AudioConfig {
        let rate = |bps: u32| Bitrate::from_bps(u64::from(bps));
        let bytes = |bytes: u16| DataSize::from_bytes(u64::from(bytes));
        AudioConfig {
            least_payload: rate(self.least),
            start_payload: rate(self.start),
            most_payload: rate(self.most),
            header: bytes(self.header),
            overhead: bytes(self.overhead),
            memory: None,
        }
    }
}

/// Bits a second; four thousand million are as good as endless for voice.
fn bps(rate: Bitrate) -> u32 {
    u32::try_from(rate.as_bps()).unwrap_or(u32::MAX)
}

/// The limits of the rate in bits a second, which follow from the configuration by divisions.
#[derive(Clone, Copy, Debug)]
struct Rates {
    least: u32,
    most: u32,
    floor: u32,
}

impl Rates {
    fn of(config: &AudioConfig) -> Self {
        let [_, middle, ..] = PTIMES;

        Self {
            least: bps(config.least()),
            most: bps(config.most()),
            floor: bps(config.wire(FLOOR_PAYLOAD, middle)),
        }
    }

    fn limits(self) -> Limits {
        let Self { least, most, floor } = self;
        Limits {
            least: u64::from(least),
            most: u64::from(most),
            floor: u64::from(floor),
            gentle: GENTLE,
            weight: 8,
        }
    }
}

impl AudioController {
    /// A controller that starts at `config.start_payload`, or by `config.memory`, on path 0.
    ///
    /// # Errors
    /// [`ConfigError`] says what to give instead.
    pub fn new(config: AudioConfig) -> Result<Self, ConfigError> {
        let config = config.validate()?;
        let rates = Rates::of(&config);
        let engine = Engine::warm(config.start().as_bps(), config.memory, rates.limits());
        let mut ladder = Ladder::default();
        ladder.follow(Bitrate::from_bps(engine.rate()), false, &config, Instant::default());
        Ok(Self { rates, media: Media::of(&config), engine, ladder })
    }

    /// What was measured, for people and for the adaptation of other parts.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// What the next flow on this path should know, for its [`AudioConfig::memory`]; `None` until enough has arrived, and while
    /// nothing does.
    pub fn memory(&self) -> Option<Memory> {
        self.engine.memory(self.limits())
    }

    fn limits(&self) -> Limits {
        self.rates.limits()
    }

    fn follow(&mut self, now: Instant) {
        let wire = Bitrate::from_bps(self.engine.rate());
        self.ladder.follow(wire, self.engine.has_leapt(), &self.media.config(), now);
    }
}

impl Controller for AudioController {
    fn on_sent(&mut self, sent: Sent, now: Instant) {
        self.engine.on_sent(sent, self.limits(), now);
    }

    fn on_feedback(&mut self, report: &Report, now: Instant) {
        self.engine.on_feedback(report, self.limits(), now);
        self.follow(now);
    }

    fn on_path(&mut self, path: Path, now: Instant) {
        self.media.overhead = u16::try_from(path.overhead.as_bytes()).unwrap_or(u16::MAX);
        let config = self.media.config();
        self.rates = Rates::of(&config);
        self.engine.on_path(path.id, config.start().as_bps(), self.limits());
        self.follow(now);
    }

    fn on_time(&mut self, now: Instant) {
        self.engine.on_time(self.limits(), now);
        self.follow(now);
    }

    fn next_at(&self) -> Option<Wake> {
        self.engine.next_at()
    }

    fn target(&self) -> Target {
        let [.., longest] = PTIMES;
        // While a queue drains in which sound would come too late anyway, headers are all that can be saved; a trial costs
        // a dead path as little.
        let ptime = if self.engine.is_deep() { longest } else { self.ladder.ptime() };
        self.engine.target(self.limits(), ptime, PACING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_packet_the_path_tells_what_a_start_costs() {
        let now = Instant::default();
        let mut controller = AudioController::new(AudioConfig::default()).unwrap();
        let relayed = Path { id: 3, overhead: DataSize::from_bytes(28 + 36) };
        controller.on_path(relayed, now);
        // 36 bytes more in each of 50 packets a second: the payload stays.
        let more = Bitrate::from_bps(36 * 8 * 50);
        let start = AudioConfig::default().start();
        assert_eq!(controller.target().wire, start + more);
        controller.on_path(Path { id: 3, ..Path::ipv4(3) }, now);
        assert_eq!(controller.target().wire, start, "the same path, with less");
        controller.on_sent(Sent { number: 0, size: DataSize::from_bytes(150), path: 3 }, now);
        controller.on_path(relayed, now);
        assert_eq!(controller.target().wire, start, "now it only moves the limits");
    }

    #[test]
    fn before_the_first_packet_a_memory_stays() {
        let memory = Memory { wire: Bitrate::from_kbps(40), rtt: None, loss: crate::Fixed::ZERO };
        let config = AudioConfig { memory: Some(memory), ..AudioConfig::default() };
        let mut controller = AudioController::new(config).unwrap();
        controller.on_path(Path::ipv4(1), Instant::default());
        assert_eq!(controller.target().wire, Bitrate::from_kbps(36));
    }
}
