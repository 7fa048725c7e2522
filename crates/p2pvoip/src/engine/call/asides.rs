//! What the two engines of a call tell each other beside the voice: that it is over, and new keys.
//!
//! A hang-up and its acknowledgement take slots of their own. All else rides in the room that each slot keeps for feedback: at
//! most in every second one, so that feedback goes on.
//!
//! # Timers
//! - `control`: a hang-up is repeated every [`CONTROL_EVERY`] until it is acknowledged, at most for [`CONTROL_FOR`].

use core::time::Duration;

use p2pvoip_core::{Instant, Wake};
use p2pvoip_signal::HangUpReason;

use super::rekey::Rekey;
use crate::engine::control::Control;

/// How often a hang-up is repeated.
const CONTROL_EVERY: Duration = Duration::from_millis(50);
/// How long a hang-up is repeated.
const CONTROL_FOR: Duration = Duration::from_secs(1);
/// From this packet time on two of three slots may carry an aside: a re-key would take too long otherwise.
const LONG_PTIME: Duration = Duration::from_millis(80);

/// Stage: the asides of one call.
pub(super) struct Asides {
    hang_up: Option<Repeated>,
    /// The hang-up of the peer that is to be acknowledged.
    ack: Option<u8>,
    pub(super) rekey: Rekey,
    /// Slots with an aside since the last one with feedback.
    without_feedback: u8,
}

/// A hang-up under way.
#[derive(Clone, Copy)]
struct Repeated {
    number: u8,
    reason: HangUpReason,
    next: Instant,
    until: Instant,
}

impl Asides {
    pub(super) const fn new(rekey: Rekey) -> Self {
        Self { hang_up: None, ack: None, rekey, without_feedback: 0 }
    }

    /// Tells the peer that the call is over; repeated until it says that it knows.
    pub(super) fn hang_up(&mut self, reason: HangUpReason, now: Instant) {
        self.hang_up = Some(Repeated { number: 0, reason, next: now, until: now + CONTROL_FOR });
    }

    /// Whether the end of the call is still being told or acknowledged.
    pub(super) const fn is_hanging_up(&self) -> bool {
        self.hang_up.is_some() || self.ack.is_some()
    }

    /// Whether something is worth a slot of its own now.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.hang_up = self.hang_up.filter(|hang_up| hang_up.until > now);
        self.ack.is_some() || self.hang_up.is_some_and(|hang_up| hang_up.next <= now)
    }

    pub(super) fn next_at(&self) -> Option<Wake> {
        self.hang_up.map(|hang_up| Wake { at: hang_up.next.min(hang_up.until), why: "control" })
    }

    /// What a slot without voice carries: the acknowledgement that is owed, else our message if it is due.
    pub(super) fn alone(&mut self, now: Instant) -> Option<Control> {
        if let Some(number) = self.ack.take() {
            return Some(Control::Ack { number });
        }
        let hang_up = self.hang_up.as_mut().filter(|hang_up| hang_up.next <= now)?;
        hang_up.next = now + CONTROL_EVERY;
        Some(Control::HangUp { number: hang_up.number, reason: hang_up.reason })
    }

    /// What a slot of that packet time carries beside its voice, in place of feedback.
    pub(super) fn beside_voice(&mut self, ptime: Duration, now: Instant) -> Option<Control> {
        let aside = (self.without_feedback < most(ptime)).then(|| self.rekey.next(now)).flatten();
        self.without_feedback = if aside.is_some() { self.without_feedback + 1 } else { 0 };
        aside
    }

    /// How much longer feedback waits for a slot of voice when an aside took its place in the last one: it must not go alone for
    /// that.
    pub(super) fn patience(&self, ptime: Duration) -> Duration {
        if self.without_feedback == 0 { Duration::ZERO } else { ptime * u32::from(most(ptime) + 1) }
    }

    /// The peer has acknowledged this hang-up.
    pub(super) fn on_ack(&mut self, number: u8) {
        self.hang_up = self.hang_up.filter(|hang_up| hang_up.number != number);
    }

    /// The peer has hung up: that is to be acknowledged.
    pub(super) const fn on_hang_up(&mut self, number: u8) {
        self.ack = Some(number);
    }
}

/// How many slots of that packet time may carry an aside between two with feedback.
fn most(ptime: Duration) -> u8 {
    if ptime >= LONG_PTIME { 2 } else { 1 }
}
