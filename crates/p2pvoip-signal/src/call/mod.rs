//! The states of one call, as types: a transition consumes one and gives the next.
//!
//! ```text
//! caller   Offered -> Ringing -+-> Connecting -> Connected -> Ended
//!             |                |
//!          Leaving     callee Rung
//! ```
//! [`Call`] is whichever state a call is in; its methods pass on to the state's own. Nothing here speaks with the
//! network: a [`Step`] says what to seal and send.
//!
//! # Timers
//! - `answer`: [`ANSWER_WAIT`] from the offer to the answer.
//! - `ring`: [`RING_TIME`] at the callee, [`RING_GRACE`] more at the caller, whose ringing starts and ends elsewhere.
//! - `connect`: [`CONNECT_TIME`] from the acceptance to the first path.
//!
//! # Left out
//! - One offer that rings on several devices: the first answer is taken.

mod connected;
mod incoming;
mod outgoing;

pub use connected::{Connected, Connecting, Side};
pub use incoming::Rung;
pub use outgoing::{Leaving, Offered, Ringing};

use crate::{CallId, EndReason, Message, RejectReason};
use p2pvoip_core::{Instant, Wake};
use std::time::Duration;

/// How long a caller waits for the answer: long enough for a callee whose connection is being made anew.
pub const ANSWER_WAIT: Duration = Duration::from_secs(20);
/// How long a call rings.
pub const RING_TIME: Duration = Duration::from_secs(60);
/// How much longer the caller waits than the callee rings, so that the callee's word comes first.
pub const RING_GRACE: Duration = Duration::from_secs(5);
/// How long an accepted call looks for its first path.
pub const CONNECT_TIME: Duration = Duration::from_secs(30);

/// One call in whichever state it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Caller: the offer is on its way.
    Offered(Offered),
    /// Caller: given up before the answer; waits for it, only to say so.
    Leaving(Leaving),
    /// Caller: the callee has it and rings.
    Ringing(Ringing),
    /// Callee: it rings here.
    Rung(Rung),
    /// Either: accepted, no path yet.
    Connecting(Connecting),
    /// Either: they talk.
    Connected(Connected),
    /// It is over.
    Ended(EndReason),
}

/// What a transition leads to.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The state after it.
    pub call: Call,
    /// What to seal and send to the peer.
    pub send: Option<Message>,
    /// Whether the message had a place in this state. One that had not is dropped and counted: it came twice or late.
    pub fitted: bool,
}

impl Step {
    fn to(call: Call) -> Self {
        Self { call, send: None, fitted: true }
    }

    fn misfit(call: Call) -> Self {
        Self { call, send: None, fitted: false }
    }

    fn end(reason: EndReason) -> Self {
        Self::to(Call::Ended(reason))
    }

    fn sending(self, message: Message) -> Self {
        Self { send: Some(message), ..self }
    }
}

