//! The caller's states before the call is accepted.
//!
//! # Timers
//! - `answer`: [`ANSWER_WAIT`].
//! - `ring`: [`RING_TIME`] and [`RING_GRACE`].

use super::{ANSWER_WAIT, Call, Connecting, RING_GRACE, RING_TIME, Side, Step};
use crate::{CallId, EndReason, Message};
use p2pvoip_core::{Instant, Wake};

/// The offer is on its way to the callee.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offered {
    id: CallId,
    until: Instant,
}

impl Offered {
    /// The offer was handed to the rendezvous client.
    #[must_use]
    pub fn new(id: CallId, now: Instant) -> Self {
        Self { id, until: now + ANSWER_WAIT }
    }

    /// The name of the call, for the [glare rule](super::glare).
    pub const fn id(&self) -> &CallId {
        &self.id
    }

    /// When the wait ends.
    pub const fn wake(&self) -> Wake {
        Wake { at: self.until, why: "answer" }
    }

    /// The callee answered: both hold keys.
    #[must_use]
    pub fn on_answer(self, now: Instant) -> Ringing {
        Ringing { id: self.id, until: now + RING_TIME + RING_GRACE }
    }

    /// The caller gives up. There is no key to say so with until the answer comes.
    #[must_use]
    pub const fn hang_up(self) -> Leaving {
        Leaving { until: self.until }
    }

    /// Ends the wait when it is over.
    pub fn on_timeout(self, now: Instant) -> Step {
        if now < self.until { Step::to(Call::Offered(self)) } else { Step::end(EndReason::NoAnswer) }
    }
}

/// Given up before the answer: if it comes the callee is told, so that it does not ring for a minute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaving {
    until: Instant,
}

impl Leaving {
    /// When the wait ends.
    pub const fn wake(&self) -> Wake {
        Wake { at: self.until, why: "answer" }
    }

    /// The answer came: now there is a key to cancel with.
    pub fn on_answer(self) -> Step {
        Step::end(EndReason::Cancelled).sending(Message::Cancel)
    }

    /// Ends the wait when it is over.
    pub fn on_timeout(self, now: Instant) -> Step {
        if now < self.until { Step::to(Call::Leaving(self)) } else { Step::end(EndReason::Cancelled) }
    }
}

/// The callee has the offer and rings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ringing {
    id: CallId,
    until: Instant,
}

impl Ringing {
    /// The name of the call, for the [glare rule](super::glare).
    pub const fn id(&self) -> &CallId {
        &self.id
    }

    /// When the caller gives up.
    pub const fn wake(&self) -> Wake {
        Wake { at: self.until, why: "ring" }
    }

    /// The callee says something.
    pub fn on_message(self, message: &Message, now: Instant) -> Step {
        match message {
            Message::Ringing
            | Message::Candidates { .. }
            | Message::Introduction { .. }
            | Message::Attestation { .. } => Step::to(Call::Ringing(self)),
            Message::Accept => Step::to(Call::Connecting(Connecting::new(self.id, Side::Caller, now))),
            Message::Reject { reason } => Step::end(EndReason::of_reject(*reason)),
            Message::HangUp { reason } => Step::end(EndReason::of_hang_up(*reason)),
            Message::Cancel | Message::Reveal { .. } => Step::misfit(Call::Ringing(self)),
        }
    }

    /// Gives up when nobody took it in time.
    pub fn on_timeout(self, now: Instant) -> Step {
        if now < self.until {
            return Step::to(Call::Ringing(self));
        }
        Step::end(EndReason::NoAnswer).sending(Message::Cancel)
    }
}
