//! Controllers by name.

mod fixed;
mod oracle;

use p2pvoip_cc::{AudioConfig, AudioController, Controller, VideoConfig, VideoController};
use p2pvoip_core::{Bitrate, DataSize, Seed};

use crate::receiver::Cadence;
use crate::scenario::{Flow, Media, Scenario};
use crate::{companion, video};

/// A controller, and the feedback it wants.
pub struct Made {
    /// The controller.
    pub controller: Box<dyn Controller>,
    /// Its feedback.
    pub cadence: Cadence,
}

/// Every name.
pub const NAMES: [&str; 3] = ["p2pvoip", "oracle", "fixed"];

/// The controller called `name` for one flow of a scenario.
pub fn make(name: &str, scenario: &Scenario, flow: usize, _seed: &Seed) -> Option<Made> {
    let compact = |controller: Box<dyn Controller>| Made { controller, cadence: Cadence::Compact };
    let transport = |controller: Box<dyn Controller>| Made { controller, cadence: Cadence::Transport };
    Some(match name {
        "p2pvoip" => compact(house(&scenario.flows[flow])?),
        "oracle" => transport(Box::new(oracle::Oracle::new(scenario, flow))),
        "fixed" => compact(Box::new(fixed::Fixed::new(&scenario.flows[flow]))),
        _ => return None,
    })
}

/// The controllers of this workspace, configured for the suite's sources.
fn house(flow: &Flow) -> Option<Box<dyn Controller>> {
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
