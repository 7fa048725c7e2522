//! What all controllers of this crate's own law share: facts are checked, measured, and told to the law.
//!
//! # Left out
//! - Padding: what probes is media's own redundancy.
//! - A memory of paths that were left: a path that comes back starts anew.

mod asking;
mod belief;
mod breaker;
mod facts;
mod hearing;
mod law;
mod recall;

use crate::Fixed;
use crate::controller::{Phase, Sent, Stats};
use crate::history::{History, ticks};
use crate::loss::LossEstimator;
use crate::pairs::Pairs;
use crate::rate::Meter;
use crate::report::{EcnCounts, RemoteTime, Report, TICK_MICROS};
use crate::target::{Breaker, Target};
use asking::Asking;
use belief::Belief;
use breaker::CircuitBreaker;
use core::time::Duration;
use hearing::{Follows, Hearing};
use law::{Law, Signals};
pub(crate) use law::{Limits, part};
use p2pvoip_core::{Bitrate, DataSize, Ecn, Instant, Wake};

/// The span over which sending and delivery are compared.
const LONG_SPAN: u32 = 400_000;
/// What may be in flight beside one round trip: a stall that voice survives, so that a gap of the link fills its queue and
/// not ours.
const WINDOW_TIME: u64 = 600_000;
/// The least window in packets of the largest size lately sent.
const WINDOW_FLOOR: u64 = 10;
/// Of what arrives, at most as much again is taken to have been lost elsewhere: half, in 65,536ths.
const MOST_CALM_LOSS: u32 = 32_768;

/// Estimator: what is measured of one flow, and its rate.
#[derive(Clone, Debug)]
pub(crate) struct Engine<const N: usize> {
    history: History<N>,
    hearing: Hearing,
    counts: Counts,
    here: Here,
}

/// All that is of the present path alone: another path begins with another.
#[derive(Clone, Copy, Debug)]
struct Here {
    path: u8,
    law: Law,
    breaker: CircuitBreaker,
    asking: Asking,
    belief: Belief,
    pairs: Pairs,
    loss: LossEstimator,
    delivered: Meter<16>,
    sent: Meter<12>,
    /// The share of packets lost while no queue stands, in 65,536ths.
    calm_loss: u32,
    /// The largest packet lately sent; it shrinks slowly.
    packet: u16,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    acked: u64,
    lost: u64,
    unreported: u32,
    marked: u32,
    refused: u32,
    stale: u32,
    misnumbered: u32,
    /// What the receiver has counted so far, which goes on over all paths.
    ecn: Option<EcnCounts>,
}

impl Here {
    /// A path of which nothing is known, and on which `rate` is dared at first.
    const fn new(path: u8, rate: u64) -> Self {
        Self {
            path,
            law: Law::new(rate),
            breaker: CircuitBreaker::new(),
            asking: Asking::new(),
            belief: Belief::new(),
            pairs: Pairs::new(),
            loss: LossEstimator::new(),
            delivered: Meter::new(),
            sent: Meter::new(),
            calm_loss: 0,
            packet: 0,
        }
    }

    /// The path delivers again: what was measured before it was left alone holds no more, and the least is dared.
    #[cold]
    fn again(self, limits: Limits) -> Self {
        let mut again = Self { breaker: self.breaker, ..Self::new(self.path, limits.least) };
        again.law.return_to(self.law.before_silence());
        if again.breaker.state() == Breaker::Reduced {
            // A path that was congested is taken by small steps.
            again.law.recall(limits.least, limits);
        }
        again
    }

    /// So much was lost on this path before.
    fn recall_loss(&mut self, loss: Fixed) {
        self.loss = LossEstimator::recalled(loss);
        self.calm_loss = loss.bits().min(Fixed::ONE.bits());
    }

    /// What left on it.
    fn on_sent(&mut self, size: DataSize) {
        let size = u16::try_from(size.as_bytes()).unwrap_or(u16::MAX);
        self.sent.add(u32::from(size));
        self.packet = size.max(self.packet - self.packet / 32);
    }

    /// Asks for a pair, if one is of use.
    fn plan_probe(&mut self, limits: Limits, now: Instant) {
        let useful = self.law.is_probing(limits, self.pairs.is_settled());
        let (sought, rtt) = (self.law.wants_link(), self.belief.rtt());
        self.asking.plan(&self.pairs, sought, useful, rtt, now);
    }

    /// While no queue stands: what is lost is lost elsewhere. A sixty-fourth of the difference for each packet told of.
    fn count_calm(&mut self, acked: u32, lost: u32) {
        let told = u64::from(acked + lost).max(1);
        let share = if lost == 0 { 0 } else { u64::from(lost) * u64::from(Fixed::ONE.bits()) / told };
        let (calm, told) = (u64::from(self.calm_loss), u64::from(acked + lost).min(64));
        let calm = (calm * (64 - told) + share * told) / 64;
        self.calm_loss = u32::try_from(calm).unwrap_or(MOST_CALM_LOSS);
    }
}

