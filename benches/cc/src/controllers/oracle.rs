//! A controller that knows the capacity, one one-way delay late, and shares it equally: a reference, not a bound. Of a link
//! that changes too fast to follow it knows what each second carries.

use p2pvoip_cc::{Controller, Path, Report, Sent, Target};
use p2pvoip_core::{Bitrate, Instant, Wake};

use crate::metrics;
use crate::scenario::Scenario;
use crate::time::{Micros, instant, micros};

/// It takes 95 % of what is there: what makes its frozen rows come out, see docs/cc-suite.md.
const SHARE: (u64, u64) = (95, 100);

/// Estimator: the schedule of rates that this flow could have.
pub(super) struct Oracle {
    rates: Vec<(Micros, u64)>,
    at: usize,
}

impl Oracle {
    /// For one flow of a scenario.
    pub(super) fn new(scenario: &Scenario, flow: usize) -> Self {
        let own = &scenario.flows[flow];
        let delay = own.forward.propagation();
        let rates = metrics::possible_moments(scenario).into_iter().map(|at| {
            let links = own.forward.hops.iter().map(|hop| hop.1);
            (at + delay, links.map(|link| share(scenario, flow, link, at)).min().unwrap_or(0))
        });
        Self { rates: rates.collect(), at: 0 }
    }
}

/// What a flow gets of a link: an equal part, and of what others cannot use as well.
fn share(scenario: &Scenario, flow: usize, link: usize, at: Micros) -> u64 {
    let uses = |index: &usize| {
        let other = &scenario.flows[*index];
        other.forward.hops.iter().any(|hop| hop.1 == link) && (*index == flow || other.is_active(at))
    };
    let mut wants: Vec<u64> =
        (0..scenario.flows.len()).filter(uses).map(|index| scenario.flows[index].most()).collect();
    wants.sort_unstable();
    let mut left = metrics::carries(scenario, link, at) * SHARE.0 / SHARE.1;
    let mut part = left;
    for (index, want) in wants.iter().enumerate() {
        part = left / (wants.len() - index) as u64;
        if *want >= part {
            break;
        }
        left -= want;
    }
    part
}

impl Controller for Oracle {
    fn on_sent(&mut self, _: Sent, _: Instant) {}

    fn on_feedback(&mut self, _: &Report, _: Instant) {}

    fn on_path(&mut self, _: Path, _: Instant) {}

    fn on_time(&mut self, now: Instant) {
        while self.rates.get(self.at + 1).is_some_and(|next| next.0 <= micros(now)) {
            self.at += 1;
        }
    }

    fn next_at(&self) -> Option<Wake> {
        self.rates.get(self.at + 1).map(|next| Wake { at: instant(next.0), why: "capacity" })
    }

    fn target(&self) -> Target {
        let rate = Bitrate::from_bps(self.rates[self.at].1);
        Target::plain(rate, rate.scaled(5, 2))
    }
}

impl super::Subject for Oracle {}
