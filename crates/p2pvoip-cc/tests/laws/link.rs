//! A bottleneck with a queue that drops what finds it full, and a TCP that fills it.

use std::collections::VecDeque;

/// The packet of TCP in bytes.
const SEGMENT: u64 = 1_500;
/// With so many segments TCP begins (RFC 6928 section 2).
const INITIAL: u64 = 10;
/// Windows are counted in thousandths of a segment.
const ONE: u64 = 1_000;

/// A bottleneck, which serves packets in the order in which they come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link {
    /// When it is free again, in us.
    free: u64,
}

impl Link {
    /// How long a packet would wait that came now, in us.
    pub(crate) const fn wait(self, ms: u64) -> u64 {
        self.free.saturating_sub(1_000 * ms)
    }

    /// A packet of that many bytes enters; when it has left, in us. `None` when it finds the queue full, or nothing passes.
    pub(crate) fn enter(&mut self, size: u64, kbps: u64, queue_ms: u64, ms: u64) -> Option<u64> {
        if kbps == 0 || self.wait(ms) > 1_000 * queue_ms {
            return None;
        }
        self.free = self.free.max(1_000 * ms) + size * 8_000 / kbps;
        Some(self.free)
    }
}

/// A long transfer by NewReno (RFC 5681, RFC 6582), without time-outs.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    window: u64,
    threshold: u64,
    /// When the sender learns the fate of a segment, in ms, and whether it was lost.
    flying: VecDeque<(u64, bool)>,
    /// Losses of segments sent before this, in ms, are of a window that was halved.
    halved: u64,
    pub(crate) delivered: u64,
}

impl Tcp {
    pub(crate) const fn new() -> Self {
        Self { window: INITIAL * ONE, threshold: u64::MAX, flying: VecDeque::new(), halved: 0, delivered: 0 }
    }

    /// A millisecond over a link with so much delay one way.
    pub(crate) fn step(&mut self, link: &mut Link, kbps: u64, queue_ms: u64, delay: u64, ms: u64) {
        while let Some((_, lost)) = self.flying.front().copied().filter(|(at, _)| *at <= ms) {
            self.flying.pop_front();
            if lost && ms >= self.halved {
                self.threshold = (self.window / 2).max(2 * ONE);
                self.window = self.threshold;
                self.halved = ms + 2 * delay + link.wait(ms) / 1_000;
            } else if !lost {
                self.delivered += SEGMENT;
                self.window += if self.window < self.threshold { ONE } else { ONE * ONE / self.window };
            }
        }
        while (self.flying.len() as u64) < self.window / ONE {
            let through = link.enter(SEGMENT, kbps, queue_ms, ms);
            let back = through.unwrap_or(1_000 * ms + link.wait(ms)).div_ceil(1_000) + 2 * delay;
            self.flying.push_back((back, through.is_none()));
        }
    }
}
