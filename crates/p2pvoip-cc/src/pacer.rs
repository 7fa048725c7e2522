//! When a packet may leave: audio as if it were alone, everything else close to the rate of the path.
//!
//! Two debts are kept, what has left beyond the pacing rate: that of audio, and that of all. Audio passes while its own
//! debt is within its burst, whatever else was sent; the others pass while the debt of all is within theirs. So audio
//! never waits behind them, they make room for it, and in any span of time what passes is at most the pacing rate
//! times the span, and both bursts.
//!
//! - Audio's burst: [`AUDIO_PACKETS`] of the packet that asks, but no more than [`AUDIO_TIME`] of the pacing rate.
//! - The others' burst: [`OTHER_TIME`] of the pacing rate or [`OTHER_PACKETS`] of the packet that asks, whichever is more.
//!
//! # Left out
//! - Queues: the owner holds its packets and asks before it takes one, so that what is stale is never sent. It asks in
//!   the order of [`Class`].

use crate::Target;
use core::num::NonZeroU64;
use core::time::Duration;
use p2pvoip_core::{DataSize, Instant, Wake};

/// So many packets of audio may leave together: those that a late device makes at once.
pub const AUDIO_PACKETS: u64 = 3;
/// Audio's burst is not above what the pacing rate carries in this time (three packets of 20 ms), but always one packet.
pub const AUDIO_TIME: Duration = Duration::from_millis(60);
/// So many packets that are not audio may leave together: the pair by whose distance a path is measured.
pub const OTHER_PACKETS: u64 = 2;
/// What the pacing rate carries in this time may leave together as well: a queue of 5 ms is no queue that stands
/// (RFC 8289 section 4.3).
pub const OTHER_TIME: Duration = Duration::from_millis(5);
/// The pacing rate is never taken to be below this, in bits a second, so that a wait always ends.
const LEAST_PACING: NonZeroU64 = NonZeroU64::MIN.saturating_add(999);
/// Debts are counted in bits times microseconds a second, so that paying them off is exact; this is a byte.
const BYTE: u64 = 8_000_000;

/// What a packet is for; those named first are asked for first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Voice, with what rides on it.
    Audio,
    /// Control fragments, or feedback that goes alone.
    Control,
    /// Redundancy on its own.
    Repair,
    /// Pictures.
    Video,
    /// Sent to learn something.
    Probe,
}

/// Stage: permits packets at the pacing rate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pacer {
    /// Bits a second.
    pacing: NonZeroU64,
    /// What audio has sent beyond the pacing rate.
    audio: u64,
    /// What all have sent beyond it: never below `audio`.
    all: u64,
    /// Until when debts are paid off.
    paid: Instant,
    window: DataSize,
}

impl Pacer {
    /// A pacer that owes nothing.
    pub fn new(target: &Target, now: Instant) -> Self {
        let mut pacer = Self { pacing: LEAST_PACING, audio: 0, all: 0, paid: now, window: target.window };
        pacer.set_target(target, now);
        pacer
    }

    /// Follows a new target; what is owed stays owed and is paid off at the new rate.
    pub fn set_target(&mut self, target: &Target, now: Instant) {
        self.pay(now);
        self.pacing =
            NonZeroU64::new(target.pacing.as_bps()).map_or(LEAST_PACING, |rate| rate.max(LEAST_PACING));
        self.window = target.window;
    }

    /// Whether the window has room for a packet of `size` while `in_flight` has left and is not reported yet
    /// ([`Stats::in_flight`](crate::Stats::in_flight)). Audio always has room, so that a silent path is still tried, and
    /// so has anything while nothing is in flight. Without room, ask again after the next feedback.
    pub fn has_room(&self, size: DataSize, class: Class, in_flight: DataSize) -> bool {
        class == Class::Audio || in_flight == DataSize::default() || in_flight + size <= self.window
    }

    /// Whether a packet of `size` on the wire may leave now; it is taken as sent.
    ///
    /// # Errors
    /// When to ask again: always later than `now`. Nothing is owed for it.
    pub fn permit(&mut self, size: DataSize, class: Class, now: Instant) -> Result<(), Wake> {
        self.pay(now);
        let cost = size.as_bytes().saturating_mul(BYTE);
        let (owed, burst) = if class == Class::Audio {
            (self.audio, self.in_time(AUDIO_TIME).min(cost.saturating_mul(AUDIO_PACKETS)).max(cost))
        } else {
            (self.all, self.in_time(OTHER_TIME).max(cost.saturating_mul(OTHER_PACKETS)))
        };
        let over = owed.saturating_sub(burst.saturating_sub(cost));
        if let Some(rest) = over.checked_sub(1) {
            // Rounded up: at least a microsecond.
            let micros = rest / self.pacing + 1;
            return Err(Wake { at: self.paid + Duration::from_micros(micros), why: "pacer" });
        }
        self.all = self.all.saturating_add(cost);
        if class == Class::Audio {
            self.audio = self.audio.saturating_add(cost);
        }
        Ok(())
    }

    /// Pays debts off until `now`; time that goes back pays nothing.
    fn pay(&mut self, now: Instant) {
        let passed = now.as_micros().saturating_sub(self.paid.as_micros());
        let paid = passed.saturating_mul(self.pacing.get());
        self.audio = self.audio.saturating_sub(paid);
        self.all = self.all.saturating_sub(paid);
        self.paid = self.paid.max(now);
    }

    /// What the pacing rate carries in that time.
    const fn in_time(&self, time: Duration) -> u64 {
        self.pacing.get().saturating_mul(time.subsec_micros() as u64)
    }
}

#[cfg(test)]
mod tests;
