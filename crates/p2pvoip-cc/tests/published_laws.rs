//! What flows under the published laws (NADA, GCC) live through on one simulated bottleneck, and what they make of
//! nonsense.

#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench of tests")]
mod link;

use core::time::Duration;
use link::{Outcome, Scene, run};
use p2pvoip_cc::{
    Controller, EcnCounts, Fixed, Gcc, GccConfig, Nada, NadaConfig, Path, RemoteTime, Report, Sent,
};
use p2pvoip_core::{DataSize, Instant};
use proptest::prelude::*;

fn nada() -> Nada {
    NadaConfig::default().build().unwrap()
}

fn gcc() -> Gcc {
    GccConfig::default().build().unwrap()
}

fn both(scene: &Scene) -> [(&'static str, Outcome); 2] {
    [("nada", run(scene, &mut nada())), ("gcc", run(scene, &mut gcc()))]
}

#[test]
fn a_megabit_is_used_to_four_fifths_without_a_full_queue() {
    for (name, call) in both(&Scene::new(90, &[(0, 1_000)])) {
        assert!(
            call.reaches(800, 0).is_some_and(|seconds| seconds <= 20),
            "{name}: {:?}",
            call.reaches(800, 0)
        );
        assert!(call.delivered(20, 90) >= 850, "{name}: {}", call.delivered(20, 90));
        assert!(call.p95() < 100 && call.dropped == 0, "{name}: {} {}", call.p95(), call.dropped);
    }
}

#[test]
fn half_of_the_capacity_halves_the_rate() {
    for (name, call) in both(&Scene::new(90, &[(0, 1_000), (50, 500)])) {
        assert!(call.delivered(40, 50) >= 850, "{name}: {}", call.delivered(40, 50));
        assert!(call.target(55, 90) <= 520, "{name}: {}", call.target(55, 90));
        assert!(call.delivered(60, 90) >= 400, "{name}: {}", call.delivered(60, 90));
        let worst = call.seconds[60..].iter().map(|second| second.worst_queue_ms).max();
        assert!(worst < Some(100), "{name}: {worst:?}");
    }
}

#[test]
fn capacity_that_returns_is_used_again() {
    for (name, call) in both(&Scene::new(100, &[(0, 1_000), (30, 400), (50, 1_000)])) {
        let up = call.reaches(800, 50);
        assert!(up.is_some_and(|seconds| seconds <= 25), "{name}: {up:?}");
    }
}

#[test]
fn reports_every_fifty_milliseconds_serve_as_well() {
    for (name, call) in both(&Scene { report_ms: 50, ..Scene::new(60, &[(0, 1_000)]) }) {
        assert!(call.delivered(20, 60) >= 850 && call.p95() < 100, "{name}: {}", call.delivered(20, 60));
    }
}

#[test]
fn a_flow_without_reports_falls_and_comes_back() {
    for (name, call) in both(&Scene { silent: 30_000..36_000, ..Scene::new(70, &[(0, 1_000)]) }) {
        assert!(call.seconds[36].target_kbps <= 200, "{name}: {:?}", call.seconds[36]);
        assert!(call.reaches(700, 37).is_some_and(|seconds| seconds <= 25), "{name}");
    }
}

#[test]
fn loss_weighs_as_each_law_says() {
    let scene = |loss| Scene { loss, ..Scene::new(60, &[(0, 1_000)]) };
    for (name, call) in both(&scene(0.005)) {
        assert!(call.delivered(30, 60) > 600, "{name}: {}", call.delivered(30, 60));
    }
    // A twentieth: NADA rests near its least, Google's law does not mind.
    let [(_, nada), (_, gcc)] = both(&scene(0.05));
    assert!(nada.target(30, 60) < 250, "{}", nada.target(30, 60));
    assert!(gcc.delivered(30, 60) > 800, "{}", gcc.delivered(30, 60));
}

#[test]
fn nada_keeps_a_shorter_queue_where_marks_warn_it() {
    let scene = |mark_above_ms| Scene { mark_above_ms, ..Scene::new(60, &[(0, 600)]) };
    let mut with = NadaConfig::default().ecn(true).build().unwrap();
    let marked = run(&scene(Some(20)), &mut with);
    let plain = run(&scene(None), &mut nada());
    assert!(marked.p95() < plain.p95(), "{} {}", marked.p95(), plain.p95());
    assert!(marked.delivered(30, 60) > 350 && with.stats().marked > 0, "{}", marked.delivered(30, 60));
}

#[test]
fn a_nada_flow_of_more_weight_bears_more_queue() {
    let queue = |priority| {
        let mut nada = NadaConfig::default().priority(Fixed::ratio(priority, 2)).build().unwrap();
        run(&Scene::new(60, &[(0, 1_000)]), &mut nada).p95()
    };
    assert!(queue(1) <= queue(2) && queue(2) < queue(4), "{} {} {}", queue(1), queue(2), queue(4));
}

/// A step of a story without sense.
#[derive(Clone, Debug)]
enum Step {
    Sent { skip: u64, size: u64, path: u8 },
    Told { back: u64, bits: u64, time: Option<u32>, spread: u32, held: Option<u32>, ce: Option<u8> },
    Forged { largest: u64 },
    Moved(u8),
    Waited(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0u64..3, 0u64..70_000, 0u8..2).prop_map(|(skip, size, path)| Step::Sent { skip, size, path }),
        6 => (0u64..80, any::<u64>(), any::<Option<u32>>(), any::<u32>(), any::<Option<u32>>(), any::<Option<u8>>())
            .prop_map(|(back, bits, time, spread, held, ce)| Step::Told { back, bits, time, spread, held, ce }),
        4 => (0u64..8, 0u32..3_000).prop_map(|(back, time)| Step::Told {
            back, bits: u64::MAX, time: Some(time), spread: 5, held: Some(0), ce: None,
        }),
        1 => any::<u64>().prop_map(|largest| Step::Forged { largest }),
        1 => (0u8..2).prop_map(Step::Moved),
        6 => prop_oneof![0u64..200_000, 0u64..5_000_000_000].prop_map(Step::Waited),
    ];
    proptest::collection::vec(step, 1..150)
}

