//! The law of the wire rate: delay decides, loss does not.
//!
//! - Growing: while no queue stands the rate rises by a constant, slowly where the last queue began.
//! - Draining: a queue that stands cuts the rate below what is delivered, the deeper the longer it is; when it has
//!   drained, the rate goes on just below what was delivered.
//! - Competing: a queue that does not drain, although what is sent is delivered, is filled by others. The rate holds a
//!   floor until the queue is gone or turns out to be ours.
//! - Silent: without feedback the rate halves each second.
//!
//! Additive increase with a multiplicative cut shares a link fairly (Chiu and Jain, 1989). Loss alone never
//! cuts; it only tells that a queue which did grow is as long as its buffer lets it be.

use crate::controller::Phase;
use core::time::Duration;
use p2pvoip_core::{Bitrate, Instant};

/// A queue below this, plus the time that one packet may take on the link, is no queue.
const STANDING: Duration = Duration::from_millis(20);
/// With at least this share lost, half the queue counts: the buffer is short, and is full.
const LOSSY: f32 = 0.05;
/// Rise of the rate in bits a second each second where nothing is known against it: from 36 to 84 kbit/s in 8 s.
const FAST_RISE: u64 = 6_000;
/// A low rate rises in a second by at most this part of itself: a reaction takes 0.3 s, in which 5 % too much are sent.
const RELATIVE_RISE: u64 = 6;
/// Rise where the last queue began: within one reaction (0.3 s) that adds less than 1 % to 48 kbit/s.
const SLOW_RISE: u64 = 1_000;
/// The rise is slow between these parts in a hundred of the rate that was delivered behind the last queue.
const NEAR: (u64, u64) = (90, 105);
/// The rate after a queue has drained, in parts in a hundred of what was delivered behind it.
const DRAINED: u64 = 92;
/// A cut goes at most to this many parts in a thousand of what is delivered, and at least to [`LEAST_CUT`].
const DEEPEST_CUT: u64 = 500;
/// The gentlest cut, in parts in a thousand: the link gains a tenth to drain the queue.
const LEAST_CUT: u64 = 900;
/// A queue is to be drained within this time: the cut frees queue / time of the link.
const DRAIN_TIME_MS: u64 = 500;
/// A queue of our own has drained long before this (at the deepest cut, one of 1 s in 2 s).
const DRAIN_PATIENCE: Duration = Duration::from_secs(3);
/// While at least so many parts in a hundred of what is sent are delivered, the queue is not of our making.
const DELIVERED: u64 = 85;
/// Without feedback for the round trip and this long, it has stopped: longer than a handover (RFC 8869 has none above).
const SILENCE: Duration = Duration::from_millis(700);
/// A silent flow halves its rate each such time.
const SILENT_HALF: Duration = Duration::from_secs(1);
/// The rate rises at most to this many parts in a hundred of what is really sent, so that a flow which does not use
/// its rate gets no claim to it; rungs of a codec are closer together.
const CLAIM: u64 = 150;
/// A rise counts at most this much time, so that a pause brings no jump.
const LONGEST_STEP: Duration = Duration::from_millis(200);

/// What one feedback tells the law.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signals {
    /// The standing queue.
    pub queue: Duration,
    /// The time that one packet may take on the link.
    pub ptime: Duration,
    /// The share of packets lost.
    pub loss: f32,
    /// The network marked packets since the last feedback.
    pub marked: bool,
    /// The rate of arrival over a short span, for a cut.
    pub delivered: Option<Bitrate>,
    /// The rates of arrival and of sending over a longer span.
    pub steady: Option<(Bitrate, Bitrate)>,
    /// The largest number that has arrived, and the next that will be sent.
    pub arrived: u64,
    pub next: u64,
}

/// The limits of the rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub least: Bitrate,
    pub most: Bitrate,
    /// What is held behind a queue that others fill.
    pub floor: Bitrate,
}

/// A queue that is being drained.
#[derive(Clone, Copy, Debug)]
struct Drain {
    since: Instant,
    /// The first number sent after the last cut.
    cut_at: u64,
    /// The queue at the last look.
    queue: Duration,
}

/// Estimator: the wire rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Law {
    wire: Bitrate,
    phase: Phase,
    drain: Option<Drain>,
    /// What was delivered behind the last queue.
    ceiling: Option<Bitrate>,
    updated: Option<Instant>,
    /// When feedback last told something new; before any, when the first packet left.
    heard: Option<Instant>,
}

impl Law {
    pub(super) const fn new(wire: Bitrate) -> Self {
        Self { wire, phase: Phase::Growing, drain: None, ceiling: None, updated: None, heard: None }
    }

