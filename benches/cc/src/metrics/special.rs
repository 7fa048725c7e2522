//! What single cases ask for: the least that is sent, what a flow gets after its pause, what is sent after a gap.

use super::possible_rate;
use crate::record::{FlowRecord, PLOT};
use crate::scenario::Scenario;
use crate::time::{MILLI, Micros, SECOND};

/// A flow's first seconds do not count for the least that it sends.
const BEGIN: Micros = 5 * SECOND;
/// Capacity that returns is looked at when nothing changes for so long after it.
const STEADY: Micros = 3 * SECOND;

/// The unit of time of a percentile over time.
const SAMPLE: Micros = 10 * MILLI;

/// The 95th percentile of the queueing delay, of moments and not of packets, which come faster on a faster link.
pub(super) fn over_time(records: &[FlowRecord]) -> f64 {
    let mut delays = Vec::new();
    for record in records {
        let mut next = record.queued.first().map_or(0, |first| first.0);
        for (at, queued) in &record.queued {
            // While nothing is sent there is no delay.
            next = next.max(at.saturating_sub(SECOND));
            while next <= *at {
                delays.push(*queued);
                next += SAMPLE;
            }
        }
    }
    delays.sort_unstable();
    super::percentile(&delays, 0.95)
}

fn kbps(bytes: u64, time: Micros) -> f64 {
    bytes as f64 * 8_000.0 / time.max(1) as f64
}

/// The least that any flow sent in a second.
pub(super) fn least(scenario: &Scenario, records: &[FlowRecord]) -> f64 {
    let mut least = f64::INFINITY;
    for (record, flow) in records.iter().zip(&scenario.flows) {
        let mut at = (flow.start + BEGIN).next_multiple_of(PLOT);
        while at + SECOND < flow.end.min(scenario.duration) {
            if flow.is_active(at) && flow.is_active(at + SECOND) {
                least = least.min(kbps(record.sent.between(at, at + SECOND), SECOND));
            }
            at += PLOT;
        }
    }
    if least.is_finite() { least } else { 0.0 }
}

/// What a paused flow has of its share soon after it resumed.
pub(super) fn resumed(scenario: &Scenario, records: &[FlowRecord]) -> Option<f64> {
    let (index, resume) = scenario
        .flows
        .iter()
        .enumerate()
        .find_map(|(index, flow)| flow.pauses.first().map(|pause| (index, pause.1)))?;
    let (from, to) = (resume + 5 * SECOND, resume + 7 * SECOND);
    let active = scenario.flows.iter().filter(|flow| flow.is_active(from)).count();
    let share = possible_rate(scenario, from) as f64 / 1_000.0 / active.max(1) as f64;
    let rate = kbps(records.get(index)?.delivered.between(from, to), to - from);
    Some(100.0 * rate / share.max(1.0))
}

/// What is sent after the worst gap of capacity, against the second before it.
pub(super) fn regained(scenario: &Scenario, records: &[FlowRecord]) -> Option<f64> {
    let rates = &scenario.links.first()?.rates;
    let record = records.first()?;
    let mut worst: Option<f64> = None;
    for (index, pair) in rates.windows(2).enumerate() {
        let ((gap, none), (end, some)) = (pair[0], pair[1]);
        let next = rates.get(index + 2).map_or(scenario.duration, |next| next.0);
        if none > 0 || some == 0 || gap < SECOND || next < end + STEADY {
            continue;
        }
        let sent = |from: Micros| {
            record.sent.between(from.next_multiple_of(PLOT), (from + SECOND).next_multiple_of(PLOT))
        };
        let share = 100.0 * sent(end + SECOND) as f64 / sent(gap - SECOND - PLOT).max(1) as f64;
        worst = Some(worst.map_or(share, |worst| worst.min(share)));
    }
    worst
}
