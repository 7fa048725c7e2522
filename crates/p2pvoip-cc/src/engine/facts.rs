//! What the engine makes of a report: whether it can be true, what became of packets, when they came, and what that tells the
//! law.

use super::{Engine, Estimates, MOST_CALM_LOSS, Useless, law, part};
use crate::Fixed;
use crate::controller::Phase;
use crate::delay::Queue;
use crate::engine::law::Signals;
use crate::history::{Fate, Record};
use crate::moment::Moment;
use crate::pairs;
use crate::rate::Meter;
use crate::report::{RemoteTime, Report, TICK_MICROS};
use core::time::Duration;
use p2pvoip_core::Instant;

/// The span over which it is asked whether more brings more, in microseconds.
const RAW_SPAN: u32 = 700_000;
/// A round trip may come out as negative by the rounding of both clocks; by more it is a lie.
const ROUNDING: u32 = 16;
/// A queue may be this much longer than the round trip shows, 5 ms in ticks ...
const UNSURE: i32 = 78;
/// ... or so often; then the least delay is forgotten.
const CONTRADICTED: u8 = 4;
/// A queue above this in each of the two newest samples, and not falling, is one: 30 ms in ticks.
const JUMP: i32 = 468;
/// No law sees a queue up to this: 2 ms in ticks, half of the shortest that stands.
const NO_QUEUE: i32 = 31;
/// Above this share of loss, 2 % in 65,536ths, rates of a few packets are no measure.
const LOSSY: u32 = 1_311;
/// A delay this much below the least is a change of the link: 0.75 ms in ticks.
const SHORTER: i32 = 12;
/// ... and by as much as jitter is above this, 2 ms in ticks.
const GRAIN: i32 = 31;
/// No path becomes shorter or longer by so much at once, 1 s in ticks: the receiver's clock was set, and spans across that
/// tell no rate.
const LEAP: i32 = 15_625;
/// More than this is no least delay that was never real, but a clock that was set: 100 ms in ticks.
const SET: i32 = 1_562;
/// A fall of delay explains a faster link for this long, in microseconds.
const RECENT: u64 = 2_000_000;
/// The link is asked for again because of delay at most this often, in microseconds.
const REMEASURE: u64 = 1_000_000;

impl<const N: usize> Engine<N> {
    /// Looks whether a report can be true, and changes nothing. The round trip, if it tells one.
    pub(super) fn check(&self, report: &Report, now: Instant) -> Result<Option<Duration>, Useless> {
        if !self.history.can_be_true(report) {
            return Err(Useless::Refused);
        }
        let record = self.history.get(report.largest()).ok_or(Useless::Stale)?;
        let Some(held) = report.held_ticks() else { return Ok(None) };
        let rtt = (record.age(now) + ROUNDING).checked_sub(held).ok_or(Useless::Refused)?;
        Ok(Some(Duration::from_micros(u64::from(rtt.saturating_sub(ROUNDING)) * TICK_MICROS)))
    }

    /// Takes what came out of flight: whether any of it is news, how many came and how many were lost.
    pub(super) fn take(&mut self, report: &Report) -> (bool, u32, u32) {
        let (estimates, counts, path) = (&mut self.estimates, &mut self.counts, self.path);
        let (mut acked, mut lost, mut torn) = (0, 0, false);
        let news = self.history.take(report, |record, fate| {
            let ours = record.path == path;
            match fate {
                Fate::Received => {
                    counts.acked += 1;
                    if ours {
                        acked += 1;
                        estimates.delivered.add(record.size);
                    }
                }
                Fate::Late => {
                    counts.acked += 1;
                    counts.lost = counts.lost.saturating_sub(1);
                    if ours {
                        estimates.loss.on_late();
                        estimates.delivered.add(record.size);
                    }
                }
                Fate::Kept if ours => estimates.loss.on_decided(false),
                Fate::Lost => {
                    counts.lost += 1;
                    if ours {
                        lost += 1;
                        estimates.loss.on_decided(true);
                    }
                }
                Fate::Unreported => {
                    counts.unreported += 1;
                    torn = true;
                }
                Fate::Kept => {}
            }
        });
        if torn {
            // Bytes that no report told of would read as a low rate of delivery.
            estimates.delivered = Meter::new();
        }
        (news, acked, lost)
    }

