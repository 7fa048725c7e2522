//! First in, first out, with a limit; and with marks for packets that waited for too long.

use super::Limit;
use super::queue::{Line, View, Waiting};
use super::server::Nanos;

/// Stage: a drop-tail queue that may mark.
#[derive(Debug)]
pub(super) struct Tail<P> {
    line: Line<P>,
    limit: Limit,
    mark_above: Option<Nanos>,
}

impl<P> Tail<P> {
    pub(super) fn new(limit: Limit, mark_above: Option<Nanos>) -> Self {
        Self { line: Line::new(), limit, mark_above }
    }

    pub(super) fn enqueue(&mut self, packet: Waiting<P>, view: &View) -> Result<(), Waiting<P>> {
        if !self.limit.admits(packet.size, self.line.size(), view) {
            return Err(packet);
        }
        self.line.push(packet);
        Ok(())
    }

    pub(super) fn dequeue(&mut self, now: Nanos) -> Option<Waiting<P>> {
        let mut packet = self.line.pop()?;
        if self.mark_above.is_some_and(|most| packet.sojourn(now) > most) {
            packet.mark();
        }
        Some(packet)
    }

    pub(super) fn size(&self) -> u64 {
        self.line.size()
    }

    pub(super) fn len(&self) -> usize {
        self.line.len()
    }
}
