//! The server's clock: the only file of this crate that reads time.

use p2pvoip_core::Instant;

/// Counts microseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: tokio::time::Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { start: tokio::time::Instant::now() }
    }

    /// This moment.
    pub(super) fn now(self) -> Instant {
        Instant::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The runtime's word for a moment of ours.
    pub(super) fn deadline(self, at: Instant) -> tokio::time::Instant {
        self.start + std::time::Duration::from_micros(at.as_micros())
    }
}
