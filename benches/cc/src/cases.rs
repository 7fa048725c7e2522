//! The cases: RFC 8867 section 5, RFC 8868 and 8869, and those of voice.

use crate::scenario::{Flow, Ladder, Link, Loss, Media, Reference, Route, Scenario, drop_tail, rates};
use crate::time::{MILLI, Micros, from_seconds};

/// A link with a drop-tail queue of 300 ms that loses nothing (RFC 8867 section 4.2).
fn link(steps: &[(f64, f64)]) -> Link {
    Link { rates: rates(steps), queue: drop_tail(300), loss: Loss::None, jitter: 0 }
}

fn flow(media: Media, start: f64, end: f64, delay_ms: u64) -> Flow {
    Flow {
        media,
        start: from_seconds(start),
        end: from_seconds(end),
        pauses: Vec::new(),
        forward: Route::through(0, 0, delay_ms * MILLI),
        backward: Route::through(1, 0, delay_ms * MILLI),
        weight: 1.0,
    }
}

/// The way back of a case whose way back is free: far wider than the way there.
fn free() -> Link {
    link(&[(0.0, 100_000.0)])
}

fn case(name: &str, title: &str, duration: f64, links: Vec<Link>, flows: Vec<Flow>) -> Scenario {
    Scenario {
        name: name.to_owned(),
        title: title.to_owned(),
        duration: from_seconds(duration),
        links,
        flows,
        reference: Reference::LinkOrSources,
    }
}

/// Every case, as its source states it.
pub fn all() -> Vec<Scenario> {
    let mut all = basic();
    all.extend(voice());
    all
}

fn basic() -> Vec<Scenario> {
    let video = |start: f64, end: f64, delay: u64| flow(Media::Video, start, end, delay);
    let steps_1 = [(0.0, 1_000.0), (40.0, 2_500.0), (60.0, 600.0), (80.0, 1_000.0)];
    let steps_2 = [(0.0, 4_000.0), (25.0, 2_000.0), (50.0, 3_500.0), (75.0, 1_000.0), (100.0, 2_000.0)];
    let mut all = Vec::new();
    for (name, delay) in [("5.1", 50), ("5.1-100", 100)] {
        let title = "one video, variable capacity";
        all.push(case(name, title, 100.0, vec![link(&steps_1), free()], vec![video(0.0, 99.0, delay)]));
    }
    for (name, delay) in [("5.2", 50), ("5.2-100", 100)] {
        let flows = vec![video(0.0, 124.0, delay), video(0.0, 124.0, delay)];
        all.push(case(name, "two videos, variable capacity", 125.0, vec![link(&steps_2), free()], flows));
    }
    let there = [(0.0, 2_000.0), (20.0, 1_000.0), (40.0, 500.0), (60.0, 2_000.0)];
    let back = [(0.0, 2_000.0), (35.0, 800.0), (70.0, 2_000.0)];
    let mut other = video(0.0, 99.0, 50);
    std::mem::swap(&mut other.forward, &mut other.backward);
    let flows = vec![video(0.0, 99.0, 50), other];
    all.push(case(
        "5.3",
        "video both ways, feedback congested",
        100.0,
        vec![link(&there), link(&back)],
        flows,
    ));
    let wide = |kbps: f64| vec![link(&[(0.0, kbps)]), free()];
    let flows = [0.0, 20.0, 40.0].map(|start| video(start, 119.0, 50)).to_vec();
    let mut fair = case("5.4", "three videos start one after another", 120.0, wide(3_500.0), flows);
    fair.reference = Reference::Link;
    all.push(fair);
    let delays = [(0.0, 10), (10.0, 25), (20.0, 50), (30.0, 100), (40.0, 150)];
    let flows = delays.map(|(start, delay)| video(start, 299.0, delay)).to_vec();
    let mut round = case("5.5", "five videos of different delays", 300.0, wide(4_000.0), flows);
    round.reference = Reference::Link;
    all.push(round);
    let mut flows = vec![video(0.0, 119.0, 50); 3];
    flows[1].pauses.push((from_seconds(40.0), from_seconds(60.0)));
    let mut pause = case("5.8", "one of three videos pauses", 120.0, wide(3_500.0), flows);
    pause.reference = Reference::Link;
    all.push(pause);
    for percent in [10, 20, 30] {
        let mut lossy = link(&[(0.0, 1_000.0)]);
        lossy.loss = Loss::Independent(f64::from(percent) / 100.0);
        let title = "one video, independent loss";
        let links = vec![lossy, free()];
        all.push(case(&format!("loss-{percent}"), title, 100.0, links, vec![video(0.0, 99.0, 50)]));
    }
    all
}

