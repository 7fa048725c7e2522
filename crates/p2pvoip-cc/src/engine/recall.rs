//! Warm start: what the engine takes from a [`Memory`], and what it gives to one.

use super::{Engine, Limits};
use crate::Fixed;
use crate::controller::Phase;
use crate::memory::Memory;
use crate::target::Breaker;
use core::time::Duration;
use p2pvoip_core::Bitrate;

/// Packets that must have arrived before anything is learnt: ten seconds of voice at 20 ms.
const ENOUGH: u64 = 500;
/// A longer round trip is not remembered, in microseconds: nobody speaks over it.
const LONGEST_RTT: u32 = 1_000_000;
/// What was allowed beyond this many parts in a hundred of what was delivered is not known to pass.
const PROVEN: u64 = 120;

impl<const N: usize> Engine<N> {
    /// An engine that starts where a flow before it left off, or else at `start`.
    pub(crate) fn warm(start: u64, memory: Option<Memory>, limits: Limits) -> Self {
        let mut engine = Self::new(start);
        if let Some(Memory { wire, rtt, loss }) = memory {
            engine.here.law.recall(wire.as_bps(), limits);
            if let Some(rtt) = rtt {
                let micros = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX).min(LONGEST_RTT);
                engine.here.belief.recall_rtt(micros);
            }
            engine.here.recall_loss(loss);
        }
        engine
    }

    /// What the next flow on this path should know; `None` until enough has arrived, and while nothing does.
    pub(crate) fn memory(&self, limits: Limits) -> Option<Memory> {
        let fine = self.counts.acked >= ENOUGH
            && self.here.law.phase() != Phase::Silent
            && self.here.breaker.state() == Breaker::Closed;
        let delivered = self.here.delivered.over(super::LONG_SPAN).filter(|_| fine)?;
        // A drain delivers little for a moment; what the link carried at its last queue is known all the same.
        let proven = super::part(delivered, PROVEN, 100).max(self.here.law.ceiling().unwrap_or(0));
        let wire = self.here.law.rate().min(proven).max(limits.least);
        Some(Memory {
            wire: Bitrate::from_bps(wire),
            rtt: self.here.belief.rtts().1.map(|micros| Duration::from_micros(u64::from(micros))),
            loss: Fixed::from_bits(self.here.calm_loss.min(Fixed::ONE.bits())),
        })
    }
}
