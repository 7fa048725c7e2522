//! Google's congestion control (draft-ietf-rmcat-gcc-02) at the sender, without probing: what WebRTC calls did for years.
//!
//! Two estimates, of which the lower counts: one falls when the delay between groups of packets keeps growing, the other
//! when more than a tenth of the packets is lost.
//!
//! # Timers
//! - `silence of the receiver`: the rate is halved 1.5 s after a packet of which nothing was told, then each second.
//!   The draft says nothing of it.
//!
//! # Left out
//! - Probing clusters, the detection of application limits, the congestion window and the second loss estimator of
//!   libwebrtc: the draft has none.
//! - The circuit breaker and packet durations.

mod aimd;
mod config;
mod groups;
mod loss;
mod trend;

pub use config::{GccConfig, GccConfigError};

use crate::controller::{Controller, Path, Phase, Sent, Stats};
use crate::ledger::{Fact, Ledger, News, Window, are_rates, micros};
use crate::{Fixed, Report, Target};
use aimd::{Aimd, State};
use groups::Groups;
use loss::{Flow, Losses};
use p2pvoip_core::{Bitrate, Instant, Wake};
use trend::Trend;

/// The largest pacing.
const MOST_PACING: Fixed = Fixed::from_bits(4 << 16);
/// The packet that is guessed before any has come, in bytes (section 5.5).
const PACKET: u64 = 1_200;
/// The largest packet that is taken to be one, in bytes: Ethernet's.
const LARGEST: u64 = 1_500;

/// Estimator: the rate of one flow by Google's congestion control.
#[derive(Clone, Debug)]
pub struct Gcc {
    config: GccConfig,
    ledger: Ledger,
    window: Window,
    groups: Groups,
    trend: Trend,
    aimd: Aimd,
    losses: Losses,
    updated: Option<Instant>,
    received: Option<u64>,
}

impl Gcc {
    /// A controller that has sent nothing.
    ///
    /// # Errors
    /// A configuration that makes no sense.
    pub fn new(config: GccConfig) -> Result<Self, GccConfigError> {
        if !are_rates(config.least, config.start, config.most) {
            return Err(GccConfigError::Rates);
        }
        if config.pacing < Fixed::ONE || config.pacing > MOST_PACING {
            return Err(GccConfigError::Pacing);
        }
        Ok(Self {
            config,
            ledger: Ledger::new(),
            window: Window::new(),
            groups: Groups::default(),
            trend: Trend::new(),
            aimd: Aimd::new(config.start.as_bps()),
            losses: Losses::default(),
            updated: None,
            received: None,
        })
    }

    /// What has been measured; of the queue this law knows only whether it grows.
    pub fn stats(&self) -> Stats {
        let phase = match self.aimd.state {
            State::Increase => Phase::Growing,
            State::Hold => Phase::Draining,
        };
        let delivered = self.received.map(Bitrate::from_bps);
        Stats { delivered, ..self.ledger.stats(phase) }
    }

    /// What was measured on another path, or against another clock, is void.
    fn forget(&mut self) {
        (self.window, self.groups, self.trend) = (Window::new(), Groups::default(), Trend::new());
    }

    /// The two laws, in turn.
    fn update(&mut self, news: &News, now: Instant) {
        let passed = self.updated.map_or(0, |at| micros(now.saturating_since(at)));
        self.updated = Some(now);
        let sums = self.window.sums(news.end);
        self.received = sums.rate.or(self.received);
        let rtt = self.ledger.rtt_micros();
        self.aimd.update(self.trend.usage(), sums.rate, rtt, passed);
        self.aimd.rate = self.aimd.rate.clamp(self.config.least.as_bps(), self.config.most.as_bps());
        let packet = sums.bytes.checked_div(sums.came).map_or(PACKET, |mean| mean.min(LARGEST));
        self.losses.update(news.lost, news.decided, passed, self.aimd.rate, Flow { packet, rtt });
    }
}

impl Controller for Gcc {
    fn on_sent(&mut self, sent: Sent, now: Instant) {
        self.ledger.on_sent(sent, now);
    }

    fn on_feedback(&mut self, report: &Report, now: Instant) {
        let Self { ledger, window, groups, trend, .. } = self;
        let news = ledger.read(report, now, |fact| match fact {
            Fact::Came { sent, at, size } => {
                window.came(at, size, 0);
                if let Some(variation) = groups.push(sent, at) {
                    trend.push(variation);
                }
            }
            Fact::Decided { .. } => {}
        });
        let Some(news) = news else { return };
        if news.jumped {
            self.forget();
            return;
        }
        self.window.suffered(&news);
        self.update(&news, now);
    }

    fn on_path(&mut self, path: Path, _now: Instant) {
        if self.ledger.moved(path) {
            self.forget();
            self.aimd = Aimd::new(self.aimd.rate.min(self.config.start.as_bps()));
            self.losses = Losses::default();
            (self.updated, self.received) = (None, None);
        }
    }

    fn on_time(&mut self, now: Instant) {
        if self.ledger.is_more_silent(now) {
            self.aimd.rate = (self.aimd.rate / 2).max(self.config.least.as_bps());
        }
    }

    fn next_at(&self) -> Option<Wake> {
        self.ledger.next_at()
    }

    fn target(&self) -> Target {
        let wire = self.losses.cap(self.aimd.rate).max(self.config.least.as_bps());
        let pacing = Bitrate::from_bps(self.config.pacing.of(wire));
        let (loss, burst) = self.ledger.loss();
        Target { loss, burst, ..Target::plain(Bitrate::from_bps(wire), pacing) }
    }
}

#[cfg(test)]
mod tests;