    /// Uses each arrival time that was not told before, in the order of sending.
    pub(super) fn time(&mut self, report: &Report, now: Instant) {
        let fresh = self.history.time_all(report);
        self.estimates.pairs.prove(self.law.ceiling().unwrap_or(0));
        // The lowest number first; its time stands behind those of all higher numbers that came.
        let mut left = report.received() & u64::MAX.checked_shr(fresh.leading_zeros()).unwrap_or(0);
        let mut rank = left.count_ones();
        while left != 0 {
            let back = left.ilog2();
            left &= !(1 << back);
            rank -= 1;
            let Some(arrived) = report.times().get(rank as usize).filter(|_| fresh >> back & 1 == 1) else {
                continue;
            };
            let number = report.largest() - u64::from(back);
            let Some(record) = self.history.get(number).filter(|record| record.path == self.path) else {
                continue;
            };
            self.came(number, record, *arrived, now);
        }
        if let Some(newest) = report.times().first() {
            // All that this report tells of had arrived by then.
            self.estimates.delivered.mark(*newest);
        }
    }

    /// A packet and its arrival, in the order of sending.
    pub(super) fn came(&mut self, number: u64, record: Record, arrived: RemoteTime, now: Instant) {
        let Estimates { delay, pairs, .. } = &mut self.estimates;
        pairs.on_jitter(delay.jitter());
        let thought = pairs.own(record.size);
        pairs.push(number, record, arrived);
        let own = pairs.own(record.size);
        if own < thought - SHORTER && self.remeasured.is_before(now, RECENT + 1) {
            // No delay has fallen: the link is no faster, it was taken for too slow.
            delay.shift(thought - own);
        }
        let sample = delay.sample(RemoteTime::from_ticks(record.sent), arrived, own);
        let mut basis = pairs.is_settled();
        let below = if own > 0 { delay.below(sample) } else { 0 };
        if below > LEAP {
            self.estimates.delivered = Meter::new();
        }
        let Estimates { delay, pairs, .. } = &mut self.estimates;
        if below > SHORTER + (delay.jitter() - GRAIN).max(0) {
            // Less than ever: the link has become faster, or the path shorter. A pair tells which.
            let asked = self.remeasured.is_before(now, REMEASURE);
            if asked {
                (self.remeasured, self.fallen) = (Moment::at(now), (below, record.size));
                self.law.on_faster();
                pairs.restart();
                self.asked = Moment::at(now);
            } else if below > self.fallen.0 {
                self.fallen = (below, record.size);
            }
            basis &= !asked;
        }
        delay.push(sample, basis, now);
    }

    /// What passed the slowest link, where so much arrived: what is lost on the way is lost elsewhere, as long as no queue
    /// stood while it was.
    pub(super) fn unlost(&self, rate: u64) -> u64 {
        let arrives = u64::from(Fixed::ONE.bits() - self.estimates.calm_loss.min(MOST_CALM_LOSS));
        part(rate, u64::from(Fixed::ONE.bits()), arrives)
    }

    /// The link, when it is much faster than the one that was full, and delay has fallen by as much as that explains.
    pub(super) fn faster_link(&self, now: Instant) -> Option<u64> {
        let (link, full) = self.estimates.pairs.rate().zip(self.law.full())?;
        let recent = !self.remeasured.is_before(now, RECENT + 1);
        let (below, size) = self.fallen;
        let expected = pairs::ticks(size, full) - pairs::ticks(size, link);
        (recent && 2 * below >= expected).then_some(link)
    }

