//! What a run comes to, from what was noted.
//!
//! - Queueing delay: from entering the bottleneck's queue until the packet has left the link.
//! - End-to-end delay: from the moment the source made the packet until arrival, less propagation.
//! - Utilisation: bytes delivered over what was possible, see [`Reference`](crate::scenario::Reference).
//! - Up: from a rise of capacity, or the start, to the beginning of the first second in which 90 % of what is possible
//!   is delivered. Down: from a fall to the beginning of the first second in which no packet waits for 50 ms
//!   before its own transmission begins.

mod possible;
mod special;

pub use possible::rate as possible_rate;

use serde::Serialize;

use crate::record::{BIN, Bins, FlowRecord};
use crate::scenario::{Scenario, Tcp};
use crate::time::{MILLI, Micros, SECOND, seconds};
use crate::world::Noted;

/// A fall of capacity is over when no packet waits for this long before its own transmission begins.
pub const CALM: std::time::Duration = std::time::Duration::from_millis(50);
/// For so long.
const WINDOW: Micros = SECOND;
/// The Jain index leaves out this long after the last start.
const SETTLE: Micros = 20 * SECOND;
/// Residual loss leaves out a flow's first seconds, in which nobody can know of loss yet.
const LEARNING: Micros = 5 * SECOND;
/// Sound of a run's last second is left out: it may be on its way when the run ends.
const UNDER_WAY: Micros = SECOND;
/// Sound that comes later than this is bad.
const LATE: Micros = 150 * MILLI;

/// What a run comes to. Delays in milliseconds, rates in kbit/s, shares in percent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// Bytes delivered over what was possible.
    pub utilisation: f64,
    /// Queueing delay of all media packets: the median.
    pub p50: f64,
    /// Its 95th percentile.
    pub p95: f64,
    /// The 95th percentile over time: each moment counts with the packet that leaves next.
    pub p95_time: f64,
    /// The 99th percentile of all media packets.
    pub p99: f64,
    /// Its largest.
    pub max: f64,
    /// End-to-end delay without propagation: 95th percentile.
    pub e2e_p95: f64,
    /// 99th percentile.
    pub e2e_p99: f64,
    /// The longest time from a rise, or the start, to 90 %, in seconds; none when it never came.
    pub up: Option<f64>,
    /// The longest time from a fall to calm, in seconds; none when it never came.
    pub down: Option<f64>,
    /// Jain's index of mean rates.
    pub jain: f64,
    /// Sound lost after repair, skipped or late, in percent of sound made.
    pub bad: f64,
    /// Sound not there within 60 ms of its own packet's time, in percent: the residual loss.
    pub residual60: f64,
    /// The same within 160 ms.
    pub residual160: f64,
    /// Media that was sent, mean of flows while active.
    pub wire: f64,
    /// New sound in it.
    pub payload: f64,
    /// Media delivered, all flows.
    pub delivered: f64,
    /// Packets lost, in percent of those sent.
    pub lost: f64,
    /// Feedback of a flow, headers left out.
    pub feedback: f64,
    /// Competing TCP.
    pub tcp: f64,
    /// The least that a flow sent in any second after its first five.
    pub least: f64,
    /// What a paused flow delivers from 5 to 7 s after it resumes, in percent of an equal share.
    pub resumed: Option<f64>,
    /// What is sent from 1 to 2 s after a gap of capacity, in percent of the second before it; the worst.
    pub regained: Option<f64>,
    /// Video frames or sound that the sender never sent.
    pub skipped: f64,
    /// Of each flow.
    pub flows: Vec<FlowMetrics>,
}

/// What a run comes to for one flow.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FlowMetrics {
    /// Media delivered while active.
    pub delivered: f64,
    /// Queueing delay: the median.
    pub p50: f64,
    /// Its 95th percentile.
    pub p95: f64,
    /// Its 99th percentile.
    pub p99: f64,
}

