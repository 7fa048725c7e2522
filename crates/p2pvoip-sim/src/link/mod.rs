//! One direction of a link: delay, jitter, loss, duplication and a bottleneck with a queue.
//!
//! A packet meets, in this order: outage, MTU, bottleneck queue, loss, jitter, propagation delay, duplication. What is
//! lost by chance has passed the bottleneck and has taken its time there, as on a radio link behind a modem.
//!
//! # Left out
//! - Queues other than drop-tail (CoDel, PIE), cross traffic: see [`Bottleneck`](crate::Bottleneck).
//! - Corruption: a tap of the world can change bytes.

mod bottleneck;
mod config;
mod loss;

use p2pvoip_core::{Bitrate, DataSize, Instant, Rng, Seed};
use std::time::Duration;

use bottleneck::Bottleneck;
pub use config::{LinkConfig, Queue};
pub use loss::Loss;
use loss::LossState;

/// What became of a packet that was pushed into a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// It comes out.
    Delivered {
        /// When.
        at: Instant,
        /// When a duplicate of it comes out, if one does.
        again: Option<Instant>,
        /// Whether it waited in the queue for longer than [`LinkConfig::mark_above`].
        marked: bool,
    },
    /// It never comes out.
    Dropped(Lost),
}

/// Why a link dropped a packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lost {
    /// The link was down.
    Outage,
    /// The packet is longer than the MTU.
    TooBig,
    /// The queue had no room.
    Queue,
    /// Chance.
    Chance,
}

/// What a link did so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkStats {
    /// Packets pushed.
    pub pushed: u64,
    /// Packets that come out, duplicates not counted.
    pub delivered: u64,
    /// What those carry.
    pub delivered_size: DataSize,
    /// Packets that come out twice.
    pub duplicated: u64,
    /// Packets that came while the link was down.
    pub lost_in_outage: u64,
    /// Packets longer than the MTU.
    pub too_big: u64,
    /// Packets that found the queue full.
    pub lost_in_queue: u64,
    /// Packets lost by chance.
    pub lost_by_chance: u64,
    /// The longest time that a delivered packet waited before its own transmission began.
    pub longest_wait: Duration,
}

/// Stage: one direction of a link, in virtual time. Push packets in order of time; each is told at once when it comes out.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    start: Instant,
    bottleneck: Bottleneck,
    loss: LossState,
    rng: Rng,
    is_up: bool,
    last_out: Instant,
    stats: LinkStats,
}

impl Link {
    /// A link that begins at `start`, from which its schedules count.
    pub fn new(config: LinkConfig, seed: &Seed, start: Instant) -> Self {
        let mut rng = seed.derive("link").rng();
        let bottleneck = Bottleneck::new(&config, start);
        let loss = LossState::new(config.loss, &mut rng);
        Self {
            config,
            start,
            bottleneck,
            loss,
            rng,
            is_up: true,
            last_out: start,
            stats: LinkStats::default(),
        }
    }

    /// A packet of `size`, IP and UDP headers included, enters at `now`, which never goes back.
    pub fn push(&mut self, size: DataSize, now: Instant) -> Pushed {
        self.stats.pushed += 1;
        match self.pass(size, now) {
            Ok((at, wait)) => self.deliver(size, at, wait),
            Err(lost) => {
                *match lost {
                    Lost::Outage => &mut self.stats.lost_in_outage,
                    Lost::TooBig => &mut self.stats.too_big,
                    Lost::Queue => &mut self.stats.lost_in_queue,
                    Lost::Chance => &mut self.stats.lost_by_chance,
                } += 1;
                Pushed::Dropped(lost)
            }
        }
    }

    /// How long a packet that came at `now` would wait before its own transmission begins.
    pub fn backlog(&self, now: Instant) -> Duration {
        self.bottleneck.wait(now)
    }

    /// The rate of the bottleneck at `now`; `None` without one.
    pub fn rate(&self, now: Instant) -> Option<Bitrate> {
        self.bottleneck.rate(now)
    }

    /// Changes the rate from `now` on, for packets that come after; the rest of the schedule of rates is forgotten.
    pub fn set_rate(&mut self, rate: Option<Bitrate>, now: Instant) {
        self.bottleneck.set_rate(rate, now);
    }

    /// Changes the propagation delay of packets that come after.
    pub fn set_delay(&mut self, delay: Duration) {
        self.config.delay = delay;
    }

    /// Changes how packets that come after are lost.
    pub fn set_loss(&mut self, loss: Loss) {
        self.config.loss = loss;
        self.loss = LossState::new(loss, &mut self.rng);
    }

    /// Takes the link down or up; what is under way still comes out.
    pub fn set_up(&mut self, is_up: bool) {
        self.is_up = is_up;
    }

    /// What it did so far.
    pub fn stats(&self) -> &LinkStats {
        &self.stats
    }

    /// Its configuration, with the changes since.
    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Where the packet comes out before jitter, and how long it waited.
    fn pass(&mut self, size: DataSize, now: Instant) -> Result<(Instant, Duration), Lost> {
        if !self.is_up || self.config.is_out(now.saturating_since(self.start)) {
            return Err(Lost::Outage);
        }
        if size > self.config.mtu {
            return Err(Lost::TooBig);
        }
        let wait = self.bottleneck.wait(now);
        let out = self.bottleneck.push(size, now).ok_or(Lost::Queue)?;
        if self.loss.loses(&mut self.rng) {
            return Err(Lost::Chance);
        }
        Ok((out + self.config.delay, wait))
    }

    fn deliver(&mut self, size: DataSize, at: Instant, wait: Duration) -> Pushed {
        let first = self.jittered(at);
        let doubled = self.config.duplication > 0.0 && self.rng.chance(self.config.duplication);
        let again = doubled.then(|| self.jittered(at));
        self.stats.delivered += 1;
        self.stats.delivered_size += size;
        self.stats.duplicated += u64::from(doubled);
        self.stats.longest_wait = self.stats.longest_wait.max(wait);
        let marked = self.config.mark_above.is_some_and(|limit| wait > limit);
        Pushed::Delivered { at: first, again, marked }
    }

    fn jittered(&mut self, at: Instant) -> Instant {
        let micros = u64::try_from(self.config.jitter.as_micros()).unwrap_or(u64::MAX);
        let jitter = if micros == 0 { 0 } else { self.rng.below(micros.saturating_add(1)) };
        let mut out = at + Duration::from_micros(jitter);
        if !self.config.reorders {
            out = out.max(self.last_out);
            self.last_out = out;
        }
        out
    }
}
