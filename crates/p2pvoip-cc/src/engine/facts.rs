//! What the engine makes of a report: whether it can be true, what became of packets, when they came, and what that tells the
//! law.

use super::belief::{Believed, LEAP};
use super::{Engine, Here, MOST_CALM_LOSS, Useless, law, part};
use crate::Fixed;
use crate::controller::Phase;
use crate::engine::law::Signals;
use crate::history::{Fate, Record};
use crate::rate::Meter;
use crate::report::{RemoteTime, Report, TICK_MICROS};
use p2pvoip_core::Instant;

/// The span over which it is asked whether more brings more, in microseconds.
const RAW_SPAN: u32 = 700_000;
/// A round trip may come out as negative by the rounding of both clocks; by more it is a lie.
const ROUNDING: u32 = 16;
/// No law sees a queue up to this: 2 ms in ticks, half of the shortest that stands.
const NO_QUEUE: i32 = 31;
/// Above this share of loss, 2 % in 65,536ths, rates of a few packets are no measure.
const LOSSY: u32 = 1_311;
/// A delay this much below the least is a change of the link: 0.75 ms in ticks.
const SHORTER: i32 = 12;
/// ... and by as much as jitter is above this, 2 ms in ticks.
const GRAIN: i32 = 31;

impl<const N: usize> Engine<N> {
    /// Looks whether a report can be true, and changes nothing. The round trip in microseconds, if it tells one.
    pub(super) fn check(&self, report: &Report, now: Instant) -> Result<Option<u64>, Useless> {
        if !self.history.can_be_true(report) {
            return Err(Useless::Refused);
        }
        let record = self.history.get(report.largest()).ok_or(Useless::Stale)?;
        let Some(held) = report.held_ticks() else { return Ok(None) };
        let rtt = (record.age(now) + ROUNDING).checked_sub(held).ok_or(Useless::Refused)?;
        Ok(Some(u64::from(rtt.saturating_sub(ROUNDING)) * TICK_MICROS))
    }

    /// Takes what came out of flight: whether any of it is news, how many came and how many were lost.
    pub(super) fn take(&mut self, report: &Report) -> (bool, u32, u32) {
        let (path, here, counts) = (self.here.path, &mut self.here, &mut self.counts);
        let (mut lost, mut torn) = (0, false);
        let came = self.history.take(report, path, |fate, ours| match fate {
            Fate::Late(size) => {
                counts.acked += 1;
                counts.lost = counts.lost.saturating_sub(1);
                if ours {
                    here.loss.on_late();
                    here.delivered.add(u32::from(size));
                }
            }
            Fate::Kept if ours => here.loss.on_decided(false),
            Fate::Kept => {}
            Fate::Lost => {
                counts.lost += 1;
                if ours {
                    lost += 1;
                    here.loss.on_decided(true);
                }
            }
            Fate::Unreported => {
                counts.unreported += 1;
                torn = true;
            }
        });
        counts.acked += u64::from(came.packets);
        here.delivered.add(came.bytes);
        if torn {
            // Bytes that no report told of would read as a low rate of delivery.
            here.delivered = Meter::new();
        }
        (came.news, came.ours, lost)
    }

    /// Uses each arrival time that was not told before, in the order of sending. Whether there was one.
    pub(super) fn time(&mut self, report: &Report, now: Instant) -> bool {
        let fresh = self.history.time_all(report);
        self.here.pairs.prove(self.here.law.ceiling().unwrap_or(0));
        // The lowest number first; its time stands behind those of all higher numbers that came.
        let mut left = report.received() & u64::MAX.checked_shr(fresh.leading_zeros()).unwrap_or(0);
        let (mut rank, mut timed) = (left.count_ones(), false);
        while left != 0 {
            let back = left.ilog2();
            left &= !(1 << back);
            rank -= 1;
            let Some(arrived) = report.times().get(rank as usize).filter(|_| fresh >> back & 1 == 1) else {
                continue;
            };
            let number = report.largest() - u64::from(back);
            let Some(record) = self.history.get(number).filter(|record| record.path == self.here.path) else {
                continue;
            };
            self.came(number, record, *arrived, now);
            timed = true;
        }
        if let Some(newest) = report.times().first() {
            // All that this report tells of had arrived by then.
            self.here.delivered.mark(*newest);
        }
        timed
    }

