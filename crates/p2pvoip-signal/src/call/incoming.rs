//! The callee's state before the call is accepted.
//!
//! # Timers
//! - `ring`: [`RING_TIME`].

use super::{Call, Connecting, RING_TIME, Side, Step};
use crate::{CallId, EndReason, Message, RejectReason};
use p2pvoip_core::{Instant, Wake};

/// It rings here; the answer was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    id: CallId,
    until: Instant,
}

impl Rung {
    /// An offer was read, found good, and answered.
    #[must_use]
    pub fn new(id: CallId, now: Instant) -> Self {
        Self { id, until: now + RING_TIME }
    }

    /// The name of the call.
    pub const fn id(&self) -> &CallId {
        &self.id
    }

    /// When the ringing ends.
    pub const fn wake(&self) -> Wake {
        Wake { at: self.until, why: "ring" }
    }

    /// The person takes it; [`Message::Accept`] is to be sent.
    #[must_use]
    pub fn accept(self, now: Instant) -> Connecting {
        Connecting::new(self.id, Side::Callee, now)
    }

    /// It is not taken.
    pub fn reject(self, reason: RejectReason) -> Step {
        let end = match reason {
            RejectReason::Busy => EndReason::BusyHere,
            RejectReason::Unsupported => EndReason::Unsupported,
            RejectReason::NoAnswer => EndReason::Missed,
            RejectReason::Declined | RejectReason::Other => EndReason::Declined,
        };
        Step::end(end).sending(Message::Reject { reason })
    }

    /// The caller says something.
    pub fn on_message(self, message: &Message) -> Step {
        match message {
            Message::Candidates { .. }
            | Message::Reveal { .. }
            | Message::Introduction { .. }
            | Message::Attestation { .. } => Step::to(Call::Rung(self)),
            Message::Cancel | Message::HangUp { .. } => Step::end(EndReason::PeerCancelled),
            Message::Ringing | Message::Accept | Message::Reject { .. } => Step::misfit(Call::Rung(self)),
        }
    }

    /// Stops ringing when nobody took it in time.
    pub fn on_timeout(self, now: Instant) -> Step {
        if now < self.until { Step::to(Call::Rung(self)) } else { self.reject(RejectReason::NoAnswer) }
    }
}
