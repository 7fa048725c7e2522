//! Whether a path has fallen silent.
//!
//! # Timers
//! - silence: nothing was told of what was sent; first after [`FIRST_SILENCE`], then [`NEXT_SILENCE`] after the next packet.

use core::time::Duration;
use p2pvoip_core::{Instant, Wake};

/// So long after a packet left something must have been told: above a second of round trip and a lost report or two.
const FIRST_SILENCE: Duration = Duration::from_millis(1_500);
/// So long until silence is told again.
const NEXT_SILENCE: Duration = Duration::from_secs(1);

/// Whether anything is told of what is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    due: Option<Instant>,
    silent: bool,
}

impl Silence {
    pub(super) fn on_sent(&mut self, now: Instant) {
        self.due.get_or_insert(now + if self.silent { NEXT_SILENCE } else { FIRST_SILENCE });
    }

    pub(super) const fn on_news(&mut self) {
        (self.due, self.silent) = (None, false);
    }

    /// Whether the silence has grown by one measure; it grows only while packets leave.
    pub(super) fn grown(&mut self, now: Instant) -> bool {
        let grown = self.due.is_some_and(|due| due <= now);
        if grown {
            (self.due, self.silent) = (None, true);
        }
        grown
    }

    pub(super) const fn is_silent(&self) -> bool {
        self.silent
    }

    pub(super) fn next_at(&self) -> Option<Wake> {
        self.due.map(|at| Wake { at, why: "silence of the receiver" })
    }
}
