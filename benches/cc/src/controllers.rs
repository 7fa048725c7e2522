//! Controllers by name.

mod fixed;
mod goog;
mod oracle;

use std::fmt;

use p2pvoip_cc::{
    AudioConfig, AudioController, Controller, Gcc, GccConfig, Nada, NadaConfig, VideoConfig, VideoController,
};
use p2pvoip_core::{Bitrate, DataSize, Seed};

use crate::receiver::Cadence;
use crate::scenario::{Flow, Media, Scenario};
use crate::{companion, video};

/// A burst that a controller asks for to measure the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probing {
    /// What leaves is paced at this, in bits a second.
    pub rate: u64,
    /// The size of a packet of padding where there is no media.
    pub padding: u32,
}

/// A controller in the suite: what the seam of the workspace does not have, because its own controllers do not need it.
pub trait Subject: Controller {
    /// The burst that is wanted now.
    fn probing(&self) -> Option<Probing> {
        None
    }
}

impl Subject for VideoController {}
impl Subject for AudioController {}
impl Subject for Nada {}
impl Subject for Gcc {}

/// A controller, and the feedback it wants.
pub struct Made {
    /// The controller.
    pub controller: Box<dyn Subject>,
    /// Its feedback.
    pub cadence: Cadence,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("cadence", &self.cadence).finish_non_exhaustive()
    }
}

/// Every name.
pub const NAMES: [&str; 6] = ["p2pvoip", "nada", "gcc", "goog_cc", "oracle", "fixed"];

/// The controller called `name` for one flow of a scenario.
pub fn make(name: &str, scenario: &Scenario, flow: usize, _seed: &Seed) -> Option<Made> {
    let compact = |controller: Box<dyn Subject>| Made { controller, cadence: Cadence::Compact };
    let transport = |controller: Box<dyn Subject>| Made { controller, cadence: Cadence::Transport };
    Some(match name {
        "p2pvoip" => compact(house(&scenario.flows[flow])?),
        "nada" => compact(nada(&scenario.flows[flow])?),
        "gcc" => compact(gcc(&scenario.flows[flow])?),
        "goog_cc" => {
            transport(Box::new(goog::Goog::new(rates(&scenario.flows[flow]), scenario.flows[flow].start)))
        }
        "oracle" => transport(Box::new(oracle::Oracle::new(scenario, flow))),
        "fixed" => compact(Box::new(fixed::Fixed::new(&scenario.flows[flow]))),
        _ => return None,
    })
}

/// The controllers of this workspace, configured for the suite's sources.
fn house(flow: &Flow) -> Option<Box<dyn Subject>> {
    Some(match flow.media {
        Media::Video => {
            let mut config = VideoConfig::default();
            config.least = Bitrate::from_bps(video::LEAST + companion::RATE);
            config.start = config.least;
            config.most = Bitrate::from_bps(video::MOST + companion::RATE);
            config.weight = (flow.weight * 8.0).round().clamp(1.0, 64.0) as u8;
            Box::new(VideoController::new(config).ok()?)
        }
        Media::Audio(_) => {
            let mut config = AudioConfig::default();
            // RTP 12 and tag 10, where our own packets have other headers.
            config.header = DataSize::from_bytes(22);
            Box::new(AudioController::new(config).ok()?)
        }
    })
}

/// NADA (RFC 8698), with marks where the path makes them.
fn nada(flow: &Flow) -> Option<Box<dyn Subject>> {
    let goog::Rates { least, start, most } = rates(flow);
    let config = NadaConfig::default()
        .rates(Bitrate::from_bps(least), Bitrate::from_bps(start), Bitrate::from_bps(most))
        .priority(p2pvoip_cc::Fixed::ratio((flow.weight * 8.0).round() as u64, 8))
        .ecn(true);
    Some(Box::new(config.build().ok()?))
}

/// Google's congestion control as the draft has it.
fn gcc(flow: &Flow) -> Option<Box<dyn Subject>> {
    let goog::Rates { least, start, most } = rates(flow);
    let rates = (Bitrate::from_bps(least), Bitrate::from_bps(start), Bitrate::from_bps(most));
    Some(Box::new(GccConfig::default().rates(rates.0, rates.1, rates.2).build().ok()?))
}

/// What a flow of the suite sends at least, first and at most.
fn rates(flow: &Flow) -> goog::Rates {
    match flow.media {
        Media::Video => goog::Rates {
            least: video::LEAST + companion::RATE,
            start: video::LEAST + companion::RATE,
            most: video::MOST + companion::RATE,
        },
        Media::Audio(_) => goog::Rates { least: 12_667, start: 52_000, most: 84_000 },
    }
}