/// Why a report changes nothing.
enum Useless {
    Refused,
    Stale,
}

impl<const N: usize> Engine<N> {
    pub(crate) const fn new(start: u64) -> Self {
        Self {
            history: History::new(),
            hearing: Hearing::new(),
            counts: Counts {
                acked: 0,
                lost: 0,
                unreported: 0,
                marked: 0,
                refused: 0,
                stale: 0,
                misnumbered: 0,
                ecn: None,
            },
            here: Here::new(0, start),
        }
    }

    /// The rate without what draining takes off.
    pub(crate) const fn rate(&self) -> u64 {
        self.here.law.rate()
    }

    /// As little as can be is sent, or nothing but trials.
    pub(crate) const fn is_deep(&self) -> bool {
        self.here.law.is_deep() || self.here.breaker.is_open()
    }

    /// The last feedback told of a faster link, and the rate took it at once.
    pub(crate) const fn has_leapt(&self) -> bool {
        self.here.law.has_leapt()
    }

    pub(crate) fn wire(&self, limits: Limits) -> u64 {
        self.here.law.wire(self.limited(limits))
    }

    fn limited(&self, limits: Limits) -> Limits {
        let most = if self.here.breaker.state() == Breaker::Closed { limits.most } else { limits.least };
        Limits { most, ..limits }
    }

    pub(crate) fn on_sent(&mut self, sent: Sent, limits: Limits, now: Instant) {
        if !self.history.record(sent, now) {
            self.counts.misnumbered += 1;
            return;
        }
        if sent.path == self.here.path {
            self.here.on_sent(sent.size);
        }
        match self.hearing.on_sent(sent.number, now) {
            Follows::AtOnce => self.here.asking.on_pair(now),
            // What a trial follows is no pause of the owner's.
            Follows::APause { long } if !self.here.breaker.is_open() => self.resume(long, limits),
            Follows::APause { .. } | Follows::Steadily => {}
        }
        self.here.breaker.on_sent(now);
    }

    /// When time is to be looked at next.
    pub(crate) fn next_at(&self) -> Option<Wake> {
        self.hearing.next_at()
    }

    /// The flow goes on after a pause.
    #[cold]
    fn resume(&mut self, long: bool, limits: Limits) {
        let limits = self.limited(limits);
        self.here.law.on_resume(long, limits);
        (self.here.delivered, self.here.sent) = (Meter::new(), Meter::new());
    }

    /// Time has passed.
    pub(crate) fn on_time(&mut self, limits: Limits, now: Instant) {
        let next = self.history.largest().map_or(0, |largest| largest + 1);
        let waiting = self.hearing.on_time(next, now);
        self.here.breaker.on_time(waiting.unwrap_or(0), now);
        let Some(waiting) = waiting else { return };
        let limits = self.limited(limits);
        let here = &mut self.here;
        here.law.on_time(waiting, u64::from(here.belief.rtt()), limits);
        here.asking.on_time(&mut here.pairs, now);
        here.plan_probe(limits, now);
    }

    /// Whether the report was believed and told something of the present path.
    pub(crate) fn on_feedback(&mut self, report: &Report, limits: Limits, now: Instant) {
        let rtt = match self.check(report, now) {
            Ok(rtt) => rtt,
            Err(Useless::Refused) => return self.counts.refused += 1,
            Err(Useless::Stale) => return self.counts.stale += 1,
        };
        let overtaken = self.history.told().is_some_and(|told| report.largest() < told);
        let (news, acked, lost) = self.take(report);
        let Some(newest) = self.history.get(report.largest()) else { return };
        if overtaken {
            // What it says of packets holds, its times are of the past.
            self.counts.stale += 1;
            return;
        }
        if !news || (acked == 0 && newest.path != self.here.path) {
            return;
        }
        self.hearing.on_news();
        if self.here.breaker.on_news(now) {
            self.here = self.here.again(limits);
        }
        if newest.path != self.here.path {
            // What came this way is news; what it says of times is of the other.
            let limits = self.limited(limits);
            return self.here.law.on_unseen(limits, now);
        }
        let rtt = rtt.filter(|_| self.hearing.is_awake(report.largest()));
        if let Some(rtt) = rtt {
            self.here.belief.on_rtt(rtt, now);
        }
        let timed = self.time(report, now);
        // What was known of the queue before says nothing of the packets that this report tells of.
        let believed = if timed { self.here.belief.queue(rtt.is_some()) } else { None };
        if believed.is_some_and(|believed| believed.leapt) {
            self.here.delivered = Meter::new();
        }
        self.here.sent.mark(RemoteTime::from_ticks(ticks(now)));
        let marks = self.marks(report.ecn());
        self.counts.marked += marks;
        let limits = self.limited(limits);
        if self.here.law.is_calm() {
            self.here.count_calm(acked, lost);
        }
        let leaving = self.here.sent.over(LONG_SPAN);
        if let Some(believed) = believed {
            let signals = self.signals(report, (believed, leaving), newest, (acked, lost, marks), now);
            self.tell(&signals, limits, now);
        } else {
            self.here.law.on_unseen(limits, now);
        }
        let here = &mut self.here;
        let leaving = Bitrate::from_bps(leaving.unwrap_or(0));
        let packet = DataSize::from_bytes(u64::from(here.packet));
        let rtt = Duration::from_micros(u64::from(here.belief.rtt()));
        let before = here.breaker.state();
        here.breaker.on_feedback(here.loss.loss(), rtt, packet, leaving, now);
        here.plan_probe(limits, now);
        if here.breaker.state() != before {
            let limits = self.limited(limits);
            self.here.law.limit(limits);
        }
    }

