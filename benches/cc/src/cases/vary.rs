//! Variants of a case: rates and delays off by up to a fifth, events at other times, so that no controller is tuned to a
//! few numbers.

use p2pvoip_core::{Rng, Seed};

use crate::scenario::{Flow, Route, Scenario};
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
        if flow.start > 0 {
            let latest = flow.pauses.first().map_or(flow.end.saturating_sub(SECOND), |pause| pause.0);
            flow.start = moved(flow.start, &mut rng).min(latest.max(flow.start));
        }
        pauses(flow, &mut rng);
    }
    for tcp in &mut scenario.tcps {
        let delays = factor(&mut rng);
        delay(&mut tcp.forward, delays);
        delay(&mut tcp.backward, delays);
    }
}

fn moved(at: Micros, rng: &mut Rng) -> Micros {
    (at + rng.below(2 * START)).saturating_sub(START)
}

/// Each pause moves as a whole: it is as long as it was, and neither meets another nor leaves the flow's time.
fn pauses(flow: &mut Flow, rng: &mut Rng) {
    let starts: Vec<Micros> = flow.pauses.iter().map(|pause| pause.0).collect();
    let mut earliest = flow.start;
    for (index, pause) in flow.pauses.iter_mut().enumerate() {
        let length = pause.1.saturating_sub(pause.0);
        let latest = starts.get(index + 1).map_or(flow.end, |next| *next).saturating_sub(length);
        let from = moved(pause.0, rng).min(latest).max(earliest);
        *pause = (from, from + length);
        earliest = pause.1;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::Media;

    proptest! {
        #[test]
        fn a_pause_keeps_its_length_its_order_and_the_time_of_its_flow(
            lengths in proptest::collection::vec(1..3 * SECOND, 1..9),
            start in prop_oneof![Just(0), 1..SECOND],
            seed in any::<u64>(),
        ) {
            let mut flow = crate::cases::flow(Media::Video, 0.0, 0.0, 50);
            flow.start = start;
            flow.end = start;
            for pair in lengths.chunks(2) {
                let from = flow.end + pair[0];
                flow.end = from + pair.get(1).copied().unwrap_or(1);
                flow.pauses.push((from, flow.end));
            }
            let before = flow.pauses.clone();
            pauses(&mut flow, &mut Seed::from_u64(seed).rng());
            let mut earliest = flow.start;
            for (was, is) in before.iter().zip(&flow.pauses) {
                prop_assert_eq!(was.1 - was.0, is.1 - is.0);
                prop_assert!(is.0 >= earliest && is.0.abs_diff(was.0) <= START, "{:?} {:?}", was, is);
                earliest = is.1;
            }
            prop_assert!(earliest <= flow.end);
        }
    }

    #[test]
    fn a_flow_starts_before_its_first_pause_and_its_end() {
        for seed in 0..50 {
            let mut scenario = crate::cases::all(0).swap_remove(0);
            scenario.flows[0].start = 5 * SECOND;
            scenario.flows[0].pauses = vec![(5 * SECOND + 1, 6 * SECOND)];
            vary(&mut scenario, &Seed::from_u64(seed));
            let flow = &scenario.flows[0];
            assert!(flow.start <= flow.pauses[0].0 && flow.pauses[0].0 < flow.pauses[0].1, "{flow:?}");
        }
    }
}
