//! The program behind `cargo xtask cc`.
//!
//! # Exit codes
//! 0: all aims are met and all frozen rows come out, or there was none. 1: one is missed. 2: the command line or the scenario is not understood.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use p2pvoip_cc_suite::args::{self, Command, Options};
use p2pvoip_cc_suite::scenario::Scenario;
use p2pvoip_cc_suite::table::{self, Paint};
use p2pvoip_cc_suite::{cases, clock, controllers, cost, file, frozen, json, run, svg};

/// Whose aims are judged.
const JUDGED: &str = "p2pvoip";
/// The exit code of a missed aim.
const MISSED: u8 = 1;
/// Progress is told of what takes longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The exit code of what was not understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match args::parse(&words) {
        Ok(Command::Help) => say(args::HELP),
        Ok(Command::List) => say(&list()),
        Ok(Command::Cost { json }) => cost(json),
        Ok(Command::Run(options)) => match perform(&options) {
            Ok(code) => code,
            Err(error) => complain(&error),
        },
        Err(error) => complain(&error.to_string()),
    }
}

/// Measures and judges costs.
fn cost(json: bool) -> ExitCode {
    if cfg!(debug_assertions) {
        return complain("this build is not optimised; measure with `cargo xtask cc --cost`");
    }
    let Some(costs) = cost::measure() else {
        return complain("the default configuration of a controller is refused; mend it first");
    };
    say(&if json { json::costs(&costs) } else { table::costs(&costs, Paint::for_stdout()) });
    if costs.iter().all(cost::Cost::is_met) { ExitCode::SUCCESS } else { ExitCode::from(MISSED) }
}

fn complain(error: &str) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(USAGE)
}

/// A reader that went away, such as `head`, is no error.
fn say(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn list() -> String {
    let mut text = String::from("Cases:\n");
    for case in cases::all(0) {
        let _ = writeln!(text, "  {:12} {}", case.name, case.title);
    }
    let _ = writeln!(text, "Controllers: {}", controllers::NAMES.join(", "));
    text
}

/// The variants of each case that was asked for.
fn chosen(options: &Options) -> Result<Vec<Vec<Scenario>>, String> {
    let number = |index: u64| if options.exact { 0 } else { index };
    if let Some(path) = &options.scenario {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{} cannot be read: {error}; give a file that can", path.display()))?;
        let mut read = file::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if read.scenario.name.is_empty() {
            read.scenario.name =
                path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        }
        let count = options.variants.unwrap_or(read.variants);
        return Ok(vec![(0..count).map(|index| cases::variant(&read.scenario, number(index))).collect()]);
    }
    let is_meant = |case: &Scenario| {
        options.cases.is_empty() || options.cases.iter().any(|name| args::is_meant(name, &case.name))
    };
    let mut variants: Vec<Vec<Scenario>> = Vec::new();
    for index in 0..options.variants() {
        for (place, case) in cases::all(number(index)).into_iter().filter(is_meant).enumerate() {
            match variants.get_mut(place) {
                Some(these) => these.push(case),
                None => variants.push(vec![case]),
            }
        }
    }
    Ok(variants)
}

/// Exact runs of the cases that have frozen rows, for the live controller to come out as they say.
fn calibrating(options: &Options, variants: &[Vec<Scenario>]) -> Vec<Vec<Scenario>> {
    let is_asked = options.controllers.iter().any(|name| name == frozen::CONTROLLER);
    if !is_asked || options.quick || options.scenario.is_some() {
        return Vec::new();
    }
    let is_chosen =
        |case: &Scenario| variants.iter().any(|these| these.first().is_some_and(|one| one.name == case.name));
    let has_row = |case: &Scenario| frozen::of(&case.name).is_some();
    let cases = cases::all(0).into_iter().filter(|case| has_row(case) && is_chosen(case));
    cases.map(|case| (0..frozen::RUNS).map(|_| case.clone()).collect()).collect()
}

/// Tells how far a run has come, on a terminal and when it takes long.
struct Progress {
    shows: bool,
    began: Instant,
    total: usize,
}

impl Progress {
    fn new(total: usize) -> Self {
        Self { shows: std::io::stderr().is_terminal(), began: clock::now(), total }
    }

    fn tell(&self, done: usize) {
        if self.shows && self.began.elapsed() > PATIENCE {
            let end = if done == self.total { "\r\x1b[K" } else { "" };
            eprint!("\r{done} of {} runs{end}", self.total);
        }
    }
}

fn perform(options: &Options) -> Result<ExitCode, String> {
    let variants = chosen(options)?;
    let exact = calibrating(options, &variants);
    let live = [frozen::CONTROLLER.to_owned()];
    let before = run::count(&exact, &live);
    let progress = Progress::new(before + run::count(&variants, &options.controllers));
    let compared = frozen::compare(&run::all(&exact, &live, |done| progress.tell(done)));
    let outcomes = run::all(&variants, &options.controllers, |done| progress.tell(before + done));
    let judged = table::judge(&outcomes, JUDGED);
    if let Some(folder) = &options.svg {
        svg::write(folder, &variants, &options.controllers)?;
        let pictures = if variants.len() == 1 { "picture" } else { "pictures" };
        eprintln!("{} {pictures} in {}, one a case.", variants.len(), folder.display());
    }
    if options.json {
        say(&json::document(&outcomes, &judged, &compared));
    } else {
        let paint = Paint::for_stdout();
        if !compared.is_empty() {
            say(&format!("{}\n", table::calibration(&compared, paint)));
        }
        say(&table::outcomes(&outcomes, paint));
        if !judged.is_empty() {
            say(&format!("\n{}", table::aims(&judged, paint)));
        }
        if options.scenario.is_some() {
            say("A scenario of your own has no aims but those of feedback.\n");
        }
    }
    let all_met = judged.iter().all(|one| one.is_met) && compared.iter().all(|one| one.is_met);
    Ok(if all_met { ExitCode::SUCCESS } else { ExitCode::from(MISSED) })
}
