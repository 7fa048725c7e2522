//! A policer by a token bucket: it drops what does not conform, and delays nothing by itself.

use p2pvoip_core::{Bitrate, DataSize};

use super::queue::{Line, Waiting};
use super::server::Nanos;

/// What one byte is in the unit of tokens: nanoseconds times bits a second.
const BYTE: u128 = 8_000_000_000;

/// Stage: a token bucket before a line without a limit.
#[derive(Debug)]
pub(super) struct Policer<P> {
    line: Line<P>,
    /// Bits a second.
    rate: u128,
    most: u128,
    tokens: u128,
    filled_at: Nanos,
}

impl<P> Policer<P> {
    pub(super) fn new(rate: Bitrate, burst: DataSize, start: Nanos) -> Self {
        let most = u128::from(burst.as_bytes()) * BYTE;
        Self { line: Line::new(), rate: u128::from(rate.as_bps()), most, tokens: most, filled_at: start }
    }

    pub(super) fn enqueue(&mut self, packet: Waiting<P>, now: Nanos) -> Result<(), Waiting<P>> {
        let came = self.rate * u128::from(now.saturating_sub(self.filled_at));
        self.tokens = self.most.min(self.tokens + came);
        self.filled_at = now;
        let Some(rest) = self.tokens.checked_sub(u128::from(packet.size) * BYTE) else {
            return Err(packet);
        };
        self.tokens = rest;
        self.line.push(packet);
        Ok(())
    }

    pub(super) fn dequeue(&mut self) -> Option<Waiting<P>> {
        self.line.pop()
    }

    pub(super) fn size(&self) -> u64 {
        self.line.size()
    }

    pub(super) fn len(&self) -> usize {
        self.line.len()
    }
}
