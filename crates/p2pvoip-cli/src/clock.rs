//! The one clock of the program, for waits that concern people and processes; the call's own time is the facade's.

use std::time::Duration;

use tokio::time::Instant;

/// A year in seconds.
const YEAR: u64 = 365 * 86_400;

/// This moment.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A moment so far ahead that it never comes.
pub(crate) fn never() -> Instant {
    now() + Duration::from_secs(YEAR)
}
