//! From frames of 10 ms to audio bodies of the rung's one size: gather, encode, add a copy, queue.
//!
//! A new budget takes effect when the frame being gathered is complete. Whatever is missing in a body (a copy that does
//! not exist yet) is filled with a chunk that receivers skip, so the size tells nothing.
//!
//! # Timers
//! None. `now` stamps what is made, and a pause of more than [`PAUSE`] between two frames moves media time on.
//!
//! # Left out
//! - Discontinuous transmission, and voice activity: packets follow the network, never the speech.

use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant};
use std::collections::VecDeque;

use crate::codec::{Encoder, Setup};
use crate::frame::{FRAME, Frame, TICK_SAMPLES};
use crate::payload::{Chunk, Span, emit_filler};
use crate::rung::{Budget, FARTHEST_COPY, LARGEST_BODY, Redundancy, Rung, Spending};

/// Packets that wait to be pulled; a further one drops the oldest, since late voice is no voice.
pub const QUEUE_LIMIT: usize = 4;
/// A longer pause between two pushed frames counts as silence of the microphone: media time moves on with the clock.
pub const PAUSE: Duration = Duration::from_millis(500);
/// Units of media time in a pushed frame.
const FRAME_TICKS: u64 = (FRAME / TICK_SAMPLES) as u64;
/// Samples in the longest packet of the ladder: 60 ms.
const LONGEST_FRAME: usize = 6 * FRAME;

/// How a [`Sender`] starts.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct SenderConfig {
    /// What may be spent until the first [`Sender::set_budget`].
    pub budget: Budget,
    /// The media time of the first frame, in units of 2.5 ms.
    pub first_media_time: u64,
}

impl Default for SenderConfig {
    fn default() -> Self {
        let budget = Budget {
            wire: Bitrate::from_kbps(60),
            overhead: DataSize::from_bytes(67),
            ptime: Duration::from_millis(20),
            loss: 0.0,
            burst: 1.0,
            largest: LARGEST_BODY,
        };
        Self { budget, first_media_time: 0 }
    }
}

/// A packet's audio body as [`Sender::pull`] wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packed {
    /// Bytes written: the rung's body length, always.
    pub len: usize,
    /// The rung it was made for.
    pub rung: Rung,
    /// When its first sample was said, in units of 2.5 ms, not wrapped.
    pub media_time: u64,
    /// When its last sample was pushed.
    pub made: Instant,
}

/// What a [`Sender`] has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SenderStats {
    /// Packets made.
    pub packets: u64,
    /// Packets that carried a copy.
    pub copies: u64,
    /// Packets dropped since nobody pulled them in time.
    pub dropped: u64,
    /// Packets not made since the codec failed.
    pub failed: u64,
    /// Pauses of the microphone.
    pub pauses: u64,
    /// How losses are made good now.
    pub redundancy: Redundancy,
}

/// A frame after encoding, kept for its copies.
#[derive(Clone, Copy)]
struct Encoded {
    time: u64,
    span: Span,
    len: usize,
    bytes: [u8; LARGEST_BODY],
}

