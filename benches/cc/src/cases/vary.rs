//! Variants of a case: rates and delays off by up to a fifth, events at other times, so that no controller is tuned to a
//! few numbers.

use p2pvoip_core::{Rng, Seed};

use crate::scenario::{Route, Scenario};
use crate::time::{Micros, SECOND};

/// Rates and delays are off by up to this.
const SPREAD: f64 = 0.2;
/// A change of capacity moves by up to this part of the shorter of the times before and after it.
const SHIFT: f64 = 0.1;
/// Starts and pauses of flows move by up to this.
const START: Micros = SECOND;
/// A schedule of more steps than this has a shape of its own, and is scaled as a whole.
const FEW: usize = 12;

fn factor(rng: &mut Rng) -> f64 {
    1.0 + (rng.unit() * 2.0 - 1.0) * SPREAD
}

fn scaled(value: u64, factor: f64) -> u64 {
    (value as f64 * factor) as u64
}

/// Makes a variant of `scenario`.
pub(super) fn vary(scenario: &mut Scenario, seed: &Seed) {
    let mut rng = seed.rng();
    for link in &mut scenario.links {
        steps(&mut link.rates, &mut rng);
    }
    for flow in &mut scenario.flows {
        let delays = factor(&mut rng);
        delay(&mut flow.forward, delays);
        delay(&mut flow.backward, delays);
        let moved = |at: &mut Micros, rng: &mut Rng| {
            if *at > 0 {
                *at = *at + rng.below(2 * START) - START.min(*at);
            }
        };
        moved(&mut flow.start, &mut rng);
        for pause in &mut flow.pauses {
            moved(&mut pause.0, &mut rng);
            moved(&mut pause.1, &mut rng);
        }
    }
    for tcp in &mut scenario.tcps {
        let delays = factor(&mut rng);
        delay(&mut tcp.forward, delays);
        delay(&mut tcp.backward, delays);
    }
}

fn delay(route: &mut Route, factor: f64) {
    route.tail = scaled(route.tail, factor);
    for hop in &mut route.hops {
        hop.0 = scaled(hop.0, factor);
    }
}

fn steps(rates: &mut [(Micros, u64)], rng: &mut Rng) {
    if rates.len() > FEW {
        let factor = factor(rng);
        for step in rates {
            step.1 = scaled(step.1, factor);
        }
        return;
    }
    let exact: Vec<Micros> = rates.iter().map(|step| step.0).collect();
    for (index, step) in rates.iter_mut().enumerate() {
        step.1 = scaled(step.1, factor(rng));
        if index > 0 {
            let before = step.0 - exact[index - 1];
            let after = exact.get(index + 1).map_or(before, |next| next - exact[index]);
            let most = scaled(before.min(after), SHIFT);
            step.0 = step.0 - most + rng.below(2 * most + 1);
        }
    }
}
