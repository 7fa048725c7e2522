//! The law of the wire rate: delay decides, loss does not.
//!
//! - Growing: while no queue stands the rate rises: fast before the first queue, then by a constant, and faster again the
//!   longer nothing speaks against it. A link that has become faster is seen by its pairs and taken at once.
//! - Draining: a queue that stands cuts the rate to what is delivered, and below that until the queue has drained.
//! - Competing: a queue that does not drain, although what is sent is delivered, is filled by others: the rate follows
//!   losses as TCP does.
//! - Silent: without feedback the rate halves each second.
//!
//! Additive increase with a multiplicative cut shares a link fairly (Chiu and Jain, 1989).

mod drain;
mod judge;
mod rivals;
mod signals;
mod silence;
mod yields;

use crate::controller::Phase;
use crate::moment::Moment;
use drain::{DEEPEST, Drain, WHOLE};
use p2pvoip_core::Instant;
use rivals::{LONG, Rivals};
pub(crate) use signals::{Limits, SPANS, Signals, part};
use yields::{Answer, Yields};

/// A packet should be through the slowest link within this, in microseconds, its own time there included.
const SOJOURN: u64 = 14_000;
/// A shorter queue is none whatever the link: jitter and the grain of packets make as much, in microseconds.
const LEAST_STANDING: u64 = 4_000;
/// A longer one is too long on the fastest link, in microseconds.
const MOST_STANDING: u64 = 12_000;
/// Behind a packet of another flow a packet waits without a queue: so many parts in a hundred of its own time.
const OTHERS: u64 = 60;
/// After the first queue the rate rises by at most so many parts in a hundred within the time in which a queue is seen: the span over
/// which it is looked for, and the round trip.
const REACH: u64 = 10;
/// Jitter above this may make a queue by chance, in microseconds: such a queue has to stand ...
const JITTERY: u64 = 2_000;
/// ... for this long, in microseconds.
const CONFIRMED: u64 = 30_000;
/// The constant rise in a second is this part of the most a flow can send.
const RISE_PART: u64 = 20;
/// A low rate rises in a second by at most this part of itself.
const RELATIVE_RISE: u64 = 3;
/// With this many parts in a hundred of the link delivered behind the last queue, a flow is alone.
const ALONE: u64 = 70;
/// Before the first queue the rate doubles in about this time, in microseconds.
const DOUBLING: u64 = 400_000;
/// A floor is at most so many parts in a hundred of what is delivered, so that a queue still drains.
const FLOOR_PART: u64 = 85;
/// The floor is held while so many times as much is delivered.
const FLOOR_FROM: u64 = 2;
/// Above this many parts in a hundred of the last ceiling without a queue, that was not the link's.
const PASSED: u64 = 110;
/// Up to so many parts in a hundred of the rate before the last cut, the rate returns fast then.
const RETURNED: u64 = 90;
/// Without a queue for this long above the last ceiling the rise doubles, and again after each such time.
const IMPATIENCE: u64 = 1_000_000;
/// The rise doubles at most so often.
const MOST_DOUBLINGS: u64 = 3;
/// So many parts in a hundred of the mean jitter are added: the least of a few samples is seldom higher ...
const JITTERS: u64 = 250;
/// ... and at most so many of the difference of the two least, which packets of other flows in between do not make.
const SPREADS: u64 = 400;
/// Jitter up to this is the grain of packets, in microseconds.
const GRAIN: u64 = 1_500;
/// At most this is added for jitter, in microseconds.
const MOST_JITTER: u64 = 40_000;
/// The power with which the rise falls with the rate.
const STEEP: u64 = 3;
/// A rise counts at most this much time, in microseconds, so that a pause brings no jump.
const LONGEST_STEP: u64 = 200_000;
/// Pairs must tell of a link faster by so many parts in a hundred than the one that was full.
const FASTER: u64 = 140;
/// The rate leaps at most to so many parts in a hundred of what is sent: one report may lie.
const LEAP: u64 = 300;
/// Of a faster link this many parts in a hundred are taken at once.
const TAKEN: u64 = 90;

/// After a long pause, or where a path is remembered, this many parts in a hundred of the rate are dared.
const RESUMED: u64 = 90;

