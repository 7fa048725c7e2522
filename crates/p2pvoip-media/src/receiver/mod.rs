//! From audio chunks to sound that never stops: adaptive playout with repair, concealment and time-stretching.
//!
//! [`Receiver::push`] takes the inside of an audio chunk when it arrives; [`Receiver::pull`] gives exactly 10 ms of sound
//! each time it is called, whatever came. How long to wait for frames is read off a histogram of their lateness
//! (`delay`); the wait is approached by stretching decoded sound (`stretch`), and what is missing is made good or concealed
//! (`playout`).
//!
//! # Timers
//! None of its own: the speaker's pulls are its clock. After [`STARVED`] without anything to play it falls silent, and
//! begins anew with the next frame.
//!
//! # Left out
//! - Comfort noise: a codec's concealment fades by itself.
//! - Merging across a skipped gap: the codec's own state smooths it.

mod buffer;
mod delay;
mod gaps;
mod playout;
mod stats;
mod stretch;
mod timeline;

use core::time::Duration;
use p2pvoip_core::Instant;
use p2pvoip_core::wire::Malformed;

use crate::codec::Decoder;
use crate::frame::Frame;
use crate::payload::Chunk;
use buffer::{FrameBuffer, Inserted, LONGEST_PAYLOAD};
use delay::{DelayEstimator, offset};
use playout::Playout;
use stats::Jitter;
pub use stats::{Played, PlayedKind, ReceiverStats};
use timeline::{Placed, Timeline};

pub use playout::STARVED;

/// How a [`Receiver`] plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ReceiverConfig {
    /// The delay is never aimed lower: at least one pull.
    pub least_delay: Duration,
    /// The delay is never aimed higher, whatever is lost by that.
    pub most_delay: Duration,
    /// The delay aimed at before anything is known.
    pub start_delay: Duration,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self {
            least_delay: Duration::from_millis(10),
            most_delay: Duration::from_millis(600),
            start_delay: Duration::from_millis(30),
        }
    }
}

/// Why an audio chunk was dropped. The peer's fault; it ends nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The bytes are not a media header with a payload.
    #[error("the audio chunk is malformed and is dropped: {0}")]
    Malformed(Malformed),
    /// The payload is longer than any codec frame.
    #[error("the audio chunk holds more than 1,275 bytes of payload and is dropped")]
    TooLong,
    /// Its media time is far from where the sender's clock is.
    #[error("the audio chunk's time is far off and is dropped; a second one like it will be believed")]
    Stray,
}

/// Stage: audio chunks in whenever they come, 10 ms of sound out whenever asked.
pub struct Receiver<D> {
    decoder: D,
    timeline: Timeline,
    delay: DelayEstimator,
    buffer: FrameBuffer,
    playout: Playout,
    jitter: Jitter,
    config: ReceiverConfig,
    stats: ReceiverStats,
    /// Whether the last pull was concealed.
    concealing: bool,
}

