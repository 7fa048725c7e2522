//! The cases: those of RFC 8867 and 8868, of links with marks and active queues, of Wi-Fi and cells, and of voice.

mod basic;
mod links;
mod vary;
mod voice;

use p2pvoip_core::Seed;

use crate::scenario::{Flow, Link, Loss, Media, Reference, Route, Scenario, drop_tail, rates};
use crate::time::{MILLI, from_seconds};

/// Every case as the variant `variant` of it: 0 is exactly what its source states, others vary rates, delays and times.
pub fn all(variant: u64) -> Vec<Scenario> {
    let seed = Seed::from_u64(variant).derive("cases");
    let mut all = basic::all();
    all.extend(links::all(&seed));
    all.extend(voice::all(&seed));
    if variant > 0 {
        let seed = seed.derive("vary");
        for scenario in &mut all {
            // By its name, so that a case keeps its variants when others come and go.
            let own = seed.derive(&scenario.name);
            vary::vary(scenario, &own);
        }
    }
    all
}

/// Varies a scenario that was read from a file; variant 0 is as it is.
pub fn variant(scenario: &Scenario, variant: u64) -> Scenario {
    let mut scenario = scenario.clone();
    if variant > 0 {
        vary::vary(&mut scenario, &Seed::from_u64(variant).derive("cases"));
    }
    scenario
}

/// A link with a drop-tail queue of 300 ms that loses nothing (RFC 8867 section 4.2).
fn link(steps: &[(f64, f64)]) -> Link {
    Link { rates: rates(steps), queue: drop_tail(300), loss: Loss::None, jitter: 0 }
}

/// The same with another queue, in milliseconds.
fn queue(steps: &[(f64, f64)], milliseconds: u64) -> Link {
    Link { queue: drop_tail(milliseconds), ..link(steps) }
}

/// The same with loss of so many percent.
fn lossy(steps: &[(f64, f64)], percent: f64) -> Link {
    Link { loss: Loss::Independent(percent / 100.0), ..link(steps) }
}

/// The way back of a case whose way back is free: far wider than the way there.
fn free() -> Link {
    link(&[(0.0, 100_000.0)])
}

fn flow(media: Media, start: f64, end: f64, delay_ms: u64) -> Flow {
    Flow {
        media,
        start: from_seconds(start),
        end: from_seconds(end),
        pauses: Vec::new(),
        forward: Route::through(0, 0, delay_ms * MILLI),
        backward: Route::through(1, 0, delay_ms * MILLI),
        weight: 1.0,
    }
}

fn case(name: &str, title: &str, duration: f64, links: Vec<Link>, flows: Vec<Flow>) -> Scenario {
    Scenario {
        name: name.to_owned(),
        title: title.to_owned(),
        duration: from_seconds(duration),
        links,
        flows,
        tcps: Vec::new(),
        reference: Reference::LinkOrSources,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let mut names: Vec<String> = all(0).into_iter().map(|case| case.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_aim_is_about_a_case() {
        let cases = all(0);
        for aim in crate::aims::AIMS {
            assert!(cases.iter().any(|case| case.name == aim.case), "{}", aim.case);
        }
    }

    #[test]
    fn a_variant_keeps_the_shape_within_a_fifth() {
        let mut differs = false;
        for (exact, varied) in all(0).iter().zip(all(1)) {
            for (one, other) in exact.links.iter().zip(&varied.links).filter(|(one, _)| one.rates.len() <= 12)
            {
                let times: Vec<u64> = other.rates.iter().map(|step| step.0).collect();
                assert!(times.is_sorted(), "{}", exact.name);
                for (step, moved) in one.rates.iter().zip(&other.rates) {
                    let factor = moved.1 as f64 / step.1.max(1) as f64;
                    assert!(step.1 == 0 || (0.79..=1.21).contains(&factor), "{}: {factor}", exact.name);
                    differs |= step != moved;
                }
            }
        }
        assert!(differs);
    }
}
