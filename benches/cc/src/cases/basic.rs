//! The cases of RFC 8867 section 5 and 6, and of RFC 8868's losses.

use p2pvoip_sim::tcp::Algorithm;

use super::{case, flow, free, link, lossy, queue};
use crate::scenario::{Flow, Link, Media, Reference, Route, Scenario, Tcp, Transfer};
use crate::time::{MILLI, Micros, from_seconds};

/// Capacity of 5.1 in kbit/s from seconds on.
pub(super) const STEPS_1: [(f64, f64); 4] = [(0.0, 1_000.0), (40.0, 2_500.0), (60.0, 600.0), (80.0, 1_000.0)];
/// Capacity of 5.2.
pub(super) const STEPS_2: [(f64, f64); 5] =
    [(0.0, 4_000.0), (25.0, 2_000.0), (50.0, 3_500.0), (75.0, 1_000.0), (100.0, 2_000.0)];

/// Deviation of the jitter of RFC 8868 section 3.1.2's model on RFC 8867's path.
const JITTER: Micros = 5 * MILLI;

pub(super) fn video(start: f64, end: f64, delay: u64) -> Flow {
    flow(Media::Video, start, end, delay)
}

pub(super) fn all() -> Vec<Scenario> {
    let mut all = variable();
    all.extend(fairness());
    all.extend(competition());
    for percent in [10, 20, 30] {
        let links = vec![lossy(&[(0.0, 1_000.0)], f64::from(percent)), free()];
        let title = "a video, independent loss";
        all.push(case(&format!("loss-{percent}"), title, 100.0, links, vec![video(0.0, 99.0, 50)]));
    }
    all
}

fn variable() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (name, delay) in [("5.1", 50), ("5.1-100", 100), ("5.1-150", 150), ("5.1-300", 300)] {
        let links = vec![link(&STEPS_1), free()];
        all.push(case(name, "a video, capacity varies", 100.0, links, vec![video(0.0, 99.0, delay)]));
    }
    let jittery = vec![Link { jitter: JITTER, ..link(&STEPS_1) }, free()];
    all.push(case("5.1-jitter", "the same, jitter of 5 ms", 100.0, jittery, vec![video(0.0, 99.0, 50)]));
    let lost = vec![link(&STEPS_1), lossy(&[(0.0, 100_000.0)], 30.0)];
    all.push(case("5.1-fb30", "the same, 30 % of feedback lost", 100.0, lost, vec![video(0.0, 99.0, 50)]));
    for (name, delay) in [("5.2", 50), ("5.2-100", 100)] {
        let flows = vec![video(0.0, 124.0, delay), video(0.0, 124.0, delay)];
        all.push(case(name, "two videos, capacity varies", 125.0, vec![link(&STEPS_2), free()], flows));
    }
    let there = [(0.0, 2_000.0), (20.0, 1_000.0), (40.0, 500.0), (60.0, 2_000.0)];
    let back = [(0.0, 2_000.0), (35.0, 800.0), (70.0, 2_000.0)];
    let mut other = video(0.0, 99.0, 50);
    std::mem::swap(&mut other.forward, &mut other.backward);
    let flows = vec![video(0.0, 99.0, 50), other];
    all.push(case("5.3", "videos both ways, capacity varies", 100.0, vec![link(&there), link(&back)], flows));
    all
}

/// Flows that share one link, measured by the link alone.
fn shared(name: &str, title: &str, duration: f64, kbps: f64, flows: Vec<Flow>) -> Scenario {
    let links = vec![link(&[(0.0, kbps)]), free()];
    Scenario { reference: Reference::Link, ..case(name, title, duration, links, flows) }
}

fn fairness() -> Vec<Scenario> {
    let three = [0.0, 20.0, 40.0].map(|start| video(start, 119.0, 50)).to_vec();
    let delays = [(0.0, 10), (10.0, 25), (20.0, 50), (30.0, 100), (40.0, 150)];
    let five = delays.map(|(start, delay)| video(start, 299.0, delay)).to_vec();
    let mut pausing = vec![video(0.0, 119.0, 50); 3];
    pausing[1].pauses.push((from_seconds(40.0), from_seconds(60.0)));
    let mut weighted = three.clone();
    weighted[0].weight = 2.0;
    let mut long = Scenario {
        reference: Reference::LinkOrSources,
        ..shared("6.3", "two bottlenecks, the first flow passes both", 300.0, 2_000.0, Vec::new())
    };
    long.links = vec![link(&[(0.0, 2_000.0)]), link(&[(0.0, 8_000.0)]), link(&[(0.0, 1_500.0)]), free()];
    let ways = [(vec![(0, 0), (0, 1), (0, 2)], 100), (vec![(0, 0)], 40), (vec![(0, 2)], 40)];
    long.flows = ways
        .into_iter()
        .map(|(hops, delay)| Flow {
            forward: Route { hops, tail: delay * MILLI },
            backward: Route::through(3, 0, delay * MILLI),
            ..video(0.0, 299.0, delay)
        })
        .collect();
    vec![
        shared("5.4", "three videos, one after another", 120.0, 3_500.0, three),
        shared("5.5", "five videos of different delays", 300.0, 4_000.0, five),
        shared("5.8", "one of three videos pauses", 120.0, 3_500.0, pausing),
        shared("6.1", "5.4, the first of weight 2", 120.0, 3_500.0, weighted),
        long,
    ]
}

/// A competitor on the first link.
pub(super) fn tcp(algorithm: Algorithm, transfer: Transfer, start: f64, end: f64, delay: u64) -> Tcp {
    Tcp {
        algorithm,
        transfer,
        start: from_seconds(start),
        end: from_seconds(end),
        forward: Route::through(0, 0, delay * MILLI),
        backward: Route::through(1, 0, delay * MILLI),
    }
}

fn competition() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (name, milliseconds) in [("5.6", 300), ("5.6-1000", 1_000)] {
        let links = vec![queue(&[(0.0, 2_000.0)], milliseconds), free()];
        let mut long = case(name, "a video beside an endless TCP", 120.0, links, vec![video(5.0, 119.0, 50)]);
        long.tcps.push(tcp(Algorithm::NewReno, Transfer::Long, 0.0, 119.0, 50));
        all.push(long);
    }
    let flows = vec![video(5.0, 299.0, 50), video(5.0, 299.0, 50)];
    let links = vec![link(&[(0.0, 2_000.0)]), free()];
    let mut short = case("5.7", "two videos beside ten short TCPs", 300.0, links, flows);
    for index in 0..10 {
        let transfer =
            Transfer::Short { bytes: (30_000, 50_000), idle: from_seconds(10.0), is_on: index < 2 };
        short.tcps.push(tcp(Algorithm::NewReno, transfer, 0.0, 299.0, 50));
    }
    all.push(short);
    all
}
