//! The five laws of [`p2pvoip_core::Machine`], proven for any machine by playing one script in many ways.
//!
//! The script is played once with every output taken at once; that run is recorded as a tape of calls. The tape is then
//! played again: with a second machine of the same seed, without each refused call, with hostile calls between, with
//! timeouts that come early or late, and with outputs taken late. Every difference is a panic that names the law.
//!
//! # Left out
//! - Machines that read a clock or draw chance are found only when two runs happen to differ.

mod judge;
mod play;
mod script;

use std::fmt::Debug;
use std::rc::Rc;
use std::time::Duration;

use p2pvoip_core::{Full, Instant, Machine};

pub use play::Seen;
use script::{Call, Expect, Hostile, Make, Step};

pub use crate::START;

/// A machine whose outputs can be compared and shown; implemented for all that can.
pub trait Lawful:
    Machine<Transmit: PartialEq + Debug, Event: PartialEq + Debug, Error: Debug> + 'static
{
}

impl<M> Lawful for M where
    M: Machine<Transmit: PartialEq + Debug, Event: PartialEq + Debug, Error: Debug> + 'static
{
}

/// What a machine gave out: a transmit with its bytes, or an event.
pub type SeenOf<M> = Seen<<M as Machine>::Transmit, <M as Machine>::Event>;

/// Tells whether an error means a full outbox.
type IsFull<M> = Rc<dyn Fn(&<M as Machine>::Error) -> bool>;

/// Tells the lane of an output.
type Lane<M> = Box<dyn Fn(&SeenOf<M>) -> usize>;

/// What a machine said to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was done.
    Accepted,
    /// The outbox has no room: drain, and offer it again.
    Full,
    /// It was refused for good.
    Refused,
}

impl Verdict {
    /// The verdict of a result, of which `is_full` tells whether its error means a full outbox.
    pub fn of<T, E>(result: &Result<T, E>, is_full: impl FnOnce(&E) -> bool) -> Self {
        match result {
            Ok(_) => Self::Accepted,
            Err(error) if is_full(error) => Self::Full,
            Err(_) => Self::Refused,
        }
    }
}

impl From<()> for Verdict {
    fn from((): ()) -> Self {
        Self::Accepted
    }
}

impl From<Result<(), Full>> for Verdict {
    fn from(result: Result<(), Full>) -> Self {
        Self::of(&result, |_| true)
    }
}

/// A constructor, a script and what the harness must know to judge a machine.
///
/// The crate's README has an example; `tests/laws/` shows a lawful machine and one that breaks each law.
pub struct Laws<M: Machine> {
    construct: Box<dyn Fn(Instant) -> M>,
    steps: Vec<Step<M>>,
    hostile: Vec<Hostile<M>>,
    is_full: IsFull<M>,
    lane: Lane<M>,
    timers_follow_draining: bool,
}

impl<M: Machine> std::fmt::Debug for Laws<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Laws")
            .field("steps", &self.steps.len())
            .field("hostile", &self.hostile.len())
            .finish_non_exhaustive()
    }
}

impl<M: Lawful> Laws<M> {
    /// An empty script for machines that `construct` makes, every time the same.
    pub fn new(construct: impl Fn(Instant) -> M + 'static) -> Self {
        Self {
            construct: Box::new(construct),
            steps: Vec::new(),
            hostile: Vec::new(),
            is_full: Rc::new(|_| false),
            lane: Box::new(|_| 0),
            timers_follow_draining: false,
        }
    }

    /// Which error of `handle_input` means a full outbox: drain, and offer the input again. Say it before the inputs.
    #[must_use]
    pub fn full_when(mut self, is_full: impl Fn(&M::Error) -> bool + 'static) -> Self {
        self.is_full = Rc::new(is_full);
        self
    }

    /// Compares outputs within lanes only: for compositions, whose parts keep an order each but not among each other.
    #[must_use]
    pub fn lanes(mut self, lane: impl Fn(&SeenOf<M>) -> usize + 'static) -> Self {
        self.lane = Box::new(lane);
        self
    }

    /// The machine's timers may start or fire at draining: a due timer waits for room, or a parent starts one at a
    /// child's event. Late draining then ends before time moves on; across it no output may be lost or overtaken.
    #[must_use]
    pub fn timers_follow_draining(mut self) -> Self {
        self.timers_follow_draining = true;
        self
    }

