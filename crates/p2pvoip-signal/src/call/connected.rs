//! The states of an accepted call, the same on both sides.
//!
//! # Timers
//! - `connect`: [`CONNECT_TIME`].

use super::{CONNECT_TIME, Call, Step};
use crate::{CallId, EndReason, HangUpReason, Message};
use p2pvoip_core::{Instant, Wake};
use std::time::Duration;

/// Who placed the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// This side.
    Caller,
    /// The other side.
    Callee,
}

/// Accepted; paths are tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connecting {
    id: CallId,
    side: Side,
    until: Instant,
}

/// A path worked; they talk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connected {
    id: CallId,
    side: Side,
    since: Instant,
}

impl Connecting {
    pub(super) fn new(id: CallId, side: Side, now: Instant) -> Self {
        Self { id, side, until: now + CONNECT_TIME }
    }

    /// The name of the call.
    pub const fn id(&self) -> &CallId {
        &self.id
    }

    /// Which side this is.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// When the search for a path ends.
    pub const fn wake(&self) -> Wake {
        Wake { at: self.until, why: "connect" }
    }

    /// The first path works.
    #[must_use]
    pub const fn on_path(self, now: Instant) -> Connected {
        Connected { id: self.id, side: self.side, since: now }
    }

    /// The peer says something.
    pub fn on_message(self, message: &Message) -> Step {
        on_message(self.side, Call::Connecting(self), message)
    }

    /// Ends the search when it is over.
    pub fn on_timeout(self, now: Instant) -> Step {
        if now < self.until { Step::to(Call::Connecting(self)) } else { end(EndReason::NoPath) }
    }
}

impl Connected {
    /// The name of the call.
    pub const fn id(&self) -> &CallId {
        &self.id
    }

    /// Which side this is.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// How long they have talked.
    pub const fn duration(&self, now: Instant) -> Duration {
        now.saturating_since(self.since)
    }

    /// The peer says something.
    pub fn on_message(self, message: &Message) -> Step {
        on_message(self.side, Call::Connected(self), message)
    }
}

/// A caller's `Cancel` may cross the acceptance; a callee may take its acceptance back. Both end the call. What is said of
/// identities changes nothing here: the owner reads it when it fitted.
fn on_message(side: Side, call: Call, message: &Message) -> Step {
    match (message, side) {
        (Message::Candidates { .. } | Message::Introduction { .. } | Message::Attestation { .. }, _)
        | (Message::Reveal { .. }, Side::Callee) => Step::to(call),
        (Message::HangUp { reason }, _) => Step::end(EndReason::of_hang_up(*reason)),
        (Message::Cancel, Side::Callee) => Step::end(EndReason::PeerCancelled),
        (Message::Reject { reason }, Side::Caller) => Step::end(EndReason::of_reject(*reason)),
        (Message::Cancel | Message::Reveal { .. }, Side::Caller)
        | (Message::Reject { .. }, Side::Callee)
        | (Message::Ringing | Message::Accept, _) => Step::misfit(call),
    }
}

/// Ends an accepted call from this side.
pub(super) fn end(reason: EndReason) -> Step {
    let why = match reason {
        EndReason::HungUp | EndReason::Superseded => HangUpReason::Normal,
        EndReason::NoPath | EndReason::PeerVanished => HangUpReason::NoPath,
        EndReason::CodeDiffers => HangUpReason::CodeDiffers,
        EndReason::PeerHungUp
        | EndReason::Cancelled
        | EndReason::PeerCancelled
        | EndReason::Declined
        | EndReason::Rejected
        | EndReason::Busy
        | EndReason::BusyHere
        | EndReason::Unsupported
        | EndReason::NoAnswer
        | EndReason::Missed
        | EndReason::Unreachable
        | EndReason::Offline
        | EndReason::NotTrusted
        | EndReason::PeerFailed
        | EndReason::Failed => HangUpReason::Failed,
    };
    Step::end(reason).sending(Message::HangUp { reason: why })
}
