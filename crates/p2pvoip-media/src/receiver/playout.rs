//! What to play next: the frame that is due, its repair, its concealment, or more or less of what is there already.
//!
//! While nothing at all is there, concealment goes on without media time: the stall. When the next frame comes then, it
//! is played, and the delay has grown by the stall; when a later one comes, the stall has stood for what was lost.

use core::time::Duration;
use p2pvoip_core::Instant;

use super::Receiver;
use super::buffer::Entry;
use super::delay::Offset;
use super::gaps::Gaps;
use super::stats::PlayedKind;
use super::stretch::{Care, Pcm};
use crate::codec::Decoder;
use crate::frame::{FRAME, Frame, TICK_SAMPLES};

/// After that long without anything to play, playing ends; the next frame begins it anew.
pub const STARVED: Duration = Duration::from_secs(1);
/// The same in ticks of 2.5 ms.
const STARVED_TICKS: u64 = 400;
/// Concealment is made in steps of 10 ms, so that what comes meanwhile is soon heard.
const STEP_TICKS: u64 = (FRAME / TICK_SAMPLES) as u64;
/// The longest frame in samples: 120 ms.
const LONGEST: usize = 5_760;
/// Sound is shortened when the delay is this far above its target.
const ABOVE: Duration = Duration::from_millis(15);
/// Sound is lengthened when the delay is this far below its target.
const BELOW: Duration = Duration::from_millis(4);
/// This far from the target, haste is greater than care.
const FAR: Duration = Duration::from_millis(80);
/// This far above the target, frames are dropped: stretching would take too long.
const HOPELESS: Duration = Duration::from_secs(1);
/// Pulls between two stretches: usually, and in haste.
const PAUSE: u8 = 4;
/// The same when there is haste.
const HASTY_PAUSE: u8 = 2;
/// Sound that is decoded ahead so that the longest period can be taken out.
const AHEAD: usize = 1_200 + FRAME;

/// Where playing stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing is played; frames before that media time are no longer wanted.
    Silent(Option<u64>),
    /// The media time of the frame to be decoded next.
    Playing(u64),
}

/// The state of playing.
pub(super) struct Playout {
    state: State,
    pcm: Pcm,
    scratch: Box<[i16; LONGEST]>,
    pub(super) gaps: Gaps,
    /// Ticks concealed while nothing was there.
    stalled: u64,
    /// Ticks passed without their frames since the last frame.
    passed: u64,
    pause: u8,
    stretched: bool,
}

impl Playout {
    pub(super) fn new() -> Self {
        Self {
            state: State::Silent(None),
            pcm: Pcm::new(),
            scratch: Box::new([0; LONGEST]),
            gaps: Gaps::new(),
            stalled: 0,
            passed: 0,
            pause: 0,
            stretched: false,
        }
    }

    /// Back to the beginning.
    pub(super) fn reset(&mut self) {
        self.state = State::Silent(None);
        self.pcm.clear();
        self.gaps.clear();
        (self.stalled, self.passed, self.pause) = (0, 0, 0);
    }

    /// Whether a frame of that media time can still be played.
    pub(super) fn expects(&self, time: u64) -> bool {
        match self.state {
            State::Silent(floor) => floor.is_none_or(|floor| time >= floor),
            State::Playing(next) => time >= next,
        }
    }

    /// The offset of the first sample that waits.
    pub(super) fn offset(&self, now: Instant) -> Offset {
        let State::Playing(next) = self.state else { return Offset::MIN };
        let waiting = i64::try_from(self.pcm.len() * 1_000 / 48).unwrap_or_default();
        super::delay::offset(next, now).saturating_add(waiting)
    }
}

impl<D: Decoder> Receiver<D> {
    /// Makes the next 10 ms.
    pub(super) fn play(&mut self, out: &mut Frame, now: Instant) -> PlayedKind {
        if !self.begin(now) {
            *out = Frame::SILENCE;
            return PlayedKind::Silence;
        }
        self.drop_hopeless(now);
        self.fill(FRAME, now);
        self.stretch(now);
        self.fill(FRAME, now);
        let kind = self.playout.pcm.take(out);
        let stretched = core::mem::take(&mut self.playout.stretched);
        if stretched && kind == PlayedKind::Decoded { PlayedKind::Stretched } else { kind }
    }

