//! What a call tells of how it fares: the leaves' own counts, put together for telemetry.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use p2pvoip_cc::{Memory, Phase};
use p2pvoip_core::{Bitrate, DataSize, Instant};
use p2pvoip_crypto::Fingerprint;
use p2pvoip_media::{FRAME, ReceiverConfig, ReceiverStats};
use p2pvoip_nat::RouteKind;
use p2pvoip_telemetry::{
    BurstGap, CallStats, Congestion, Fate, InboundStats, Observer, PathKind, QualityMeter, Recorder, Summary,
};

use super::voice::Voice;
use super::{Call, STATS_EVERY};

/// The share of the newest span in a rate: five spans of `STATS_EVERY` make about a second.
const NEWEST: (u64, u64) = (1, 4);

/// Estimator: how a call fares, put together and remembered.
#[derive(Debug)]
pub(super) struct Monitor {
    recorder: Recorder,
    sent: Rate,
    received: Rate,
    meter: QualityMeter,
    bursts: BurstGap,
    /// What the receiver had counted when the fates of its frames were last told.
    played: ReceiverStats,
    path_changes: u32,
    /// Packets that did not authenticate and did not come from the path's other end.
    pub(super) forged_by_strangers: u64,
    /// Datagrams of no protocol that a call speaks.
    pub(super) unknown_datagrams: u64,
    /// When the next figures are told, while connected.
    pub(super) next_at: Option<Instant>,
    /// When voice could travel first.
    pub(super) connected_at: Option<Instant>,
    /// The ends of the path that was told last.
    pub(super) path: Option<(SocketAddr, SocketAddr)>,
}

/// The rate of a counter of bytes, smoothed.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    last: Option<(u64, Instant)>,
    rate: Option<Bitrate>,
}

impl Rate {
    fn update(&mut self, bytes: u64, now: Instant) -> Bitrate {
        // A moment tells no rate: the last figures of a call may come right behind those before.
        if self.last.is_some_and(|(_, at)| now.saturating_since(at) < STATS_EVERY / 2) {
            return self.rate.unwrap_or_default();
        }
        if let Some((before, at)) = self.last.replace((bytes, now)) {
            let span = now.saturating_since(at).max(Duration::from_millis(1));
            let newest = DataSize::from_bytes(bytes.saturating_sub(before)) / span;
            let (part, whole) = NEWEST;
            self.rate = Some(
                self.rate
                    .map_or(newest, |rate| rate.scaled(whole - part, whole) + newest.scaled(part, whole)),
            );
        }
        self.rate.unwrap_or_default()
    }
}

impl Monitor {
    pub(super) fn new() -> Self {
        Self {
            recorder: Recorder::new(),
            sent: Rate::default(),
            received: Rate::default(),
            meter: QualityMeter::new(),
            bursts: BurstGap::new(),
            played: ReceiverStats::default(),
            path_changes: 0,
            forged_by_strangers: 0,
            unknown_datagrams: 0,
            next_at: None,
            connected_at: None,
            path: None,
        }
    }

    pub(super) const fn on_path(&mut self) {
        self.path_changes = self.path_changes.saturating_add(1);
    }

    /// The speaker took 10 ms: the frames that were needed for it were there, or were not.
    pub(super) fn on_playout(&mut self, is: ReceiverStats) {
        let was = core::mem::replace(&mut self.played, is);
        let heard = |stats: &ReceiverStats| stats.decoded + stats.recovered_fec;
        let time = frame_time(&is);
        for _ in was.missed..is.missed {
            self.bursts.on_packet(Fate::Lost, time);
        }
        for _ in heard(&was)..heard(&is) {
            self.bursts.on_packet(Fate::Received, time);
        }
    }

    pub(super) fn summary(&self) -> Summary {
        self.recorder.summary()
    }

    fn outbound(&mut self, voice: &Voice, stats: &mut CallStats, now: Instant) {
        let (counters, sender) = (voice.counters(), voice.sender().stats());
        let control = voice.pace().stats();
        let out = &mut stats.outbound;
        out.packets_sent = counters.packets_sent;
        out.bytes_sent = counters.bytes_sent;
        out.copies_sent = sender.copies;
        out.frames_dropped = counters.queue_drops + sender.dropped;
        out.packets_lost = control.lost;
        out.fraction_lost = control.loss.to_f32();
        out.packets_sent_with_ect = counters.marked_sent;
        out.packets_marked = control.marked;
        out.congestion = congestion(control.phase);
        out.target_bitrate = voice.pace().wire();
        out.bitrate = self.sent.update(counters.bytes_sent, now);
        out.ptime = voice.sender().rung().ptime;
        out.codec_delay = voice.codec_delay();
        stats.path.round_trip_time = control.rtt;
        stats.path.min_round_trip_time = control.min_rtt;
        stats.path.queueing_delay = control.queueing_delay;
    }

