//! FQ-CoDel (RFC 8290 section 4): a line with CoDel for each flow, served in turns, flows that just began first.
//!
//! # Left out
//! - The limit by memory of Linux: packets alone are counted.

use std::collections::VecDeque;

use p2pvoip_core::Seed;

use super::FqCoDelConfig;
use super::codel::{CoDel, Parameters};
use super::queue::{Drops, Line, Waiting};
use super::server::{Nanos, length};

/// Lines that flows are hashed to (RFC 8290 section 5.2.4).
const LINES: u32 = 1_024;
/// Packets that are dropped at once from the longest line when there are too many (RFC 8290 section 4.1.2).
const BATCH: usize = 64;

/// One line (a "queue" of the RFC).
#[derive(Debug)]
struct Flow<P> {
    line: Line<P>,
    codel: CoDel,
    credits: i64,
    is_listed: bool,
}

/// Stage: the scheduler and its lines.
#[derive(Debug)]
pub(super) struct FqCoDel<P> {
    flows: Vec<Flow<P>>,
    new: VecDeque<usize>,
    old: VecDeque<usize>,
    parameters: Parameters,
    quantum: i64,
    limit: usize,
    perturbation: u64,
    size: u64,
    len: usize,
}

impl<P> FqCoDel<P> {
    pub(super) fn new(config: &FqCoDelConfig, seed: &Seed) -> Self {
        let flow = || Flow { line: Line::new(), codel: CoDel::default(), credits: 0, is_listed: false };
        Self {
            flows: (0..LINES).map(|_| flow()).collect(),
            new: VecDeque::new(),
            old: VecDeque::new(),
            parameters: Parameters {
                target: length(config.target),
                interval: length(config.interval),
                ecn: config.ecn,
            },
            quantum: i64::try_from(config.quantum.as_bytes()).unwrap_or(i64::MAX).max(1),
            limit: config.limit,
            perturbation: seed.rng().next_u64(),
            size: 0,
            len: 0,
        }
    }

    /// Takes the packet; when there are too many then, the longest line loses its first ones.
    pub(super) fn enqueue(&mut self, packet: Waiting<P>, drops: Drops<'_, P>) {
        let place = self.place(packet.flow);
        if let Some(flow) = self.flows.get_mut(place) {
            self.size += packet.size;
            self.len += 1;
            flow.line.push(packet);
            if !flow.is_listed {
                flow.is_listed = true;
                flow.credits = self.quantum;
                self.new.push_back(place);
            }
        }
        if self.len > self.limit {
            self.shorten(drops);
        }
    }

    /// The next packet by deficit round robin (RFC 8290 section 4.2).
    pub(super) fn dequeue(&mut self, now: Nanos, drops: Drops<'_, P>) -> Option<Waiting<P>> {
        loop {
            let is_new = !self.new.is_empty();
            let list = if is_new { &mut self.new } else { &mut self.old };
            let place = *list.front()?;
            let flow = self.flows.get_mut(place)?;
            if flow.credits <= 0 {
                flow.credits += self.quantum;
                list.pop_front();
                self.old.push_back(place);
                continue;
            }
            let before = (flow.line.size(), flow.line.len());
            let packet = flow.codel.dequeue(&mut flow.line, &self.parameters, now, drops);
            self.size -= before.0 - flow.line.size();
            self.len -= before.1 - flow.line.len();
            if let Some(packet) = packet {
                flow.credits -= i64::try_from(packet.size).unwrap_or(i64::MAX);
                return Some(packet);
            }
            list.pop_front();
            // A new flow that is empty waits a turn of the old ones, so that it cannot stay new by sending rarely.
            if is_new && !self.old.is_empty() {
                self.old.push_back(place);
            } else {
                flow.is_listed = false;
            }
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Drops half of the longest line, from its head, but not more than a batch.
    fn shorten(&mut self, drops: Drops<'_, P>) {
        // The first of the longest, so that equals are told apart in the same way each time.
        let longest = self.flows.iter_mut().rev().max_by_key(|flow| flow.line.size());
        let Some(flow) = longest else { return };
        for _ in 0..flow.line.len().div_ceil(2).min(BATCH) {
            if let Some(packet) = flow.line.pop() {
                self.size -= packet.size;
                self.len -= 1;
                drops(packet);
            }
        }
    }

    fn place(&self, flow: u32) -> usize {
        // The finaliser of SplitMix64: a change of one bit changes every bit of the place by even chance.
        let mut hash = u64::from(flow) ^ self.perturbation;
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((hash ^ (hash >> 31)) % u64::from(LINES)).unwrap_or_default()
    }
}