    /// Begins to play when a frame has waited for the target; true while playing.
    fn begin(&mut self, now: Instant) -> bool {
        if let State::Playing(_) = self.playout.state {
            return true;
        }
        loop {
            let Some(first) = self.buffer.first() else { return false };
            let (time, span) = (first.time, first.span);
            let delay = self.delay.delay(super::delay::offset(time, now));
            if delay < self.delay.target() {
                return false;
            }
            // What waited for longer than another frame lasts is past; begin with what is fresh.
            if self.buffer.len() > 1 && delay >= self.delay.target() + span.duration() {
                self.buffer.drop_first();
                self.stats.dropped += 1;
                continue;
            }
            self.playout.state = State::Playing(time);
            (self.playout.stalled, self.playout.passed) = (0, 0);
            return true;
        }
    }

    /// Drops frames after a stall so long that stretching would not catch up.
    fn drop_hopeless(&mut self, now: Instant) {
        if self.playout_delay(now) < self.delay.target() + HOPELESS {
            return;
        }
        while self.buffer.len() > 1 && self.playout_delay(now) > self.delay.target() + FAR {
            self.buffer.drop_first();
            self.stats.dropped += 1;
            if let Some(first) = self.buffer.first() {
                self.playout.state = State::Playing(first.time);
            }
        }
    }

    /// Decodes, recovers or conceals until that many samples wait.
    fn fill(&mut self, samples: usize, now: Instant) {
        while self.playout.pcm.len() < samples {
            let State::Playing(next) = self.playout.state else { return };
            self.step(next, now);
        }
    }

    /// Makes the sound from `next` on; at least one sample, unless playing ends.
    fn step(&mut self, next: u64, now: Instant) {
        // What begins before was overlapped by what was played.
        self.stats.dropped += self.buffer.drop_before(next);
        let Some(first) = self.buffer.first() else { return self.stall(next) };
        let gap = first.time - next;
        let span = first.span;
        if gap == 0 {
            return self.decode(next);
        }
        let repairable = self.decoder.can_recover(&first.payload);
        let growth_is_welcome = self.playout_delay(now) <= self.delay.target() + ABOVE;
        if repairable && gap <= span.ticks() && (self.playout.stalled == 0 || growth_is_welcome) {
            self.playout.stalled = 0;
            return self.recover(next, gap);
        }
        if self.playout.stalled > 0 {
            let stood_for = self.playout.stalled.min(gap);
            self.playout.stalled = 0;
            return self.miss(next, stood_for, span.ticks());
        }
        // The last frame of the gap is left to its successor's repair.
        let hopeless = if repairable && gap > span.ticks() { gap - span.ticks() } else { gap };
        let step = STEP_TICKS.min(hopeless);
        self.conceal(step);
        self.miss(next, step, span.ticks());
    }

    /// Nothing is there: conceal without media time, and give up in the end.
    fn stall(&mut self, next: u64) {
        if self.playout.stalled >= STARVED_TICKS {
            self.playout.state = State::Silent(Some(next));
            self.playout.pcm.clear();
            return;
        }
        self.conceal(STEP_TICKS);
        self.playout.stalled += STEP_TICKS;
    }

    /// Decodes the frame at `next`, which is the first in the buffer.
    fn decode(&mut self, next: u64) {
        let Some(Entry { span, primary, payload, .. }) = self.buffer.take_first() else { return };
        let bytes = payload.len() as u64;
        let decoded = match self.playout.scratch.get_mut(..span.samples()) {
            Some(room) => self.decoder.decode(&payload, room).is_ok_and(|len| len == span.samples()),
            None => false,
        };
        self.buffer.reuse(payload);
        (self.playout.stalled, self.playout.passed) = (0, 0);
        self.playout.state = State::Playing(next.saturating_add(span.ticks()));
        if !decoded {
            self.stats.undecodable += 1;
            self.stats.missed += 1;
            return self.conceal(span.ticks());
        }
        self.stats.decoded += 1;
        self.stats.decoded_bytes += bytes;
        self.stats.decoded_time = self.stats.decoded_time.saturating_add(span.duration());
        if !primary {
            self.playout.gaps.note(next, next.saturating_add(span.ticks()));
        }
        self.stats.lost_before_repair += u64::from(!primary);
        self.stats.recovered_copy += u64::from(!primary);
        let kind = if primary { PlayedKind::Decoded } else { PlayedKind::Copied };
        self.playout.pcm.push(kind, self.playout.scratch.get(..span.samples()).unwrap_or_default());
    }