/// Computes all of them.
pub fn measure(scenario: &Scenario, noted: &Noted) -> Metrics {
    let records = noted.flows.as_slice();
    let mut all: Vec<u32> = records.iter().flat_map(|record| record.queued.iter().map(|one| one.1)).collect();
    let mut late: Vec<u32> = records.iter().flat_map(|record| record.late.iter().copied()).collect();
    all.sort_unstable();
    late.sort_unstable();
    let (start, end) = scenario.span();
    let delivered: u64 = records.iter().map(|record| record.delivered.between(start, end)).sum();
    let sent: u64 = records.iter().map(|record| record.packets).sum();
    let lost: u64 = records.iter().map(|record| record.lost.sums().iter().sum::<u64>()).sum();
    let active: Vec<Micros> = (0..records.len()).map(|flow| active_time(scenario, flow)).collect();
    let total_active: Micros = active.iter().sum();
    let kbps = |bytes: u64, time: Micros| bytes as f64 * 8_000.0 / time.max(1) as f64;
    let sum = |of: fn(&FlowRecord) -> u64| records.iter().map(of).sum::<u64>();
    let flow = |(record, active): (&FlowRecord, &Micros)| {
        let mut queued: Vec<u32> = record.queued.iter().map(|one| one.1).collect();
        queued.sort_unstable();
        FlowMetrics {
            delivered: kbps(record.delivered.between(start, end), *active),
            p50: percentile(&queued, 0.5),
            p95: percentile(&queued, 0.95),
            p99: percentile(&queued, 0.99),
        }
    };
    let sound = sound(records, scenario.duration);
    let (up, down) = events(scenario, records);
    Metrics {
        utilisation: 100.0 * delivered as f64 * 8.0 / possible::bits(scenario, start, end).max(1.0),
        p50: percentile(&all, 0.5),
        p95: percentile(&all, 0.95),
        p95_time: special::over_time(records),
        p99: percentile(&all, 0.99),
        max: percentile(&all, 1.0),
        e2e_p95: percentile(&late, 0.95),
        e2e_p99: percentile(&late, 0.99),
        up,
        down,
        jain: jain(scenario, records),
        bad: sound[0],
        residual60: sound[1],
        residual160: sound[2],
        wire: kbps(sum(|record| record.sent.sums().iter().sum()), total_active),
        payload: kbps(sum(|record| record.payload), total_active),
        delivered: kbps(delivered, end - start),
        lost: 100.0 * lost as f64 / sent.max(1) as f64,
        feedback: kbps(sum(|record| record.feedback), total_active),
        tcp: tcp(scenario, noted),
        least: special::least(scenario, records),
        resumed: special::resumed(scenario, records),
        regained: special::regained(scenario, records),
        skipped: sum(|record| {
            record.skipped_frames + record.sound.iter().filter(|one| one.skipped).count() as u64
        }) as f64,
        flows: records.iter().zip(&active).map(flow).collect(),
    }
}

/// Competitors' rate together, in kbit/s: of endless ones while they last, of short ones over all.
fn tcp(scenario: &Scenario, noted: &Noted) -> f64 {
    let rate = |(spec, bins): (&Tcp, &Bins)| {
        let end = spec.end.min(scenario.duration);
        bins.between(spec.start, end) as f64 * 8_000.0 / end.saturating_sub(spec.start).max(1) as f64
    };
    scenario.tcps.iter().zip(&noted.tcps).map(rate).fold(0.0, |sum, rate| sum + rate)
}

fn percentile(sorted: &[u32], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).map_or(0.0, |value| f64::from(*value) / 1_000.0)
}

fn active_time(scenario: &Scenario, flow: usize) -> Micros {
    let flow = &scenario.flows[flow];
    let end = flow.end.min(scenario.duration);
    let within = |at: Micros| at.clamp(flow.start.min(end), end);
    let paused: Micros = flow.pauses.iter().map(|(from, to)| within(*to).saturating_sub(within(*from))).sum();
    end.saturating_sub(flow.start).saturating_sub(paused)
}

/// The longest time up and down.
fn events(scenario: &Scenario, records: &[FlowRecord]) -> (Option<f64>, Option<f64>) {
    let (start, end) = scenario.span();
    let mut moments: Vec<Micros> =
        possible::moments(scenario).into_iter().filter(|at| *at >= start && *at < end).collect();
    moments.push(end);
    let (mut up, mut down) = (Some(0.0), Some(0.0));
    let mut before = 0;
    for pair in moments.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let possible = possible_rate(scenario, from);
        if to >= from + 2 * WINDOW {
            if possible > before {
                let time = rise(records, possible, from, to);
                up = up.zip(time).map(|(longest, time)| time.max(longest));
            } else if possible < before {
                let time = fall(records, from, to);
                down = down.zip(time).map(|(longest, time)| time.max(longest));
            }
        }
        before = possible;
    }
    (up, down)
}

fn rise(records: &[FlowRecord], possible: u64, from: Micros, to: Micros) -> Option<f64> {
    let needed = possible as f64 / 8.0 * 0.9 * seconds(WINDOW);
    let mut at = from;
    while at + WINDOW <= to {
        let bytes: u64 = records.iter().map(|record| record.delivered.between(at, at + WINDOW)).sum();
        if bytes as f64 >= needed {
            return Some(seconds(at - from));
        }
        at += BIN;
    }
    None
}

