//! The cases of adaptive voice, in rates on the wire.

use std::time::Duration;

use p2pvoip_core::{Bitrate, Seed};
use p2pvoip_sim::schedule;
use p2pvoip_sim::tcp::Algorithm;

use super::basic::tcp;
use super::links::shaped;
use super::{case, flow, free, link, lossy, queue};
use crate::scenario::{Flow, Ladder, Link, Loss, Media, Reference, Scenario, Transfer, drop_tail};
use crate::time::MILLI;

const STEPS: [(f64, f64); 4] = [(0.0, 100.0), (20.0, 48.0), (40.0, 32.0), (60.0, 100.0)];

fn voice(end: f64, delay: u64) -> Vec<Flow> {
    vec![flow(Media::Audio(Ladder::Free), 0.0, end, delay)]
}

pub(super) fn all(seed: &Seed) -> Vec<Scenario> {
    let a1 = |back: Link| vec![queue(&STEPS, 500), back];
    let a2 = || vec![queue(&[(0.0, 100.0), (20.0, 24.0), (40.0, 100.0)], 1_000), free()];
    let mut fixed = voice(60.0, 40);
    fixed[0].media = Media::Audio(Ladder::Fixed20);
    let lost = lossy(&[(0.0, 100_000.0)], 30.0);
    let mut all = vec![
        case("a1", "100, 48, 32, 100 kbit/s", 80.0, a1(free()), voice(80.0, 40)),
        case("a1-fb30", "the same, 30 % of feedback lost", 80.0, a1(lost), voice(80.0, 40)),
        case("a2", "100, 24, 100 kbit/s", 60.0, a2(), voice(60.0, 40)),
        case("a2-20", "the same, packets of 20 ms", 60.0, a2(), fixed),
    ];
    all.extend(unsteady(seed));
    all.extend(losses());
    all.extend(shared());
    all
}

/// Stalls, jitter, gaps.
fn unsteady(seed: &Seed) -> Vec<Scenario> {
    let length = (Duration::from_millis(20), Duration::from_millis(200));
    let rate = Bitrate::from_kbps(20_000);
    let minute = Duration::from_secs(60);
    let stalls = schedule::stalls(Duration::from_secs(1), length, rate, minute, seed);
    let jittery = Link { jitter: 10 * MILLI, ..link(&[(0.0, 20_000.0)]) };
    let mut all = vec![
        case("a3", "Wi-Fi that stalls", 60.0, vec![shaped(&stalls), free()], voice(60.0, 20)),
        case("a3b", "jitter of 10 ms", 60.0, vec![jittery, free()], voice(60.0, 20)),
    ];
    for length in [100, 300, 500] {
        let every = Duration::from_secs(10);
        let gaps = schedule::gaps(every, Duration::from_millis(length), Bitrate::from_kbps(500), minute);
        let links = vec![Link { queue: drop_tail(3_000), ..shaped(&gaps) }, free()];
        all.push(case(&format!("a4-{length}"), "a gap every 10 s", 60.0, links, voice(60.0, 40)));
    }
    all
}

fn losses() -> Vec<Scenario> {
    let mut all = Vec::new();
    for percent in [0, 2, 5, 10, 20, 30] {
        let links = vec![lossy(&[(0.0, 1_000.0)], f64::from(percent)), free()];
        all.push(case(&format!("a5-{percent}"), "independent loss", 60.0, links, voice(60.0, 40)));
    }
    let bursts = Link { loss: Loss::Bursts { begin: 0.0278, end: 0.25 }, ..link(&[(0.0, 1_000.0)]) };
    all.push(case("a6", "10 % loss in bursts of 4", 300.0, vec![bursts, free()], voice(300.0, 40)));
    let a9 = lossy(&[(0.0, 100.0), (20.0, 48.0), (40.0, 100.0)], 10.0);
    all.push(case("a9", "100, 48, 100 kbit/s, 10 % loss", 60.0, vec![a9, free()], voice(60.0, 40)));
    let narrow = vec![lossy(&[(0.0, 48.0)], 10.0), free()];
    all.push(case("48-loss", "48 kbit/s, 10 % loss", 60.0, narrow, voice(60.0, 40)));
    all
}

/// Beside TCP, and beside other voices.
fn shared() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (kbps, milliseconds) in [(1_000, 300), (256, 300), (128, 2_000)] {
        let links = vec![queue(&[(0.0, f64::from(kbps))], milliseconds), free()];
        let mut beside = case(&format!("a7-{kbps}"), "a TCP from 10 to 40 s", 60.0, links, voice(60.0, 40));
        beside.tcps.push(tcp(Algorithm::Cubic, Transfer::Long, 10.0, 40.0, 40));
        all.push(beside);
    }
    let delays: [(f64, u64); 4] = [(0.0, 30), (10.0, 40), (20.0, 50), (30.0, 60)];
    let flows = delays.map(|(start, delay)| flow(Media::Audio(Ladder::Free), start, 90.0, delay)).to_vec();
    let links = vec![link(&[(0.0, 200.0)]), free()];
    let four = case("a8", "four voices on 200 kbit/s", 90.0, links, flows);
    all.push(Scenario { reference: Reference::Link, ..four });
    all
}
