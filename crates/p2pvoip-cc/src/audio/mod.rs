//! The controller for voice: estimators in, one law, a target out (docs/spec/cc.md explains the law).
//!
//! # Left out
//! - Padding: what probes is media's own redundancy.
//! - A memory of paths that were left: a path that comes back starts anew.

mod breaker;
mod config;
mod ladder;
mod law;
#[cfg(test)]
mod tests;

pub use config::{AudioConfig, ConfigError};

use crate::controller::{Controller, Sent, Stats};
use crate::delay::DelayEstimator;
use crate::feedback::{EcnCounts, Feedback, MAX_TIMES, REACH};
use crate::history::{Fate, History};
use crate::loss::LossEstimator;
use crate::rate::RateEstimator;
use crate::rtt::RttEstimator;
use crate::target::{Breaker, Target};
use breaker::CircuitBreaker;
use config::PTIMES;
use core::time::Duration;
use ladder::Ladder;
use law::{Law, Limits, Signals};
use p2pvoip_core::{Bitrate, DataSize, Instant};

/// The payload held, in packets of 40 ms, behind a queue that others fill: wideband speech (RFC 6716 section 2.1.1).
const FLOOR_PAYLOAD: Bitrate = Bitrate::from_kbps(20);
/// The span over which a cut measures what is delivered: as short as five packets of 20 ms allow.
const SHORT_SPAN: Duration = Duration::from_millis(100);
/// The span over which sending and delivery are compared.
const LONG_SPAN: Duration = Duration::from_millis(500);
/// The pacer's rate in parts in a hundred of the wire rate: a copy and a control fragment beside the voice pass at once.
const PACING: u64 = 150;
/// What may be in flight beside one round trip: a stall that voice survives, so that a gap of the link fills its queue and
/// not ours.
const WINDOW_TIME: Duration = Duration::from_millis(600);
/// The least window in packets of the largest size lately sent.
const WINDOW_FLOOR: u64 = 10;
/// The round-trip time that is assumed before there is a sample (RFC 6298 section 2.1 assumes 1 s for its timer).
const RTT_UNKNOWN: Duration = Duration::from_millis(300);
/// A round trip may come out as negative by the rounding of both clocks; by more it is a lie.
const ROUNDING: Duration = Duration::from_millis(1);
/// Where the receiver's clock is first placed on ours: far enough from zero to go back.
const RECEIVER_EPOCH: u64 = 1 << 50;

/// Estimator: the congestion controller of one voice flow.
#[derive(Clone, Debug)]
pub struct AudioController {
    config: AudioConfig,
    path: u8,
    history: History,
    estimates: Estimates,
    law: Law,
    ladder: Ladder,
    breaker: CircuitBreaker,
    counts: Counts,
}

/// What is measured of the present path.
#[derive(Clone, Debug)]
struct Estimates {
    delay: DelayEstimator,
    rtt: RttEstimator,
    loss: LossEstimator,
    delivered: RateEstimator,
    sent: RateEstimator,
    /// The receiver's clock at its newest report, unwrapped.
    report: u64,
    /// The largest number reported.
    largest: Option<u64>,
    ecn: Option<EcnCounts>,
    /// The largest packet lately sent; it shrinks slowly.
    packet: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    acked: u64,
    lost: u64,
    unreported: u64,
    marked: u64,
    refused: u64,
    stale: u64,
    misnumbered: u64,
}

impl Estimates {
    fn new() -> Self {
        Self {
            delay: DelayEstimator::default(),
            rtt: RttEstimator::default(),
            loss: LossEstimator::default(),
            delivered: RateEstimator::new(),
            sent: RateEstimator::new(),
            report: RECEIVER_EPOCH,
            largest: None,
            ecn: None,
            packet: 0,
        }
    }

    /// How many packets were marked since the last feedback with counts.
    fn marks(&mut self, ecn: Option<EcnCounts>) -> u64 {
        let Some(ecn) = ecn else { return 0 };
        let before = self.ecn.replace(ecn).unwrap_or_default();
        u64::from(ecn.ce.wrapping_sub(before.ce))
    }
}

/// A feedback that can be true: the largest number, and the round trip if its arrival is told.
#[derive(Clone, Copy)]
struct Checked {
    largest: u64,
    rtt: Option<Duration>,
}

/// Why a feedback changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Useless {
    Refused,
    Stale,
}

impl AudioController {
    /// A controller that starts at `config.start_payload` on path 0.
    ///
    /// # Errors
    /// [`ConfigError`] says what to give instead.
    pub fn new(config: AudioConfig) -> Result<Self, ConfigError> {
        let config = config.validate()?;
        let mut controller = Self {
            config,
            path: 0,
            history: History::new(),
            estimates: Estimates::new(),
            law: Law::new(config.start()),
            ladder: Ladder::default(),
            breaker: CircuitBreaker::default(),
            counts: Counts::default(),
        };
        controller.ladder.follow(config.start(), &config, Instant::default());
        Ok(controller)
    }