/// The fall at marks is this many hundredths of the square of their share.
const MARKED_FALL: u64 = 35;
/// The least fall at marks, in 65,536ths: a third of a hundredth.
const LEAST_FALL: u64 = 200;

/// The slowest link, as it was measured.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// Its rate at the last queue, and what was delivered behind that.
    full: Option<u64>,
    learnt: u64,
    /// It is to be measured.
    learning: bool,
}

/// What the last feedback brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    Nothing,
    /// The link is faster, and the rate took it at once.
    Leap,
    /// What was sent more was lost.
    InVain,
    /// What seemed a queue is a longer path.
    Longer,
}

/// Estimator: the wire rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Law {
    /// A longer queue stands.
    limit_of_queue: u64,
    /// A queue up to this is none.
    calm_queue: u64,
    rate: u64,
    phase: Phase,
    /// Since when a queue stands, without having been gone.
    standing: Moment,
    /// What was delivered behind the last queue.
    ceiling: Option<u64>,
    link: Link,
    drain: Drain,
    rivals: Rivals,
    yields: Yields,
    /// What the last feedback brought.
    news: News,
    /// Since when none does, after the rate passed the ceiling.
    free: Moment,
    cut: Moment,
    updated: Moment,
    /// The rate from which it fell silent; zero when a queue is known again.
    before_silence: u64,
    /// The smoothed share of marks, in 65,536ths.
    marked: u64,
}

impl Law {
    pub(crate) const fn new(rate: u64) -> Self {
        Self {
            limit_of_queue: LEAST_STANDING,
            calm_queue: LEAST_STANDING / 2,
            rate,
            phase: Phase::Growing,
            standing: Moment::NONE,
            ceiling: None,
            link: Link { full: None, learnt: 0, learning: false },
            drain: Drain::new(),
            rivals: Rivals::new(rate),
            yields: Yields::new(),
            news: News::Nothing,
            free: Moment::NONE,
            cut: Moment::NONE,
            updated: Moment::NONE,
            before_silence: 0,
            marked: 0,
        }
    }

    /// The rate that is asked for now.
    pub(crate) fn wire(&self, limits: Limits) -> u64 {
        let wire = self.rate * self.drain.part / WHOLE;
        // Where others fill the queue at times, and far more is delivered, no drain takes the floor from a flow.
        let spare = self.ceiling.is_some_and(|ceiling| ceiling >= FLOOR_FROM * limits.floor);
        let held = (spare || self.rivals.are_known()) && !self.drain.judge.follows();
        let floor =
            limits.floor.min(self.rate).min(part(self.ceiling.unwrap_or(limits.floor), FLOOR_PART, 100));
        wire.max(if held { floor } else { 0 }).max(limits.least)
    }

    /// A long queue of our own is drained: as little as can be is sent.
    pub(crate) const fn is_deep(&self) -> bool {
        matches!(self.phase, Phase::Draining) && self.drain.part <= DEEPEST
    }

    /// The rate without what draining takes off.
    pub(crate) const fn rate(&self) -> u64 {
        self.rate
    }

    /// What was delivered behind the last queue.
    pub(crate) const fn ceiling(&self) -> Option<u64> {
        self.ceiling
    }

    /// The link at the last queue.
    pub(crate) const fn full(&self) -> Option<u64> {
        self.link.full
    }

    /// The last feedback showed that what was lost was congestion.
    pub(crate) const fn is_unyielding(&self) -> bool {
        matches!(self.news, News::InVain)
    }

    /// The last feedback showed that what seemed a queue is a longer path.
    pub(crate) const fn is_longer(&self) -> bool {
        matches!(self.news, News::Longer)
    }

    /// The last feedback told of a faster link, and the rate took it at once.
    pub(crate) const fn has_leapt(&self) -> bool {
        matches!(self.news, News::Leap)
    }

    /// No queue stands.
    pub(crate) const fn is_calm(&self) -> bool {
        matches!(self.phase, Phase::Growing) && !self.standing.is_set()
    }

    /// A drain has ended, and the link is not known yet.
    pub(crate) fn wants_link(&self) -> bool {
        self.phase == Phase::Growing && self.link.learning
    }