    /// The queue, as far as the round trip bears it out: a queue on the way there makes that longer too, but clocks that
    /// jump, or a least delay that was never real, do not.
    ///
    /// With it, whether a long queue has appeared at once.
    pub(super) fn believed_queue(&mut self, timed: bool) -> Option<(Queue, bool)> {
        let Estimates { delay, rtt, delivered, .. } = &mut self.estimates;
        let queue = delay.queue()?;
        let jumped = delay.jump().is_some_and(|jump| jump > JUMP + 3 * delay.jitter());
        let excess = rtt.excess().filter(|_| timed);
        let Some(excess) = excess.and_then(|micros| i32::try_from(u64::from(micros) / TICK_MICROS).ok())
        else {
            return Some((queue, jumped));
        };
        let most = excess.saturating_add(UNSURE + 2 * delay.jitter());
        let jumped = jumped && most >= JUMP;
        let wrong = queue.newest - excess;
        if wrong > LEAP {
            // A clock that was set by so much is known by one packet. What the base is too high is soon found out.
            self.contradicted = 0;
            delay.rebase(wrong + UNSURE);
            *delivered = Meter::new();
            return Some((Queue { least: queue.least.min(most), newest: most, ..queue }, false));
        }
        if queue.least <= most {
            self.contradicted = 0;
            // Of a clock that was set the newest packet tells first.
            let newest = if wrong > SET { most } else { queue.newest };
            return Some((Queue { newest, ..queue }, jumped));
        }
        // The least round trip has a packet's own time in it: what falls short of a long queue by that does not contradict it.
        self.contradicted = if queue.least > most.saturating_mul(2) { self.contradicted + 1 } else { 0 };
        if self.contradicted >= CONTRADICTED {
            self.contradicted = 0;
            if wrong > SET {
                // What is too much is soon found out by a packet that waits less.
                delay.rebase(wrong + UNSURE);
            } else {
                delay.restart();
            }
            // Spans across a jump of the receiver's clock tell no rate.
            *delivered = Meter::new();
        }
        Some((Queue { least: most, newest: most, ..queue }, false))
    }

    pub(super) fn signals(
        &self,
        report: &Report,
        ((queue, jumped), leaving): ((Queue, bool), Option<u64>),
        newest: Record,
        told: (u32, u32, u32),
        now: Instant,
    ) -> Signals {
        let Estimates { delay, delivered, pairs, .. } = &self.estimates;
        let (acked, lost, marks) = told;
        // A law that sees no queue, and does not drain one, asks for nothing else than the long span: these are divisions.
        let asked =
            queue.least > NO_QUEUE || jumped || !matches!(self.law.phase(), Phase::Growing | Phase::Silent);
        let over = |span| delivered.over(span).map(|rate| self.unlost(rate));
        Signals {
            queue: u64::try_from(queue.least).unwrap_or(0) * TICK_MICROS,
            own: u64::try_from(pairs.own(self.estimates.packet)).unwrap_or(0) * TICK_MICROS,
            falls: queue.change * 10 < -3 * queue.span,
            link: pairs.rate(),
            faster: self.faster_link(now),
            delivered: if asked { law::SPANS.map(over) } else { [None; 3] },
            raw: delivered.over(RAW_SPAN),
            sent: leaving,
            jumped,
            jitter: u64::from(delay.jitter().unsigned_abs()) * TICK_MICROS,
            met: u64::try_from(queue.newest).unwrap_or(0) * TICK_MICROS,
            newest: u64::from(newest.size) * 8,
            flight: self.history.in_flight() * 8,
            rtt: u64::from(self.rtt()),
            behind: u64::from(newest.age(now)) * TICK_MICROS,
            lost,
            marks,
            acked,
            lossy: self.estimates.calm_loss > LOSSY,
            arrived: report.largest(),
            next: self.history.largest().unwrap_or(0).saturating_add(1),
        }
    }
}