impl Call {
    /// A word for logs and machines.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Offered(_) => "offered",
            Self::Leaving(_) => "leaving",
            Self::Ringing(_) => "ringing",
            Self::Rung(_) => "rung",
            Self::Connecting(_) => "connecting",
            Self::Connected(_) => "connected",
            Self::Ended(_) => "ended",
        }
    }

    /// How it ended; the person need not wait for a call that is only leaving.
    pub const fn end_reason(&self) -> Option<EndReason> {
        match self {
            Self::Ended(reason) => Some(*reason),
            Self::Leaving(_) => Some(EndReason::Cancelled),
            Self::Offered(_)
            | Self::Ringing(_)
            | Self::Rung(_)
            | Self::Connecting(_)
            | Self::Connected(_) => None,
        }
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub const fn wake(&self) -> Option<Wake> {
        match self {
            Self::Offered(state) => Some(state.wake()),
            Self::Leaving(state) => Some(state.wake()),
            Self::Ringing(state) => Some(state.wake()),
            Self::Rung(state) => Some(state.wake()),
            Self::Connecting(state) => Some(state.wake()),
            Self::Connected(_) | Self::Ended(_) => None,
        }
    }

    /// Time has passed.
    pub fn on_timeout(self, now: Instant) -> Step {
        match self {
            Self::Offered(state) => state.on_timeout(now),
            Self::Leaving(state) => state.on_timeout(now),
            Self::Ringing(state) => state.on_timeout(now),
            Self::Rung(state) => state.on_timeout(now),
            Self::Connecting(state) => state.on_timeout(now),
            Self::Connected(_) | Self::Ended(_) => Step::to(self),
        }
    }

    /// The callee's handshake message came and was good.
    pub fn on_answer(self, now: Instant) -> Step {
        match self {
            Self::Offered(state) => Step::to(Self::Ringing(state.on_answer(now))),
            Self::Leaving(state) => state.on_answer(),
            Self::Ringing(_) | Self::Rung(_) | Self::Connecting(_) | Self::Connected(_) | Self::Ended(_) => {
                Step::misfit(self)
            }
        }
    }

    /// The server says that nobody listens at the callee's mailbox.
    pub fn on_absent(self) -> Step {
        match self {
            Self::Offered(_) => Step::end(EndReason::Unreachable),
            Self::Leaving(_) => Step::end(EndReason::Cancelled),
            // An envelope of a running call got lost with the peer's connection to the server; the timers decide.
            Self::Ringing(_) | Self::Rung(_) | Self::Connecting(_) | Self::Connected(_) | Self::Ended(_) => {
                Step::misfit(self)
            }
        }
    }

    /// A sealed message came and was good. The owner reads candidates, and what is said of identities, from it when it
    /// fitted.
    pub fn on_message(self, message: &Message, now: Instant) -> Step {
        match self {
            Self::Ringing(state) => state.on_message(message, now),
            Self::Rung(state) => state.on_message(message),
            Self::Connecting(state) => state.on_message(message),
            Self::Connected(state) => state.on_message(message),
            Self::Offered(_) | Self::Leaving(_) | Self::Ended(_) => Step::misfit(self),
        }
    }

    /// The person takes the call that rings here.
    pub fn accept(self, now: Instant) -> Step {
        match self {
            Self::Rung(state) => Step::to(Self::Connecting(state.accept(now))).sending(Message::Accept),
            Self::Offered(_)
            | Self::Leaving(_)
            | Self::Ringing(_)
            | Self::Connecting(_)
            | Self::Connected(_)
            | Self::Ended(_) => Step::misfit(self),
        }
    }

    /// The call that rings here is not taken.
    pub fn reject(self, reason: RejectReason) -> Step {
        match self {
            Self::Rung(state) => state.reject(reason),
            Self::Offered(_)
            | Self::Leaving(_)
            | Self::Ringing(_)
            | Self::Connecting(_)
            | Self::Connected(_)
            | Self::Ended(_) => Step::misfit(self),
        }
    }

    /// A path works.
    pub fn on_path(self, now: Instant) -> Step {
        match self {
            Self::Connecting(state) => Step::to(Self::Connected(state.on_path(now))),
            Self::Offered(_)
            | Self::Leaving(_)
            | Self::Ringing(_)
            | Self::Rung(_)
            | Self::Connected(_)
            | Self::Ended(_) => Step::misfit(self),
        }
    }

    /// This side ends it, whatever its state; the peer is told where it can be.
    pub fn hang_up(self) -> Step {
        match self {
            Self::Offered(state) => Step::to(Self::Leaving(state.hang_up())),
            Self::Ringing(_) => Step::end(EndReason::Cancelled).sending(Message::Cancel),
            Self::Rung(state) => state.reject(RejectReason::Declined),
            Self::Connecting(_) | Self::Connected(_) => connected::end(EndReason::HungUp),
            Self::Leaving(_) | Self::Ended(_) => Step::misfit(self),
        }
    }

    /// It cannot go on for this reason; the peer is told where it can be.
    pub fn fail(self, reason: EndReason) -> Step {
        match self {
            Self::Offered(_) => Step::end(reason),
            // It was given up before, and that is how it ended.
            Self::Leaving(_) => Step::end(EndReason::Cancelled),
            Self::Ringing(_) => Step::end(reason).sending(Message::Cancel),
            Self::Rung(_) => Step::end(reason).sending(Message::Reject { reason: RejectReason::Other }),
            Self::Connecting(_) | Self::Connected(_) => connected::end(reason),
            Self::Ended(_) => Step::misfit(self),
        }
    }
}

/// What to do when the one that is being called calls at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Glare {
    /// Go on with the own call and leave the other's offer unanswered.
    KeepOurs,
    /// End the own call as [`EndReason::Superseded`] and let the other's offer ring: the person asked to talk to that very
    /// peer already, so that the owner may accept it at once.
    TakeTheirs,
    /// The own offer came back: it is refused.
    Reflected,
}

/// The glare rule: both sides keep the call with the lower id, compared byte by byte.
#[must_use]
pub fn glare(ours: &CallId, theirs: &CallId) -> Glare {
    match ours.cmp(theirs) {
        core::cmp::Ordering::Less => Glare::KeepOurs,
        core::cmp::Ordering::Equal => Glare::Reflected,
        core::cmp::Ordering::Greater => Glare::TakeTheirs,
    }
}