    /// A packet and its arrival, in the order of sending.
    pub(super) fn came(&mut self, number: u64, record: Record, arrived: RemoteTime, now: Instant) {
        let Here { asking, belief, pairs, delivered, law, .. } = &mut self.here;
        let delay = &mut belief.delay;
        pairs.on_jitter(delay.jitter_at_least());
        let thought = pairs.own(record.size);
        let paired = pairs.push(number, record.size, record.sent, arrived);
        let own = if paired { pairs.own(record.size) } else { thought };
        if own < thought - SHORTER && !asking.has_fallen(now) {
            // No delay has changed: the link is as it was, and was not known well.
            delay.shift(thought - own);
        }
        let sample = delay.sample(record.sent, arrived, own);
        let mut basis = pairs.is_settled();
        let below = if own > 0 { delay.below(sample) } else { 0 };
        if below > LEAP {
            *delivered = Meter::new();
        }
        let falls = below > SHORTER && below > SHORTER + delay.jitter() - GRAIN;
        if !asking.is_answered(basis) && falls && asking.on_fall(below, record.size, basis, now) {
            // Less than ever: the link has become faster, or the path shorter. A pair tells which.
            law.on_faster();
            asking.ask(pairs, now);
            basis = false;
        }
        delay.push(sample, basis, now);
    }

    /// What passed the slowest link, where so much arrived: what is lost on the way is lost elsewhere, as long as no queue
    /// stood while it was.
    pub(super) fn unlost(&self, rate: u64) -> u64 {
        let arrives = u64::from(Fixed::ONE.bits() - self.here.calm_loss.min(MOST_CALM_LOSS));
        part(rate, u64::from(Fixed::ONE.bits()), arrives)
    }

    /// The link, when it is much faster than the one that was full, and delay has fallen by as much as that explains.
    pub(super) fn faster_link(&self, now: Instant) -> Option<u64> {
        let (link, full) = self.here.pairs.rate().zip(self.here.law.full())?;
        self.here.asking.explains(link, full, now).then_some(link)
    }

    pub(super) fn signals(
        &self,
        report: &Report,
        (Believed { queue, jumped, .. }, leaving): (Believed, Option<u64>),
        newest: Record,
        told: (u32, u32, u32),
        now: Instant,
    ) -> Signals {
        let Here { belief, delivered, pairs, .. } = &self.here;
        let delay = &belief.delay;
        let (acked, lost, marks) = told;
        // A law that sees no queue, and does not drain one, asks for nothing else than the long span: these are divisions.
        let asked = queue.least > NO_QUEUE
            || jumped
            || !matches!(self.here.law.phase(), Phase::Growing | Phase::Silent);
        let over = |span| delivered.over(span).map(|rate| self.unlost(rate));
        Signals {
            queue: u64::try_from(queue.least).unwrap_or(0) * TICK_MICROS,
            own: u64::try_from(pairs.own(self.here.packet)).unwrap_or(0) * TICK_MICROS,
            span: u64::from(queue.span.unsigned_abs()) * TICK_MICROS,
            falls: queue.change * 10 < -3 * queue.span,
            link: pairs.rate(),
            faster: self.faster_link(now),
            delivered: if asked { law::SPANS.map(over) } else { [None; 3] },
            raw: delivered.over(RAW_SPAN),
            sent: leaving,
            jumped,
            jitter: u64::from(delay.jitter().unsigned_abs()) * TICK_MICROS,
            spread: u64::from(delay.spread().unsigned_abs()) * TICK_MICROS,
            met: u64::try_from(queue.newest).unwrap_or(0) * TICK_MICROS,
            newest: u64::from(newest.size) * 8,
            flight: self.history.in_flight() * 8,
            rtt: u64::from(self.here.belief.rtt()),
            behind: u64::from(newest.age(now)) * TICK_MICROS,
            lost,
            marks,
            acked,
            lossy: self.here.calm_loss > LOSSY,
            arrived: report.largest(),
            next: self.history.largest().unwrap_or(0).saturating_add(1),
        }
    }
}
