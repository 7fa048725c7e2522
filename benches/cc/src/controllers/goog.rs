//! libwebrtc's goog_cc (the crate `goog_cc`, a port of it) behind the seam of this workspace.
//!
//! It is told of packets and feedback as libwebrtc tells its own, is processed every 25 ms, paces at 2.5 times its target,
//! and its probe clusters are obeyed: while one runs, what leaves is paced at its rate, with padding where there is
//! no media.

use std::collections::VecDeque;

use goog_cc::network_control::{NetworkControllerConfig, NetworkControllerInterface};
use goog_cc::transport::{
    NetworkAvailability, NetworkControlUpdate, PacedPacketInfo, PacketResult, ProbeClusterConfig,
    ProcessInterval, SentPacket, StreamsConfig, TargetRateConstraints, TransportPacketsFeedback,
};
use goog_cc::units::{DataRate, DataSize, Timestamp};
use goog_cc::{GoogCcConfig, GoogCcNetworkController};
use p2pvoip_cc::{Controller, Path, RemoteTime, Report, Sent, Target};
use p2pvoip_core::{Bitrate, Instant, Wake};

use super::{Probing, Subject};
use crate::time::{MILLI, Micros, SECOND, instant, micros};

/// How often libwebrtc processes its controller.
const EVERY: Micros = 25 * MILLI;
/// Libwebrtc's pacing factor.
const PACING: (u64, u64) = (5, 2);

/// The rates of a flow, all headers included, in bits a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// The least.
    pub(super) least: u64,
    /// The first.
    pub(super) start: u64,
    /// The most.
    pub(super) most: u64,
}

struct Cluster {
    config: ProbeClusterConfig,
    packets: u64,
    bytes: u64,
}

/// Estimator: goog_cc.
pub(super) struct Goog {
    inner: GoogCcNetworkController,
    rate: u64,
    next: Micros,
    started: bool,
    /// What was sent and not yet told as received, by number.
    sent: VecDeque<SentPacket>,
    in_flight: u64,
    /// The lowest number that no feedback told of.
    told: u64,
    /// A remote time and its microseconds.
    clock: Option<(RemoteTime, i64)>,
    clusters: VecDeque<Cluster>,
}

fn stamp(now: Instant) -> Timestamp {
    Timestamp::from_micros(now.as_micros().cast_signed())
}

fn rate(bps: u64) -> DataRate {
    DataRate::from_bits_per_sec(bps.cast_signed())
}

impl Goog {
    /// For a flow of these rates that begins at `start`.
    pub(super) fn new(rates: Rates, start: Micros) -> Self {
        let at_time = stamp(instant(start));
        let config = NetworkControllerConfig {
            constraints: TargetRateConstraints {
                at_time,
                min_data_rate: Some(rate(rates.least)),
                max_data_rate: Some(rate(rates.most)),
                starting_rate: Some(rate(rates.start)),
            },
            stream_based_config: StreamsConfig {
                at_time,
                requests_alr_probing: Some(true),
                max_total_allocated_bitrate: Some(rate(rates.most)),
                ..StreamsConfig::default()
            },
            ..NetworkControllerConfig::default()
        };
        Self {
            inner: GoogCcNetworkController::new(config, GoogCcConfig { feedback_only: true }),
            rate: rates.start,
            next: start,
            started: false,
            sent: VecDeque::new(),
            in_flight: 0,
            told: 0,
            clock: None,
            clusters: VecDeque::new(),
        }
    }

    fn take(&mut self, update: NetworkControlUpdate) {
        if let Some(target) = update.target_rate {
            self.rate = target.target_rate.bps().max(0) as u64;
        }
        for config in update.probe_cluster_configs {
            self.clusters.push_back(Cluster { config, packets: 0, bytes: 0 });
        }
    }

    /// The microseconds of a remote time, which never lies more than nine minutes from the one before.
    fn remote(&mut self, time: RemoteTime) -> i64 {
        let (last, micros) = *self.clock.get_or_insert((time, i64::from(time.ticks()) * 64));
        let micros = micros + i64::from(time.since(last)) * 64;
        self.clock = Some((time, micros));
        micros
    }

