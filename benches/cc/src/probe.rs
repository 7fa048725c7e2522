//! When a sender lets a copy of a packet follow right behind it, because the controller wants to measure the path.

use p2pvoip_cc::Target;

use crate::time::{MILLI, Micros};

/// At most one copy in this time.
const EVERY: Micros = 500 * MILLI;

/// What is remembered of copies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probe {
    last: Option<Micros>,
}

impl Probe {
    /// Whether a copy follows now; it is taken as sent.
    pub fn wanted(&mut self, target: &Target, now: Micros) -> bool {
        let due = target.probe && self.last.is_none_or(|last| now >= last + EVERY);
        if due {
            self.last = Some(now);
        }
        due
    }
}