    fn limits(&self) -> Limits {
        let [_, middle, _] = PTIMES;
        let (least, most) = (self.config.least(), self.config.most());
        let most = if self.breaker.state() == Breaker::Closed { most } else { least };
        Limits { least, most, floor: self.config.wire(FLOOR_PAYLOAD, middle).min(most) }
    }

    fn rtt(&self) -> Duration {
        self.estimates.rtt.smoothed().unwrap_or(RTT_UNKNOWN)
    }

    /// Looks whether a feedback can be true, and changes nothing.
    fn check(&self, feedback: &Feedback, now: Instant) -> Result<Checked, Useless> {
        let sent = self.history.largest().ok_or(Useless::Refused)?;
        let mut reports = feedback.reports(sent).ok_or(Useless::Refused)?;
        let newest = reports.next().ok_or(Useless::Refused)?;
        if newest.number < self.history.oldest() {
            return Err(Useless::Stale);
        }
        let record = self.history.get(newest.number).ok_or(Useless::Refused)?;
        let known = |number| number < self.history.oldest() || self.history.get(number).is_some();
        if !reports.all(|report| !report.received || known(report.number)) {
            return Err(Useless::Refused);
        }
        let elapsed = record.elapsed(now);
        let rtt = newest
            .age
            .map(|age| (elapsed + ROUNDING).checked_sub(age).ok_or(Useless::Refused))
            .transpose()?;
        let rtt = rtt.map(|rtt| rtt.saturating_sub(ROUNDING));
        Ok(Checked { largest: newest.number, rtt })
    }

    /// Takes what came out of flight; whether any of it is news.
    fn acknowledge(&mut self, feedback: &Feedback, sent: u64) -> bool {
        let mut news = false;
        for report in feedback.reports(sent).into_iter().flatten().filter(|report| report.received) {
            let Some((record, before)) = self.history.receive(report.number) else { continue };
            news = true;
            self.counts.acked += 1;
            let ours = record.path == self.path;
            if before == Fate::Lost {
                self.counts.lost = self.counts.lost.saturating_sub(1);
                if ours {
                    self.estimates.loss.on_late();
                }
            }
            if ours {
                self.estimates.delivered.add(u64::from(record.size));
            }
        }
        news
    }

    /// Decides what is lost.
    fn decide(&mut self, largest: u64) {
        let (estimates, counts, path) = (&mut self.estimates, &mut self.counts, self.path);
        let mut torn = false;
        self.history.decide(largest, largest.saturating_sub(REACH as u64), |record, fate| {
            counts.lost += u64::from(fate == Fate::Lost);
            counts.unreported += u64::from(fate == Fate::Unreported);
            torn |= fate == Fate::Unreported;
            if record.path == path && matches!(fate, Fate::Lost | Fate::Received) {
                estimates.loss.on_decided(fate == Fate::Lost);
            }
        });
        if torn {
            // Bytes that no feedback told of would read as a low rate of delivery.
            estimates.delivered = RateEstimator::new();
        }
    }

    /// Uses each arrival time that was not told before, in the order of arrival.
    fn time(&mut self, feedback: &Feedback, sent: u64, now: Instant) {
        let report = feedback.report_micros(self.estimates.report);
        self.estimates.report = report;
        let mut samples = [None; MAX_TIMES];
        let told = feedback.reports(sent).into_iter().flatten();
        let told = told.filter_map(|report| report.age.map(|age| (report.number, age)));
        for (place, (number, age)) in samples.iter_mut().zip(told) {
            let arrived = i64::try_from(report).unwrap_or(i64::MAX).saturating_sub(micros(age));
            *place =
                self.history.time(number).filter(|record| record.path == self.path).map(|r| (r, arrived));
        }
        let mut newest = 0;
        for (record, arrived) in samples.into_iter().rev().flatten() {
            let left = i64::try_from(now.as_micros())
                .unwrap_or(i64::MAX)
                .saturating_sub(micros(record.elapsed(now)));
            self.estimates.delay.push(left, arrived, now);
            newest = newest.max(arrived);
        }
        if newest > 0 {
            // All that this feedback tells of had arrived by then.
            self.estimates.delivered.mark(Instant::from_micros(newest.unsigned_abs()));
        }
    }

