//! Competitors in a run: TCP without end, or short downloads with pauses between them.

use p2pvoip_core::{DataSize, Ecn, Rng, Seed};
use p2pvoip_sim::tcp::{Ack, Segment, TcpConfig, TcpReceiver, TcpSender};

use super::{Load, Packet, What, World};
use crate::record::{Bins, PLOT};
use crate::scenario::{Tcp, Transfer};
use crate::time::{Micros, from_seconds, instant, micros};

/// A competitor's two ends.
pub(super) struct TcpState {
    sender: TcpSender,
    receiver: TcpReceiver,
    /// Which transfer this is: what belongs to an earlier one is ignored.
    transfer: u32,
    is_running: bool,
    send_at: Option<Micros>,
    ack_at: Option<Micros>,
    rng: Rng,
    /// Bytes that came without a gap in earlier transfers, and when.
    pub(super) delivered: Bins,
    told: u64,
}

impl TcpState {
    pub(super) fn new(spec: &Tcp, end: Micros, seed: &Seed) -> Self {
        let now = instant(spec.start);
        let config = TcpConfig { algorithm: spec.algorithm, ..TcpConfig::default() };
        Self {
            sender: TcpSender::new(config, now),
            receiver: TcpReceiver::new(),
            transfer: 0,
            is_running: false,
            send_at: None,
            ack_at: None,
            rng: seed.rng(),
            delivered: Bins::new(PLOT, end),
            told: 0,
        }
    }
}

/// A time of idleness.
fn idle(rng: &mut Rng, mean: Micros) -> Micros {
    from_seconds(-(1.0 - rng.unit()).ln() * crate::time::seconds(mean))
}

impl World<'_> {
    /// When the competitors begin.
    pub(super) fn schedule_competitors(&mut self) {
        for index in 0..self.tcps.len() {
            let spec = &self.scenario.tcps[index];
            let at = match spec.transfer {
                Transfer::Short { idle: mean, is_on: false, .. } => {
                    spec.start + idle(&mut self.tcps[index].rng, mean)
                }
                Transfer::Short { .. } | Transfer::Long => spec.start,
            };
            self.schedule(at, What::TcpStart, index);
        }
    }

    /// A transfer begins.
    pub(super) fn on_tcp_start(&mut self, index: usize) {
        let (spec, now) = (&self.scenario.tcps[index], self.now);
        if now >= spec.end {
            return;
        }
        let state = &mut self.tcps[index];
        let total = match spec.transfer {
            Transfer::Long => None,
            Transfer::Short { bytes: (least, most), .. } => Some(least + state.rng.below(most - least + 1)),
        };
        let config = TcpConfig { algorithm: spec.algorithm, total, ..TcpConfig::default() };
        state.sender = TcpSender::new(config, instant(now));
        state.receiver = TcpReceiver::new();
        state.transfer += 1;
        state.told = 0;
        state.is_running = true;
        self.pump_tcp(index);
    }

    fn pump_tcp(&mut self, index: usize) {
        let (spec, now) = (&self.scenario.tcps[index], self.now);
        if now >= spec.end {
            return;
        }
        while let Some(segment) = self.tcps[index].sender.poll_transmit(instant(now)) {
            let load = Load::Segment(segment, self.tcps[index].transfer);
            self.launch_tcp(index, segment.size(), load);
        }
        let state = &mut self.tcps[index];
        if state.sender.is_done() && state.is_running {
            state.is_running = false;
            if let Transfer::Short { idle: mean, .. } = spec.transfer {
                let at = now + idle(&mut state.rng, mean);
                self.schedule(at, What::TcpStart, index);
            }
            return;
        }
        let next = state.sender.next_at().map(|at| micros(at).max(now + 1));
        if let Some(at) = next.filter(|at| state.send_at.is_none_or(|scheduled| *at < scheduled)) {
            state.send_at = Some(at);
            self.schedule(at, What::TcpSender, index);
        }
    }

    fn launch_tcp(&mut self, index: usize, size: DataSize, load: Load) {
        let owner = self.flows.len() + index;
        let size = size.as_bytes() as u32;
        self.launch(Packet { owner, hop: 0, size, made: self.now, queued: 0, ecn: Ecn::NotEct, load });
    }

    pub(super) fn on_tcp_sender(&mut self, index: usize) {
        let state = &mut self.tcps[index];
        if state.send_at != Some(self.now) {
            return;
        }
        state.send_at = None;
        if state.sender.next_at().is_some_and(|at| at <= instant(self.now)) {
            state.sender.on_time(instant(self.now));
        }
        self.pump_tcp(index);
    }

    pub(super) fn on_segment(&mut self, index: usize, segment: Segment, transfer: u32) {
        let state = &mut self.tcps[index];
        if state.transfer != transfer {
            return;
        }
        let ack = state.receiver.on_segment(segment, instant(self.now));
        let received = state.receiver.received();
        state.delivered.add(self.now, received - state.told);
        state.told = received;
        self.acknowledge(index, ack);
    }

    pub(super) fn on_tcp_receiver(&mut self, index: usize) {
        let state = &mut self.tcps[index];
        if state.ack_at != Some(self.now) {
            return;
        }
        state.ack_at = None;
        let ack = state.receiver.on_time(instant(self.now));
        self.acknowledge(index, ack);
    }

    fn acknowledge(&mut self, index: usize, ack: Option<Ack>) {
        let transfer = self.tcps[index].transfer;
        if let Some(ack) = ack {
            self.launch_tcp(index, ack.size(), Load::Ack(ack, transfer));
        }
        let state = &mut self.tcps[index];
        let next = state.receiver.next_at().map(micros);
        if let Some(at) = next.filter(|at| state.ack_at.is_none_or(|scheduled| *at < scheduled)) {
            state.ack_at = Some(at);
            self.schedule(at, What::TcpReceiver, index);
        }
    }

    pub(super) fn on_ack(&mut self, index: usize, ack: Ack, transfer: u32) {
        let state = &mut self.tcps[index];
        if state.transfer == transfer {
            state.sender.on_ack(ack, instant(self.now));
            self.pump_tcp(index);
        }
    }
}
