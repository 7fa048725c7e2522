//! How fast the sealed path sends: the controller and the pacer, told of each packet and each report.
//!
//! # Timers
//! - `rate`: the controller looks at what has passed, heard or not (cc).
//! - `pacer`: a packet waits for its permit (cc).
//!
//! # Left out
//! - What twins cost: a handful of them tells the rate of a path, and the pacer leaves room for one.
//! - The controller's window for what goes without voice: that is feedback and the end of a call, of which a path that has
//!   fallen silent needs more, not less.

use p2pvoip_cc::{
    AudioConfig, AudioController, Breaker, Class, Controller, Memory, Pacer, Path, Report, Sent, Stats,
    Target,
};
use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Bitrate, DataSize, Ecn, Instant, Wake};
use p2pvoip_crypto::OVERHEAD;
use p2pvoip_media::{Budget, LARGEST_BODY};
use p2pvoip_nat::{Route, RouteKind};

use super::voice::{VoiceError, bytes};
use crate::engine::slot::FEEDBACK_ROOM;

/// Bytes of an IPv4 and a UDP header (RFC 791, RFC 768).
const IPV4_AND_UDP: DataSize = DataSize::from_bytes(28);
/// Bytes of an IPv6 and a UDP header (RFC 8200, RFC 768).
const IPV6_AND_UDP: DataSize = DataSize::from_bytes(48);

/// Estimator: what the sealed path may send, and when.
pub(crate) struct Pace {
    controller: AudioController,
    pacer: Pacer,
    /// The path of the last packet, and its bytes a packet below the sealed one.
    path: Option<(u8, DataSize)>,
    /// The largest number sent.
    largest: Option<u64>,
    /// What the pacer and the media were told last.
    target: Target,
    told: Option<Budget>,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Result<Self, VoiceError> {
        let controller = AudioController::new(AudioConfig::default())?;
        let target = controller.target();
        let pacer = Pacer::new(&target, now);
        Ok(Self { controller, pacer, path: None, largest: None, target, told: None })
    }

    /// Starts where the last call on this path left off, if nothing was sent yet.
    pub(super) fn warm(&mut self, memory: Memory, now: Instant) {
        if self.largest.is_some() || self.path.is_some() {
            return;
        }
        let mut config = AudioConfig::default();
        config.memory = Some(memory);
        if let Ok(controller) = AudioController::new(config) {
            self.target = controller.target();
            self.pacer = Pacer::new(&self.target, now);
            self.controller = controller;
        }
    }

    /// What this call has learnt of its path, if it was long enough and still hears of what it sends.
    pub(super) fn learnt(&self) -> Option<Memory> {
        self.controller.memory()
    }

    /// What was measured.
    pub(super) fn stats(&self) -> Stats {
        self.controller.stats()
    }

    /// What the controller allows on the wire.
    pub(super) fn wire(&self) -> Bitrate {
        self.controller.target().wire
    }

    /// Whether the peer has not been hearing anything for so long that voice would only congest (RFC 8083 section 4.5). What
    /// is let through now and then tells when it hears again.
    pub(super) fn is_broken(&self) -> bool {
        self.controller.target().breaker == Breaker::Open
    }

    /// Whether the next packet of voice, of that size on the wire, should be followed by itself at once: the distance at
    /// which the two arrive tells the rate of the path. Not while as much is in flight as the controller allows.
    pub(super) fn wants_twin(&self, size: DataSize) -> bool {
        self.controller.target().probe
            && self.pacer.has_room(size + size, Class::Probe, self.controller.stats().in_flight)
    }

    /// The mark of a packet on this route. None enters a relay: that may clear marks (RFC 8656 section 3.6), and would hide
    /// from both ends that a router marked a packet instead of dropping it.
    pub(super) fn mark(&self, route: &Route) -> Ecn {
        match route.kind {
            RouteKind::Direct => self.controller.target().ecn,
            RouteKind::Relayed => Ecn::NotEct,
        }
    }

    /// The bytes that a packet costs below the sealed one, on the path of the last.
    pub(super) fn below(&self) -> DataSize {
        self.path.map_or(IPV4_AND_UDP, |(_, overhead)| overhead)
    }

    /// Tells the controller when the route is another one; gives the bytes that each packet costs below the sealed one.
    pub(super) fn follow(&mut self, route: &Route, now: Instant) -> DataSize {
        let ip = if route.remote.is_ipv6() { IPV6_AND_UDP } else { IPV4_AND_UDP };
        let overhead = ip + bytes(route.prefix.len());
        if self.path != Some((route.path, overhead)) {
            self.path = Some((route.path, overhead));
            self.controller.on_path(Path { id: route.path, overhead }, now);
        }
        overhead
    }

    /// Whether a packet of that size on the wire may leave now.
    pub(super) fn permit(&mut self, size: DataSize, class: Class, now: Instant) -> Result<(), Wake> {
        self.pacer.permit(size, class, now)
    }

    /// A packet left on this path.
    pub(super) fn on_sent(&mut self, sent: Sent, now: Instant) {
        self.largest = Some(sent.number);
        self.controller.on_sent(sent, now);
    }

    /// Reads what the peer tells.
    pub(super) fn read(&self, chunk: &[u8]) -> Result<Report, Malformed> {
        Report::parse(chunk, self.largest.ok_or(Malformed::Invalid("number never sent"))?)
    }

    /// The peer tells what came.
    pub(super) fn on_feedback(&mut self, report: &Report, now: Instant) {
        self.controller.on_feedback(report, now);
    }

    /// Time has passed.
    pub(super) fn on_time(&mut self, now: Instant) {
        if self.next_at().is_some_and(|wake| wake.at <= now) {
            self.controller.on_time(now);
        }
    }

    /// When the controller looks at time.
    pub(super) fn next_at(&self) -> Option<Wake> {
        self.controller.next_at()
    }

    /// What the media may spend, when that is not what it was told last; the pacer follows any change of the target.
    pub(super) fn news(&mut self, now: Instant) -> Option<Budget> {
        let target = self.controller.target();
        if self.target != target {
            self.pacer.set_target(&target, now);
            self.target = target;
        }
        let budget = Budget {
            wire: target.wire,
            overhead: self.below() + bytes(OVERHEAD + FEEDBACK_ROOM),
            ptime: target.ptime,
            loss: target.loss.to_f32(),
            burst: target.burst.to_f32(),
            largest: LARGEST_BODY,
        };
        if self.told == Some(budget) {
            return None;
        }
        self.told = Some(budget);
        Some(budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pacer_follows_a_window_that_changes_alone() {
        let now = Instant::from_millis(1);
        let mut pace = Pace::new(now).unwrap();
        assert!(pace.news(now).is_some());
        let (size, in_flight) = (DataSize::from_bytes(1_000), DataSize::from_bytes(9_000));
        assert!(!pace.pacer.has_room(size, Class::Probe, in_flight));
        // The window has ten packets of the largest size at least, which costs the media nothing.
        pace.on_sent(Sent { number: 0, size, path: 0 }, now);
        assert!(pace.news(now).is_none());
        assert!(pace.pacer.has_room(size, Class::Probe, in_flight));
    }
}
