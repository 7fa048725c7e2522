//! What flows could deliver together: the yardstick of utilisation.

use crate::scenario::{Flow, Link, Reference, Scenario};
use crate::time::{Micros, SECOND, seconds};

/// A link of more steps than this, or one that stands still at times, has a rate that nobody can follow; what it carries
/// in a second counts.
const FEW: usize = 12;

fn is_shaped(link: &Link) -> bool {
    link.rates.len() > FEW || link.rates.iter().any(|step| step.1 == 0)
}

/// Moments at which what is possible changes.
pub fn moments(scenario: &Scenario) -> Vec<Micros> {
    let mut moments = vec![0];
    for link in &scenario.links {
        if is_shaped(link) {
            moments.extend((0..scenario.duration / SECOND).map(|second| second * SECOND));
        } else {
            moments.extend(link.rates.iter().map(|rate| rate.0));
        }
    }
    for flow in &scenario.flows {
        moments.extend([flow.start, flow.end]);
        moments.extend(flow.pauses.iter().flat_map(|pause| [pause.0, pause.1]));
    }
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// Bits a second that a link carries at a moment, or in the second of it.
pub fn carries(scenario: &Scenario, link: usize, at: Micros) -> u64 {
    let rates = &scenario.links[link].rates;
    if !is_shaped(&scenario.links[link]) {
        return scenario.rate(link, at);
    }
    let (from, to) = (at / SECOND * SECOND, at / SECOND * SECOND + SECOND);
    let first = rates.partition_point(|step| step.0 <= from).saturating_sub(1);
    let mut bits = 0;
    for (index, (begin, rate)) in rates.iter().enumerate().skip(first) {
        if *begin >= to {
            break;
        }
        let end = rates.get(index + 1).map_or(to, |next| next.0).min(to);
        bits += rate * end.saturating_sub((*begin).max(from)) / SECOND;
    }
    bits
}

/// Bits a second that the flows could deliver together at a moment.
pub fn rate(scenario: &Scenario, at: Micros) -> u64 {
    let mut sum = 0;
    for link in 0..scenario.links.len() {
        let narrow = scenario.flows.iter().filter(|flow| scenario.narrowest(flow) == Some(link));
        sum += match scenario.reference {
            Reference::LinkOrSources => {
                let sources = narrow.filter(|flow| flow.is_active(at)).map(Flow::most);
                carries(scenario, link, at).min(sources.sum())
            }
            Reference::Link if narrow.count() > 0 => carries(scenario, link, at),
            Reference::Link => 0,
        };
    }
    sum
}

/// Bits that the flows could deliver together from one moment to another.
pub(super) fn bits(scenario: &Scenario, start: Micros, end: Micros) -> f64 {
    let mut bits = 0.0;
    let mut moments = moments(scenario);
    moments.push(end);
    for pair in moments.windows(2) {
        let (from, to) = (pair[0].clamp(start, end), pair[1].clamp(start, end));
        if to > from {
            bits += rate(scenario, from) as f64 * seconds(to - from);
        }
    }
    bits
}
