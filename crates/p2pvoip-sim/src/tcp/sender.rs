//! The sending end of a transfer: what is sent when, and what an acknowledgement or the timer changes.
//!
//! # Timers
//! - Retransmission (RFC 6298): one second or more after the last progress, doubling.

use p2pvoip_core::{DataSize, Instant};

use super::rto::Rto;
use super::scoreboard::Scoreboard;
use super::window::Window;
use super::{Ack, MAX_WINDOW, Segment, TcpConfig, TcpStats};

/// Whether the window may be cut again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// A loss cuts the window.
    Open,
    /// It was cut; until all before this place is acknowledged it stands (RFC 6582, RFC 6675).
    Recovery { until: u64 },
    /// The timer fired; until all before this place is acknowledged it grows and is not cut.
    AfterTimeout { until: u64 },
}

/// Stage: the sending end of a bulk transfer.
///
/// ```
/// use p2pvoip_sim::START;
/// use p2pvoip_sim::tcp::{TcpConfig, TcpReceiver, TcpSender};
///
/// let mut sender = TcpSender::new(TcpConfig { total: Some(20_000), ..TcpConfig::default() }, START);
/// let mut receiver = TcpReceiver::new();
/// while let Some(segment) = sender.poll_transmit(START) {
///     if let Some(ack) = receiver.on_segment(segment, START) {
///         sender.on_ack(ack, START);
///     }
/// }
/// assert!(sender.is_done());
/// ```
#[derive(Debug)]
pub struct TcpSender {
    config: TcpConfig,
    board: Scoreboard,
    window: Window,
    rto: Rto,
    phase: Phase,
    /// The first byte that was never sent.
    fresh: u64,
    timer: Option<Instant>,
    stats: TcpStats,
}

impl TcpSender {
    /// A transfer that may send at once.
    pub fn new(config: TcpConfig, _now: Instant) -> Self {
        let config = TcpConfig { mss: config.mss.max(1), ..config };
        Self {
            config,
            board: Scoreboard::default(),
            window: Window::new(config.algorithm, config.mss),
            rto: Rto::new(),
            phase: Phase::Open,
            fresh: 0,
            timer: None,
            stats: TcpStats::default(),
        }
    }

    /// The next segment that may be sent at `now`.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Segment> {
        let under_way = self.board.under_way();
        if under_way > 0 && under_way + self.config.mss > self.window.bytes() {
            return None;
        }
        let segment = match self.board.resend(now) {
            Some(segment) => {
                self.stats.retransmitted += 1;
                if segment.seq <= self.stats.delivered {
                    // What all wait for has just been sent again, and has a round trip of its own (RFC 6675 section 6).
                    self.timer = None;
                }
                segment
            }
            None => self.fresh_segment(now)?,
        };
        self.stats.sent += 1;
        if self.timer.is_none() {
            self.timer = Some(now + self.rto.wait());
        }
        Some(segment)
    }

    /// An acknowledgement came.
    pub fn on_ack(&mut self, ack: Ack, now: Instant) {
        // What is next to be acknowledged was sent; another sender's acknowledgement tells nothing.
        if ack.next > self.fresh {
            return;
        }
        // Only a window that was in use has proved that the network carries it (RFC 9438 section 5.8).
        let was_used = self.board.under_way() + self.config.mss > self.window.bytes();
        let flight = self.fresh - self.stats.delivered;
        let acked = ack.next.saturating_sub(self.stats.delivered);
        if acked > 0 {
            self.stats.delivered = ack.next;
            self.rto.on_sample(now.saturating_since(ack.echo));
            self.board.on_next(ack.next);
            self.timer = if self.board.is_empty() { None } else { Some(now + self.rto.wait()) };
        }
        for range in ack.ranges.into_iter().flatten() {
            self.board.on_range(range);
        }
        self.leave_phase();
        let is_lost = self.board.find_lost();
        match self.phase {
            Phase::Open if is_lost => {
                self.stats.recoveries += 1;
                self.phase = Phase::Recovery { until: self.fresh };
                self.window.on_loss(flight);
            }
            Phase::Open | Phase::AfterTimeout { .. } if acked > 0 && was_used => {
                self.window.on_acked(acked, self.rto.smoothed(), now);
            }
            Phase::Open | Phase::Recovery { .. } | Phase::AfterTimeout { .. } => {}
        }
    }

    /// When [`on_time`](Self::on_time) is to be called; `None` while nothing is under way.
    pub fn next_at(&self) -> Option<Instant> {
        self.timer
    }

    /// Fires the timer when it is due at `now`.
    pub fn on_time(&mut self, now: Instant) {
        if self.timer.is_none_or(|at| at > now) {
            return;
        }
        let flight = self.fresh - self.stats.delivered;
        let again = matches!(self.phase, Phase::AfterTimeout { .. });
        self.stats.timeouts += 1;
        self.window.on_timeout(flight, again);
        self.rto.on_timeout();
        self.board.lose_all();
        self.phase = Phase::AfterTimeout { until: self.fresh };
        self.timer = Some(now + self.rto.wait());
    }

    /// Whether all of it was acknowledged.
    pub fn is_done(&self) -> bool {
        self.config.total.is_some_and(|total| self.stats.delivered >= total)
    }

    /// What it did so far.
    pub fn stats(&self) -> TcpStats {
        TcpStats {
            window: DataSize::from_bytes(self.window.bytes()),
            round_trip: self.rto.smoothed(),
            ..self.stats
        }
    }

    fn fresh_segment(&mut self, now: Instant) -> Option<Segment> {
        let rest = self.config.total.map_or(u64::MAX, |total| total.saturating_sub(self.fresh));
        let len = rest.min(self.config.mss);
        if len == 0 || self.fresh + len - self.stats.delivered > MAX_WINDOW {
            return None;
        }
        let segment = Segment { seq: self.fresh, len, sent: now };
        self.board.on_sent(segment.seq, len);
        self.fresh += len;
        Some(segment)
    }

    fn leave_phase(&mut self) {
        if let Phase::Recovery { until } | Phase::AfterTimeout { until } = self.phase
            && self.stats.delivered >= until
        {
            self.phase = Phase::Open;
        }
    }
}
