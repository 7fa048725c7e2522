//! Metrics of a hand-made trace.

use super::*;
use crate::record::Sound;
use crate::scenario::{Ladder, Link, Loss, Media, Reference, Route, drop_tail, rates};

/// One flow of 10 s on a link of 800 kbit/s that falls to 400 after 4 s and rises again after 7.
fn scenario() -> Scenario {
    let link = Link {
        rates: rates(&[(0.0, 800.0), (4.0, 400.0), (7.0, 800.0)]),
        queue: drop_tail(300),
        loss: Loss::None,
        jitter: 0,
    };
    let flow = crate::scenario::Flow {
        media: Media::Video,
        start: 0,
        end: 10 * SECOND,
        pauses: Vec::new(),
        forward: Route::through(0, 0, 0),
        backward: Route::through(0, 0, 0),
        weight: 1.0,
    };
    Scenario {
        name: String::new(),
        title: String::new(),
        duration: 10 * SECOND,
        links: vec![link],
        flows: vec![flow],
        tcps: Vec::new(),
        reference: Reference::LinkOrSources,
    }
}

/// 1,000 bytes every 20 ms (400 kbit/s), with a long queue from 4.0 to 4.6 s.
fn record() -> FlowRecord {
    let mut record = FlowRecord::new(10 * SECOND);
    for packet in 0..500u64 {
        let at = packet * 20 * MILLI;
        record.delivered.add(at, 1_000);
        record.sent.add(at, 1_000);
        record.packets += 1;
        let is_long = (4_000 * MILLI..4_600 * MILLI).contains(&at);
        record.queued.push((at, if is_long { 100_000 } else { 10_000 }));
        record.late.push(20_000);
        if is_long {
            record.waited.push(at);
        }
    }
    record
}

fn measured(scenario: &Scenario, flows: Vec<FlowRecord>) -> Metrics {
    measure(scenario, &Noted { flows, tcps: Vec::new() })
}

fn near(is: f64, wanted: f64) {
    assert!((is - wanted).abs() < 0.01, "{is} is not {wanted}");
}

#[test]
fn utilisation_is_what_came_of_what_could() {
    // 500 kB of 7 s times 100 kB and 3 s times 50 kB.
    near(measured(&scenario(), vec![record()]).utilisation, 100.0 * 500.0 / 850.0);
}

#[test]
fn percentiles_are_those_of_the_packets() {
    let metrics = measured(&scenario(), vec![record()]);
    near(metrics.p50, 10.0);
    near(metrics.p95, 100.0);
    near(metrics.max, 100.0);
    near(metrics.e2e_p99, 20.0);
}

#[test]
fn down_ends_with_the_last_long_wait_and_up_with_a_full_second() {
    let metrics = measured(&scenario(), vec![record()]);
    near(metrics.down.unwrap(), 0.58);
    assert_eq!(metrics.up, None, "half of 800 kbit/s is never 90 %");
    let mut full = record();
    for bin in 0..125 {
        full.delivered.add(bin * 20 * MILLI, 1_000);
        full.delivered.add(7_500 * MILLI + bin * 20 * MILLI, 1_000);
    }
    // Of the second from 7.3 s on, 0.2 s have 50 kB/s and 0.8 s have 100.
    near(measured(&scenario(), vec![full]).up.unwrap(), 0.3);
}

#[test]
fn jain_is_one_for_equals_and_a_half_for_one_of_two() {
    let mut two = scenario();
    two.duration = 30 * SECOND;
    two.flows[0].end = 30 * SECOND;
    two.flows.push(two.flows[0].clone());
    let mut late = FlowRecord::new(30 * SECOND);
    for second in 20..30 {
        late.delivered.add(second * SECOND, 1_000);
    }
    near(measured(&two, vec![late.clone(), late.clone()]).jain, 1.0);
    near(measured(&two, vec![late.clone(), FlowRecord::new(30 * SECOND)]).jain, 0.5);
    two.flows[0].weight = 2.0;
    near(measured(&two, vec![late.clone(), late]).jain, 0.9);
}

