//! What a script is made of, and the tape that its first run leaves behind.

use std::rc::Rc;
use std::time::Duration;

use p2pvoip_core::{Instant, Machine};

use super::{SeenOf, Verdict};

/// One call that can be made again on another machine.
pub(super) type Call<M> = Rc<dyn Fn(&mut M, Instant) -> Verdict>;

/// Makes a call from what was given out so far.
pub(super) type Answer<M> = Box<dyn Fn(&[SeenOf<M>]) -> Option<Call<M>>>;

/// How a step's call comes to be.
pub(super) enum Make<M: Machine> {
    /// It is known from the beginning.
    Fixed(Call<M>),
    /// It answers what the machine gave out.
    Reply(Answer<M>),
}

/// What the script says of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    Accepted,
    Refused,
}

/// One step of a script.
pub(super) enum Step<M: Machine> {
    Call { name: String, expect: Expect, make: Make<M> },
    Wait(Duration),
    UntilWake,
}

/// A call that is refused wherever it comes.
pub(super) struct Hostile<M: Machine> {
    pub(super) name: String,
    pub(super) call: Call<M>,
}

/// One call of the first run, at the moment it was made.
pub(super) struct Entry<M: Machine> {
    pub(super) now: Instant,
    pub(super) what: What<M>,
}

/// Which call it was.
pub(super) enum What<M: Machine> {
    /// `handle_timeout`.
    Timeout,
    /// A command or an input.
    Call { name: String, call: Call<M>, verdict: Verdict, is_reply: bool },
}

impl<M: Machine> Entry<M> {
    /// Its name, for messages.
    pub(super) fn name(&self) -> &str {
        match &self.what {
            What::Timeout => "a timeout",
            What::Call { name, .. } => name,
        }
    }

    /// Whether all that was given out must be taken before.
    pub(super) fn needs_draining(&self) -> bool {
        matches!(self.what, What::Call { is_reply: true, .. })
    }
}
