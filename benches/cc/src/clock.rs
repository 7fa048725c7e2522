//! The one clock of the suite: how long a person has waited, and what a controller costs. Cases run in virtual time.

use std::time::Instant;

/// The time of the machine.
#[expect(clippy::disallowed_methods, reason = "no result of a case depends on it")]
pub fn now() -> Instant {
    Instant::now()
}