    pub(super) const fn wire(&self) -> Bitrate {
        self.wire
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    /// When feedback last told something new.
    pub(super) const fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// Keeps the rate within `limits` when they change.
    pub(super) fn limit(&mut self, limits: Limits) {
        self.wire = self.wire.clamp(limits.least, limits.most.max(limits.least));
    }

    /// Whether the rate is above what is known to pass.
    pub(super) fn is_probing(&self, limits: Limits) -> bool {
        self.phase == Phase::Growing
            && self.wire < limits.most
            && self.ceiling.is_none_or(|ceiling| self.wire >= ceiling.scaled(NEAR.0, 100))
    }

    /// A packet leaves: decays the rate if feedback has stopped.
    pub(super) fn on_sent(&mut self, rtt: Duration, limits: Limits, now: Instant) {
        let heard = *self.heard.get_or_insert(now);
        if now.saturating_since(heard) <= rtt + SILENCE {
            return;
        }
        let since = self.updated.filter(|_| self.phase == Phase::Silent).unwrap_or(now);
        (self.phase, self.drain, self.updated) = (Phase::Silent, None, Some(now));
        let passed = now.saturating_since(since).min(SILENT_HALF);
        // Half a rate in a second, taken in small steps: linear within a step.
        let (all, part) = (2 * SILENT_HALF.as_micros(), passed.as_micros());
        self.scale(all - part, all);
        self.limit(limits);
    }

    /// Feedback told something new.
    pub(super) fn on_feedback(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let step = now.saturating_since(self.updated.unwrap_or(now)).min(LONGEST_STEP);
        (self.updated, self.heard) = (Some(now), Some(now));
        let threshold = STANDING + signals.ptime;
        let counts = if signals.loss >= LOSSY { threshold / 2 } else { threshold };
        let stands = signals.queue > counts || signals.marked;
        match self.phase {
            Phase::Growing | Phase::Silent if stands => self.begin_drain(signals, now),
            Phase::Growing | Phase::Silent => {
                self.phase = Phase::Growing;
                if signals.queue < threshold / 2 {
                    self.grow(signals, step);
                }
            }
            Phase::Draining => self.drain(signals, threshold / 2, stands, now),
            Phase::Competing => self.compete(signals, limits, stands, step, now),
        }
        self.limit(limits);
    }

    fn grow(&mut self, signals: &Signals, step: Duration) {
        let near = self.ceiling.is_some_and(|ceiling| self.wire >= ceiling.scaled(NEAR.0, 100));
        if self.ceiling.is_some_and(|ceiling| self.wire > ceiling.scaled(NEAR.1, 100)) {
            self.ceiling = None;
        }
        let rise = if near && self.ceiling.is_some() { SLOW_RISE } else { self.fast_rise() };
        let claim = signals.steady.map_or(self.wire, |(_, sent)| sent.scaled(CLAIM, 100));
        let risen = self.wire + rise_in(rise, step);
        self.wire = risen.min(claim).max(self.wire);
    }

    fn begin_drain(&mut self, signals: &Signals, now: Instant) {
        self.phase = Phase::Draining;
        self.drain = Some(Drain { since: now, cut_at: signals.next, queue: signals.queue });
        self.ceiling = None;
        self.cut(signals);
    }

    /// To below what is delivered, by as much as drains the queue in its time.
    fn cut(&mut self, signals: &Signals) {
        let queue_ms = u64::try_from(signals.queue.as_millis()).unwrap_or(u64::MAX);
        let depth = queue_ms.saturating_mul(1_000) / DRAIN_TIME_MS;
        let part = 1_000u64.saturating_sub(depth).clamp(DEEPEST_CUT, LEAST_CUT);
        let delivered = signals.delivered.unwrap_or(self.wire).min(self.wire);
        self.ceiling = Some(self.ceiling.map_or(delivered, |ceiling| ceiling.min(delivered)));
        self.wire = delivered.scaled(part, 1_000);
    }

    fn drain(&mut self, signals: &Signals, drained: Duration, stands: bool, now: Instant) {
        let Some(drain) = self.drain.as_mut() else { return };
        if signals.queue < drained {
            self.phase = Phase::Growing;
            self.drain = None;
            self.wire = self.wire.max(self.ceiling.unwrap_or(self.wire).scaled(DRAINED, 100));
            return;
        }
        // Before packets sent after the cut arrive, the queue cannot tell whether the cut was enough.
        if signals.arrived < drain.cut_at {
            return;
        }
        let ours = signals.steady.is_none_or(|(delivered, sent)| delivered < sent.scaled(DELIVERED, 100));
        if now.saturating_since(drain.since) >= DRAIN_PATIENCE && !ours {
            (self.phase, self.drain) = (Phase::Competing, None);
            return;
        }
        let falls = signals.queue < drain.queue;
        drain.cut_at = signals.next;
        drain.queue = signals.queue;
        if !falls && stands {
            self.cut(signals);
        }
    }

    fn compete(&mut self, signals: &Signals, limits: Limits, stands: bool, step: Duration, now: Instant) {
        let ours = signals.steady.is_some_and(|(delivered, sent)| delivered < sent.scaled(DELIVERED, 100));
        if !stands {
            (self.phase, self.ceiling) = (Phase::Growing, None);
        } else if ours {
            self.begin_drain(signals, now);
        } else if self.wire < limits.floor {
            self.wire = (self.wire + rise_in(self.fast_rise(), step)).min(limits.floor);
        }
    }

    /// The rise where nothing is known against it.
    fn fast_rise(&self) -> u64 {
        FAST_RISE.min(self.wire.as_bps() / RELATIVE_RISE)
    }

    fn scale(&mut self, numerator: u128, denominator: u128) {
        let narrow = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
        self.wire = self.wire.scaled(narrow(numerator), narrow(denominator));
    }
}

/// What a rise of so many bits a second each second adds within `step`.
fn rise_in(rise: u64, step: Duration) -> Bitrate {
    Bitrate::from_bps(rise).scaled(u64::try_from(step.as_micros()).unwrap_or(u64::MAX), 1_000_000)
}
