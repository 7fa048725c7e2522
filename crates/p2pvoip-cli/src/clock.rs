//! The one clock of the program, for waits that concern people and processes; the call's own time is the facade's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use p2pvoip::core::UnixTime;
use tokio::time::Instant;

/// A year in seconds.
const YEAR: u64 = 365 * 86_400;

/// This moment.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The date, as the system believes it to be: for prekeys, contacts and introductions.
#[expect(clippy::disallowed_methods, reason = "this file is where the program reads the system's clock")]
pub(crate) fn unix() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_secs(since.as_secs())
}

/// A moment so far ahead that it never comes.
pub(crate) fn never() -> Instant {
    now() + Duration::from_secs(YEAR)
}
