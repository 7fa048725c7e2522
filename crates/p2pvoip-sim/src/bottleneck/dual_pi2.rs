//! DualPI2 (RFC 9332 appendix A, with the edge cases of its second pass): two coupled queues, one of them for L4S.
//!
//! Packets with ECT(1) or CE go to the L4S queue, all others to the classic one. The classic queue is steered to its
//! target by a controller of a base probability, whose square drops or marks there and whose double marks L4S packets.
//!
//! # Timers
//! - The base probability is set every 15 ms, by the state of the queues at that moment; computed when next used.

use p2pvoip_core::Ecn;
use std::time::Duration;

use super::queue::{Drops, Line, Updates, View, Waiting};
use super::server::{Nanos, length};
use super::{DualPi2Config, Limit};

/// How often the base probability is set: the lesser of the target and a third of the longest round trip.
const UPDATE: Nanos = 15_000_000;
/// Gain for each second above the target: 0.1 x 15 ms / (100 ms)^2 (RFC 9332 figure 2).
const ALPHA: f64 = 0.15;
/// Gain for each second of growth: 0.3 / 100 ms (RFC 9332 figure 2).
const BETA: f64 = 3.0;
/// The coupling factor `k` (RFC 9332 figure 2).
const COUPLING: f64 = 2.0;
/// Above this probability classic packets are dropped, not marked: 1 / k^2 (RFC 9332 figure 2).
const MAX_CLASSIC: f64 = 0.25;
/// L4S bytes that are sent for each classic one while both wait: weights of 15 and 1 (RFC 9332 appendix A.2).
const L4S_WEIGHT: i64 = 15;

/// Stage: the two queues and their coupling.
#[derive(Debug)]
pub(super) struct DualPi2<P> {
    low_latency: Line<P>,
    classic: Line<P>,
    limit: Limit,
    target: f64,
    step: Nanos,
    base: f64,
    old_delay: f64,
    updates: Updates,
    /// What L4S has had beyond its share, in bytes times weight: above zero the classic queue is served.
    credit: i64,
    low_latency_count: f64,
    classic_count: f64,
}

impl<P> DualPi2<P> {
    pub(super) fn new(config: &DualPi2Config, start: Nanos) -> Self {
        Self {
            low_latency: Line::new(),
            classic: Line::new(),
            limit: config.limit,
            target: config.target.as_secs_f64(),
            step: length(config.step),
            base: 0.0,
            old_delay: 0.0,
            updates: Updates::new(UPDATE, start),
            credit: 0,
            low_latency_count: 0.0,
            classic_count: 0.0,
        }
    }

    pub(super) fn enqueue(&mut self, packet: Waiting<P>, view: &View) -> Result<(), Waiting<P>> {
        self.catch_up(view.now);
        if !self.limit.admits(packet.size, self.size(), view) {
            return Err(packet);
        }
        match packet.ecn {
            Ecn::Ect1 | Ecn::Ce => self.low_latency.push(packet),
            Ecn::NotEct | Ecn::Ect0 => self.classic.push(packet),
        }
        Ok(())
    }

    /// The next packet (RFC 9332 figure 7).
    pub(super) fn dequeue(&mut self, now: Nanos, drops: Drops<'_, P>) -> Option<Waiting<P>> {
        self.catch_up(now);
        loop {
            let dropped = if self.is_low_latency_next() {
                let packet = self.low_latency.pop()?;
                self.on_low_latency(packet, now)
            } else {
                let packet = self.classic.pop()?;
                self.on_classic(packet)
            };
            match dropped {
                Ok(packet) => return Some(packet),
                Err(packet) => drops(packet),
            }
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.low_latency.size() + self.classic.size()
    }

    pub(super) fn len(&self) -> usize {
        self.low_latency.len() + self.classic.len()
    }

    /// Weighted round robin while both wait.
    fn is_low_latency_next(&mut self) -> bool {
        match (self.low_latency.len(), self.classic.len()) {
            (0, _) | (_, 0) => {
                self.credit = 0;
                self.low_latency.len() > 0
            }
            (_, _) => self.credit <= 0,
        }
    }

    fn on_low_latency(&mut self, mut packet: Waiting<P>, now: Nanos) -> Result<Waiting<P>, Waiting<P>> {
        let coupled = COUPLING * self.base;
        if self.classic.len() > 0 {
            self.credit = self.credit.saturating_add(bytes(&packet));
        }
        if coupled >= 1.0 && recurs(&mut self.low_latency_count, self.base * self.base) {
            return Err(packet);
        }
        // The step spares a packet that found the queue empty (`Th_len`): on a slow link it stands for as long as one
        // packet is under transmission, whatever its sender does. As in Linux this was told when it came.
        let stepped = !packet.was_first && packet.sojourn(now) >= self.step;
        let native = if stepped { 1.0 } else { 0.0 };
        if coupled >= 1.0 || recurs(&mut self.low_latency_count, coupled.max(native)) {
            packet.mark();
        }
        Ok(packet)
    }

    fn on_classic(&mut self, mut packet: Waiting<P>) -> Result<Waiting<P>, Waiting<P>> {
        if self.low_latency.len() > 0 {
            self.credit = self.credit.saturating_sub(bytes(&packet).saturating_mul(L4S_WEIGHT));
        }
        let probability = self.base * self.base;
        if recurs(&mut self.classic_count, probability) && (probability >= MAX_CLASSIC || !packet.mark()) {
            return Err(packet);
        }
        Ok(packet)
    }

    /// Makes the updates that were due by `now`; nothing came or went since.
    fn catch_up(&mut self, now: Nanos) {
        while let Some(at) = self.updates.due(now) {
            let delay = self.classic.delay(at).max(self.low_latency.delay(at));
            let delay = Duration::from_nanos(delay).as_secs_f64();
            self.base += ALPHA * (delay - self.target) + BETA * (delay - self.old_delay);
            self.base = self.base.clamp(0.0, 1.0);
            self.old_delay = delay;
        }
    }
}

fn bytes<P>(packet: &Waiting<P>) -> i64 {
    i64::try_from(packet.size).unwrap_or(i64::MAX)
}

/// Comes true with that likelihood in the long run, evenly and without chance (`recur` in RFC 9332 figure 4).
fn recurs(count: &mut f64, likelihood: f64) -> bool {
    *count += likelihood;
    let is_due = *count >= 1.0;
    if is_due {
        *count -= 1.0;
    }
    is_due
}
