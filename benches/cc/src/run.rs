//! Runs cases: each with several seeds, on two threads.

use p2pvoip_core::Seed;

use crate::controllers;
use crate::metrics::{Metrics, measure};
use crate::scenario::Scenario;
use crate::world::{self, Noted};

/// One run of a scenario; `None` when no controller has that name.
pub fn once(scenario: &Scenario, controller: &str, seed: u64) -> Option<(Metrics, Noted)> {
    let seed = Seed::from_u64(seed).derive("suite");
    let made = (0..scenario.flows.len())
        .map(|flow| controllers::make(controller, scenario, flow, &seed))
        .collect::<Option<Vec<_>>>()?;
    let noted = world::run(scenario, made, &seed);
    Some((measure(scenario, &noted), noted))
}
