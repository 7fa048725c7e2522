//! From a call's snapshots to its quality now: the E-model with what was heard lately.
//!
//! What is counted fades with time (a time constant of [`MEMORY`]), so that every figure is a mean that weighs the newest most,
//! and none of them jumps when something leaves a window.
//!
//! - **Rate**: bytes of codec payload over the sound in them, of the frames that were decoded.
//! - **Loss**: sound made up over sound played, after all repair. A snapshot in which nothing at all was played counts as lost.
//! - **Burst ratio**: the mean length of a concealment in packets, over `1 / (1 - loss)`, which it would be by chance.
//! - **Delay**: half the round trip, the playout delay, one packet's sound, and what the codec looks ahead.

use core::time::Duration;

use p2pvoip_core::{Bitrate, Instant};

use crate::emodel::{Band, Coding, Losses, Opus, mos, r_factor};
use crate::quality::Quality;
use crate::stats::{CallStats, InboundStats};

/// How long what was heard is remembered: after this time it weighs 1/e (the shorter of the two time constants by which ETSI TS
/// 101 329-5 annex E has opinions follow bursts).
pub const MEMORY: Duration = Duration::from_secs(5);
/// Nothing is said before that much sound was played.
pub const ENOUGH: Duration = Duration::from_secs(1);
/// Samples a second of all counters.
const SAMPLE_RATE: f64 = 48_000.0;

/// Sums that fade.
#[derive(Clone, Copy, Debug, Default)]
struct Faded {
    /// Sound that was to be heard, in seconds.
    due: f64,
    /// Of it, what was made up or missing.
    missing: f64,
    /// Times that concealment began.
    events: f64,
    /// Frames decoded, their bytes, and their sound in seconds.
    frames: f64,
    bytes: f64,
    decoded: f64,
}

/// Estimator: is told of a call's snapshots, and says how good what is heard probably is.
#[derive(Clone, Debug, Default)]
pub struct QualityMeter {
    faded: Faded,
    last: Option<(InboundStats, Instant)>,
}

impl QualityMeter {
    /// Has heard nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The quality of what this side hears, given a snapshot with counters that go on from those before; none before
    /// [`ENOUGH`] was played.
    pub fn on_stats(&mut self, stats: &CallStats, now: Instant) -> Option<Quality> {
        let inbound = &stats.inbound;
        if inbound.total_samples > 0 {
            let (before, at) = self.last.replace((*inbound, now)).unwrap_or((InboundStats::default(), now));
            self.faded.fade(now.saturating_since(at));
            self.faded.add(&before, inbound, now.saturating_since(at));
        }
        (self.faded.due >= ENOUGH.as_secs_f64() && self.faded.decoded > 0.0).then(|| self.quality(stats))
    }

    fn quality(&self, stats: &CallStats) -> Quality {
        let of = &self.faded;
        let loss = (of.missing / of.due).clamp(0.0, 1.0);
        let packet = of.decoded / of.frames.max(f64::MIN_POSITIVE);
        let burst_ratio = of.burst_ratio(loss, packet);
        let losses = Losses { percent: 100.0 * loss, burst_ratio };
        let delays = [
            stats.path.round_trip_time.unwrap_or_default() / 2,
            stats.inbound.playout_delay,
            Duration::try_from_secs_f64(packet).unwrap_or_default(),
            stats.outbound.codec_delay,
        ];
        let mouth_to_ear = delays.into_iter().fold(Duration::ZERO, Duration::saturating_add);
        let opus = Opus::at(of.rate(), Coding::Constant);
        let r = |ms| r_factor(Band::Full, opus.rating(losses, ms));
        let whole = r(1_000.0 * mouth_to_ear.as_secs_f64());
        Quality {
            r: single(whole),
            mos: single(mos(whole)),
            mos_listening: single(mos(r(0.0))),
            mouth_to_ear,
            loss: single(loss),
            burst_ratio: single(burst_ratio),
        }
    }
}

impl Faded {
    fn fade(&mut self, time: Duration) {
        let weight = (-time.as_secs_f64() / MEMORY.as_secs_f64()).exp();
        let sums = [
            &mut self.due,
            &mut self.missing,
            &mut self.events,
            &mut self.frames,
            &mut self.bytes,
            &mut self.decoded,
        ];
        for sum in sums {
            *sum *= weight;
        }
    }

    fn add(&mut self, was: &InboundStats, is: &InboundStats, passed: Duration) {
        let grown = |before: u64, after: u64| count(after.saturating_sub(before));
        let played = grown(was.total_samples, is.total_samples) / SAMPLE_RATE;
        if played > 0.0 {
            self.due += played;
            self.missing += grown(was.concealed_samples, is.concealed_samples) / SAMPLE_RATE;
        } else {
            self.due += passed.as_secs_f64();
            self.missing += passed.as_secs_f64();
        }
        self.events += grown(was.concealment_events, is.concealment_events);
        self.frames += grown(was.frames_decoded, is.frames_decoded);
        self.bytes += grown(was.payload_bytes, is.payload_bytes);
        self.decoded += is.decoded_time.saturating_sub(was.decoded_time).as_secs_f64();
    }

    fn burst_ratio(&self, loss: f64, packet: f64) -> f64 {
        if self.missing <= 0.0 || self.events <= 0.0 || packet <= 0.0 {
            return 1.0;
        }
        (self.missing / self.events / packet * (1.0 - loss)).max(1.0)
    }

    /// What the codec spent on what was decoded.
    fn rate(&self) -> Bitrate {
        let bps = 8.0 * self.bytes / self.decoded.max(f64::MIN_POSITIVE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of bits is not negative, and the cast saturates"
        )]
        Bitrate::from_bps(bps.round() as u64)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of one call")]
const fn count(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "shown to people with three digits")]
const fn single(number: f64) -> f32 {
    number as f32
}
