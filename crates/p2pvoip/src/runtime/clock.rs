//! The clock: the only file of the workspace's libraries that reads time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use p2pvoip_core::{Instant, UnixTime};

/// The longest that a datagram is believed to have waited to be read.
const RECENT: Duration = Duration::from_millis(500);

/// Counts microseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: tokio::time::Instant,
}

impl Clock {
    /// Starts counting one second in, so that `now - duration` does not saturate for short durations.
    pub(crate) fn start() -> Self {
        let now = tokio::time::Instant::now();
        Self { start: now.checked_sub(Duration::from_secs(1)).unwrap_or(now) }
    }

    /// This moment.
    pub(crate) fn now(self) -> Instant {
        let elapsed = self.start.elapsed().as_micros();
        Instant::from_micros(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// The runtime's word for a moment of ours.
    pub(crate) fn deadline(self, at: Instant) -> tokio::time::Instant {
        self.start + Duration::from_micros(at.as_micros())
    }

    /// How long ago the system's clock showed this time since 1970; none when that is to come or longer ago than [`RECENT`]: then
    /// the clock was set in between.
    #[expect(clippy::disallowed_methods, reason = "this file is where the system's clock is read")]
    pub(crate) fn since(shown: Duration) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.checked_sub(shown).filter(|ago| *ago <= RECENT).unwrap_or_default()
    }

    /// The date, as the system believes it to be.
    #[expect(clippy::disallowed_methods, reason = "this file is where the system's clock is read")]
    pub(crate) fn unix() -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_secs(since.as_secs())
    }
}
