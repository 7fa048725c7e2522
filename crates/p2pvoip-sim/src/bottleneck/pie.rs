//! PIE (RFC 8033 section 4 and appendix A): early drops by a probability that follows the delay.
//!
//! # Timers
//! - The probability is set every 15 ms, by the state of the queue at that moment; computed when the queue is next used.
//!
//! # Left out
//! - The estimate of the departure rate (section 5.2): packets carry the time they came, as section 5.3 allows.
//! - De-randomisation and the switch to inactive (sections 5.4, 5.5).

use p2pvoip_core::{Rng, Seed};
use std::time::Duration;

use super::queue::{Line, View, Waiting};
use super::server::{Nanos, length};
use super::{Limit, PieConfig};

/// How often the probability is set (`T_UPDATE`, RFC 8033 section 4.2).
const UPDATE: Nanos = 15_000_000;
/// Change of the probability for each second above the target (RFC 8033 section 4.2).
const ALPHA: f64 = 0.125;
/// Change of the probability for each second the delay grew (RFC 8033 section 4.2).
const BETA: f64 = 1.25;
/// Below this many bytes nothing is dropped early: two packets of the mean size (RFC 8033 section 4.1).
const FEW_BYTES: u64 = 2 * 1_000;
/// ECN marks in place of drops below this probability (`MAX_ECNTH`, RFC 8033 section 5.1).
const ECN_BELOW: f64 = 0.1;

/// Stage: a queue with early drops.
#[derive(Debug)]
pub(super) struct Pie<P> {
    line: Line<P>,
    limit: Limit,
    target: f64,
    max_burst: Nanos,
    ecn: bool,
    rng: Rng,
    probability: f64,
    /// Seconds that the last packet had waited when it was taken; none when the queue is empty.
    delay: f64,
    /// The same at the last update.
    old_delay: f64,
    burst_left: Nanos,
    update_at: Nanos,
}

impl<P> Pie<P> {
    pub(super) fn new(config: &PieConfig, seed: &Seed, start: Nanos) -> Self {
        Self {
            line: Line::new(),
            limit: config.limit,
            target: config.target.as_secs_f64(),
            max_burst: length(config.max_burst),
            ecn: config.ecn,
            rng: seed.rng(),
            probability: 0.0,
            delay: 0.0,
            old_delay: 0.0,
            burst_left: length(config.max_burst),
            update_at: start.saturating_add(UPDATE),
        }
    }

    pub(super) fn enqueue(&mut self, mut packet: Waiting<P>, view: &View) -> Result<(), Waiting<P>> {
        self.catch_up(view.now);
        if !self.limit.admits(packet.size, self.line.size(), view) {
            return Err(packet);
        }
        let half = self.target / 2.0;
        if self.probability == 0.0 && self.delay < half && self.old_delay < half {
            self.burst_left = self.max_burst;
        }
        if self.burst_left == 0 && self.drops_early() {
            let marks = self.ecn && self.probability < ECN_BELOW;
            if !(marks && packet.mark()) {
                return Err(packet);
            }
        }
        self.line.push(packet);
        Ok(())
    }

    pub(super) fn dequeue(&mut self, now: Nanos) -> Option<Waiting<P>> {
        self.catch_up(now);
        let packet = self.line.pop();
        self.delay = packet.as_ref().map_or(0.0, |packet| seconds(packet.sojourn(now)));
        packet
    }

    pub(super) fn size(&self) -> u64 {
        self.line.size()
    }

    pub(super) fn len(&self) -> usize {
        self.line.len()
    }

    fn drops_early(&mut self) -> bool {
        let is_quiet = self.old_delay < self.target / 2.0 && self.probability < 0.2;
        !is_quiet && self.line.size() > FEW_BYTES && self.rng.chance(self.probability)
    }

    /// Makes the updates that were due by `now`.
    fn catch_up(&mut self, now: Nanos) {
        while self.update_at <= now {
            self.update_at += UPDATE;
            self.update();
        }
    }

    fn update(&mut self) {
        let change = ALPHA * (self.delay - self.target) + BETA * (self.delay - self.old_delay);
        let scale = match self.probability {
            p if p < 0.000_001 => 2_048.0,
            p if p < 0.000_01 => 512.0,
            p if p < 0.000_1 => 128.0,
            p if p < 0.001 => 32.0,
            p if p < 0.01 => 8.0,
            p if p < 0.1 => 2.0,
            _ => 1.0,
        };
        self.probability += change / scale;
        if self.delay == 0.0 && self.old_delay == 0.0 {
            self.probability *= 0.98;
        }
        self.probability = self.probability.clamp(0.0, 1.0);
        self.old_delay = self.delay;
        self.burst_left = self.burst_left.saturating_sub(UPDATE);
    }
}

fn seconds(time: Nanos) -> f64 {
    Duration::from_nanos(time).as_secs_f64()
}
