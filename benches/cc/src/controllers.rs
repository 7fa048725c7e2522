//! Controllers by name.

mod fixed;
mod oracle;

use p2pvoip_cc::Controller;
use p2pvoip_core::Seed;

use crate::receiver::Cadence;
use crate::scenario::Scenario;

/// A controller, and the feedback it wants.
pub struct Made {
    /// The controller.
    pub controller: Box<dyn Controller>,
    /// Its feedback.
    pub cadence: Cadence,
}

/// Every name.
pub const NAMES: [&str; 2] = ["oracle", "fixed"];

/// The controller called `name` for one flow of a scenario.
pub fn make(name: &str, scenario: &Scenario, flow: usize, _seed: &Seed) -> Option<Made> {
    let compact = |controller: Box<dyn Controller>| Made { controller, cadence: Cadence::Compact };
    let transport = |controller: Box<dyn Controller>| Made { controller, cadence: Cadence::Transport };
    Some(match name {
        "oracle" => transport(Box::new(oracle::Oracle::new(scenario, flow))),
        "fixed" => compact(Box::new(fixed::Fixed::new(&scenario.flows[flow]))),
        _ => return None,
    })
}