    /// The owner commands something; it must be accepted.
    #[must_use]
    pub fn command<V: Into<Verdict>>(
        self,
        name: &str,
        command: impl Fn(&mut M, Instant) -> V + 'static,
    ) -> Self {
        self.call(name, Expect::Accepted, Self::command_call(command))
    }

    /// The owner commands something; it must be refused.
    #[must_use]
    pub fn refused_command<V: Into<Verdict>>(
        self,
        name: &str,
        command: impl Fn(&mut M, Instant) -> V + 'static,
    ) -> Self {
        self.call(name, Expect::Refused, Self::command_call(command))
    }

    /// The world does something, which borrows from `owned`; it must be accepted.
    #[must_use]
    pub fn input<O: 'static>(
        self,
        name: &str,
        owned: O,
        lend: impl for<'a> Fn(&'a O) -> M::Input<'a> + 'static,
    ) -> Self {
        let call = self.input_call(owned, lend);
        self.call(name, Expect::Accepted, call)
    }

    /// The world does something, which borrows from `owned`; it must be refused.
    #[must_use]
    pub fn refused_input<O: 'static>(
        self,
        name: &str,
        owned: O,
        lend: impl for<'a> Fn(&'a O) -> M::Input<'a> + 'static,
    ) -> Self {
        let call = self.input_call(owned, lend);
        self.call(name, Expect::Refused, call)
    }

    /// The world answers: `answer` makes the input from all that the machine has given out so far, in the first run;
    /// the other runs are given the same input, and are drained before it.
    #[must_use]
    pub fn reply<O: 'static>(
        mut self,
        name: &str,
        answer: impl Fn(&[SeenOf<M>]) -> Option<O> + 'static,
        lend: impl for<'a> Fn(&'a O) -> M::Input<'a> + Clone + 'static,
    ) -> Self {
        let is_full = Rc::clone(&self.is_full);
        let make = move |seen: &[SeenOf<M>]| {
            let (owned, lend, is_full) = (answer(seen)?, lend.clone(), Rc::clone(&is_full));
            let call: Call<M> = Rc::new(move |machine: &mut M, now| {
                Verdict::of(&machine.handle_input(lend(&owned), now), |error| is_full(error))
            });
            Some(call)
        };
        let make = Make::Reply(Box::new(make));
        self.steps.push(Step::Call { name: name.to_owned(), expect: Expect::Accepted, make });
        self
    }

    /// Time passes; the machine is called at each moment that it asks for.
    #[must_use]
    pub fn wait(mut self, duration: Duration) -> Self {
        self.steps.push(Step::Wait(duration));
        self
    }

    /// Time passes until the machine wants to be called, and it is called.
    #[must_use]
    pub fn until_wake(mut self) -> Self {
        self.steps.push(Step::UntilWake);
        self
    }

    /// An input that must be refused wherever it comes: it is tried after every call of the script.
    #[must_use]
    pub fn hostile_input<O: 'static>(
        mut self,
        name: &str,
        owned: O,
        lend: impl for<'a> Fn(&'a O) -> M::Input<'a> + 'static,
    ) -> Self {
        let call = self.input_call(owned, lend);
        self.hostile.push(Hostile { name: name.to_owned(), call });
        self
    }

    /// Plays the script in all ways; returns what the machine gave out when it was drained at once, and when.
    ///
    /// # Panics
    /// When the machine breaks a law, or answers a step otherwise than the script says.
    pub fn check(&self) -> Vec<(Instant, SeenOf<M>)> {
        judge::check(self)
    }

    fn call(mut self, name: &str, expect: Expect, call: Call<M>) -> Self {
        self.steps.push(Step::Call { name: name.to_owned(), expect, make: Make::Fixed(call) });
        self
    }

    fn command_call<V: Into<Verdict>>(command: impl Fn(&mut M, Instant) -> V + 'static) -> Call<M> {
        Rc::new(move |machine: &mut M, now| command(machine, now).into())
    }

    fn input_call<O: 'static>(
        &self,
        owned: O,
        lend: impl for<'a> Fn(&'a O) -> M::Input<'a> + 'static,
    ) -> Call<M> {
        let is_full = Rc::clone(&self.is_full);
        Rc::new(move |machine: &mut M, now| {
            Verdict::of(&machine.handle_input(lend(&owned), now), |error| is_full(error))
        })
    }
}
