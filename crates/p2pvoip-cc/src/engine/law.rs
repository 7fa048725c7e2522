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

use crate::controller::Phase;
use p2pvoip_core::Instant;

/// A packet should be through the slowest link within this, in microseconds, its own time there included.
const SOJOURN: u64 = 14_000;
/// A shorter queue is none whatever the link: jitter and the grain of packets make as much, in microseconds.
const LEAST_STANDING: u64 = 4_000;
/// A longer one is too long on the fastest link, in microseconds.
const MOST_STANDING: u64 = 12_000;
/// The constant rise in a second is this part of the most a flow can send.
const RISE_PART: u64 = 20;
/// A low rate rises in a second by at most this part of itself.
const RELATIVE_RISE: u64 = 4;
/// With this many parts in a hundred of the link delivered behind the last queue, a flow is alone.
const ALONE: u64 = 70;
/// Before the first queue the rate doubles in about this time, in microseconds.
const DOUBLING: u64 = 400_000;
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
/// So many parts in a hundred of the mean jitter are added: the least of a few samples is seldom higher.
const JITTERS: u64 = 200;
/// Jitter up to this is the grain of packets, in microseconds.
const GRAIN: u64 = 1_000;
/// At most this is added for jitter, in microseconds.
const MOST_JITTER: u64 = 40_000;
/// After a queue this many parts in a thousand of what was delivered are given up at half of the greatest rate.
const GIVEN: u64 = 20;
/// The power with which the rise falls with the rate.
const STEEP: u64 = 3;
/// While draining, at least this many parts in a thousand are still sent, and at most [`GENTLEST`].
const DEEPEST: u64 = 150;
/// The gentlest draining.
const GENTLEST: u64 = 850;
/// A queue is to be drained within this time, in microseconds.
const DRAIN_TIME: u64 = 100_000;
/// A drain that works leaves less than so many parts in a hundred of the queue after a while.
const SHRUNK: u64 = 85;
/// A queue must become shorter within the round trip and this time, in microseconds.
const PATIENCE: u64 = 200_000;
/// While at least so many parts in a hundred of what is sent arrive, no question is asked.
const YIELDS: u64 = 85;
/// A rate higher by this many parts in a hundred ...
const TESTED: u64 = 125;
/// ... should bring so many parts in a hundred of what came before.
const GAINED: u64 = 108;
/// It is asked twice, this far apart, in microseconds: losses by chance vary.
const DOUBT: u64 = 1_000_000;
/// When less than so many parts in a hundred of what is sent arrive, the link is overloaded, whatever came before.
const OVERLOAD: u64 = 75;
/// When less than so many parts in a hundred of what is sent are delivered, the queue is of our making.
const OWN: u64 = 90;
/// A queue above this, in microseconds, may be of others.
const LONG: u64 = 60_000;
/// After so many drains that left the queue standing, it is not ours.
const FUTILE: u32 = 3;
/// The rate rises at most to this many parts in a hundred of what is really sent.
const CLAIM: u64 = 140;
/// A rise counts at most this much time, in microseconds, so that a pause brings no jump.
const LONGEST_STEP: u64 = 200_000;
/// Without feedback for the round trip and this long, it has stopped (RFC 8869 has no longer handover).
const SILENCE: u64 = 700_000;
/// A silent flow halves its rate each such time.
const SILENT_HALF: u64 = 1_000_000;
/// Pairs must tell of a link faster by so many parts in a hundred than the one that was full.
const FASTER: u64 = 140;
/// Of a faster link this many parts in a hundred are taken at once.
const TAKEN: u64 = 90;
/// A rate that competes with TCP rises by 0.53 packets a round trip each round trip, and falls by 0.3 at a loss: as much
/// throughput as NewReno (Floyd, Handley and Padhye 2000, section 3: a = 3 (1 - b) / (1 + b)).
const FRIENDLY_RISE: u64 = 53;
/// The fall at a loss while competing, in parts in a hundred.
const FRIENDLY_FALL: u64 = 70;
/// The packet that TCP counts in, in bits.
const TCP_PACKET: u64 = 12_000;
/// For so long it is remembered that others fill the queue at times, in microseconds: two sawteeth of a TCP.
const RIVALS_REMEMBERED: u64 = 20_000_000;
/// A queue that others filled must be gone for this long.
const GONE: u64 = 500_000;

