//! The quality of a call, made of its snapshots: what moves it, and how it forgets.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "a test")]

use core::time::Duration;

use p2pvoip_core::Instant;
use p2pvoip_telemetry::emodel::mos;
use p2pvoip_telemetry::{CallStats, ENOUGH, Grade, MEMORY, Quality, QualityMeter, VoipMetrics};
use proptest::prelude::*;

const STEP: Duration = Duration::from_millis(200);
/// Bytes of a frame of 20 ms at 28 kbit/s.
const FRAME_BYTES: u64 = 70;

/// A call whose snapshots come each 200 ms: ten frames of 20 ms.
struct Bench {
    meter: QualityMeter,
    stats: CallStats,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let mut stats = CallStats::default();
        stats.path.round_trip_time = Some(Duration::from_millis(40));
        stats.inbound.playout_delay = Duration::from_millis(40);
        stats.outbound.codec_delay = Duration::from_micros(6_500);
        Self { meter: QualityMeter::new(), stats, now: Instant::from_millis(1_000) }
    }

    /// 200 ms, of which so many frames were concealed, in so many events.
    fn step(&mut self, concealed: u64, events: u64) -> Option<Quality> {
        let inbound = &mut self.stats.inbound;
        inbound.total_samples += 9_600;
        inbound.concealed_samples += 960 * concealed;
        inbound.concealment_events += events;
        inbound.frames_decoded += 10 - concealed;
        inbound.payload_bytes += FRAME_BYTES * (10 - concealed);
        inbound.decoded_time += Duration::from_millis(20) * u32::try_from(10 - concealed).unwrap();
        self.pass()
    }

    /// 200 ms without a sound.
    fn pass(&mut self) -> Option<Quality> {
        self.now += STEP;
        self.meter.on_stats(&self.stats, self.now)
    }

    fn steps(&mut self, count: u64, concealed: u64, events: u64) -> Quality {
        (0..count).map(|_| self.step(concealed, events)).last().flatten().unwrap()
    }
}

#[test]
fn grades_begin_at_the_same_place_on_both_scales() {
    for grade in [Grade::Poor, Grade::Fair, Grade::Good] {
        assert!((mos(f64::from(grade.least_r())) - grade.least_mos()).abs() < 1e-9, "{grade:?}");
        assert_eq!((Grade::of(grade.least_r()), Grade::of_mos(grade.least_mos())), (grade, grade));
    }
    assert_eq!(
        (Grade::of(79.9), Grade::of_mos(3.09), Grade::of(f32::NAN)),
        (Grade::Fair, Grade::Poor, Grade::Poor)
    );
}

#[test]
fn nothing_is_said_before_enough_was_heard() {
    let mut bench = Bench::new();
    assert_eq!(bench.pass(), None);
    let first = (1..20).find(|_| bench.step(0, 0).is_some()).unwrap();
    assert!(STEP * first >= ENOUGH && STEP * first <= ENOUGH + 2 * STEP, "after {first} snapshots");
}

#[test]
fn a_clean_call_of_28_kbit_is_good() {
    let quality = Bench::new().steps(50, 0, 0);
    assert_eq!((quality.grade(), quality.mouth_to_ear), (Grade::Good, Duration::from_micros(86_500)));
    // (148 - 23.65) / 1.48, and no delay that is heard.
    assert!((quality.r - 84.02).abs() < 0.01 && (quality.mos - 4.169).abs() < 0.01, "{quality:?}");
    assert!((quality.mos - quality.mos_listening).abs() < 1e-6);
}

#[test]
fn loss_costs_and_the_same_loss_in_bursts_costs_more() {
    let scattered = Bench::new().steps(100, 1, 1);
    let mut bench = Bench::new();
    let bursty = (0..100).map(|n| if n % 4 == 0 { bench.step(4, 1) } else { bench.step(0, 0) });
    let bursty = bursty.last().flatten().unwrap();
    assert!(
        (scattered.loss - 0.1).abs() < 0.001 && (scattered.burst_ratio - 1.0).abs() < 0.01,
        "{scattered:?}"
    );
    assert!((bursty.loss - 0.1).abs() < 0.02 && bursty.burst_ratio > 3.0, "{bursty:?}");
    assert_eq!((scattered.grade(), bursty.grade()), (Grade::Poor, Grade::Poor));
    assert!(bursty.mos < scattered.mos && scattered.mos < 3.0);
}

