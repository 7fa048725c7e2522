//! Draining a queue that stands: to what the link carries, and for a while below it.

use super::judge::{Judge, Verdict};
use super::rivals::LONG;
use super::signals::{Limits, SPANS, Signals, part};
use super::{Law, News};
use crate::controller::Phase;
use crate::moment::Moment;
use p2pvoip_core::Instant;

/// All of the rate, in thousandths.
pub(super) const WHOLE: u64 = 1_000;
/// After a queue this many parts in a thousand of what was delivered are given up at half of the greatest rate ...
const GIVEN: u64 = 20;
/// ... but not twice within this, in microseconds: flows that meet more drains than others would come to have less.
const GIVEN_AGAIN: u64 = 1_000_000;
/// While draining, at least this many parts in a thousand are still sent, and at most [`GENTLEST`].
pub(super) const DEEPEST: u64 = 150;
/// The gentlest draining.
const GENTLEST: u64 = 850;
/// A queue is to be drained within this time, in microseconds.
const DRAIN_TIME: u64 = 100_000;
/// Whose queue it is is judged when the round trip and this time have passed, in microseconds.
const PATIENCE: u64 = 200_000;
/// A drain that ended as it was reckoned has changed nothing where so many parts in a hundred of its queue are there again ...
const UNCHANGED: u64 = 85;
/// ... within this time, in microseconds: then the end of the next one must be seen.
const SOON: u64 = 1_000_000;
/// When less than so many parts in a hundred of what is sent arrive, the link is overloaded, whatever came before.
const OVERLOAD: u64 = 75;
/// A queue that has come over a time is of an excess of at most so many times its part of that.
const EXCESS: u64 = 2;
/// ... where at least so many parts in a hundred of the rate seem to arrive: else the link has become slower.
const SMALL_EXCESS: u64 = 75;
/// When less than so many parts in a hundred of what is sent are delivered, the queue is of our making.
pub(super) const OWN: u64 = 90;

/// A queue that is being drained, and the last one that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// Parts in a thousand of the rate that are sent.
    pub(super) part: u64,
    /// The first number sent after the last cut.
    cut_at: u64,
    /// The rate before it.
    pub(super) cut_from: u64,
    pub(super) judge: Judge,
    /// When a part of the rate was last given up, and whether it is not to be given up again.
    gave: Moment,
    gives: bool,
    /// The first number sent after the last drain.
    pub(super) hold: u64,
    /// Since when packets sent at the full rate arrive, and whether they did for long enough at the cut.
    pub(super) full_since: Moment,
    measures: bool,
    /// The queue at the last cut whose end was reckoned and not seen, in microseconds, and whether the end of this one must be.
    pub(super) unseen: u64,
    sees: bool,
}

impl Drain {
    pub(super) const fn new() -> Self {
        Self {
            part: WHOLE,
            cut_at: 0,
            cut_from: 0,
            judge: Judge::new(false),
            gave: Moment::NONE,
            gives: true,
            hold: 0,
            full_since: Moment::NONE,
            measures: true,
            unseen: 0,
            sees: false,
        }
    }
}

impl Law {
    /// A queue stands, or stands `again` after a drain that did not help: to what is delivered, and for a while below it.
    pub(super) fn begin_drain(&mut self, signals: &Signals, again: bool, limits: Limits, now: Instant) {
        if let Some(before) =
            self.rivals.on_drain(signals.queue, self.rate, (again, self.is_ours(signals)), now)
        {
            self.phase = Phase::Competing;
            (self.drain.part, self.free) = (WHOLE, Moment::NONE);
            self.rate = self.rate.max(before);
            return;
        }
        self.drain_own(signals, false, limits, now);
    }

    /// A queue that may be ours, or is `known` to be, is drained.
    pub(super) fn drain_own(&mut self, signals: &Signals, known: bool, limits: Limits, now: Instant) {
        self.phase = Phase::Draining;
        (self.drain.cut_at, self.drain.cut_from) = (signals.next, self.rate);
        self.drain.judge = Judge::new(known);
        self.drain.gives = self.drain.gave.is_before(now, GIVEN_AGAIN);
        if self.drain.gives {
            self.drain.gave = Moment::at(now);
        }
        // What arrived right after a drain tells how little was sent, not what the link carries.
        let soon = !self.drain.full_since.is_before(now, SOON);
        self.drain.sees =
            soon && signals.queue * 100 >= self.drain.unseen * UNCHANGED && self.drain.unseen > 0;
        self.drain.unseen = signals.queue;
        self.drain.measures = self.drain.full_since.is_before(now, u64::from(SPANS[0]));
        (self.free, self.cut) = (Moment::NONE, Moment::at(now));
        self.drain(signals, limits, now);
    }