    fn inbound(&mut self, voice: &Voice, stats: &mut CallStats, now: Instant) {
        let (counters, receiver) = (voice.counters(), voice.receiver().stats());
        let into = &mut stats.inbound;
        into.packets_received = counters.packets_received;
        into.bytes_received = counters.bytes_received;
        into.packets_lost = receiver.lost_before_repair;
        into.packets_recovered = receiver.recovered_fec + receiver.recovered_copy;
        into.packets_discarded = receiver.late + receiver.dropped;
        into.packets_duplicated = receiver.duplicate;
        playout(&receiver, into);
        into.bursts = self.bursts.report();
        into.jitter = receiver.jitter;
        into.playout_delay = receiver.playout_delay;
        into.target_playout_delay = receiver.target_delay;
        into.max_playout_delay = ReceiverConfig::default().most_delay;
        into.bitrate = self.received.update(counters.bytes_received, now);
        let opener = voice.opener();
        stats.refused.unauthenticated = opener.forged.saturating_sub(self.forged_by_strangers);
        stats.refused.unknown_source = self.forged_by_strangers;
        stats.refused.replayed = opener.replayed + opener.too_old;
        stats.refused.malformed =
            opener.malformed + counters.refused_slots + receiver.refused + receiver.undecodable;
        stats.refused.limited = counters.refused_long;
    }
}

/// The controller's word in telemetry's.
const fn congestion(phase: Phase) -> Congestion {
    match phase {
        Phase::Growing => Congestion::Growing,
        Phase::Draining => Congestion::Draining,
        Phase::Competing => Congestion::Competing,
        Phase::Silent => Congestion::Silent,
    }
}

/// What the receiver tells of the sound that it gave out.
fn playout(receiver: &ReceiverStats, into: &mut InboundStats) {
    into.total_samples = receiver.played * FRAME as u64;
    into.concealed_samples = receiver.concealed * FRAME as u64;
    into.concealment_events = receiver.concealment_events;
    into.inserted_samples = samples(receiver.stretched);
    into.removed_samples = samples(receiver.accelerated);
    into.frames_played = receiver.decoded + receiver.recovered_fec;
    into.frames_missed = receiver.missed;
    into.frames_decoded = receiver.decoded;
    into.payload_bytes = receiver.decoded_bytes;
    into.decoded_time = receiver.decoded_time;
}

/// How much sound a frame held on average, of those that were decoded.
fn frame_time(receiver: &ReceiverStats) -> Duration {
    let frames = u32::try_from(receiver.decoded).unwrap_or(u32::MAX);
    receiver.decoded_time.checked_div(frames).unwrap_or_default()
}

/// Samples at 48 kHz.
fn samples(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).saturating_mul(48) / 1_000
}

impl Call {
    /// To whom it is, and from which of our addresses, once voice can travel.
    pub(crate) fn way(&self) -> Option<(Fingerprint, IpAddr)> {
        self.voice.as_ref()?;
        self.peer.zip(self.base)
    }

    /// The last call of this way learnt this.
    pub(crate) fn warm(&mut self, memory: Memory, now: Instant) {
        if let Some(voice) = &mut self.voice {
            voice.pace_mut().warm(memory, now);
        }
    }

    /// What this call had learnt of its path when it ended.
    pub(crate) const fn learnt(&self) -> Option<Memory> {
        self.learnt
    }

    /// How the call fares now.
    pub(super) fn stats(&mut self, now: Instant) -> CallStats {
        let mut stats = CallStats::default();
        stats.duration = self.monitor.connected_at.map(|at| now.saturating_since(at)).unwrap_or_default();
        if let Some(voice) = &self.voice {
            self.monitor.outbound(voice, &mut stats, now);
            self.monitor.inbound(voice, &mut stats, now);
        }
        stats.path.kind = self.agent.route().map(|route| match route.kind {
            RouteKind::Direct => PathKind::Direct,
            RouteKind::Relayed => PathKind::Relayed,
        });
        stats.path.changes = self.monitor.path_changes.saturating_sub(1);
        stats.refused.malformed += self.monitor.unknown_datagrams + self.agent.stats().refused;
        stats.quality = self.monitor.meter.on_stats(&stats, now);
        self.monitor.recorder.on_stats(&stats, now);
        stats
    }
}