#[test]
fn sound_is_bad_when_it_is_late_or_lost_and_repaired_when_a_copy_is_near() {
    let mut voice = scenario();
    voice.flows[0].media = Media::Audio(Ladder::Free);
    let mut record = FlowRecord::new(10 * SECOND);
    let sound = |made: Micros, late: Option<Micros>, repaired: Micros| Sound {
        made: made * SECOND,
        ptime: 20 * MILLI,
        late: late.map(|late| late * MILLI),
        repaired: repaired * MILLI,
        skipped: false,
    };
    record.sound = vec![
        sound(0, Some(0), 0),
        sound(6, Some(151), 0),
        sound(6, None, 0),
        sound(7, Some(60), 60),
        sound(8, Some(80), 80),
    ];
    let metrics = measured(&voice, vec![record]);
    near(metrics.bad, 40.0);
    near(metrics.residual60, 50.0);
    near(metrics.residual160, 25.0);
}

#[test]
fn sound_under_way_at_the_end_is_not_judged() {
    let mut voice = scenario();
    voice.flows[0].media = Media::Audio(Ladder::Free);
    let mut record = FlowRecord::new(10 * SECOND);
    let sound = |made: Micros, late: Option<Micros>| Sound {
        made,
        ptime: 20 * MILLI,
        late,
        repaired: 0,
        skipped: false,
    };
    record.sound = vec![sound(9 * SECOND, Some(0)), sound(9 * SECOND + 1, None)];
    near(measured(&voice, vec![record.clone()]).bad, 0.0);
    record.sound.push(sound(9 * SECOND, None));
    near(measured(&voice, vec![record]).bad, 50.0);
}

#[test]
fn a_flow_is_active_but_for_its_pauses_within_its_time() {
    let mut pausing = scenario();
    let active = |scenario: &Scenario| active_time(scenario, 0);
    pausing.flows[0].pauses = vec![(SECOND, 3 * SECOND), (9 * SECOND, 12 * SECOND)];
    assert_eq!(active(&pausing), 7 * SECOND);
    pausing.flows[0].pauses = vec![(5 * SECOND, 4 * SECOND)];
    assert_eq!(active(&pausing), 10 * SECOND, "a pause that ends before it begins is none");
    (pausing.flows[0].start, pausing.flows[0].end) = (11 * SECOND, 12 * SECOND);
    assert_eq!(active(&pausing), 0);
}

#[test]
fn a_percentile_over_time_counts_moments_and_no_silence() {
    let mut record = FlowRecord::new(10 * SECOND);
    // Half a second of a packet each ms at 10 ms, then a tenth as many at 100 ms, for as long; then silence.
    record.queued.extend((0..500).map(|at| (at * MILLI, 10_000)));
    record.queued.extend((0..50).map(|at| (500 * MILLI + at * 10 * MILLI, 100_000)));
    near(measured(&scenario(), vec![record.clone()]).p95_time, 100.0);
    record.queued.extend((0..10).map(|at| (9 * SECOND + at * 10 * MILLI, 500_000)));
    // A second before a packet that ends a silence is its own.
    near(measured(&scenario(), vec![record]).p95_time, 500.0);
    near(measured(&scenario(), vec![FlowRecord::new(10 * SECOND)]).p95_time, 0.0);
}

#[test]
fn a_flow_that_resumes_is_measured_against_its_share() {
    let mut pausing = scenario();
    pausing.links[0].rates = rates(&[(0.0, 800.0)]);
    pausing.flows[0].pauses.push((SECOND, 2 * SECOND));
    near(measured(&pausing, vec![record()]).resumed.unwrap(), 50.0);
    assert_eq!(measured(&scenario(), vec![record()]).resumed, None);
}

#[test]
fn the_mean_of_runs_is_never_where_one_never_was() {
    let some = Metrics { up: Some(1.0), p95: 10.0, ..Metrics::default() };
    let never = Metrics { up: None, p95: 20.0, ..Metrics::default() };
    let mean = mean(&[some.clone(), never]);
    assert_eq!((mean.up, mean.p95), (None, 15.0));
    assert_eq!(super::mean(&[some.clone(), some]).up, Some(1.0));
}