    /// What a report tells of packets that are remembered.
    fn results(&mut self, report: &Report) -> Vec<PacketResult> {
        let lowest = report.lowest().max(self.told.min(report.largest()));
        let mut arrivals: Vec<(u64, Option<RemoteTime>)> = report.arrivals().collect();
        arrivals.reverse();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut results = Vec::new();
        for number in lowest..=report.largest() {
            while arrivals.next_if(|arrival| arrival.0 < number).is_some() {}
            let time = arrivals.next_if(|arrival| arrival.0 == number).and_then(|arrival| arrival.1);
            let receive_time = time.map(|time| self.remote(time));
            let at = |packet: &SentPacket| packet.sequence_number as u64;
            let Ok(place) = self.sent.binary_search_by_key(&number, at) else { continue };
            let mut result = PacketResult { sent_packet: self.sent[place], ..PacketResult::default() };
            if let Some(micros) = receive_time {
                result.receive_time = Timestamp::from_micros(micros);
            }
            results.push(result);
        }
        let told = self.sent.partition_point(|packet| packet.sequence_number as u64 <= report.largest());
        for packet in self.sent.drain(..told) {
            self.in_flight -= packet.size.bytes() as u64;
        }
        self.told = self.told.max(report.largest() + 1);
        results
    }
}

impl Controller for Goog {
    fn on_sent(&mut self, sent: Sent, now: Instant) {
        let mut pacing_info = PacedPacketInfo::default();
        if let Some(cluster) = self.clusters.front_mut() {
            let config = &cluster.config;
            let least = (config.target_data_rate * config.target_duration).bytes();
            pacing_info = PacedPacketInfo::new(config.id, i64::from(config.target_probe_count), least);
            pacing_info.send_bitrate = config.target_data_rate;
            pacing_info.probe_cluster_bytes_sent = cluster.bytes.cast_signed();
            cluster.packets += 1;
            cluster.bytes += sent.size.as_bytes();
            if cluster.packets.cast_signed() >= i64::from(config.target_probe_count)
                && cluster.bytes.cast_signed() >= least
            {
                self.clusters.pop_front();
            }
        }
        self.in_flight += sent.size.as_bytes();
        let packet = SentPacket {
            send_time: stamp(now),
            size: DataSize::from_bytes(sent.size.as_bytes().cast_signed()),
            sequence_number: sent.number.cast_signed(),
            data_in_flight: DataSize::from_bytes(self.in_flight.cast_signed()),
            pacing_info,
            ..SentPacket::default()
        };
        self.sent.push_back(packet);
        let update = self.inner.on_sent_packet(packet);
        self.take(update);
    }

    fn on_feedback(&mut self, report: &Report, now: Instant) {
        let packet_feedbacks = self.results(report);
        if !packet_feedbacks.iter().any(PacketResult::is_received) {
            return;
        }
        let feedback = TransportPacketsFeedback {
            feedback_time: stamp(now),
            data_in_flight: DataSize::from_bytes(self.in_flight.cast_signed()),
            packet_feedbacks,
            ..TransportPacketsFeedback::default()
        };
        let update = self.inner.on_transport_packets_feedback(feedback);
        self.take(update);
    }

    fn on_path(&mut self, _: Path, _: Instant) {}

    fn on_time(&mut self, now: Instant) {
        if !self.started {
            self.started = true;
            let at_time = stamp(now);
            let update =
                self.inner.on_network_availability(NetworkAvailability { at_time, network_available: true });
            self.take(update);
        }
        let update =
            self.inner.on_process_interval(ProcessInterval { at_time: stamp(now), pacer_queue: None });
        self.take(update);
        self.next = micros(now) + EVERY;
    }

    fn next_at(&self) -> Option<Wake> {
        Some(Wake { at: instant(self.next), why: "process" })
    }

    fn target(&self) -> Target {
        let wire = Bitrate::from_bps(self.rate);
        Target::plain(wire, wire.scaled(PACING.0, PACING.1))
    }
}

impl Subject for Goog {
    fn probing(&self) -> Option<Probing> {
        let config = &self.clusters.front()?.config;
        let rate = config.target_data_rate.bps().max(1) as u64;
        // Libwebrtc's prober sends what its rate gives in twice the least time between two bursts.
        let burst = rate * (config.min_probe_delta.us().max(1_000) as u64) * 2 / (8 * SECOND);
        Some(Probing { rate, padding: burst.clamp(200, u64::from(crate::video::PACKET)) as u32 })
    }
}
