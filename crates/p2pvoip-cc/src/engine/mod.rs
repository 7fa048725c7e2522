//! What all controllers of this crate's own law share: facts are checked, measured, and told to the law.
//!
//! # Left out
//! - Padding: what probes is media's own redundancy.
//! - A memory of paths that were left: a path that comes back starts anew.

mod breaker;
mod facts;
mod law;
mod recall;

use crate::Fixed;
use crate::controller::{Phase, Sent, Stats};
use crate::delay::DelayEstimator;
use crate::history::{History, ticks};
use crate::loss::LossEstimator;
use crate::moment::Moment;
use crate::pairs::Pairs;
use crate::rate::Meter;
use crate::report::{EcnCounts, RemoteTime, Report, TICK_MICROS};
use crate::rtt::RttEstimator;
use crate::target::{Breaker, Target};
use breaker::CircuitBreaker;
use core::time::Duration;
use law::Law;
pub(crate) use law::{Limits, part};
use p2pvoip_core::{Bitrate, DataSize, Ecn, Instant, Wake};

/// How often time is looked at when nothing else happens.
const EVERY: Duration = Duration::from_millis(100);
/// The span over which sending and delivery are compared.
const LONG_SPAN: u32 = 400_000;
/// What may be in flight beside one round trip: a stall that voice survives, so that a gap of the link fills its queue and
/// not ours.
const WINDOW_TIME: u64 = 600_000;
/// The least window in packets of the largest size lately sent.
const WINDOW_FLOOR: u64 = 10;
/// The round trip that is assumed before there is a sample, in microseconds.
const RTT_UNKNOWN: u32 = 300_000;
/// Of what arrives, at most as much again is taken to have been lost elsewhere: half, in 65,536ths.
const MOST_CALM_LOSS: u32 = 32_768;
/// Packets that leave within this are a pair, in microseconds.
const PAIR: u64 = 500;
/// A flow that sent nothing for so long had paused, in microseconds.
const PAUSE: u64 = 1_000_000;
/// Pairs are wanted this often while the rate could be higher, in microseconds.
const PROBE_EVERY: u64 = 2_000_000;
/// Pairs have to tell the link within this, in microseconds.
const ANSWER: u64 = 3_000_000;

/// Estimator: what is measured of one flow, and its rate.
#[derive(Clone, Debug)]
pub(crate) struct Engine<const N: usize> {
    path: u8,
    history: History<N>,
    estimates: Estimates,
    law: Law,
    breaker: CircuitBreaker,
    counts: Counts,
    /// When the first packet left since the last news.
    waiting: Moment,
    /// When time was last looked at, when the last packet left, and the last pair.
    looked: Moment,
    last_sent: Moment,
    probed: Moment,
    probe: bool,
    /// When the link was last asked for because delay fell.
    remeasured: Moment,
    /// When the link was last asked for.
    asked: Moment,
    /// The first number sent after the owner last slept: no round trip holds that began before.
    awake_from: u64,
    /// How far it fell then, in ticks, and the size of the packet that told.
    fallen: (i32, u16),
    /// How often in a row the round trip did not bear out the queue.
    contradicted: u8,
}

/// What is measured of the present path.
#[derive(Clone, Copy, Debug)]
struct Estimates {
    delay: DelayEstimator,
    pairs: Pairs,
    rtt: RttEstimator,
    loss: LossEstimator,
    delivered: Meter<16>,
    sent: Meter<12>,
    /// The share of packets lost while no queue stands, in 65,536ths.
    calm_loss: u32,
    /// The round trip before there is a sample, in microseconds.
    rtt_assumed: u32,
    ecn: Option<EcnCounts>,
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
}

impl Estimates {
    const fn new() -> Self {
        Self {
            delay: DelayEstimator::new(),
            pairs: Pairs::new(),
            rtt: RttEstimator::new(),
            loss: LossEstimator::new(),
            delivered: Meter::new(),
            sent: Meter::new(),
            calm_loss: 0,
            rtt_assumed: RTT_UNKNOWN,
            ecn: None,
            packet: 0,
        }
    }

    /// So much was lost on this path before.
    fn recall_loss(&mut self, loss: Fixed) {
        self.loss = LossEstimator::recalled(loss);
        self.calm_loss = loss.bits().min(Fixed::ONE.bits());
    }