/// Plays a story without sense; the target stays within the range whatever happens.
fn endure(controller: &mut impl Controller, least: u64, most: u64, steps: &[Step]) {
    let (mut now, mut number) = (Instant::from_micros(77), (1u64 << 48) - 100);
    for step in steps {
        match *step {
            Step::Sent { skip, size, path } => {
                number += 1 + skip;
                controller.on_sent(Sent { number, size: DataSize::from_bytes(size), path }, now);
            }
            Step::Told { back, bits, time, spread, held, ce } => {
                let when = |k: u32| {
                    time.map(|time| RemoteTime::from_ticks(time.wrapping_sub(spread.wrapping_mul(k))))
                };
                let mut report = Report::new(number.saturating_sub(back), when(0), held);
                for k in 1..64 {
                    if bits >> k & 1 == 1 { report.push(when(k)) } else { report.push_missing() }
                }
                let ecn = ce.map(|ce| EcnCounts { ce, ..EcnCounts::default() });
                controller.on_feedback(&report.with(0, ecn), now);
            }
            Step::Forged { largest } => controller.on_feedback(&Report::new(largest, None, None), now),
            Step::Moved(path) => controller.on_path(Path::ipv4(path), now),
            Step::Waited(micros) => {
                now += Duration::from_micros(micros);
                controller.on_time(now);
            }
        }
        let target = controller.target();
        assert!((least..=most).contains(&target.wire.as_bps()), "{:?}", target.wire);
        assert!(target.pacing >= target.wire && target.loss <= Fixed::ONE && target.burst >= Fixed::ONE);
    }
}

proptest! {
    #[test]
    fn nothing_takes_a_rate_out_of_its_range(steps in steps()) {
        endure(&mut nada(), 150_000, 1_500_000, &steps);
        endure(&mut gcc(), 150_000, 1_500_000, &steps);
    }
}

#[test]
fn reports_of_what_was_never_sent_are_refused() {
    let (mut nada, mut gcc) = (nada(), gcc());
    let forged = Report::new(9, None, None);
    nada.on_feedback(&forged, Instant::default());
    gcc.on_feedback(&forged, Instant::default());
    assert_eq!((nada.stats().refused, gcc.stats().refused), (1, 1));
    assert_eq!(nada.target().wire, NadaConfig::default().start);
    assert_eq!(gcc.target().wire, GccConfig::default().start);
}
