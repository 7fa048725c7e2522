//! No control at all: the rate of the start, whatever happens.

use p2pvoip_cc::{Controller, Path, Report, Sent, Target};
use p2pvoip_core::{Bitrate, Instant, Wake};

use crate::scenario::{Flow, Media};

/// Estimator: always the same answer.
pub(super) struct Fixed {
    target: Target,
}

impl Fixed {
    /// A voice of 32 kbit/s (52 on the wire), or a video of 1 Mbit/s.
    pub(super) fn new(flow: &Flow) -> Self {
        let wire = match flow.media {
            Media::Video => Bitrate::from_kbps(1_000),
            Media::Audio(_) => Bitrate::from_kbps(52),
        };
        Self { target: Target::plain(wire, wire.scaled(5, 2)) }
    }
}

impl Controller for Fixed {
    fn on_sent(&mut self, _: Sent, _: Instant) {}

    fn on_feedback(&mut self, _: &Report, _: Instant) {}

    fn on_path(&mut self, _: Path, _: Instant) {}

    fn on_time(&mut self, _: Instant) {}

    fn next_at(&self) -> Option<Wake> {
        None
    }

    fn target(&self) -> Target {
        self.target
    }
}

impl super::Subject for Fixed {}