fn fall(records: &[FlowRecord], from: Micros, to: Micros) -> Option<f64> {
    let waited = records.iter().flat_map(|record| &record.waited);
    let mut long: Vec<Micros> = waited.copied().filter(|at| (from..to).contains(at)).collect();
    long.sort_unstable();
    let mut calm = from;
    for at in long {
        if at > calm + WINDOW {
            break;
        }
        calm = at;
    }
    (calm + WINDOW <= to).then(|| seconds(calm - from))
}

/// Jain's index of mean rates, by weight, while all are active and settled.
fn jain(scenario: &Scenario, records: &[FlowRecord]) -> f64 {
    let starts = scenario
        .flows
        .iter()
        .flat_map(|flow| std::iter::once(flow.start).chain(flow.pauses.iter().map(|pause| pause.1)));
    let from = starts.max().unwrap_or(0) + SETTLE;
    let to = scenario.flows.iter().map(|flow| flow.end).min().unwrap_or(0);
    if records.len() < 2 || to <= from {
        return 1.0;
    }
    let rates: Vec<f64> = records
        .iter()
        .zip(&scenario.flows)
        .map(|(record, flow)| record.delivered.between(from, to) as f64 / flow.weight)
        .collect();
    let sum: f64 = rates.iter().sum();
    let squares: f64 = rates.iter().map(|rate| rate * rate).sum();
    if squares > 0.0 { sum * sum / (squares * rates.len() as f64) } else { 0.0 }
}

/// In percent of sound made: bad, lost after repair within 60 ms, within 160 ms.
fn sound(records: &[FlowRecord], end: Micros) -> [f64; 3] {
    let (mut made, mut bad, mut known, mut in60, mut in160) = (0, 0, 0, 0, 0);
    for record in records {
        let first = record.sound.first().map_or(0, |sound| sound.made);
        for sound in record.sound.iter().filter(|sound| sound.made + UNDER_WAY <= end) {
            made += sound.ptime;
            bad += if sound.late.is_some_and(|late| late <= LATE) { 0 } else { sound.ptime };
            if sound.made < first + LEARNING {
                continue;
            }
            known += sound.ptime;
            let within = |limit: Micros| sound.late.is_some() && sound.repaired <= limit;
            in60 += if within(60 * MILLI) { 0 } else { sound.ptime };
            in160 += if within(160 * MILLI) { 0 } else { sound.ptime };
        }
    }
    let percent = |part: Micros, of: Micros| 100.0 * part as f64 / of.max(1) as f64;
    [percent(bad, made), percent(in60, known), percent(in160, known)]
}

/// The mean of several runs, value by value; a time that one run never reached is never reached.
pub fn mean(runs: &[Metrics]) -> Metrics {
    let count = runs.len().max(1) as f64;
    let of = |value: fn(&Metrics) -> f64| runs.iter().map(value).sum::<f64>() / count;
    let time = |value: fn(&Metrics) -> Option<f64>| {
        runs.iter().map(value).sum::<Option<f64>>().map(|sum| sum / count)
    };
    let flow = |index: usize| {
        let of = |value: fn(&FlowMetrics) -> f64| {
            runs.iter().filter_map(|run| run.flows.get(index)).map(value).sum::<f64>() / count
        };
        FlowMetrics {
            delivered: of(|flow| flow.delivered),
            p50: of(|flow| flow.p50),
            p95: of(|flow| flow.p95),
            p99: of(|flow| flow.p99),
        }
    };
    Metrics {
        utilisation: of(|run| run.utilisation),
        p50: of(|run| run.p50),
        p95: of(|run| run.p95),
        p95_time: of(|run| run.p95_time),
        p99: of(|run| run.p99),
        max: of(|run| run.max),
        e2e_p95: of(|run| run.e2e_p95),
        e2e_p99: of(|run| run.e2e_p99),
        up: time(|run| run.up),
        down: time(|run| run.down),
        jain: of(|run| run.jain),
        bad: of(|run| run.bad),
        residual60: of(|run| run.residual60),
        residual160: of(|run| run.residual160),
        wire: of(|run| run.wire),
        payload: of(|run| run.payload),
        delivered: of(|run| run.delivered),
        lost: of(|run| run.lost),
        feedback: of(|run| run.feedback),
        tcp: of(|run| run.tcp),
        least: of(|run| run.least),
        resumed: time(|run| run.resumed),
        regained: time(|run| run.regained),
        skipped: of(|run| run.skipped),
        flows: (0..runs.first().map_or(0, |run| run.flows.len())).map(flow).collect(),
    }
}

#[cfg(test)]
mod tests;
