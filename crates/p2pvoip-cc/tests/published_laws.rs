//! What flows under the published laws (NADA, GCC) live through on one simulated bottleneck.

#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench of tests")]
mod link;

use link::{Outcome, Scene, kbps, run};
use p2pvoip_cc::{Gcc, GccConfig, Nada, NadaConfig};

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
        println!(
            "{name} {} p95 {} {:?}",
            call.delivered(40, 90),
            call.p95(),
            call.seconds.iter().map(|s| (s.target_kbps, s.worst_queue_ms)).collect::<Vec<_>>()
        );
        assert!(call.delivered(40, 90) >= 800, "{name}: {}", call.delivered(40, 90));
        assert!(call.p95() < 200 && call.dropped == 0, "{name}: {} {}", call.p95(), call.dropped);
    }
}

#[test]
fn half_of_the_capacity_halves_the_rate() {
    for (name, call) in both(&Scene::new(90, &[(0, 1_000), (50, 500)])) {
        println!(
            "{name} {} p95 {} {:?}",
            call.delivered(40, 90),
            call.p95(),
            call.seconds.iter().map(|s| (s.target_kbps, s.worst_queue_ms)).collect::<Vec<_>>()
        );
        assert!(call.delivered(40, 50) >= 750, "{name}: {}", call.delivered(40, 50));
        assert!(call.target(55, 90) <= 520, "{name}: {}", call.target(55, 90));
        assert!(call.delivered(60, 90) >= 380, "{name}: {}", call.delivered(60, 90));
    }
}