    /// Rebuilds the last `gap` ticks before the first frame in the buffer from what it says of its predecessor.
    fn recover(&mut self, next: u64, gap: u64) {
        let Some(first) = self.buffer.first() else { return };
        let (samples, ticks) = (first.span.samples(), first.span.ticks());
        let recovered = match self.playout.scratch.get_mut(..samples) {
            Some(room) => self.decoder.recover(&first.payload, room).is_ok_and(|len| len == samples),
            None => false,
        };
        if !recovered {
            self.conceal(gap);
            return self.miss(next, gap, ticks);
        }
        let from =
            samples - usize::try_from(gap).unwrap_or_default().saturating_mul(TICK_SAMPLES).min(samples);
        self.playout
            .pcm
            .push(PlayedKind::Recovered, self.playout.scratch.get(from..samples).unwrap_or_default());
        self.stats.recovered_fec += 1;
        self.pass(next, gap, ticks);
    }

    /// Media time moves over a span that was concealed.
    fn miss(&mut self, next: u64, ticks: u64, span: u64) {
        let before = self.stats.lost_before_repair;
        self.pass(next, ticks, span);
        self.stats.missed += self.stats.lost_before_repair - before;
    }

    /// Media time moves over a span whose frame was not there.
    fn pass(&mut self, next: u64, ticks: u64, span: u64) {
        let before = self.playout.passed.div_ceil(span.max(1));
        self.playout.passed += ticks;
        self.stats.lost_before_repair += self.playout.passed.div_ceil(span.max(1)) - before;
        self.playout.gaps.note(next, next.saturating_add(ticks));
        self.playout.state = State::Playing(next.saturating_add(ticks));
    }

    fn conceal(&mut self, ticks: u64) {
        let samples = usize::try_from(ticks).unwrap_or_default().saturating_mul(TICK_SAMPLES).min(LONGEST);
        let Some(room) = self.playout.scratch.get_mut(..samples) else { return };
        if self.decoder.conceal(room).is_err() {
            room.fill(0);
        }
        self.playout.pcm.push(PlayedKind::Concealed, self.playout.scratch.get(..samples).unwrap_or_default());
    }

    /// Moves the delay towards its target by a period of the voice.
    fn stretch(&mut self, now: Instant) {
        if self.playout.pause > 0 {
            self.playout.pause -= 1;
            return;
        }
        let (delay, target) = (self.playout_delay(now), self.delay.target());
        let care = if delay.abs_diff(target) > FAR { Care::Haste } else { Care::Usual };
        let changed = if delay > target + ABOVE {
            self.decode_ahead();
            let shortened = self.playout.pcm.shorten(care);
            self.stats.accelerated += shortened.map_or(Duration::ZERO, time_of);
            shortened
        } else if delay + BELOW < target && self.playout.stalled == 0 {
            let lengthened = self.playout.pcm.lengthen(care);
            self.stats.stretched += lengthened.map_or(Duration::ZERO, time_of);
            lengthened
        } else {
            None
        };
        if changed.is_some() {
            self.playout.stretched = true;
            self.playout.pause = if care == Care::Haste { HASTY_PAUSE } else { PAUSE };
        }
    }

    /// Decodes frames that are here and due next anyway, so that there is sound to shorten.
    fn decode_ahead(&mut self) {
        while self.playout.pcm.len() < AHEAD {
            let State::Playing(next) = self.playout.state else { return };
            if self.buffer.first().is_none_or(|first| first.time != next) {
                return;
            }
            self.decode(next);
        }
    }
}

fn time_of(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000 / 48)
}
