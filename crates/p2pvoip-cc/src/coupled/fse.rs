//! The flow state exchange (RFC 8699 section 5): flows that keep a controller each, and own addresses or ports, but meet
//! the same bottleneck, share the sum of what their controllers calculate.
//!
//! # Timers
//! - After a common reduction, two round trips in which nothing changes the sum (section 5.3.2, [`Exchange::Conservative`]).
//!
//! # Beyond the RFC
//! - The sum is divided by the division of [`Coupled`](super::Coupled), to which the loop of section 5.3.1 step (c) comes when the order of the flows plays
//!   no part.
//! - A controller whose flow does not use its rate cannot raise the sum above what all flows desire: nothing proves it.
//! - What a flow that left has left behind is not added a second time by the next that joins.

use super::divide::divide;
use super::{Demand, NoSuchFlow};
use core::time::Duration;
use p2pvoip_core::{Bitrate, Instant};

/// How a controller's new rate changes the sum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exchange {
    /// By as much as its own rate changed (RFC 8699 section 5.3.1; section 6.1 recommends it for NADA).
    Active,
    /// The same for a rise; a fall reduces the sum in proportion, as one flow in the place of all would, and then holds
    /// it for two round trips (RFC 8699 section 5.3.2).
    Conservative,
}

/// A registered flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    demand: Demand,
    /// `FSE_R`.
    rate: u64,
}

/// Estimator: the rates of up to `N` flows with a controller each.
#[derive(Clone, Debug)]
pub struct Fse<const N: usize> {
    exchange: Exchange,
    flows: [Option<Entry>; N],
    /// `S_CR`.
    sum: u64,
    /// The part of the sum that flows which left have left behind.
    vacated: u64,
    held_until: Instant,
}

impl<const N: usize> Fse<N> {
    /// No flow yet.
    pub fn new(exchange: Exchange) -> Self {
        Self { exchange, flows: [None; N], sum: 0, vacated: 0, held_until: Instant::default() }
    }

    /// A flow starts or goes on, with its priority and its controller's initial rate. One that is there already begins
    /// anew.
    ///
    /// # Errors
    /// When its number is not below `N`.
    pub fn join(&mut self, flow: usize, priority: u16, initial: Bitrate) -> Result<(), NoSuchFlow> {
        self.leave(flow);
        let place = self.flows.get_mut(flow).ok_or(NoSuchFlow { flow, room: N })?;
        *place = Some(Entry { demand: Demand::greedy(priority), rate: 0 });
        let again = self.vacated.min(initial.as_bps());
        self.vacated -= again;
        self.sum = self.sum.saturating_add(initial.as_bps() - again);
        self.share();
        Ok(())
    }

    /// A flow stops or pauses; the others have its rate from now on. Nothing happens when there is no such flow.
    pub fn leave(&mut self, flow: usize) {
        let Some(entry) = self.flows.get_mut(flow).and_then(Option::take) else { return };
        self.vacated = self.vacated.saturating_add(entry.rate);
        if self.flows.iter().all(Option::is_none) {
            (self.sum, self.vacated) = (0, 0);
        }
        self.share();
    }

    /// A flow's controller has calculated a rate, and its source desires one (the same when nothing limits it); gives the
    /// rate that the controller takes over. The rates of all others have changed as well: [`rate`](Self::rate). `None`
    /// when there is no such flow.
    pub fn update(
        &mut self,
        flow: usize,
        calculated: Bitrate,
        desired: Bitrate,
        rtt: Duration,
        now: Instant,
    ) -> Option<Bitrate> {
        let entry = self.flows.get_mut(flow)?.as_mut()?;
        entry.demand.most = desired;
        let (new, old) = (calculated.as_bps(), entry.rate);
        match self.exchange {
            Exchange::Conservative if now < self.held_until => {}
            Exchange::Conservative if new < old => {
                self.sum = Bitrate::from_bps(self.sum).scaled(new, old).as_bps();
                self.held_until = now + 2 * rtt;
            }
            Exchange::Active | Exchange::Conservative => self.change(new, old),
        }
        self.vacated = self.vacated.min(self.sum);
        self.share();
        self.rate(flow)
    }

    /// The rate of a flow; `None` when there is no such flow.
    pub fn rate(&self, flow: usize) -> Option<Bitrate> {
        Some(Bitrate::from_bps(self.flows.get(flow)?.as_ref()?.rate))
    }

    /// What all flows together may send.
    pub const fn sum(&self) -> Bitrate {
        Bitrate::from_bps(self.sum)
    }

    fn change(&mut self, new: u64, old: u64) {
        let desired = self.flows.iter().flatten().map(|entry| entry.demand.most.as_bps());
        let useful = desired.fold(0, u64::saturating_add);
        let risen = self.sum.saturating_add(new.saturating_sub(old)).min(useful);
        self.sum = self.sum.max(risen).saturating_sub(old.saturating_sub(new));
    }

    fn share(&mut self) {
        let demands = self.flows.map(|entry| entry.map(|entry| entry.demand));
        let parts = divide(Bitrate::from_bps(self.sum), &demands);
        for (entry, part) in self.flows.iter_mut().zip(parts) {
            if let Some((entry, part)) = entry.as_mut().zip(part) {
                entry.rate = part.as_bps();
            }
        }
    }
}