    /// The law is told, and asks for the link where it needs that.
    fn tell(&mut self, signals: &Signals, limits: Limits, now: Instant) {
        let here = &mut self.here;
        let before = here.law.phase();
        here.law.on_feedback(signals, limits, now);
        if here.law.is_longer() {
            here.belief.on_longer();
        }
        if here.law.is_unyielding() {
            here.calm_loss /= 2;
        }
        if before == Phase::Draining && here.law.wants_link() {
            // The link may have become slower: it is measured anew.
            here.asking.ask(&mut here.pairs, now);
        }
    }

    /// How many packets were marked since the last feedback with counts.
    fn marks(&mut self, ecn: Option<EcnCounts>) -> u32 {
        let Some(ecn) = ecn else { return 0 };
        let before = self.counts.ecn.replace(ecn).unwrap_or_default();
        u32::from(ecn.ce.wrapping_sub(before.ce))
    }

    /// Media takes another path, whose packets were of `start` at first.
    pub(crate) fn on_path(&mut self, path: u8, start: u64, limits: Limits) {
        if path != self.here.path {
            self.here.path = path;
            if self.hearing.has_sent() {
                // Nothing that was measured holds on another path; what did not pass here is not dared there. How far the
                // rate had fallen while nothing was heard says nothing of another path.
                let law = &self.here.law;
                let dared = if law.phase() == Phase::Silent { start } else { law.wire(limits).min(start) };
                self.here = Here::new(path, dared);
                self.hearing.on_path();
            }
        }
        if !self.hearing.has_sent() && self.here.law.ceiling().is_none() {
            // Before the first packet it begins with what its own packets cost; what is remembered of it stays.
            self.here.law = Law::new(start);
        }
        let limits = self.limited(limits);
        self.here.law.limit(limits);
    }

    /// What the sender should do, with `pacing` parts in a hundred of the wire rate for the pacer.
    pub(crate) fn target(&self, limits: Limits, ptime: Duration, pacing: u64) -> Target {
        let (wire, breaker) = (self.wire(limits), self.here.breaker.state());
        let floor = u64::from(self.here.packet) * WINDOW_FLOOR;
        let window = part(wire, u64::from(self.here.belief.rtt()) + WINDOW_TIME, 8_000_000);
        Target {
            wire: Bitrate::from_bps(wire),
            ptime,
            loss: self.here.loss.loss(),
            burst: self.here.loss.burst(),
            pacing: Bitrate::from_bps(part(wire, pacing, 100)),
            window: DataSize::from_bytes(window.max(floor)),
            probe: self.here.asking.probe() && !breaker.is_open(),
            ecn: Ecn::Ect1,
            breaker,
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let Counts { acked, lost, unreported, marked, refused, stale, misnumbered, .. } = self.counts;
        let micros = |micros: u32| Duration::from_micros(u64::from(micros));
        let (smoothed, least) = self.here.belief.rtts();
        let queue = self.here.belief.delay.queue();
        Stats {
            rtt: smoothed.map(micros),
            min_rtt: least.map(micros),
            queueing_delay: queue
                .map(|queue| Duration::from_micros(u64::try_from(queue.least).unwrap_or(0) * TICK_MICROS)),
            loss: self.here.loss.loss(),
            burst: self.here.loss.burst(),
            in_flight: DataSize::from_bytes(self.history.in_flight()),
            delivered: self.here.delivered.over(LONG_SPAN).map(Bitrate::from_bps),
            sent_rate: self.here.sent.over(LONG_SPAN).map(Bitrate::from_bps),
            acked,
            lost,
            unreported: u64::from(unreported),
            marked: u64::from(marked),
            refused: u64::from(refused),
            stale: u64::from(stale),
            misnumbered: u64::from(misnumbered),
            phase: self.here.law.phase(),
            breaker: self.here.breaker.state(),
        }
    }
}