impl Encoded {
    fn payload(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

struct Waiting {
    packed: Packed,
    body: [u8; LARGEST_BODY],
}

/// Stage: frames of 10 ms in, audio bodies of constant size out.
pub struct Sender<E> {
    encoder: E,
    wanted: Spending,
    configured: Option<Spending>,
    gathered: Vec<i16>,
    /// Media time of the first gathered sample.
    time: u64,
    marker: bool,
    last_push: Option<Instant>,
    /// Newest last.
    history: VecDeque<Encoded>,
    queue: VecDeque<Waiting>,
    stats: SenderStats,
}

impl<E> core::fmt::Debug for Sender<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sender")
            .field("spending", &self.wanted)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl<E: Encoder> Sender<E> {
    /// A sender that makes its first packet of the first frames pushed.
    pub fn new(encoder: E, config: &SenderConfig) -> Self {
        Self {
            encoder,
            wanted: Spending::of(&config.budget),
            configured: None,
            gathered: Vec::with_capacity(LONGEST_FRAME),
            time: config.first_media_time,
            marker: true,
            last_push: None,
            history: VecDeque::with_capacity(usize::from(FARTHEST_COPY)),
            queue: VecDeque::with_capacity(QUEUE_LIMIT),
            stats: SenderStats::default(),
        }
    }

    /// The network grants another budget; it holds from the next packet on.
    pub fn set_budget(&mut self, budget: Budget) {
        self.wanted = Spending::of(&budget);
    }

    /// The rung of the packets to come.
    pub fn rung(&self) -> Rung {
        self.wanted.rung
    }

    /// What was done so far.
    pub fn stats(&self) -> SenderStats {
        SenderStats { redundancy: self.wanted.redundancy, ..self.stats }
    }

    /// 10 ms were said.
    pub fn push(&mut self, frame: &Frame, now: Instant) {
        self.note_pause(now);
        if self.gathered.is_empty() && self.configured != Some(self.wanted) {
            self.configure();
        }
        self.gathered.extend_from_slice(&frame.0);
        let Some(span) = self.configured.and_then(|spending| spending.rung.span()) else {
            return self.lose_gathered();
        };
        if self.gathered.len() >= span.samples() {
            self.make_packet(span, now);
        }
    }

    /// Writes the oldest waiting packet to the front of `out`. A packet longer than `out` is dropped and counted.
    pub fn pull(&mut self, out: &mut [u8]) -> Option<Packed> {
        let waiting = self.queue.pop_front()?;
        let body = waiting.body.get(..waiting.packed.len)?;
        let Some(room) = out.get_mut(..body.len()) else {
            self.stats.dropped += 1;
            return None;
        };
        room.copy_from_slice(body);
        Some(waiting.packed)
    }

    /// A microphone that paused for long: what it said before the pause is dropped, and media time moves on.
    fn note_pause(&mut self, now: Instant) {
        let pause = self.last_push.map_or(Duration::ZERO, |last| now.saturating_since(last));
        self.last_push = Some(now);
        if pause > PAUSE {
            let frames = u64::try_from(pause.as_millis() / 10).unwrap_or_default();
            let gathered = (self.gathered.len() / TICK_SAMPLES) as u64;
            self.time += gathered + (frames.saturating_sub(1)) * FRAME_TICKS;
            self.gathered.clear();
            self.marker = true;
            self.stats.pauses += 1;
        }
    }

    fn configure(&mut self) {
        let Spending { rung, payload, redundancy, loss } = self.wanted;
        let fec = redundancy == Redundancy::InBand;
        let setup = Setup { rung: Rung { payload, ..rung }, expected_loss: loss, fec };
        if self.encoder.configure(setup).is_ok() {
            self.configured = Some(self.wanted);
        }
    }

    fn lose_gathered(&mut self) {
        self.stats.failed += 1;
        self.time += (self.gathered.len() / TICK_SAMPLES) as u64;
        self.gathered.clear();
    }

    fn make_packet(&mut self, span: Span, now: Instant) {
        let Some(encoded) = self.encode(span) else {
            return self.lose_gathered();
        };
        self.gathered.clear();
        self.time += span.ticks();
        if let Some(waiting) = self.fill_body(&encoded, now) {
            self.stats.packets += 1;
            self.marker = false;
            if self.queue.len() == QUEUE_LIMIT {
                self.queue.pop_front();
                self.stats.dropped += 1;
            }
            self.queue.push_back(waiting);
        }
        if self.history.len() == usize::from(FARTHEST_COPY) {
            self.history.pop_front();
        }
        self.history.push_back(encoded);
    }

    fn encode(&mut self, span: Span) -> Option<Encoded> {
        let payload = self.configured?.payload;
        let mut bytes = [0; LARGEST_BODY];
        let out = bytes.get_mut(..payload)?;
        let len = self.encoder.encode(&self.gathered, out).ok().filter(|len| *len == payload)?;
        Some(Encoded { time: self.time, span, len, bytes })
    }

    /// The frame, a copy of an earlier one when there is one that fits, and filler.
    fn fill_body(&mut self, frame: &Encoded, now: Instant) -> Option<Waiting> {
        let Spending { rung, redundancy, .. } = self.configured?;
        let mut bytes = [0; LARGEST_BODY];
        let mut body = bytes.get_mut(..rung.body_len())?;
        let primary = chunk(frame, self.marker, 0).emit(body).ok()?;
        body = body.get_mut(primary..)?;
        if let Some((copy, distance)) = self.copy(redundancy, frame)
            && let Ok(len) = chunk(copy, false, distance).emit(body)
        {
            body = body.get_mut(len..)?;
            self.stats.copies += 1;
        }
        if !body.is_empty() {
            emit_filler(body).ok()?;
        }
        let packed = Packed { len: rung.body_len(), rung, media_time: frame.time, made: now };
        Some(Waiting { packed, body: bytes })
    }

    /// The frame to be copied: of the same span and size, so that both fill the body exactly.
    fn copy(&self, redundancy: Redundancy, frame: &Encoded) -> Option<(&Encoded, u8)> {
        let Redundancy::Copy { distance } = redundancy else { return None };
        let time = frame.time.checked_sub(u64::from(distance) * frame.span.ticks())?;
        let alike = |old: &&Encoded| old.time == time && old.span == frame.span && old.len == frame.len;
        self.history.iter().find(alike).map(|copy| (copy, distance))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the wire carries the low 16 bits; the receiver expands them"
)]
fn chunk(frame: &Encoded, marker: bool, distance: u8) -> Chunk<'_> {
    let media_time = frame.time as u16;
    Chunk { marker, span: frame.span, distance, media_time, payload: frame.payload() }
}