    /// Less is sent until nothing waits, which is reckoned, so that the end is known a round trip before it is seen.
    pub(super) fn drain(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let link = self.ceiling.unwrap_or(self.rate);
        if signals.arrived < self.drain.cut_at {
            self.measure(signals, limits, now);
        } else {
            let ripe = self.cut.is_before(now, signals.rtt + PATIENCE);
            let stood = self.drain.judge.queue();
            let verdict = self.drain.judge.hear(signals.queue, (link, self.wire(limits)), ripe, now);
            let whole = link >= part(self.drain.cut_from, OWN, 100);
            match verdict {
                // From now on there is no floor.
                Verdict::Ours => self.drain.cut_at = signals.next,
                // All that was sent came, and no queue follows.
                Verdict::Longer if whole => return self.on_longer(signals),
                Verdict::Futile | Verdict::Others | Verdict::Longer if stood > LONG / 2 => {
                    if verdict == Verdict::Others && whole {
                        self.rivals.count_again();
                    }
                    return self.drain_again(signals, limits, now);
                }
                // So short a queue may be a packet's own time, on a link that has become slower.
                Verdict::Futile | Verdict::Others | Verdict::Longer => return self.end_drain(signals, true),
                Verdict::Open => {}
            }
        }
        let link = self.ceiling.unwrap_or(self.rate);
        let time = self.backlog(signals, link);
        let seen = signals.queue <= self.calm_queue && signals.arrived >= self.drain.cut_at;
        let reckoned = time <= self.limit_of_queue / 4 && !self.drain.sees;
        if seen || reckoned {
            self.end_drain(signals, false);
        } else {
            self.drain.part = 1_000u64.saturating_sub(time * 1_000 / DRAIN_TIME).clamp(DEEPEST, GENTLEST);
        }
    }

    /// What seemed a queue is a longer path: what was sent before did no harm.
    fn on_longer(&mut self, signals: &Signals) {
        (self.rate, self.ceiling, self.news) = (self.drain.cut_from, Some(self.drain.cut_from), News::Longer);
        self.end_drain(signals, true);
    }

    /// The queue has gone, as it is reckoned, or it `stays`; then the link is asked for.
    fn end_drain(&mut self, signals: &Signals, stays: bool) {
        (self.phase, self.drain.part, self.drain.hold) = (Phase::Growing, WHOLE, signals.next);
        self.drain.full_since = Moment::NONE;
        if self.drain.judge.is_ours() && !stays {
            self.rivals.refute();
        }
        // Where much more or less is delivered than when the link was measured, it has changed.
        let (now, then) = (self.ceiling.unwrap_or(0), self.link.learnt);
        self.link.learning |= stays || now < part(then, 80, 100) || now > part(then, 125, 100);
    }

    /// While packets from before the cut arrive they tell what the link carries: all that arrived since the queue stands was
    /// sent on as fast as it could.
    fn measure(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let stood = self.standing.since(now).unwrap_or(0);
        let delivered = signals.since(stood).filter(|delivered| {
            // Far less than is sent says so in any case.
            self.drain.measures || signals.sent.is_some_and(|sent| *delivered < part(sent, OVERLOAD, 100))
        });
        // Without a measure a long queue speaks for itself.
        let unknown = if signals.queue > LONG { self.drain.cut_from / 2 } else { self.drain.cut_from };
        let delivered = delivered.unwrap_or(unknown);
        // A queue that came slowly is of a small excess, whatever a few packets seem to tell.
        let borne = if delivered >= part(self.drain.cut_from, SMALL_EXCESS, 100) {
            part(self.drain.cut_from, stood, stood + EXCESS * signals.queue)
        } else {
            0
        };
        let delivered = delivered.max(borne).min(self.drain.cut_from);
        self.ceiling = Some(delivered);
        let kept = if self.drain.gives { kept(delivered, limits) } else { WHOLE };
        self.rate = part(delivered, kept, WHOLE).max(limits.least);
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
        self.begin_drain(signals, true, limits, now);
    }
}

/// Parts in a thousand of what was delivered that are kept after a queue: the higher the rate, the less.
fn kept(delivered: u64, limits: Limits) -> u64 {
    1_000 - part(GIVEN, 2 * delivered * 8, limits.most * limits.weight).clamp(GIVEN / 2, 2 * GIVEN)
}
