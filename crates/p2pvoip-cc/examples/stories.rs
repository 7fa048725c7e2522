//! Prints what the controller does on several links: `cargo run -p p2pvoip-cc --example stories`.

#[path = "../tests/bottleneck/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "a bench shared with tests"
)]
mod bottleneck;

use bottleneck::{Loss, Scene, jain, run};

fn main() {
    let trace = std::env::args().nth(1);
    println!(
        "| story | wire kbit/s | payload | p50 ms | p95 ms | p99 ms | bad % | longest > 150 ms | loss, burst told |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for scene in scenes() {
        let outcomes = run(&scene);
        for o in &outcomes {
            let all = o.seconds.len();
            println!(
                "| {} | {:.1} | {:.1} | {} | {} | {} | {:.1} | {} | {:.2}, {:.1} |",
                scene.name,
                o.wire(0, all),
                o.payload(0, all),
                o.percentile(50),
                o.percentile(95),
                o.percentile(99),
                o.bad(),
                o.longest_stand,
                o.loss,
                o.burst
            );
            if trace.as_deref() == Some(scene.name) {
                for (i, s) in o.seconds.iter().enumerate() {
                    println!(
                        "  {i:3} target {} wire {} payload {} queue {} ptime {}",
                        s.target_kbps,
                        s.wire / 1000,
                        s.payload_bits / 1000,
                        s.worst_queue,
                        s.ptime_ms
                    );
                }
            }
        }
        if outcomes.len() > 1 {
            let shares: Vec<f64> =
                outcomes.iter().map(|o| o.delivered(o.seconds.len() / 2, o.seconds.len())).collect();
            println!("| {}: Jain {:.3} of {shares:.0?} | | | | | | | | |", scene.name, jain(&shares));
        }
    }
}

fn scenes() -> Vec<Scene> {
    let steady = |name, kbps| Scene::new(name, 60, &[(0.0, kbps)]);
    let lossy = |name, share| Scene { loss: Loss::Independent(share), ..steady(name, 1_000) };
    let gap = |name, ms: u64| Scene {
        gap: Some((9_000, 9_000 + ms, 10_000)),
        queue_ms: 3_000,
        ..steady(name, 500)
    };
    vec![
        steady("wide", 1_000),
        steady("64k", 64),
        steady("40k", 40),
        steady("20k", 20),
        Scene { jitter_ms: 10.0, flows: vec![(0, 20)], ..steady("jitter 10", 20_000) },
        Scene { jitter_ms: 30.0, flows: vec![(0, 20)], ..steady("jitter 30", 20_000) },
        Scene::new("100-48-32-100", 80, &[(0.0, 100), (20.0, 48), (40.0, 32), (60.0, 100)]),
        Scene { queue_ms: 1_000, ..Scene::new("100-24-100", 60, &[(0.0, 100), (20.0, 24), (40.0, 100)]) },
        lossy("loss 2", 0.02),
        lossy("loss 10", 0.1),
        lossy("loss 20", 0.2),
        lossy("loss 30", 0.3),
        Scene { loss: Loss::Bursts(0.0278, 0.25), ..lossy("bursts 10", 0.0) },
        Scene {
            loss: Loss::Independent(0.1),
            ..Scene::new("48 and loss 10", 60, &[(0.0, 100), (20.0, 48), (40.0, 100)])
        },
        gap("gap 100", 100),
        gap("gap 300", 300),
        gap("gap 500", 500),
        Scene { silent: Some((20_000, 23_000)), ..steady("no feedback 3 s", 200) },
        Scene { others: Some((200, 20, 50)), ..Scene::new("queue of others", 80, &[(0.0, 300)]) },
        Scene { flows: vec![(0, 40), (20, 40)], ..Scene::new("two flows on 100", 120, &[(0.0, 100)]) },
        Scene {
            flows: vec![(0, 30), (10, 40), (20, 50), (30, 60)],
            ..Scene::new("four flows on 200", 180, &[(0.0, 200)])
        },
        Scene { queue_ms: 30, ..steady("48k, queue 30 ms", 48) },
        Scene { queue_ms: 70, ..steady("48k, queue 70 ms", 48) },
        Scene { queue_ms: 1, ..steady("48k, queue of one", 48) },
        Scene::new("random walk", 120, &walk(120)),
    ]
}

/// A walk between 20 and 120 kbit/s in steps of half a second.
fn walk(seconds: u32) -> Vec<(f64, u64)> {
    let mut rng = p2pvoip_core::Seed::from_u64(7).rng();
    let mut kbps = 100i64;
    (0..2 * seconds)
        .map(|half| {
            kbps = (kbps + i64::try_from(rng.below(31)).unwrap_or(0) - 15).clamp(20, 120);
            (f64::from(half) / 2.0, kbps.unsigned_abs())
        })
        .collect()
}
