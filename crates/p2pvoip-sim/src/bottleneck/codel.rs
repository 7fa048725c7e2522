//! CoDel (RFC 8289 section 5): drops or marks from a line by how long packets stood in it.

use super::queue::{Drops, Line, Waiting};
use super::server::Nanos;

/// A line of at most this many bytes is never too long: one packet of the interface (RFC 8289 section 5.3).
const MAX_PACKET: u64 = 1_514;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters {
    pub(super) target: Nanos,
    pub(super) interval: Nanos,
    pub(super) ecn: bool,
}

/// The state of one line (RFC 8289 section 5.2).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CoDel {
    /// When the delay will have been above the target for an interval.
    first_above: Option<Nanos>,
    drop_next: Nanos,
    count: u32,
    last_count: u32,
    dropping: bool,
}

impl CoDel {
    /// The next packet of the line that is to be sent.
    pub(super) fn dequeue<P>(
        &mut self,
        line: &mut Line<P>,
        with: &Parameters,
        now: Nanos,
        drops: Drops<'_, P>,
    ) -> Option<Waiting<P>> {
        let (mut packet, mut too_long) = self.take(line, with, now)?;
        if !self.dropping {
            if too_long {
                if !(with.ecn && packet.mark()) {
                    drops(packet);
                    (packet, _) = self.take_next(line, with, now)?;
                }
                self.start_dropping(with, now);
            }
            return Some(packet);
        }
        self.dropping = too_long;
        while self.dropping && now >= self.drop_next {
            self.count = self.count.saturating_add(1);
            if with.ecn && packet.mark() {
                self.drop_next = control_law(self.drop_next, with.interval, self.count);
                return Some(packet);
            }
            drops(packet);
            (packet, too_long) = self.take_next(line, with, now)?;
            self.dropping = too_long;
            if too_long {
                self.drop_next = control_law(self.drop_next, with.interval, self.count);
            }
        }
        Some(packet)
    }

    /// If the line was too long a short time ago, the rate of dropping that controlled it then is a good one to begin
    /// with (the Linux version in RFC 8289 section 5.5).
    fn start_dropping(&mut self, with: &Parameters, now: Nanos) {
        let delta = self.count.saturating_sub(self.last_count);
        let is_recent = now.saturating_sub(self.drop_next) < with.interval.saturating_mul(16);
        self.count = if delta > 1 && is_recent { delta } else { 1 };
        self.dropping = true;
        self.drop_next = control_law(now, with.interval, self.count);
        self.last_count = self.count;
    }

    /// As [`take`](Self::take); an empty line ends the dropping.
    fn take_next<P>(
        &mut self,
        line: &mut Line<P>,
        with: &Parameters,
        now: Nanos,
    ) -> Option<(Waiting<P>, bool)> {
        let taken = self.take(line, with, now);
        self.dropping &= taken.is_some();
        taken
    }

    /// The first packet, and whether the line has been too long for an interval (`dodequeue` in RFC 8289 section 5.6).
    fn take<P>(&mut self, line: &mut Line<P>, with: &Parameters, now: Nanos) -> Option<(Waiting<P>, bool)> {
        let Some(packet) = line.pop() else {
            self.first_above = None;
            self.dropping = false;
            return None;
        };
        if packet.sojourn(now) < with.target || line.size() <= MAX_PACKET {
            self.first_above = None;
            return Some((packet, false));
        }
        let first_above = *self.first_above.get_or_insert(now.saturating_add(with.interval));
        Some((packet, now >= first_above))
    }
}

/// When the `count`-th packet is dropped after one at `at`.
fn control_law(at: Nanos, interval: Nanos, count: u32) -> Nanos {
    let gap = std::time::Duration::from_nanos(interval).div_f64(f64::from(count.max(1)).sqrt());
    at.saturating_add(super::server::length(gap))
}
