//! Several flows over one transport share one controller (RFC 8699): the numbers are those of the transport, and what
//! the controller allows is divided by weight.
//!
//! The flows of one transport meet the same bottleneck (RFC 8699 section 5.1), so one controller for all of them replaces
//! as many that would fight each other. [`Coupled`] divides its rate; [`Fse`] is for flows that keep a controller each.
//!
//! The division is the only one in which every flow has `weight` times one common amount, but not less than its least
//! and not more than its most. Where the rate is below the sum of the leasts, these take the place of the mosts, so that
//! no flow has more than its least while another has less.
//!
//! # Left out
//! - Which flows meet the same bottleneck: they share a transport, or their owner says so.

mod divide;
mod fse;

use crate::{Controller, Path, Report, Sent, Target};
use core::fmt;
use p2pvoip_core::{Instant, Wake};

pub use divide::Demand;
pub use fse::{Exchange, Fse};

use divide::divide;

/// The flow has a number that is not below the number of flows for which the table has room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSuchFlow {
    /// The number.
    pub flow: usize,
    /// The room.
    pub room: usize,
}

impl fmt::Display for NoSuchFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, room } = self;
        write!(f, "flow {flow} has no place among {room}; number the flows from 0, or make room for more")
    }
}

impl core::error::Error for NoSuchFlow {}

/// A flow's place: what it asks for, and whether it asks at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Flow {
    demand: Demand,
    paused: bool,
}

/// Estimator: one controller for up to `N` flows, which their owner numbers from 0.
///
/// It is told of the packets of all flows, under the numbers of the transport that they share, and is itself a
/// [`Controller`], whose target is that of the transport: its pacing and window hold for one pacer that serves all flows.
/// [`share`](Self::share) says what a flow may use of it.
#[derive(Clone, Debug)]
pub struct Coupled<C, const N: usize> {
    controller: C,
    flows: [Option<Flow>; N],
}

impl<C: Controller, const N: usize> Coupled<C, N> {
    /// No flow yet.
    pub const fn new(controller: C) -> Self {
        Self { controller, flows: [None; N] }
    }

    /// The controller of the transport, to ask what it has measured.
    pub const fn controller(&self) -> &C {
        &self.controller
    }

    /// A flow begins, or asks for something else from now on; one that is paused stays so.
    ///
    /// # Errors
    /// When its number is not below `N`.
    pub fn set(&mut self, flow: usize, demand: Demand) -> Result<(), NoSuchFlow> {
        let place = self.flows.get_mut(flow).ok_or(NoSuchFlow { flow, room: N })?;
        let paused = place.is_some_and(|flow| flow.paused);
        *place = Some(Flow { demand, paused });
        Ok(())
    }

    /// A flow has nothing to send for a while: the others get its part. Nothing happens when there is no such flow.
    pub fn pause(&mut self, flow: usize) {
        self.set_paused(flow, true);
    }

    /// A paused flow goes on, with its part at once: the controller of all has not stopped. Nothing happens when there
    /// is no such flow.
    pub fn resume(&mut self, flow: usize) {
        self.set_paused(flow, false);
    }

    /// A flow has ended. Nothing happens when there is no such flow.
    pub fn end(&mut self, flow: usize) {
        if let Some(place) = self.flows.get_mut(flow) {
            *place = None;
        }
    }

    /// What a flow should do now: the target of the transport, with the flow's part of the rate. `None` when there is no
    /// such flow, or it is paused.
    pub fn share(&self, flow: usize) -> Option<Target> {
        let demands = self.flows.map(|flow| flow.filter(|flow| !flow.paused).map(|flow| flow.demand));
        let target = self.controller.target();
        let wire = divide(target.wire, &demands).get(flow).copied().flatten()?;
        Some(Target { wire, ..target })
    }

    fn set_paused(&mut self, flow: usize, paused: bool) {
        if let Some(flow) = self.flows.get_mut(flow).and_then(Option::as_mut) {
            flow.paused = paused;
        }
    }
}

impl<C: Controller, const N: usize> Controller for Coupled<C, N> {
    fn on_sent(&mut self, sent: Sent, now: Instant) {
        self.controller.on_sent(sent, now);
    }

    fn on_feedback(&mut self, report: &Report, now: Instant) {
        self.controller.on_feedback(report, now);
    }

    fn on_path(&mut self, path: Path, now: Instant) {
        self.controller.on_path(path, now);
    }

    fn on_time(&mut self, now: Instant) {
        self.controller.on_time(now);
    }

    fn next_at(&self) -> Option<Wake> {
        self.controller.next_at()
    }

    fn target(&self) -> Target {
        self.controller.target()
    }
}

#[cfg(test)]
mod tests;