#[test]
fn delay_costs_the_conversation_and_not_the_listening() {
    let mut bench = Bench::new();
    bench.stats.path.round_trip_time = Some(Duration::from_millis(500));
    let quality = bench.steps(20, 0, 0);
    assert!(quality.mos + 0.3 < quality.mos_listening, "{quality:?}");
}

#[test]
fn a_bad_stretch_is_forgotten_with_its_time_constant() {
    let mut bench = Bench::new();
    let bad = bench.steps(400, 2, 2).loss;
    let later = bench.steps(u64::try_from(MEMORY.as_millis() / STEP.as_millis()).unwrap(), 0, 0).loss;
    assert!((later / bad - (-1.0_f32).exp()).abs() < 0.001, "{bad} became {later}");
}

#[test]
fn a_call_that_falls_silent_falls_in_quality() {
    let mut bench = Bench::new();
    let before = bench.steps(50, 0, 0);
    let after = (0..50).map(|_| bench.pass()).last().flatten().unwrap();
    assert!(before.grade() == Grade::Good && after.grade() == Grade::Poor && after.loss > 0.8, "{after:?}");
}

#[test]
fn figures_at_one_moment_twice_change_nothing() {
    let mut bench = Bench::new();
    let once = bench.steps(50, 1, 1);
    assert_eq!(bench.meter.on_stats(&bench.stats, bench.now), Some(once));
}

#[test]
fn the_metrics_of_the_rfc_are_those_of_the_snapshot() {
    let mut stats = CallStats::default();
    assert_eq!((VoipMetrics::of(&stats).r_factor, VoipMetrics::of(&stats).loss_rate.to_bits()), (None, 0));
    stats.inbound.frames_played = 90;
    stats.inbound.frames_missed = 10;
    stats.inbound.packets_discarded = 4;
    stats.outbound.ptime = Duration::from_millis(20);
    stats.outbound.codec_delay = Duration::from_millis(5);
    stats.inbound.playout_delay = Duration::from_millis(50);
    stats.quality = Some(Quality::default());
    let metrics = VoipMetrics::of(&stats);
    assert!((metrics.loss_rate - 0.06).abs() < 1e-6 && (metrics.discard_rate - 0.04).abs() < 1e-6);
    assert_eq!((metrics.end_system, metrics.r_factor), (Duration::from_millis(75), Some(0.0)));
}

proptest! {
    /// Counters that go back, times that do not pass, and extremes: whatever the snapshots, the quality is within its bounds.
    #[test]
    fn any_snapshots_give_numbers_within_bounds(all in prop::collection::vec(any::<[u64; 9]>(), 1..12)) {
        let mut meter = QualityMeter::new();
        for [at, total, concealed, events, frames, bytes, time, rtt, delay] in all {
            let mut stats = CallStats::default();
            let inbound = &mut stats.inbound;
            (inbound.total_samples, inbound.concealed_samples) = (total, concealed);
            (inbound.concealment_events, inbound.frames_decoded) = (events, frames);
            (inbound.payload_bytes, inbound.decoded_time) = (bytes, Duration::from_micros(time));
            inbound.playout_delay = Duration::from_secs(delay);
            stats.path.round_trip_time = Some(Duration::from_secs(rtt));
            if let Some(quality) = meter.on_stats(&stats, Instant::from_micros(at)) {
                prop_assert!((0.0..=100.0).contains(&quality.r), "{:?}", quality);
                prop_assert!((1.0..=4.5).contains(&quality.mos) && quality.mos <= quality.mos_listening);
                prop_assert!((0.0..=1.0).contains(&quality.loss) && quality.burst_ratio >= 1.0);
            }
        }
    }
}