/// After a pause this many parts in a hundred of the rate are dared.
const RESUMED: u64 = 90;

/// The spans over which arrivals are measured, in microseconds: the shortest has five packets of 20 ms.
pub(crate) const SPANS: [u32; 3] = [100_000, 200_000, 400_000];

/// The fall at marks is this many hundredths of the square of their share.
const MARKED_FALL: u64 = 35;
/// The least fall at marks, in 65,536ths: a third of a hundredth.
const LEAST_FALL: u64 = 200;

/// What one feedback tells the law. Times in microseconds, rates in bits a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals {
    /// The queue that stands, if it does not fall by itself.
    pub(crate) queue: u64,
    /// What the largest packet takes on the slowest link, as far as known.
    pub(crate) own: u64,
    /// The mean change of delay from packet to packet.
    pub(crate) jitter: u64,
    /// It falls as a released burst does.
    pub(crate) falls: bool,
    /// The rate of the slowest link.
    pub(crate) link: Option<u64>,
    /// The same, when delay has told that it is faster than it was.
    pub(crate) faster: Option<u64>,
    /// The rate of arrival over the three spans of [`SPANS`].
    pub(crate) delivered: [Option<u64>; 3],
    /// The rate of what came, losses left out, over 0.8 s.
    pub(crate) raw: Option<u64>,
    /// The rate of sending over the longest of them.
    pub(crate) sent: Option<u64>,
    /// The round trip.
    pub(crate) rtt: u64,
    /// A queue has appeared at once.
    pub(crate) jumped: bool,
    /// The queue that the newest packet met.
    pub(crate) met: u64,
    /// Bits of the newest packet that arrived.
    pub(crate) newest: u64,
    /// Bits sent after the newest packet that arrived.
    pub(crate) flight: u64,
    /// From the sending of the newest packet that arrived until now.
    pub(crate) behind: u64,
    /// Packets lost.
    pub(crate) lost: u32,
    /// Congestion marks, and packets acknowledged.
    pub(crate) marks: u32,
    pub(crate) acked: u32,
    /// So much is lost without a queue that short spans tell no rate.
    pub(crate) lossy: bool,
    /// The largest number that has arrived, and the next that will be sent.
    pub(crate) arrived: u64,
    pub(crate) next: u64,
}

impl Signals {
    /// The rate of arrival since a queue stands, for so many microseconds.
    fn since(&self, stood: u64) -> Option<u64> {
        let [short, middle, long] = self.delivered;
        match stood {
            0..200_000 if self.lossy => middle.or(short),
            0..200_000 => short,
            200_000..400_000 => middle.or(short),
            _ => long.or(middle).or(short),
        }
    }
}

