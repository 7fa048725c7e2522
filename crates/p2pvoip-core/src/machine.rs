//! The shape of everything that speaks with the network: inputs and time go in, outputs come out.
//!
//! # The laws (`p2pvoip-sim` proves them for every machine)
//! 1. Poll until [`Output::Wait`]; nothing comes before its moment or the next call.
//! 2. After `handle_timeout(now)` and draining, the machine next waits for a moment later than `now`.
//! 3. A refused input leaves the machine as it was, but for counters and budgets.
//! 4. The same seed and the same calls give the same outputs.
//! 5. An output that could have been polled still comes, in order, if polling waits until after the next calls.

use crate::Instant;

/// A protocol without IO: it is told what happened and when, and says what to do next.
pub trait Machine {
    /// The largest transmit in bytes; [`poll_output`](Machine::poll_output) is given a buffer of at least this.
    const MAX_TRANSMIT: usize;
    /// What the world does to the machine.
    type Input<'a>: Copy;
    /// Where bytes that leave go to.
    type Transmit;
    /// What the owner is told.
    type Event;
    /// Why an input was refused.
    type Error;

    /// The world did this at `now`.
    ///
    /// # Errors
    /// The input was refused; the machine is as it was before, but for counters and budgets.
    fn handle_input(&mut self, input: Self::Input<'_>, now: Instant) -> Result<(), Self::Error>;

    /// Time has passed: fires every timer that is due at `now` and finds room in the outbox.
    fn handle_timeout(&mut self, now: Instant);

    /// The next output; a transmit's bytes are written to the front of `buf`.
    ///
    /// # Panics
    /// May panic when `buf` is shorter than [`Machine::MAX_TRANSMIT`]: a bug of the caller.
    fn poll_output(&mut self, buf: &mut [u8]) -> Output<Self::Transmit, Self::Event>;
}

/// What a [`Machine`] wants done.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output<T, E> {
    /// Send the first `len` bytes of the buffer.
    Transmit {
        /// Where to.
        to: T,
        /// How many bytes of the buffer.
        len: usize,
    },
    /// Tell the owner.
    Event(E),
    /// Nothing more until the given moment, or until the next call when there is none.
    Wait(Option<Wake>),
}

/// When a machine wants [`Machine::handle_timeout`] to be called, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wake {
    /// The moment.
    pub at: Instant,
    /// The name of the timer, for logs.
    pub why: &'static str,
}

impl Wake {
    /// The earlier of two optional wake-ups; the first where both are at the same moment.
    pub fn earliest(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}
