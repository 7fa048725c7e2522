//! Rules of the recorder.
#![expect(clippy::float_cmp, reason = "the values are exact")]

use p2pvoip_core::{Bitrate, Instant};
use p2pvoip_telemetry::{CallStats, Metric, Observer, Recorder, SAMPLE_INTERVAL, SAMPLES};
use std::time::Duration;

fn at(second: u64) -> Instant {
    Instant::from_millis(5_000 + 1_000 * second)
}

/// A call in which second `n` has a round trip of `n` ms.
fn recorded(seconds: u64) -> Recorder {
    let mut recorder = Recorder::new();
    for second in 0..=seconds {
        let mut stats = CallStats::default();
        stats.path.round_trip_time = Some(Duration::from_millis(second));
        recorder.on_stats(&stats, at(second));
    }
    recorder
}

#[test]
fn shares_are_those_of_the_time_between_two_samples() {
    let mut recorder = Recorder::new();
    let mut stats = CallStats::default();
    recorder.on_stats(&stats, at(0));
    stats.inbound.packets_received = 45;
    stats.inbound.packets_lost = 5;
    stats.inbound.total_samples = 48_000;
    stats.inbound.concealed_samples = 480;
    stats.outbound.bitrate = Bitrate::from_kbps(24);
    recorder.on_stats(&stats, at(1));
    stats.inbound.packets_received = 95;
    stats.inbound.total_samples = 96_000;
    recorder.on_stats(&stats, at(2));
    let values = |metric| recorder.samples().iter().map(|s| s.get(metric).unwrap()).collect::<Vec<_>>();
    assert_eq!(values(Metric::Loss), [10.0, 0.0]);
    assert_eq!(values(Metric::Concealed), [1.0, 0.0]);
    assert_eq!(values(Metric::SentBitrate), [24.0, 24.0]);
    assert_eq!(recorder.samples()[1].at, Duration::from_secs(2));
    assert_eq!(recorder.newest().inbound.packets_unrepaired(), 5);
}

#[test]
fn what_was_never_known_has_no_summary() {
    let mut recorder = Recorder::new();
    assert_eq!(recorder.summary().get(Metric::Jitter), None);
    recorder.on_stats(&CallStats::default(), at(0));
    recorder.on_stats(&CallStats::default(), at(1));
    assert_eq!(recorder.summary().get(Metric::RoundTripTime), None);
    assert_eq!(recorder.summary().get(Metric::Loss), None, "no packet was expected");
    assert_eq!(recorder.summary().get(Metric::Jitter).unwrap().max, 0.0);
}

#[test]
fn snapshots_between_two_samples_make_none() {
    let mut recorder = Recorder::new();
    for tenth in 0..=100 {
        recorder.on_stats(&CallStats::default(), Instant::from_millis(100 * tenth));
    }
    assert_eq!(recorder.samples().len(), 10);
}

#[test]
fn a_full_series_halves_its_resolution_and_keeps_its_extremes() {
    let almost = SAMPLES as u64 - 1;
    assert_eq!(recorded(almost).samples().len(), SAMPLES - 1);
    let full = recorded(SAMPLES as u64);
    assert_eq!((full.samples().len(), full.interval()), (SAMPLES / 2, 2 * SAMPLE_INTERVAL));
    assert_eq!(full.samples()[0].get(Metric::RoundTripTime), Some(1.5));
    assert_eq!(full.samples()[0].at, Duration::from_secs(2));
    let rtt = full.summary().get(Metric::RoundTripTime).unwrap();
    assert_eq!((rtt.min, rtt.median, rtt.max), (1.0, 120.5, 240.0));
}

#[test]
fn a_call_of_a_day_still_fits() {
    let recorder = recorded(86_400);
    assert!((SAMPLES / 2..SAMPLES).contains(&recorder.samples().len()));
    let median = recorder.summary().get(Metric::RoundTripTime).unwrap().median;
    assert!((median - 43_200.0).abs() < 600.0, "the median is {median}");
    let mut pairs = recorder.samples().windows(2);
    assert!(pairs.all(|pair| pair[1].at == pair[0].at + recorder.interval()));
}

#[test]
fn a_summary_reads_well() {
    let mut recorder = recorded(3);
    let mut stats = CallStats::default();
    stats.duration = Duration::from_secs(4);
    recorder.on_stats(&stats, at(3));
    let text = recorder.summary().to_string();
    assert!(text.starts_with("duration: 4 s\nround trip: 1.0 / 2.0 / 3.0 ms\n"), "{text}");
}

#[test]
fn a_function_is_an_observer() {
    let mut count = 0;
    {
        let mut observer = |_: &CallStats, _: Instant| count += 1;
        Observer::on_stats(&mut observer, &CallStats::default(), at(0));
    }
    assert_eq!(count, 1);
}
