//! Runs cases: several variants of each, on two threads, each result in its place.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use p2pvoip_core::Seed;
use serde::Serialize;

use crate::controllers;
use crate::metrics::{Metrics, mean, measure};
use crate::scenario::Scenario;
use crate::world::{self, Noted};

/// Threads that run cases.
const THREADS: usize = 2;

/// One run of a scenario; `None` when no controller has that name.
pub fn once(scenario: &Scenario, controller: &str, seed: u64) -> Option<(Metrics, Noted)> {
    let seed = Seed::from_u64(seed).derive("suite");
    let made = (0..scenario.flows.len())
        .map(|flow| controllers::make(controller, scenario, flow, &seed))
        .collect::<Option<Vec<_>>>()?;
    let noted = world::run(scenario, made, &seed);
    Some((measure(scenario, &noted), noted))
}

/// What a controller did in the variants of a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The case.
    pub case: String,
    /// What it shows.
    pub title: String,
    /// The controller.
    pub controller: String,
    /// The mean over the variants.
    pub mean: Metrics,
    /// Each variant.
    pub runs: Vec<Metrics>,
}

/// Runs every case with every controller: `variants` holds the variants of each case. Outcomes are in the order of cases,
/// then of controllers; `progress` is told how many runs are done. Controllers without a name known are left out.
pub fn all(
    variants: &[Vec<Scenario>],
    controllers: &[String],
    progress: impl Fn(usize) + Sync,
) -> Vec<Outcome> {
    let jobs: Vec<(usize, &Scenario, &str)> = variants
        .iter()
        .flat_map(|case| controllers.iter().map(move |controller| (case, controller.as_str())))
        .flat_map(|(case, name)| case.iter().enumerate().map(move |(seed, one)| (seed, one, name)))
        .collect();
    let runs = Mutex::new(vec![None; jobs.len()]);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::SeqCst);
            let Some((seed, scenario, controller)) = jobs.get(place).copied() else { return };
            let metrics = once(scenario, controller, seed as u64).map(|run| run.0);
            if let Ok(mut runs) = runs.lock() {
                runs[place] = metrics;
            }
            progress(done.fetch_add(1, Ordering::SeqCst) + 1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let mut runs = runs.into_inner().unwrap_or_default().into_iter();
    let mut outcomes = Vec::new();
    for case in variants {
        for controller in controllers {
            let these: Vec<Option<Metrics>> = runs.by_ref().take(case.len()).collect();
            let these: Option<Vec<Metrics>> = these.into_iter().collect();
            outcomes.extend(these.and_then(|runs| outcome(case, controller, runs)));
        }
    }
    outcomes
}

fn outcome(variants: &[Scenario], controller: &str, runs: Vec<Metrics>) -> Option<Outcome> {
    let first = variants.first()?;
    Some(Outcome {
        case: first.name.clone(),
        title: first.title.clone(),
        controller: controller.to_owned(),
        mean: mean(&runs),
        runs,
    })
}

/// How many runs [`all`] makes.
pub fn count(variants: &[Vec<Scenario>], controllers: &[String]) -> usize {
    variants.iter().map(Vec::len).sum::<usize>() * controllers.len()
}