/// The limits of the rate, in bits a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) least: u64,
    pub(crate) most: u64,
    /// What is held behind a queue that others fill.
    pub(crate) floor: u64,
    /// The rise in a second of a flow that has a link to itself is at most this part of the rate.
    pub(crate) gentle: u64,
    /// Eighths: how much of a link this flow takes beside others.
    pub(crate) weight: u64,
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
    /// Parts in a thousand of the rate that are sent.
    part: u64,
    /// The first number sent after the last cut.
    cut_at: u64,
    /// The rate before it, and the queue at it.
    cut_from: u64,
    cut_queue: u64,
    /// Since when a queue stands, without having been gone.
    standing: Option<Instant>,
    /// The first number sent after the last drain.
    hold: u64,
    /// Since when packets sent at the full rate arrive, and whether they did for long enough at the cut.
    full_since: Option<Instant>,
    measures: bool,
    /// When others last filled the queue.
    rivals: Option<Instant>,
    /// Drains that left a long queue standing, and the queue at the first.
    failed: u32,
    stood: u64,
    /// What was delivered behind the last queue.
    ceiling: Option<u64>,
    /// The link at the last queue, and what was delivered behind that.
    full: Option<u64>,
    learnt: Option<u64>,
    /// The link is to be measured.
    learning: bool,
    leapt: bool,
    /// The rate, what arrived of it, and when, before more was sent; and since when that seems to be in vain.
    reference: Option<(u64, u64, Instant)>,
    doubt: Option<Instant>,
    unyielding: bool,
    /// Since when none does, after the rate passed the ceiling.
    free: Option<Instant>,
    /// The rate before the present series of cuts.
    before: u64,
    cut: Option<Instant>,
    updated: Option<Instant>,
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
            part: 1_000,
            cut_at: 0,
            cut_from: 0,
            cut_queue: 0,
            standing: None,
            hold: 0,
            full_since: None,
            measures: true,
            rivals: None,
            failed: 0,
            stood: 0,
            ceiling: None,
            full: None,
            learnt: None,
            learning: false,
            leapt: false,
            reference: None,
            doubt: None,
            unyielding: false,
            free: None,
            before: rate,
            cut: None,
            updated: None,
            marked: 0,
        }
    }

    /// The rate that is asked for now.
    pub(crate) fn wire(&self, limits: Limits) -> u64 {
        let wire = self.rate * self.part / 1_000;
        // Where others fill the queue at times, and far more is delivered, no drain takes the floor from a flow.
        let spare = self.ceiling.is_some_and(|ceiling| ceiling >= FLOOR_FROM * limits.floor);
        let held = spare || self.rivals.is_some();
        wire.max(if held { limits.floor.min(self.rate) } else { 0 }).max(limits.least)
    }

    /// A long queue of our own is drained: as little as can be is sent.
    pub(crate) const fn is_deep(&self) -> bool {
        matches!(self.phase, Phase::Draining) && self.part <= DEEPEST
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
        self.full
    }

    /// The last feedback showed that what was lost was congestion.
    pub(crate) const fn is_unyielding(&self) -> bool {
        self.unyielding
    }

    /// The last feedback told of a faster link, and the rate took it at once.
    pub(crate) const fn has_leapt(&self) -> bool {
        self.leapt
    }

    /// No queue stands.
    pub(crate) const fn is_calm(&self) -> bool {
        matches!(self.phase, Phase::Growing) && self.standing.is_none()
    }

    /// A drain has ended, and the link is not known yet.
    pub(crate) fn wants_link(&self) -> bool {
        self.phase == Phase::Growing && self.learning
    }

    /// Delay says that the link has become faster: what is measured next is compared with what it was.
    pub(crate) const fn on_faster(&mut self) {
        self.learning = false;
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// A path that carried `wire` before: most of it is dared at once, and more as above a queue.
    pub(crate) fn recall(&mut self, wire: u64, limits: Limits) {
        let wire = wire.min(limits.most);
        (self.rate, self.ceiling) = (part(wire, RESUMED, 100), Some(wire));
        self.limit(limits);
        self.before = self.rate;
    }

    /// Keeps the rate within `limits` when they change.
    pub(crate) fn limit(&mut self, limits: Limits) {
        self.rate = self.rate.clamp(limits.least, limits.most.max(limits.least));
    }

    /// Whether pairs of packets are wanted: the rate could be higher, or the link is not known.
    pub(crate) fn is_probing(&self, limits: Limits, settled: bool) -> bool {
        self.phase == Phase::Growing && (self.rate < limits.most || self.learning || !settled)
    }

    /// Time passes, and the sender has been `waiting` for news for so many microseconds: the rate decays.
    pub(crate) fn on_time(&mut self, waiting: u64, rtt: u64, limits: Limits, now: Instant) {
        if waiting <= rtt + SILENCE {
            return;
        }
        let since = self.updated.filter(|_| self.phase == Phase::Silent).unwrap_or(now);
        (self.phase, self.part, self.updated) = (Phase::Silent, 1_000, Some(now));
        // Half a rate in a second, taken in small steps: linear within a step.
        let passed = micros(now, since).min(SILENT_HALF);
        self.rate = part(self.rate, 2 * SILENT_HALF - passed, 2 * SILENT_HALF);
        self.limit(limits);
    }

    /// The flow goes on after a pause: most of its rate is dared again.
    pub(crate) fn on_resume(&mut self, limits: Limits) {
        self.rate = part(self.rate, RESUMED, 100);
        (self.phase, self.part, self.free) = (Phase::Growing, 1_000, None);
        self.ceiling.get_or_insert(self.rate);
        self.updated = None;
        self.limit(limits);
    }

    /// Feedback told something new.
    pub(crate) fn on_feedback(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let step = self.updated.map_or(0, |updated| micros(now, updated)).min(LONGEST_STEP);
        (self.updated, self.leapt, self.unyielding) = (Some(now), false, false);
        let jitter = part(signals.jitter.saturating_sub(GRAIN), JITTERS, 100).min(MOST_JITTER);
        let limit = SOJOURN.saturating_sub(signals.own).clamp(LEAST_STANDING, MOST_STANDING);
        (self.limit_of_queue, self.calm_queue) = (limit + jitter, limit / 2 + jitter);
        let stands = (signals.queue > self.limit_of_queue && !signals.falls) || signals.jumped;
        if self.learning && self.phase != Phase::Draining && signals.link.is_some() {
            (self.full, self.learnt, self.learning) = (signals.link, self.ceiling, false);
        }
        if signals.queue <= self.calm_queue {
            self.standing = None;
        } else {
            self.standing.get_or_insert(now);
        }
        match self.phase {
            Phase::Growing | Phase::Silent => {
                self.phase = Phase::Growing;
                if signals.queue <= self.stood / 2 {
                    self.failed = 0;
                }
                self.mark(signals, now);
                // Packets sent before a drain ended still tell of the queue that was.
                let fresh = signals.arrived >= self.hold;
                if fresh {
                    self.full_since.get_or_insert(now);
                }
                if stands && fresh {
                    self.begin_drain(signals, limits, now);
                } else if signals.queue <= self.calm_queue {
                    self.grow(signals, limits, step, now);
                }
            }
            Phase::Draining => self.drain(signals, limits, now),
            Phase::Competing => self.compete(signals, limits, step, now),
        }
        self.limit(limits);
    }

    /// Congestion marks of a link that keeps its queue short (RFC 9331): fall by half the share of marks, once a round
    /// trip (as DCTCP, RFC 8257 section 3.3).
    fn mark(&mut self, signals: &Signals, now: Instant) {
        if signals.acked > 0 {
            let share = u64::from(signals.marks.min(signals.acked)) * 65_536 / u64::from(signals.acked);
            self.marked = (self.marked * 7 + share) / 8;
        }
        let due = self.cut.is_none_or(|cut| micros(now, cut) >= signals.rtt);
        if signals.marks > 0 && due {
            self.cut = Some(now);
            self.free = None;
            let fall = part(self.marked * self.marked / 65_536, MARKED_FALL, 100).max(LEAST_FALL);
            self.rate = part(self.rate, 65_536 - fall.min(32_768), 65_536);
            self.ceiling = Some(self.rate);
        }
    }

    fn grow(&mut self, signals: &Signals, limits: Limits, step: u64, now: Instant) {
        if !self.yields(signals, limits, now) {
            return;
        }
        let claim = signals.sent.map_or(self.rate, |sent| part(sent, CLAIM, 100));
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
                let free = *self.free.get_or_insert(now);
                if self.rate <= ceiling {
                    self.free = Some(now);
                }
                let passed = self.rate > part(ceiling, PASSED, 100);
                let doublings = match micros(now, free) / IMPATIENCE {
                    // What was delivered behind the last queue was less than the link: others had come, and gone.
                    _ if passed && self.rate < part(self.cut_from, RETURNED, 100) => MOST_DOUBLINGS,
                    doublings => doublings.min(MOST_DOUBLINGS),
                };
                self.rate + part(self.rise(signals, limits) << doublings, step, 1_000_000)
            }
        };
        self.rate = risen.min(claim).max(self.rate);
        if let Some((link, full)) = signals.faster.zip(self.full)
            && !self.learning
            && link >= part(full, FASTER, 100)
        {
            let taken = part(part(self.ceiling.unwrap_or(self.rate), link, full), TAKEN, 100);
            self.rate = self.rate.max(taken.min(limits.most));
            (self.ceiling, self.full, self.free) = (Some(self.rate), Some(link), Some(now));
            (self.learnt, self.leapt) = (self.ceiling, true);
        }
    }

    /// Whether more that is sent is more that arrives. Where much is lost and it is not, the loss is congestion, whatever
    /// delay says: a policer, or a queue that has been full for as long as delay is remembered.
    fn yields(&mut self, signals: &Signals, limits: Limits, now: Instant) -> bool {
        let Some((raw, sent)) = signals.raw.zip(signals.sent) else { return true };
        let reference = self.reference.get_or_insert((self.rate, raw, now));
        if raw >= part(sent, YIELDS, 100) {
            (*reference, self.doubt) = ((self.rate, raw, now), None);
            return true;
        }
        let (rate, arrived, since) = *reference;
        if self.rate < part(rate, TESTED, 100) || micros(now, since) < DOUBT {
            return true;
        }
        if raw >= part(arrived, GAINED, 100) {
            (*reference, self.doubt) = ((self.rate, raw, now), None);
            return true;
        }
        let doubt = *self.doubt.get_or_insert(now);
        if micros(now, doubt) >= DOUBT {
            self.rate = part(raw, TAKEN, 100).max(limits.least);
            (self.ceiling, self.reference, self.doubt) = (Some(self.rate), None, None);
            (self.free, self.unyielding) = (None, true);
        }
        false
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

    /// Parts in a thousand of what was delivered that are kept after a queue: the higher the rate, the less.
    fn kept(&self, delivered: u64, limits: Limits) -> u64 {
        1_000 - part(GIVEN, 2 * delivered * 8, limits.most * limits.weight).clamp(GIVEN / 2, 2 * GIVEN)
    }

    /// A queue stands: to what is delivered, and for a while below it.
    fn begin_drain(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        self.rivals = self.rivals.filter(|at| micros(now, *at) < RIVALS_REMEMBERED);
        let rivals = self.rivals.is_some();
        let (long, futile) = if rivals { (LONG / 2, 1) } else { (LONG, FUTILE) };
        if self.failed == 0 || signals.queue <= long {
            (self.before, self.stood, self.failed) = (self.rate, signals.queue, 0);
        }
        self.failed += 1;
        if self.failed > futile {
            (self.phase, self.part) = (Phase::Competing, 1_000);
            self.rate = self.rate.max(part(self.before, FRIENDLY_FALL, 100));
            (self.failed, self.free, self.rivals) = (0, None, Some(now));
            return;
        }
        self.phase = Phase::Draining;
        (self.cut_at, self.cut_from, self.cut_queue) = (signals.next, self.rate, signals.queue);
        // What arrived right after a drain tells how little was sent, not what the link carries.
        self.measures = self.full_since.is_none_or(|since| micros(now, since) >= u64::from(SPANS[0]));
        (self.free, self.cut) = (None, Some(now));
        self.drain(signals, limits, now);
    }

    /// While packets from before the cut arrive they tell what the link carries. What waits in it is reckoned from what
    /// the newest arrival met and what was sent since, so that the end is known a round trip before it is seen.
    fn drain(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        if signals.arrived < self.cut_at {
            // All that arrived since the queue stands was sent on as fast as the link could.
            let stood = self.standing.map_or(0, |since| micros(now, since));
            let delivered = signals.since(stood).filter(|delivered| {
                // Far less than is sent says so in any case.
                self.measures || signals.sent.is_some_and(|sent| *delivered < part(sent, OVERLOAD, 100))
            });
            // Without a measure a long queue speaks for itself.
            let unknown = if signals.queue > LONG { self.cut_from / 2 } else { self.cut_from };
            let delivered = delivered.unwrap_or(unknown).min(self.cut_from);
            self.ceiling = Some(delivered);
            self.rate = part(delivered, self.kept(delivered, limits), 1_000).max(limits.least);
        }
        let cut = self.cut.map_or(0, |cut| micros(now, cut));
        if signals.arrived >= self.cut_at && cut >= signals.rtt + PATIENCE && signals.queue > part(self.cut_queue, SHRUNK, 100) {
            return self.drain_again(signals, limits, now);
        }
        let link = self.ceiling.unwrap_or(self.rate);
        // Of a short queue of several flows each drains what surely stands; others do so too.
        let queue = if self.is_alone(signals) || signals.queue > LONG { signals.met } else { signals.queue };
        let met = part(link, queue, 1_000_000) + signals.newest + signals.flight;
        let above = self.cut_from.saturating_sub(link);
        // What was lost on the way is still counted as sent; more than the excess since the newest arrival is not there.
        let most = part(link, queue, 1_000_000) + part(above, signals.behind, 1_000_000);
        let backlog = met.saturating_sub(part(link, signals.behind, 1_000_000)).min(most);
        let time = (backlog * 1_000_000).checked_div(link).unwrap_or(0);
        if time <= self.limit_of_queue / 4 || (signals.queue <= self.calm_queue && signals.arrived >= self.cut_at) {
            (self.phase, self.part, self.hold) = (Phase::Growing, 1_000, signals.next);
            self.full_since = None;
            // Where much more or less is delivered than when the link was measured, it has changed.
            let (now, then) = (self.ceiling.unwrap_or(0), self.learnt.unwrap_or(0));
            self.learning |= now < part(then, 80, 100) || now > part(then, 125, 100);
        } else {
            self.part = 1_000u64.saturating_sub(time * 1_000 / DRAIN_TIME).clamp(DEEPEST, GENTLEST);
        }
    }

    /// What was sent less has not made the queue any shorter.
    fn drain_again(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let [short, middle, _] = signals.delivered;
        let delivered = middle.or(short).unwrap_or(self.rate);
        if signals.sent.is_none_or(|sent| delivered < part(sent, OWN, 100)) {
            // Even that is more than the link carries.
            self.rate = part(delivered.min(self.rate), self.kept(delivered, limits), 1_000).max(limits.least);
            self.ceiling = Some(self.rate);
        }
        self.begin_drain(signals, limits, now);
    }

    fn compete(&mut self, signals: &Signals, limits: Limits, step: u64, now: Instant) {
        if signals.queue <= self.limit_of_queue {
            let free = *self.free.get_or_insert(now);
            if micros(now, free) >= GONE {
                self.rivals = Some(now);
                (self.phase, self.ceiling) = (Phase::Growing, Some(self.rate));
            }
            return;
        }
        self.free = None;
        let due = self.cut.is_none_or(|cut| micros(now, cut) >= signals.rtt);
        if signals.lost > 0 && due {
            self.cut = Some(now);
            self.rate = part(self.rate, FRIENDLY_FALL, 100).max(limits.floor.min(self.rate));
        } else {
            // Bits a second each second: a packet's part over the round trip squared.
            let rtt_ms = (signals.rtt / 1_000).max(1);
            let rise = TCP_PACKET * FRIENDLY_RISE * 10_000 / (rtt_ms * rtt_ms);
            self.rate += part(rise.min(limits.most), step, 1_000_000);
        }
    }
}

/// `numerator / denominator` of `whole`.
pub(crate) const fn part(whole: u64, numerator: u64, denominator: u64) -> u64 {
    let denominator = if denominator == 0 { 1 } else { denominator };
    match whole.checked_mul(numerator) {
        Some(product) => product / denominator,
        #[expect(clippy::cast_possible_truncation, reason = "rates are far below 2^64")]
        None => (whole as u128 * numerator as u128 / denominator as u128) as u64,
    }
}

/// Microseconds since `earlier`.
pub(crate) const fn micros(now: Instant, earlier: Instant) -> u64 {
    now.as_micros().saturating_sub(earlier.as_micros())
}
