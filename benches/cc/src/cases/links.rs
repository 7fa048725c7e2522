//! Links that are more than a queue which drops its newest: active queues, marks, Wi-Fi that stalls, a cell.

use std::time::Duration;

use p2pvoip_core::{Bitrate, Seed};
use p2pvoip_sim::bottleneck::{DualPi2Config, FqCoDelConfig, PieConfig};
use p2pvoip_sim::schedule::{self, Cell, Rates};
use p2pvoip_sim::{Discipline, Limit};

use super::basic::{STEPS_1, STEPS_2, video};
use super::{case, free, link};
use crate::scenario::{Link, Scenario};
use crate::time::Micros;

pub(super) fn all(seed: &Seed) -> Vec<Scenario> {
    let mut all = queues();
    all.extend(radio(seed));
    all
}

/// Section 6.2 of RFC 8867: no worse than without marks, normally better.
fn queues() -> Vec<Scenario> {
    let limit = Limit::Delay(Duration::from_millis(300));
    let codel = |ecn: bool| Discipline::FqCoDel(FqCoDelConfig { ecn, ..FqCoDelConfig::default() });
    let pie = |ecn: bool| Discipline::Pie(PieConfig { ecn, ..PieConfig::default() });
    let dual = Discipline::DualPi2(DualPi2Config::default());
    let step = Discipline::Step { mark_above: Duration::from_millis(5), limit };
    let kinds = [
        ("5.1-fq", "5.1 behind FQ-CoDel", codel(false)),
        ("5.1-fq-ecn", "5.1 behind FQ-CoDel that marks", codel(true)),
        ("5.1-pie", "5.1 behind PIE", pie(false)),
        ("5.1-pie-ecn", "5.1 behind PIE that marks", pie(true)),
        ("5.1-l4s", "5.1 behind DualPI2 (L4S)", dual),
        ("5.1-step", "5.1, marks above 5 ms", step),
    ];
    let one = |(name, title, queue): (&str, &str, Discipline)| {
        let links = vec![Link { queue, ..link(&STEPS_1) }, free()];
        case(name, title, 100.0, links, vec![video(0.0, 99.0, 50)])
    };
    let mut all: Vec<Scenario> = kinds.into_iter().map(one).collect();
    let links = vec![Link { queue: dual, ..link(&STEPS_2) }, free()];
    let flows = vec![video(0.0, 124.0, 50), video(0.0, 124.0, 50)];
    all.push(case("5.2-l4s", "5.2 behind DualPI2 (L4S)", 125.0, links, flows));
    all
}

/// A schedule of the simulator's as one of ours.
pub(super) fn shaped(rates: &Rates) -> Link {
    let rates = rates.iter().map(|(at, rate)| (at.as_micros() as Micros, rate.as_bps())).collect();
    Link { rates, ..link(&[]) }
}

/// Wi-Fi that stalls (after RFC 8869 section 3) and a cell (after section 2).
fn radio(seed: &Seed) -> Vec<Scenario> {
    let minutes = Duration::from_secs(100);
    let mut all = Vec::new();
    for (name, kbps) in [("wifi", 20_000), ("wifi-2", 2_000)] {
        let length = (Duration::from_millis(20), Duration::from_millis(200));
        let rate = Bitrate::from_kbps(kbps);
        let stalls = schedule::stalls(Duration::from_secs(1), length, rate, minutes, seed);
        let links = vec![shaped(&stalls), free()];
        all.push(case(name, "a video over Wi-Fi that stalls", 100.0, links, vec![video(0.0, 99.0, 20)]));
    }
    for (name, speed_kmh) in [("lte-3", 3), ("lte-30", 30)] {
        let cell = Cell { speed_kmh, ..Cell::default() };
        let links = vec![shaped(&schedule::lte(&cell, minutes, seed)), free()];
        all.push(case(name, "a video in a cell of 2 Mbit/s", 100.0, links, vec![video(0.0, 99.0, 20)]));
    }
    all
}
