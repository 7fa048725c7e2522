//! Draining a queue that stands: to what the link carries, and for a while below it.

use super::Law;
use super::rivals::{FRIENDLY_FALL, LONG};
use super::signals::{Limits, SPANS, Signals, micros, part};
use crate::controller::Phase;
use p2pvoip_core::Instant;

/// All of the rate, in thousandths.
pub(super) const WHOLE: u64 = 1_000;
/// After a queue this many parts in a thousand of what was delivered are given up at half of the greatest rate.
const GIVEN: u64 = 20;
/// While draining, at least this many parts in a thousand are still sent, and at most [`GENTLEST`].
pub(super) const DEEPEST: u64 = 150;
/// The gentlest draining.
const GENTLEST: u64 = 850;
/// A queue is to be drained within this time, in microseconds.
const DRAIN_TIME: u64 = 100_000;
/// A drain that works leaves less than so many parts in a hundred of the queue after a while.
const SHRUNK: u64 = 85;
/// A queue must become shorter within the round trip and this time, in microseconds.
const PATIENCE: u64 = 200_000;
/// When less than so many parts in a hundred of what is sent arrive, the link is overloaded, whatever came before.
const OVERLOAD: u64 = 75;
/// When less than so many parts in a hundred of what is sent are delivered, the queue is of our making.
const OWN: u64 = 90;

/// A queue that is being drained, and the last one that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// Parts in a thousand of the rate that are sent.
    pub(super) part: u64,
    /// The first number sent after the last cut.
    cut_at: u64,
    /// The rate before it, and the queue at it.
    pub(super) cut_from: u64,
    cut_queue: u64,
    /// The first number sent after the last drain.
    pub(super) hold: u64,
    /// Since when packets sent at the full rate arrive, and whether they did for long enough at the cut.
    pub(super) full_since: Option<Instant>,
    measures: bool,
}

impl Drain {
    pub(super) const fn new() -> Self {
        Self { part: WHOLE, cut_at: 0, cut_from: 0, cut_queue: 0, hold: 0, full_since: None, measures: true }
    }
}

impl Law {
    /// A queue stands: to what is delivered, and for a while below it.
    pub(super) fn begin_drain(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        if let Some(before) = self.rivals.on_drain(signals.queue, self.rate, self.is_ours(signals), now) {
            self.phase = Phase::Competing;
            (self.drain.part, self.free) = (WHOLE, None);
            self.rate = self.rate.max(part(before, FRIENDLY_FALL, 100));
            return;
        }
        self.phase = Phase::Draining;
        (self.drain.cut_at, self.drain.cut_from, self.drain.cut_queue) =
            (signals.next, self.rate, signals.queue);
        // What arrived right after a drain tells how little was sent, not what the link carries.
        self.drain.measures =
            self.drain.full_since.is_none_or(|since| micros(now, since) >= u64::from(SPANS[0]));
        (self.free, self.cut) = (None, Some(now));
        self.drain(signals, limits, now);
    }

    /// Less is sent until nothing waits, which is reckoned, so that the end is known a round trip before it is seen.
    pub(super) fn drain(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        if signals.arrived < self.drain.cut_at {
            self.measure(signals, limits, now);
        }
        let cut = self.cut.map_or(0, |cut| micros(now, cut));
        if signals.arrived >= self.drain.cut_at
            && cut >= signals.rtt + PATIENCE
            && signals.queue > part(self.drain.cut_queue, SHRUNK, 100)
        {
            return self.drain_again(signals, limits, now);
        }
        let link = self.ceiling.unwrap_or(self.rate);
        let time = self.backlog(signals, link);
        if time <= self.limit_of_queue / 4
            || (signals.queue <= self.calm_queue && signals.arrived >= self.drain.cut_at)
        {
            (self.phase, self.drain.part, self.drain.hold) = (Phase::Growing, WHOLE, signals.next);
            self.drain.full_since = None;
            // Where much more or less is delivered than when the link was measured, it has changed.
            let (now, then) = (self.ceiling.unwrap_or(0), self.link.learnt.unwrap_or(0));
            self.link.learning |= now < part(then, 80, 100) || now > part(then, 125, 100);
        } else {
            self.drain.part = 1_000u64.saturating_sub(time * 1_000 / DRAIN_TIME).clamp(DEEPEST, GENTLEST);
        }
    }

    /// While packets from before the cut arrive they tell what the link carries: all that arrived since the queue stands was
    /// sent on as fast as it could.
    fn measure(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let stood = self.standing.map_or(0, |since| micros(now, since));
        let delivered = signals.since(stood).filter(|delivered| {
            // Far less than is sent says so in any case.
            self.drain.measures || signals.sent.is_some_and(|sent| *delivered < part(sent, OVERLOAD, 100))
        });
        // Without a measure a long queue speaks for itself.
        let unknown = if signals.queue > LONG { self.drain.cut_from / 2 } else { self.drain.cut_from };
        let delivered = delivered.unwrap_or(unknown).min(self.drain.cut_from);
        self.ceiling = Some(delivered);
        self.rate = part(delivered, kept(delivered, limits), 1_000).max(limits.least);
    }

    /// What waits in the link, in microseconds of it: what the newest arrival met, and what was sent since.
    fn backlog(&self, signals: &Signals, link: u64) -> u64 {
        // Of a short queue of several flows each drains what surely stands; others do so too.
        let queue = if self.is_alone(signals) || signals.queue > LONG { signals.met } else { signals.queue };
        let met = part(link, queue, 1_000_000) + signals.newest + signals.flight;
        let above = self.drain.cut_from.saturating_sub(link);
        // What was lost on the way is still counted as sent; more than the excess since the newest arrival is not there.
        let most = part(link, queue, 1_000_000) + part(above, signals.behind, 1_000_000);
        let backlog = met.saturating_sub(part(link, signals.behind, 1_000_000)).min(most);
        (backlog * 1_000_000).checked_div(link).unwrap_or(0)
    }

    /// Whether the queue is surely of our making: less arrives than is sent, or the link is this flow's.
    pub(super) fn is_ours(&self, signals: &Signals) -> bool {
        let less = |(raw, sent): (u64, u64)| raw < part(sent, OWN, 100) && !signals.lossy;
        self.is_alone(signals) || signals.raw.zip(signals.sent).is_some_and(less)
    }

    /// What was sent less has not made the queue any shorter.
    fn drain_again(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let [short, middle, _] = signals.delivered;
        let delivered = middle.or(short).unwrap_or(self.rate);
        if signals.sent.is_none_or(|sent| delivered < part(sent, OWN, 100)) {
            // Even that is more than the link carries.
            self.rate = part(delivered.min(self.rate), kept(delivered, limits), 1_000).max(limits.least);
            self.ceiling = Some(self.rate);
        }
        self.begin_drain(signals, limits, now);
    }
}

/// Parts in a thousand of what was delivered that are kept after a queue: the higher the rate, the less.
fn kept(delivered: u64, limits: Limits) -> u64 {
    1_000 - part(GIVEN, 2 * delivered * 8, limits.most * limits.weight).clamp(GIVEN / 2, 2 * GIVEN)
}