impl<D> core::fmt::Debug for Receiver<D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Receiver")
            .field("waiting", &self.buffer.len())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl<D: Decoder> Receiver<D> {
    /// A receiver that is silent until the first packet.
    pub fn new(decoder: D, config: &ReceiverConfig) -> Self {
        Self {
            decoder,
            timeline: Timeline::default(),
            delay: estimator(config),
            buffer: FrameBuffer::new(),
            playout: Playout::new(),
            jitter: Jitter::default(),
            config: *config,
            stats: ReceiverStats::default(),
            concealing: false,
        }
    }

    /// The inside of an audio chunk (media header and payload) arrived.
    ///
    /// # Errors
    /// [`Refused`] when it cannot be a frame of this call; duplicates and late ones are counted, not refused.
    pub fn push(&mut self, inside: &[u8], now: Instant) -> Result<(), Refused> {
        let pushed = self.accept(inside, now);
        self.stats.refused += u64::from(pushed.is_err());
        pushed
    }

    /// The next 10 ms for the speaker.
    pub fn pull(&mut self, out: &mut Frame, now: Instant) -> Played {
        let kind = self.play(out, now);
        let delay = self.playout_delay(now);
        if kind != PlayedKind::Silence {
            self.stats.played += 1;
        }
        let concealed = kind == PlayedKind::Concealed;
        self.stats.concealed += u64::from(concealed);
        self.stats.concealment_events += u64::from(concealed && !self.concealing);
        self.concealing = concealed;
        let delay = if kind == PlayedKind::Silence { Duration::ZERO } else { delay };
        self.stats.playout_delay = delay;
        Played { kind, delay, target: self.delay.target() }
    }

    /// What happened so far.
    pub fn stats(&self) -> ReceiverStats {
        let dropped = self.stats.dropped + self.buffer.overflowed;
        ReceiverStats { dropped, target_delay: self.delay.target(), jitter: self.jitter.get(), ..self.stats }
    }

    fn accept(&mut self, inside: &[u8], now: Instant) -> Result<(), Refused> {
        let chunk = Chunk::parse(inside).map_err(Refused::Malformed)?;
        if chunk.payload.len() > LONGEST_PAYLOAD {
            return Err(Refused::TooLong);
        }
        if chunk.distance > 0 {
            let time = self.timeline.place_copy(chunk.media_time).ok_or(Refused::Stray)?;
            self.keep(&chunk, time, now);
            return Ok(());
        }
        let time = match self.timeline.place(chunk.media_time, now) {
            Placed::At(time) => time,
            Placed::Anew(time) => {
                self.begin_anew();
                time
            }
            Placed::Stray => return Err(Refused::Stray),
        };
        self.jitter.on_arrival(time, now);
        self.note_repair(&chunk, time, now);
        self.keep(&chunk, time, now);
        Ok(())
    }

    /// The sender's clock is another one: nothing that was learnt from the old one holds.
    fn begin_anew(&mut self) {
        if self.stats.received > 0 {
            self.stats.resyncs += 1;
        }
        self.buffer.clear();
        self.playout.reset();
        self.delay.reset(self.config.start_delay);
        self.jitter = Jitter::default();
    }

    /// A frame that can be rebuilt from this one is playable from now on; the estimator counts that as its arrival.
    fn note_repair(&mut self, chunk: &Chunk<'_>, time: u64, now: Instant) {
        let ticks = chunk.span.ticks();
        let Some(before) = time.checked_sub(ticks) else { return };
        if self.buffer.contains(before) || !self.decoder.can_recover(chunk.payload) {
            return;
        }
        let missing = self.playout.expects(before) || self.playout.gaps.fill(before, ticks);
        if missing && self.stats.received > 0 {
            self.delay.observe(offset(before, now), chunk.span.duration(), now);
        }
    }

    fn keep(&mut self, chunk: &Chunk<'_>, time: u64, now: Instant) {
        let primary = chunk.distance == 0;
        let (ticks, duration) = (chunk.span.ticks(), chunk.span.duration());
        if !self.playout.expects(time) {
            // Passed already: without it, or with it.
            let late = self.playout.gaps.fill(time, ticks);
            if late {
                self.delay.observe(offset(time, now), duration, now);
            }
            self.stats.late += u64::from(primary && late);
            self.stats.received += u64::from(primary && late);
            self.stats.duplicate += u64::from(primary && !late);
            return;
        }
        match self.buffer.insert(time, chunk.span, primary, chunk.payload) {
            Inserted::New => {
                self.stats.received += u64::from(primary);
                self.delay.observe(offset(time, now), duration, now);
            }
            Inserted::AfterCopy => self.stats.received += 1,
            Inserted::Known => self.stats.duplicate += u64::from(primary),
            Inserted::NoRoom => {}
        }
    }

    /// The delay of the sound that comes next.
    fn playout_delay(&self, now: Instant) -> Duration {
        self.delay.delay(self.playout.offset(now))
    }
}

fn estimator(config: &ReceiverConfig) -> DelayEstimator {
    let least = config.least_delay.max(Duration::from_millis(10));
    DelayEstimator::new(least, config.most_delay.max(least), config.start_delay)
}
