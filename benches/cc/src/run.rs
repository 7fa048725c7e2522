//! Runs cases: each with several seeds, on two threads.

use p2pvoip_core::Seed;

use crate::controllers;
use crate::metrics::{Metrics, measure};
use crate::record::FlowRecord;
use crate::scenario::Scenario;
use crate::world;

/// One run of a scenario; `None` when no controller has that name.
pub fn once(scenario: &Scenario, controller: &str, seed: u64) -> Option<(Metrics, Vec<FlowRecord>)> {
    let seed = Seed::from_u64(seed).derive("suite");
    let made = (0..scenario.flows.len())
        .map(|flow| controllers::make(controller, scenario, flow, &seed))
        .collect::<Option<Vec<_>>>()?;
    let records = world::run(scenario, made, &seed);
    Some((measure(scenario, &records), records))
}
