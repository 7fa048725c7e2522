//! NADA, network-assisted dynamic adaptation (RFC 8698), computed at the sender (section 6.4).
//!
//! One signal holds it all: queueing delay, and what loss and marks are worth in delay. While there is none the rate rises
//! from what was received; otherwise it follows the signal and its change.
//!
//! # Timers
//! - `silence of the receiver`: the rate is halved 1.5 s after a packet of which nothing was told, then each second.
//!   RFC 8698 says nothing of it.
//!
//! # Left out
//! - The circuit breaker, packet durations, a congestion window: RFC 8698 has none.

mod config;
mod delay;
mod law;
mod loss;

pub use config::{NadaConfig, NadaConfigError};

use crate::controller::{Controller, Path, Sent, Stats};
use crate::ledger::{Fact, Ledger, News, Window, are_rates, micros};
use crate::{Fixed, Report, Target};
use core::time::Duration;
use delay::Delay;
use law::{Law, Signal};
use loss::Losses;
use p2pvoip_core::{DataSize, Ecn, Instant, Wake};

/// `DELTA`: the signal is computed so often (RFC 8698 section 4.1).
const DELTA: Duration = Duration::from_millis(100);
/// Reports come on a jittering way back: so much of `DELTA` is enough.
const DELTA_ENOUGH: Duration = Duration::from_millis(90);

/// Estimator: the rate of one flow by NADA (RFC 8698).
#[derive(Clone, Debug)]
pub struct Nada {
    config: NadaConfig,
    law: Law,
    ledger: Ledger,
    window: Window,
    delay: Delay,
    losses: Losses,
    /// When the signal was last computed.
    updated: Option<Instant>,
    /// What the sender holds back, if it tells.
    buffer: Option<DataSize>,
}

impl Nada {
    /// A controller that has sent nothing.
    ///
    /// # Errors
    /// A configuration that makes no sense.
    pub fn new(config: NadaConfig) -> Result<Self, NadaConfigError> {
        if !are_rates(config.least, config.start, config.most) {
            return Err(NadaConfigError::Rates);
        }
        if config.priority == Fixed::ZERO {
            return Err(NadaConfigError::Priority);
        }
        Ok(Self {
            config,
            law: Law::new(&config),
            ledger: Ledger::new(),
            window: Window::new(),
            delay: Delay::new(),
            losses: Losses::default(),
            updated: None,
            buffer: None,
        })
    }

    /// So much waits in the sender's rate-shaping buffer (RFC 8698 section 5.2.1). A sender that tells it gets a media
    /// rate and a pacing rate that drain it; one that never does is paced at the most which equation (14) allows.
    pub const fn on_buffer(&mut self, waiting: DataSize) {
        self.buffer = Some(waiting);
    }

    /// What has been measured.
    pub fn stats(&self) -> Stats {
        Stats {
            queueing_delay: self.delay.queue().map(Duration::from_micros),
            delivered: self.law.received(),
            ..self.ledger.stats(self.law.phase())
        }
    }

    /// What was measured on another path, or against another clock, is void.
    fn forget(&mut self) {
        self.window = Window::new();
        self.delay = Delay::new();
        self.updated = None;
    }

    /// The signal of the last half second, and the rate that follows from it.
    fn update(&mut self, news: &News, now: Instant) {
        let passed = self.updated.map(|at| now.saturating_since(at));
        if passed.is_some_and(|passed| passed < DELTA_ENOUGH) {
            return;
        }
        self.updated = Some(now);
        let signal = Signal {
            queue: self.delay.queue().unwrap_or(0),
            warp: self.losses.warp(),
            sums: self.window.sums(news.end),
            rtt: self.ledger.rtt_micros(),
            passed: micros(passed.unwrap_or(DELTA)),
        };
        self.law.update(&signal);
    }
}

impl Controller for Nada {
    fn on_sent(&mut self, sent: Sent, now: Instant) {
        self.ledger.on_sent(sent, now);
    }

    fn on_feedback(&mut self, report: &Report, now: Instant) {
        let Self { ledger, window, delay, losses, .. } = self;
        let news = ledger.read(report, now, |fact| match fact {
            Fact::Came { sent, at, size } => window.came(at, size, delay.sample(sent, at)),
            Fact::Decided { lost } => losses.decided(lost),
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
            self.losses = Losses::default();
            self.law.restart();
        }
    }

    fn on_time(&mut self, now: Instant) {
        if self.ledger.is_more_silent(now) {
            self.law.halve();
        }
    }

    fn next_at(&self) -> Option<Wake> {
        self.ledger.next_at()
    }

    fn target(&self) -> Target {
        let (media, sending) = self.law.rates(self.buffer);
        let (loss, burst) = self.ledger.loss();
        Target {
            loss,
            burst,
            ecn: if self.config.ecn { Ecn::Ect0 } else { Ecn::NotEct },
            ..Target::plain(media, sending)
        }
    }
}

#[cfg(test)]
mod tests;