    fn signals(&self, marked: bool, largest: u64, sent: u64) -> Option<Signals> {
        let Estimates { delay, delivered, sent: leaving, .. } = &self.estimates;
        let ptime = self.ladder.ptime();
        Some(Signals {
            queue: delay.standing()?,
            ptime,
            loss: self.estimates.loss.loss(),
            marked,
            delivered: delivered.over(SHORT_SPAN.max(ptime * 4)),
            steady: delivered.over(LONG_SPAN).zip(leaving.over(LONG_SPAN)),
            arrived: largest,
            next: sent.saturating_add(1),
        })
    }
}

impl Controller for AudioController {
    fn on_sent(&mut self, sent: Sent, now: Instant) {
        if !self.history.record(sent, now) {
            self.counts.misnumbered += 1;
            return;
        }
        if sent.path == self.path {
            let size = sent.size.as_bytes().min(u64::from(u16::MAX));
            self.estimates.sent.add(size);
            self.estimates.sent.mark(now);
            self.estimates.packet = size.max(self.estimates.packet - self.estimates.packet / 32);
        }
        self.law.on_sent(self.rtt(), self.limits(), now);
        self.breaker.on_sent(self.law.heard().unwrap_or(now), now);
        self.ladder.follow(self.law.wire(), &self.config, now);
    }

    fn on_feedback(&mut self, feedback: &Feedback, now: Instant) {
        let checked = match self.check(feedback, now) {
            Ok(checked) => checked,
            Err(Useless::Refused) => return self.counts.refused += 1,
            Err(Useless::Stale) => return self.counts.stale += 1,
        };
        let sent = self.history.largest().unwrap_or(checked.largest);
        let news = self.acknowledge(feedback, sent);
        if self.estimates.largest.is_some_and(|largest| checked.largest < largest) {
            // Overtaken: what it says of packets holds, its times are of the past.
            self.counts.stale += 1;
            return;
        }
        self.estimates.largest = Some(checked.largest);
        self.decide(checked.largest);
        let ours = self.history.get(checked.largest).is_some_and(|record| record.path == self.path);
        if !news || !ours {
            return;
        }
        if let Some(rtt) = checked.rtt {
            self.estimates.rtt.push(rtt, now);
        }
        self.time(feedback, sent, now);
        let marks = self.estimates.marks(feedback.ecn());
        self.counts.marked += marks;
        if let Some(signals) = self.signals(marks > 0, checked.largest, sent) {
            self.law.on_feedback(&signals, self.limits(), now);
        }
        let leaving = self.estimates.sent.over(LONG_SPAN).unwrap_or_default();
        let packet = DataSize::from_bytes(self.estimates.packet);
        self.breaker.on_feedback(self.estimates.loss.loss(), self.rtt(), packet, leaving, now);
        self.ladder.follow(self.law.wire(), &self.config, now);
    }

    fn on_path(&mut self, path: u8, overhead: DataSize, now: Instant) {
        self.config.overhead = DataSize::from_bytes(overhead.as_bytes().min(u64::from(u16::MAX)));
        if path != self.path {
            // Nothing that was measured holds on another path; what did not pass here is not dared there.
            self.path = path;
            self.estimates = Estimates { ecn: self.estimates.ecn, ..Estimates::new() };
            self.law = Law::new(self.law.wire().min(self.config.start()));
            self.breaker = CircuitBreaker::default();
        }
        self.law.limit(self.limits());
        self.ladder.follow(self.law.wire(), &self.config, now);
    }

    fn target(&self) -> Target {
        let wire = self.law.wire();
        let packets = DataSize::from_bytes(self.estimates.packet * WINDOW_FLOOR);
        Target {
            wire,
            ptime: self.ladder.ptime(),
            loss: self.estimates.loss.loss(),
            burst: self.estimates.loss.burst(),
            pacing: wire.scaled(PACING, 100),
            window: (wire * (self.rtt() + WINDOW_TIME)).max(packets),
            probe: self.law.is_probing(self.limits()),
            breaker: self.breaker.state(),
        }
    }

    fn stats(&self) -> Stats {
        let Counts { acked, lost, unreported, marked, refused, stale, misnumbered } = self.counts;
        Stats {
            rtt: self.estimates.rtt.smoothed(),
            min_rtt: self.estimates.rtt.least(),
            queueing_delay: self.estimates.delay.standing(),
            loss: self.estimates.loss.loss(),
            burst: self.estimates.loss.burst(),
            in_flight: DataSize::from_bytes(self.history.in_flight()),
            delivered: self.estimates.delivered.over(LONG_SPAN),
            sent_rate: self.estimates.sent.over(LONG_SPAN),
            acked,
            lost,
            unreported,
            marked,
            refused,
            stale,
            misnumbered,
            phase: self.law.phase(),
            breaker: self.breaker.state(),
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
