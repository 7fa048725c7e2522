//! What a call lives through, on one simulated bottleneck; the figures themselves are printed by `examples/stories.rs`.

#[expect(
    dead_code,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "a bench shared with an example"
)]
mod bottleneck;

use bottleneck::{Loss, Outcome, Scene, jain, run};

fn one(scene: &Scene) -> Outcome {
    run(scene).remove(0)
}

fn seeds(scene: impl Fn() -> Scene) -> Vec<Outcome> {
    (1..=3).map(|seed| one(&Scene { seed, ..scene() })).collect()
}

#[test]
fn a_wide_link_is_used_in_full_and_stays_so() {
    let call = one(&Scene::new("wide", 60, &[(0.0, 1_000)]));
    assert!(call.reaches(84, 0).unwrap() <= 8);
    assert!(call.wire(10, 60) > 83.0 && call.bad() == 0.0);
}

#[test]
fn jitter_does_not_cut() {
    for jitter_ms in [5.0, 10.0, 30.0] {
        for call in seeds(|| Scene { jitter_ms, ..Scene::new("jitter", 30, &[(0.0, 20_000)]) }) {
            assert!(call.wire(10, 30) > 80.0, "{jitter_ms} ms: {}", call.wire(10, 30));
        }
    }
}

#[test]
fn capacity_that_falls_and_rises_leaves_no_standing_queue() {
    let schedule = [(0.0, 100), (20.0, 48), (40.0, 32), (60.0, 100)];
    let call = one(&Scene::new("fall", 90, &schedule));
    assert!(call.percentile(95) < 120, "p95 {}", call.percentile(95));
    assert!(call.longest_stand < 1_000 && call.bad() < 2.0, "{} {}", call.longest_stand, call.bad());
    assert!(call.delivered(25, 40) > 0.75 * 48.0 && call.delivered(45, 60) > 0.75 * 32.0);
    assert!(call.reaches(80, 60).unwrap() <= 15, "{:?}", call.reaches(80, 60));
}

#[test]
fn a_link_below_what_twenty_millisecond_packets_need_still_carries_the_call() {
    let schedule = [(0.0, 100), (20.0, 24), (40.0, 100)];
    let call = one(&Scene { queue_ms: 1_000, ..Scene::new("24", 60, &schedule) });
    assert!(call.bad() < 5.0, "{}", call.bad());
    assert!(call.seconds[25..40].iter().all(|s| s.worst_queue < 150 && s.ptime_ms == 60));
    assert!(call.reaches(80, 40).unwrap() <= 15);
}

#[test]
fn independent_loss_keeps_the_wire_rate_and_is_told() {
    for share in [0.1, 0.2, 0.3] {
        for call in
            seeds(|| Scene { loss: Loss::Independent(share), ..Scene::new("loss", 30, &[(0.0, 1_000)]) })
        {
            assert!(call.wire(10, 30) > 83.0, "{share}: {}", call.wire(10, 30));
            assert!((f64::from(call.loss) - share).abs() < 0.1 && call.burst < 2.2);
        }
    }
}

#[test]
fn loss_in_bursts_keeps_the_wire_rate() {
    for call in
        seeds(|| Scene { loss: Loss::Bursts(0.0278, 0.25), ..Scene::new("bursts", 30, &[(0.0, 1_000)]) })
    {
        assert!(call.wire(10, 30) > 83.0);
    }
}

#[test]
fn a_narrow_link_that_also_loses_is_neither_overrun_nor_left() {
    let schedule = [(0.0, 100), (20.0, 48), (40.0, 100)];
    for call in seeds(|| Scene { loss: Loss::Independent(0.1), ..Scene::new("both", 60, &schedule) }) {
        assert!(
            call.percentile(95) < 120 && call.wire(25, 40) > 30.0,
            "{} {}",
            call.percentile(95),
            call.wire(25, 40)
        );
    }
}

#[test]
fn loss_behind_a_short_buffer_halves_against_a_fixed_rate() {
    // A fixed 84 kbit/s loses 43 %.
    let call = one(&Scene { queue_ms: 70, ..Scene::new("short", 60, &[(0.0, 48)]) });
    assert!(call.bad() < 20.0 && call.wire(10, 60) > 30.0, "{} {}", call.bad(), call.wire(10, 60));
}

#[test]
fn gaps_of_the_link_cost_their_own_packets_alone() {
    for (ms, bad) in [(100, 0.5), (300, 2.5), (500, 5.0)] {
        let gap = Some((9_000, 9_000 + ms, 10_000));
        let call = one(&Scene { gap, queue_ms: 3_000, ..Scene::new("gap", 60, &[(0.0, 500)]) });
        assert!(call.bad() < bad && call.wire(10, 60) > 83.0, "{ms}: {} {}", call.bad(), call.wire(10, 60));
    }
}

#[test]
fn feedback_that_pauses_costs_rate_and_comes_back() {
    let call = one(&Scene { silent: Some((20_000, 23_000)), ..Scene::new("pause", 60, &[(0.0, 200)]) });
    assert!(call.wire(22, 23) < 50.0 && !call.opened && call.lost == 0);
    assert!(call.reaches(80, 23).unwrap() <= 15);
}

#[test]
fn behind_a_queue_of_others_a_floor_is_held() {
    let call = one(&Scene { others: Some((200, 20, 45)), ..Scene::new("others", 80, &[(0.0, 300)]) });
    assert!(call.payload(30, 45) > 15.0, "{}", call.payload(30, 45));
    assert!(call.reaches(80, 45).unwrap() <= 15);
}

#[test]
fn flows_share_a_link_fairly() {
    let two = Scene { flows: vec![(0, 40), (20, 40)], ..Scene::new("two", 80, &[(0.0, 100)]) };
    let four =
        Scene { flows: vec![(0, 30), (10, 40), (20, 50), (30, 60)], ..Scene::new("four", 90, &[(0.0, 200)]) };
    for scene in [two, four] {
        let calls = run(&scene);
        let shares: Vec<f64> =
            calls.iter().map(|c| c.delivered(c.seconds.len() / 2, c.seconds.len())).collect();
        assert!(jain(&shares) > 0.85, "{shares:?}");
        assert!(calls.iter().all(|c| c.percentile(95) < 150 && c.bad() < 1.0));
    }
}

#[test]
fn capacity_that_wanders_never_leaves_the_queue_standing_for_two_seconds() {
    for seed in 1..=6 {
        let mut rng = p2pvoip_core::Seed::from_u64(seed).rng();
        let mut kbps = 100;
        let walk: Vec<(f64, u64)> = (0..120u32)
            .map(|half| {
                kbps = (kbps + rng.below(31)).saturating_sub(15).clamp(20, 120);
                (f64::from(half) / 2.0, kbps)
            })
            .collect();
        let call = one(&Scene::new("walk", 60, &walk));
        assert!(call.longest_stand < 2_000, "seed {seed}: {} ms", call.longest_stand);
        assert!(
            call.percentile(95) < 200 && call.bad() < 8.0,
            "seed {seed}: {} {}",
            call.percentile(95),
            call.bad()
        );
    }
}