fn voice() -> Vec<Scenario> {
    let voice = |end: f64, delay: u64| vec![flow(Media::Audio(Ladder::Free), 0.0, end, delay)];
    let long = |steps: &[(f64, f64)], queue: u64| Link { queue: drop_tail(queue), ..link(steps) };
    let a1 = long(&[(0.0, 100.0), (20.0, 48.0), (40.0, 32.0), (60.0, 100.0)], 500);
    let a2 = long(&[(0.0, 100.0), (20.0, 24.0), (40.0, 100.0)], 1_000);
    let mut all = vec![
        case("a1", "voice: 100, 48, 32, 100 kbit/s", 80.0, vec![a1, free()], voice(80.0, 40)),
        case("a2", "voice: 100, 24, 100 kbit/s", 60.0, vec![a2, free()], voice(60.0, 40)),
    ];
    for length in [100u64, 300, 500] {
        let mut steps = vec![(0.0, 500.0)];
        for gap in 1..6 {
            let at = f64::from(gap) * 10.0;
            steps.extend([(at, 0.0), (at + length as f64 / 1_000.0, 500.0)]);
        }
        let links = vec![long(&steps, 3_000), free()];
        all.push(case(&format!("a4-{length}"), "voice: gaps every 10 s", 60.0, links, voice(60.0, 40)));
    }
    for percent in [2, 5, 10, 20, 30] {
        let mut lossy = link(&[(0.0, 1_000.0)]);
        lossy.loss = Loss::Independent(f64::from(percent) / 100.0);
        let links = vec![lossy, free()];
        all.push(case(&format!("a5-{percent}"), "voice: independent loss", 60.0, links, voice(60.0, 40)));
    }
    let mut bursts = link(&[(0.0, 1_000.0)]);
    bursts.loss = Loss::Bursts { begin: 0.0278, end: 0.25 };
    all.push(case("a6", "voice: 10 % loss in bursts of 4", 60.0, vec![bursts, free()], voice(60.0, 40)));
    let delays: [(f64, u64); 4] = [(0.0, 30), (10.0, 40), (20.0, 50), (30.0, 60)];
    let flows = delays.map(|(start, delay)| flow(Media::Audio(Ladder::Free), start, 90.0, delay)).to_vec();
    all.push(case("a8", "four voices on 200 kbit/s", 90.0, vec![link(&[(0.0, 200.0)]), free()], flows));
    let mut a9 = link(&[(0.0, 100.0), (20.0, 48.0), (40.0, 100.0)]);
    a9.loss = Loss::Independent(0.1);
    all.push(case("a9", "voice: 100, 48, 100 kbit/s, 10 % loss", 60.0, vec![a9, free()], voice(60.0, 40)));
    let mut narrow = link(&[(0.0, 48.0)]);
    narrow.loss = Loss::Independent(0.1);
    all.push(case("48-loss", "voice: 48 kbit/s, 10 % loss", 60.0, vec![narrow, free()], voice(60.0, 40)));
    all
}

/// The moment at which a case in which nothing changes has settled.
pub const SETTLED: Micros = 20_000 * MILLI;