    /// How many packets were marked since the last feedback with counts.
    fn marks(&mut self, ecn: Option<EcnCounts>) -> u32 {
        let Some(ecn) = ecn else { return 0 };
        let before = self.ecn.replace(ecn).unwrap_or_default();
        u32::from(ecn.ce.wrapping_sub(before.ce))
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
            path: 0,
            history: History::new(),
            estimates: Estimates::new(),
            law: Law::new(start),
            breaker: CircuitBreaker::new(),
            counts: Counts {
                acked: 0,
                lost: 0,
                unreported: 0,
                marked: 0,
                refused: 0,
                stale: 0,
                misnumbered: 0,
            },
            waiting: Moment::NONE,
            looked: Moment::NONE,
            last_sent: Moment::NONE,
            probed: Moment::NONE,
            probe: false,
            remeasured: Moment::NONE,
            asked: Moment::NONE,
            awake_from: 0,
            fallen: (0, 0),
            contradicted: 0,
        }
    }

    /// The rate without what draining takes off.
    pub(crate) const fn rate(&self) -> u64 {
        self.law.rate()
    }

    /// As little as can be is sent.
    pub(crate) const fn is_deep(&self) -> bool {
        self.law.is_deep()
    }

    /// The last feedback told of a faster link, and the rate took it at once.
    pub(crate) const fn has_leapt(&self) -> bool {
        self.law.has_leapt()
    }

    pub(crate) fn wire(&self, limits: Limits) -> u64 {
        self.law.wire(self.limited(limits))
    }

    fn limited(&self, limits: Limits) -> Limits {
        let most = if self.breaker.state() == Breaker::Closed { limits.most } else { limits.least };
        Limits { most, ..limits }
    }

    fn rtt(&self) -> u32 {
        self.estimates.rtt.smoothed().unwrap_or(self.estimates.rtt_assumed)
    }

    pub(crate) fn on_sent(&mut self, sent: Sent, limits: Limits, now: Instant) {
        if !self.history.record(sent, now) {
            self.counts.misnumbered += 1;
            return;
        }
        if sent.path == self.path {
            let size = u16::try_from(sent.size.as_bytes()).unwrap_or(u16::MAX);
            self.estimates.sent.add(size);
            self.estimates.packet = size.max(self.estimates.packet - self.estimates.packet / 32);
        }
        self.waiting.or_set(now);
        self.looked.or_set(now);
        let since = self.last_sent.since(now).unwrap_or(PAIR + 1);
        self.last_sent = Moment::at(now);
        if since <= PAIR {
            (self.probe, self.probed) = (false, Moment::at(now));
        } else if since >= PAUSE {
            let slept = since.min(self.looked.since(now).unwrap_or(0));
            self.resume(sent.number, slept, limits);
        }
    }

    /// Nobody looked for a long time: the owner slept, and did not wait for news. The number from which on all is sent awake.
    #[cold]
    fn wake(&mut self, slept: u64, next: u64) {
        self.waiting = self.waiting.later(slept);
        self.awake_from = next;
    }

    /// When time is to be looked at next.
    pub(crate) fn next_at(&self) -> Option<Wake> {
        self.looked.get().map(|looked| Wake { at: looked + EVERY, why: "rate" })
    }

    /// The flow goes on after a pause.
    #[cold]
    fn resume(&mut self, number: u64, slept: u64, limits: Limits) {
        if slept >= PAUSE {
            self.wake(slept, number);
        }
        self.law.on_resume(self.limited(limits));
        (self.estimates.delivered, self.estimates.sent) = (Meter::new(), Meter::new());
    }

    /// Time has passed.
    pub(crate) fn on_time(&mut self, limits: Limits, now: Instant) {
        let limits = self.limited(limits);
        let idle = |since: Moment| since.since(now).unwrap_or(0);
        let slept = idle(self.looked).min(idle(self.last_sent));
        if slept >= PAUSE {
            self.wake(slept, self.history.largest().map_or(0, |largest| largest + 1));
        }
        if self.looked.is_set() {
            self.looked = Moment::at(now);
        }
        let waiting = self.waiting.since(now).unwrap_or(0);
        if idle(self.last_sent) >= PAUSE {
            // Who sends nothing is owed no news: neither the rate nor the breaker counts a pause.
            return;
        }
        self.law.on_time(waiting, u64::from(self.rtt()), limits, now);
        self.breaker.on_sent(self.waiting.get().unwrap_or(now), now);
        if self.asked.since(now).is_some_and(|asked| asked >= ANSWER) {
            self.estimates.pairs.give_up();
            self.asked = Moment::NONE;
        }
        self.plan_probe(limits, now);
    }

    fn plan_probe(&mut self, limits: Limits, now: Instant) {
        let due = (self.law.wants_link() || !self.estimates.pairs.is_settled())
            && self.probed.is_before(now, u64::from(self.rtt()))
            || self.estimates.pairs.rate().is_none() && self.probed.is_before(now, PROBE_EVERY);
        self.probe = due && self.law.is_probing(limits, self.estimates.pairs.is_settled());
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
        if !news || newest.path != self.path {
            return;
        }
        self.waiting = Moment::NONE;
        let rtt = rtt.filter(|_| report.largest() >= self.awake_from);
        if let Some(rtt) = rtt {
            self.estimates.rtt.push(rtt, now);
        }
        self.time(report, now);
        let queue = self.believed_queue(rtt.is_some());
        self.estimates.sent.mark(RemoteTime::from_ticks(ticks(now)));
        let marks = self.estimates.marks(report.ecn());
        self.counts.marked += marks;
        let limits = self.limited(limits);
        if self.law.is_calm() {
            self.count_calm(acked, lost);
        }
        let leaving = self.estimates.sent.over(LONG_SPAN);
        if let Some(queue) = queue {
            let signals = self.signals(report, (queue, leaving), newest, (acked, lost, marks), now);
            let before = self.law.phase();
            self.law.on_feedback(&signals, limits, now);
            if self.law.is_unyielding() {
                self.estimates.calm_loss /= 2;
            }
            if before == Phase::Draining && self.law.wants_link() {
                // The link may have become slower: it is measured anew.
                self.estimates.pairs.restart();
                self.asked = Moment::at(now);
            }
        }
        let leaving = Bitrate::from_bps(leaving.unwrap_or(0));
        let packet = DataSize::from_bytes(u64::from(self.estimates.packet));
        let rtt = Duration::from_micros(u64::from(self.rtt()));
        self.breaker.on_feedback(self.estimates.loss.loss(), rtt, packet, leaving, now);
        self.plan_probe(limits, now);
    }

    /// While no queue stands: what is lost is lost elsewhere. A sixty-fourth of the difference for each packet told of.
    fn count_calm(&mut self, acked: u32, lost: u32) {
        let told = u64::from(acked + lost).max(1);
        let share = if lost == 0 { 0 } else { u64::from(lost) * u64::from(Fixed::ONE.bits()) / told };
        let (calm, told) = (u64::from(self.estimates.calm_loss), u64::from(acked + lost).min(64));
        let calm = (calm * (64 - told) + share * told) / 64;
        self.estimates.calm_loss = u32::try_from(calm).unwrap_or(MOST_CALM_LOSS);
    }

    /// Media takes another path, whose packets were of `start` at first.
    pub(crate) fn on_path(&mut self, path: u8, start: u64, limits: Limits) {
        if path != self.path {
            // Nothing that was measured holds on another path; what did not pass here is not dared there.
            self.path = path;
            // Before the first packet it only gets its name: what is remembered of it stays.
            if self.last_sent.is_set() {
                // How far the rate had fallen while nothing was heard says nothing of another path.
                let dared =
                    if self.law.phase() == Phase::Silent { start } else { self.law.wire(limits).min(start) };
                self.estimates = Estimates { ecn: self.estimates.ecn, ..Estimates::new() };
                (self.law, self.breaker) = (Law::new(dared), CircuitBreaker::new());
                (self.waiting, self.probed, self.probe) = (Moment::NONE, Moment::NONE, false);
                (self.remeasured, self.asked) = (Moment::NONE, Moment::NONE);
                (self.fallen, self.contradicted) = ((0, 0), 0);
            }
        }
        self.law.limit(self.limited(limits));
    }

    /// What the sender should do, with `pacing` parts in a hundred of the wire rate for the pacer.
    pub(crate) fn target(&self, limits: Limits, ptime: Duration, pacing: u64) -> Target {
        let wire = self.wire(limits);
        let floor = u64::from(self.estimates.packet) * WINDOW_FLOOR;
        let window = part(wire, u64::from(self.rtt()) + WINDOW_TIME, 8_000_000);
        Target {
            wire: Bitrate::from_bps(wire),
            ptime,
            loss: self.estimates.loss.loss(),
            burst: self.estimates.loss.burst(),
            pacing: Bitrate::from_bps(part(wire, pacing, 100)),
            window: DataSize::from_bytes(window.max(floor)),
            probe: self.probe,
            ecn: Ecn::Ect1,
            breaker: self.breaker.state(),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let Counts { acked, lost, unreported, marked, refused, stale, misnumbered } = self.counts;
        let micros = |micros: u32| Duration::from_micros(u64::from(micros));
        let queue = self.estimates.delay.queue();
        Stats {
            rtt: self.estimates.rtt.smoothed().map(micros),
            min_rtt: self.estimates.rtt.least().map(micros),
            queueing_delay: queue
                .map(|queue| Duration::from_micros(u64::try_from(queue.least).unwrap_or(0) * TICK_MICROS)),
            loss: self.estimates.loss.loss(),
            burst: self.estimates.loss.burst(),
            in_flight: DataSize::from_bytes(self.history.in_flight()),
            delivered: self.estimates.delivered.over(LONG_SPAN).map(Bitrate::from_bps),
            sent_rate: self.estimates.sent.over(LONG_SPAN).map(Bitrate::from_bps),
            acked,
            lost,
            unreported: u64::from(unreported),
            marked: u64::from(marked),
            refused: u64::from(refused),
            stale: u64::from(stale),
            misnumbered: u64::from(misnumbered),
            phase: self.law.phase(),
            breaker: self.breaker.state(),
        }
    }
}