    /// Delay says that the link has become faster: what is measured next is compared with what it was.
    pub(crate) const fn on_faster(&mut self) {
        self.link.learning = false;
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// A path that carried `wire` before: most of it is dared at once, and more as above a queue.
    pub(crate) fn recall(&mut self, wire: u64, limits: Limits) {
        let wire = wire.min(limits.most);
        (self.rate, self.ceiling) = (part(wire, RESUMED, 100), Some(wire));
        self.limit(limits);
        self.rivals = Rivals::new(self.rate);
    }

    /// Keeps the rate within `limits` when they change.
    pub(crate) fn limit(&mut self, limits: Limits) {
        self.rate = self.rate.clamp(limits.least, limits.most.max(limits.least));
    }

    /// Whether pairs of packets are wanted: the rate could be higher, or the link is not known.
    pub(crate) fn is_probing(&self, limits: Limits, settled: bool) -> bool {
        self.phase == Phase::Growing && (self.rate < limits.most || self.link.learning || !settled)
    }

    /// The flow goes on after a pause; after a `long` one most of its rate is dared again.
    pub(crate) fn on_resume(&mut self, long: bool, limits: Limits) {
        if long {
            self.rate = part(self.rate, RESUMED, 100);
        }
        (self.phase, self.drain.part, self.free) = (Phase::Growing, WHOLE, Moment::NONE);
        self.ceiling.get_or_insert(self.rate);
        self.updated = Moment::NONE;
        self.limit(limits);
    }

    /// Feedback told something new.
    pub(crate) fn on_feedback(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let step = self.updated.since(now).unwrap_or(0).min(LONGEST_STEP);
        (self.updated, self.news, self.before_silence) = (Moment::at(now), News::Nothing, 0);
        let jitter = part(signals.jitter.saturating_sub(GRAIN), JITTERS, 100);
        let jitter = jitter.min(part(signals.spread, SPREADS, 100)).min(MOST_JITTER);
        let limit = SOJOURN.saturating_sub(signals.own);
        // Packets of other flows are waited for without a queue that stands.
        let others = if self.is_alone(signals) { 0 } else { part(signals.own, OTHERS, 100) };
        let limit = limit.max(others).clamp(LEAST_STANDING, MOST_STANDING);
        (self.limit_of_queue, self.calm_queue) = (limit + jitter, limit / 2 + jitter);
        let stands = (signals.queue > self.limit_of_queue && !signals.falls) || signals.jumped;
        if self.link.learning && self.phase != Phase::Draining && signals.link.is_some() {
            self.link = Link { full: signals.link, learnt: self.ceiling.unwrap_or(0), learning: false };
        }
        if signals.queue <= self.calm_queue {
            self.standing = Moment::NONE;
            self.drain.unseen = 0;
        } else {
            self.standing.or_set(now);
        }
        match self.phase {
            Phase::Growing | Phase::Silent => {
                self.phase = Phase::Growing;
                self.rivals.on_queue(signals.queue);
                self.mark(signals, now);
                // Packets sent before a drain ended still tell of the queue that was.
                let fresh = signals.arrived >= self.drain.hold;
                if fresh {
                    self.drain.full_since.or_set(now);
                }
                if stands && fresh && self.is_sure(signals, now) {
                    self.begin_drain(signals, false, limits, now);
                } else if signals.queue <= self.calm_queue {
                    self.grow(signals, limits, step, now);
                }
            }
            Phase::Draining => self.drain(signals, limits, now),
            Phase::Competing => self.compete(signals, limits, step, now),
        }
        self.limit(limits);
    }

    /// A short queue is met twice before it is drained where jitter may make one: where there is much, and before the first
    /// queue, when it is not known.
    fn is_sure(&self, signals: &Signals, now: Instant) -> bool {
        let plain = self.ceiling.is_some() && signals.jitter < JITTERY;
        plain || signals.queue > LONG || self.standing.is_before(now, CONFIRMED)
    }

    /// Congestion marks of a link that keeps its queue short (RFC 9331): fall by a part of the square of their share, once
    /// a round trip: marks that the grain of packets makes cost little.
    fn mark(&mut self, signals: &Signals, now: Instant) {
        if signals.acked > 0 {
            let share = u64::from(signals.marks.min(signals.acked)) * 65_536 / u64::from(signals.acked);
            self.marked = (self.marked * 7 + share) / 8;
        }
        let due = self.cut.is_before(now, signals.rtt);
        if signals.marks > 0 && due {
            self.cut = Moment::at(now);
            self.free = Moment::NONE;
            let fall = part(self.marked * self.marked / 65_536, MARKED_FALL, 100).max(LEAST_FALL);
            self.rate = part(self.rate, 65_536 - fall.min(32_768), 65_536);
            self.ceiling = Some(self.rate);
        }
    }

    fn grow(&mut self, signals: &Signals, limits: Limits, step: u64, now: Instant) {
        match signals
            .raw
            .zip(signals.sent)
            .map(|(raw, sent)| (raw, self.yields.ask(self.rate, raw, sent, now)))
        {
            None | Some((_, Answer::Yes)) => {}
            Some((_, Answer::Wait)) => return,
            Some((raw, Answer::InVain)) => {
                self.rate = part(raw, TAKEN, 100).max(limits.least);
                (self.ceiling, self.free, self.news) = (Some(self.rate), Moment::NONE, News::InVain);
                return;
            }
        }
        let claim = signals.claim(self.rate);
        let risen = match self.ceiling {
            None => {
                let risen = self.rate + part(self.rate, step * 700, DOUBLING * 1_000);
                // As much as the whole link is not dared in one go, even if nobody else is there.
                let most = signals.link.map_or(u64::MAX, |link| part(link, TAKEN, 100));
                if risen > most {
                    self.ceiling = Some(most);
                }
                risen.min(most)
            }
            Some(ceiling) => {
                self.free.or_set(now);
                let free = self.free.since(now).unwrap_or(0);
                if self.rate <= ceiling {
                    self.free = Moment::at(now);
                }
                let passed = self.rate > part(ceiling, PASSED, 100);
                let doublings = match free / IMPATIENCE {
                    // What was delivered behind the last queue was less than the link: others had come, and gone.
                    _ if passed && self.rate < part(self.drain.cut_from, RETURNED, 100) => MOST_DOUBLINGS,
                    doublings => doublings.min(MOST_DOUBLINGS),
                };
                // Not far beyond what the link carries before that is seen.
                let most = part(part(self.rate, REACH, 100), 1_000_000, signals.span + signals.rtt);
                self.rate + part((self.rise(signals, limits) << doublings).min(most), step, 1_000_000)
            }
        };
        self.rate = risen.min(claim).max(self.rate);
        if let Some((link, full)) = signals.faster.zip(self.link.full)
            && !self.link.learning
            && link >= part(full, FASTER, 100)
        {
            let taken = part(part(self.ceiling.unwrap_or(self.rate), link, full), TAKEN, 100);
            let proven = signals.sent.map_or(self.rate, |sent| part(sent, LEAP, 100));
            self.rate = self.rate.max(taken.min(limits.most).min(proven));
            (self.ceiling, self.free, self.news) = (Some(self.rate), Moment::at(now), News::Leap);
            self.link = Link { full: Some(link), learnt: self.ceiling.unwrap_or(0), learning: false };
        }
    }

    /// The rise in a second where the last queue was: the lower the rate, the more, so that flows come to share.
    fn rise(&self, signals: &Signals, limits: Limits) -> u64 {
        let fair = limits.most * limits.weight / 8 / 2;
        let mut rise = limits.most / RISE_PART;
        for _ in 0..STEEP {
            rise = part(rise, fair, self.rate);
        }
        // Who has most of a link to itself has nobody to come together with.
        rise.min(self.rate / if self.is_alone(signals) { limits.gentle.max(1) } else { RELATIVE_RISE })
    }

    /// Whether most of what the link carries is this flow's.
    fn is_alone(&self, signals: &Signals) -> bool {
        signals.link.zip(self.ceiling).is_some_and(|(link, ceiling)| ceiling >= part(link, ALONE, 100))
    }
}
