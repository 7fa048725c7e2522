//! `cargo xtask fuzz`: the bodies of p2pvoip-fuzz under libFuzzer, on stable Rust.
//!
//! One program holds all bodies (`fuzz/libfuzzer`); each target is a process of it. What is found stays below
//! `target/fuzz` unless it is asked to be kept.
//!
//! # Left out
//! - Several processes on one target: `--jobs` is for targets side by side.

mod build;
mod log;
mod one;
mod options;
mod report;

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use crate::cargo::Workspace;
use crate::exit::Exit;
use crate::paint::Paint;
use crate::system;
use crate::table::grouped;
use build::Places;
use one::{Outcome, Target};

pub(crate) use options::{HELP, Options, parse};

/// Does what was asked.
pub(crate) fn run(workspace: &Workspace, options: &Options, paint: Paint) -> Exit {
    if let Err(exit) = system::ensure(paint) {
        return exit;
    }
    match fuzz(workspace, options, paint) {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::Failed,
        Err(what) => {
            eprintln!("error: {what}");
            Exit::Failed
        }
    }
}

fn fuzz(workspace: &Workspace, options: &Options, paint: Paint) -> Result<bool, String> {
    let places = Places::of(workspace);
    let targets = chosen(&places.targets()?, &options.targets)?;
    if options.list {
        println!("{}", targets.join("\n"));
        return Ok(true);
    }
    let replayed = options.replay.as_ref().map(|_| only(&targets)).transpose()?;
    build::install(workspace)?;
    let program = build::build(workspace, &places, options.address)?;
    if let (Some(file), Some(name)) = (&options.replay, replayed) {
        return Target { name, program: &program, places: &places }.replay(Path::new(file));
    }
    let jobs = options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let jobs = jobs.min(targets.len());
    let rounds = u64::try_from(targets.len().div_ceil(jobs.max(1))).unwrap_or(1);
    let minutes = (rounds * options.seconds).div_ceil(60);
    eprintln!(
        "{} targets, {} s each, {jobs} at once: {minutes} min and a little",
        targets.len(),
        options.seconds
    );
    let outcomes = side_by_side(&targets, jobs, |name, news| {
        Target { name, program: &program, places: &places }.fuzz(options, &|progress| {
            let _nobody_listens = news.send(News::Runs(name.to_owned(), progress.executions));
        })
    })?;
    let document = places.out.join("report.md");
    std::fs::write(&document, report::markdown(&outcomes, options))
        .map_err(|error| format!("{} cannot be written: {error}", document.display()))?;
    if options.json {
        println!("{:#}", report::json(&outcomes, options, &workspace.root));
    } else {
        print!("\n{}", report::text(&outcomes, &workspace.root, paint));
    }
    Ok(outcomes.iter().all(|outcome| outcome.clean))
}

/// The targets that are named, or whose names begin with what is named.
fn chosen(all: &[String], named: &[String]) -> Result<Vec<String>, String> {
    // A target's own name means that one, even where longer names begin with it.
    let is = |target: &str, name: &str| {
        let goes_on = || target.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
        target == name || (!all.iter().any(|target| target == name) && goes_on())
    };
    if let Some(name) = named.iter().find(|name| !all.iter().any(|target| is(target, name))) {
        return Err(format!("there is no fuzz target `{name}`; `cargo xtask fuzz --list` names them"));
    }
    let wanted = |target: &&String| named.is_empty() || named.iter().any(|name| is(target, name));
    Ok(all.iter().filter(wanted).cloned().collect())
}

/// The one target that a file is replayed on.
fn only(targets: &[String]) -> Result<&String, String> {
    match targets {
        [name] => Ok(name),
        many => Err(format!("a file is replayed on one target; choose one of {}", many.join(", "))),
    }
}

/// What a run tells while others run.
enum News {
    /// So many inputs were run on the target.
    Runs(String, u64),
    /// It is over.
    Over(Box<Result<Outcome, String>>),
}

/// Runs all targets, so many at once, and shows how it goes; the outcomes are in the order of the targets.
fn side_by_side(
    targets: &[String],
    jobs: usize,
    one: impl Fn(&str, &Sender<News>) -> Result<Outcome, String> + Sync,
) -> Result<Vec<Outcome>, String> {
    let waiting = Mutex::new(targets.iter());
    let (sender, news) = channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, waiting, one) = (sender.clone(), &waiting, &one);
            scope.spawn(move || {
                while let Some(name) = waiting.lock().ok().and_then(|mut waiting| waiting.next()) {
                    let outcome = one(name, &sender);
                    let _nobody_listens = sender.send(News::Over(Box::new(outcome)));
                }
            });
        }
        drop(sender);
        let mut shown = Shown::new(targets.len());
        let mut outcomes = Vec::new();
        for news in news {
            match news {
                News::Runs(name, executions) => shown.runs(name, executions),
                News::Over(outcome) => {
                    let outcome = (*outcome)?;
                    shown.over(&outcome);
                    outcomes.push(outcome);
                }
            }
        }
        outcomes.sort_by(|a, b| a.target.cmp(&b.target));
        Ok(outcomes)
    })
}

/// How it goes, on standard error: a line for each target that is over, and on a terminal one that is written anew.
struct Shown {
    total: usize,
    over: usize,
    running: BTreeMap<String, u64>,
    terminal: bool,
}

impl Shown {
    fn new(total: usize) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { total, over: 0, running: BTreeMap::new(), terminal }
    }

    fn runs(&mut self, name: String, executions: u64) {
        self.running.insert(name, executions);
        if self.terminal {
            let running: Vec<String> =
                self.running.iter().map(|(name, count)| format!("{name} {}", grouped(*count))).collect();
            let line: String =
                format!("{}/{}  {}", self.over, self.total, running.join("  ")).chars().take(78).collect();
            eprint!("\r\x1b[K{line}");
            let _gone = std::io::stderr().flush();
        }
    }

    fn over(&mut self, outcome: &Outcome) {
        self.running.remove(&outcome.target);
        self.over += 1;
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        let result = if outcome.clean { "clean" } else { "BROKE" };
        let Outcome { target, progress, .. } = outcome;
        let (count, edges) = (grouped(progress.executions), grouped(progress.new_edges()));
        eprintln!(
            "{clear}{:>3}/{}  {target:<26} {count:>13} executions, {edges} new edges, {result}",
            self.over, self.total
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Progress;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn targets_are_named_whole_or_by_their_first_words() {
        let all = names(&["cc-feedback", "signal-offer", "signal-offer-two", "signals"]);
        assert_eq!(chosen(&all, &[]), Ok(all.clone()));
        assert_eq!(chosen(&all, &names(&["signal"])), Ok(names(&["signal-offer", "signal-offer-two"])));
        assert_eq!(chosen(&all, &names(&["cc-feedback"])), Ok(names(&["cc-feedback"])));
        assert_eq!(chosen(&all, &names(&["signal-offer"])), Ok(names(&["signal-offer"])));
        assert_eq!(only(&names(&["cc-feedback"])), Ok(&"cc-feedback".to_owned()));
        assert!(only(&all).is_err_and(|what| what.contains("signal-offer-two")));
        assert!(chosen(&all, &names(&["cc-feed"])).is_err_and(|what| what.contains("`cc-feed`")));
    }

    #[test]
    fn every_corpus_of_the_repository_is_a_target() {
        let targets = Places::of(&Workspace::here()).targets().unwrap();
        assert!(targets.contains(&"cc-feedback".to_owned()), "{targets:?}");
    }

    #[test]
    fn all_targets_are_run_once_and_told_in_their_order() {
        let targets = names(&["a", "b", "c", "d", "e"]);
        let outcomes = side_by_side(&targets, 3, |name, news| {
            let _told = news.send(News::Runs(name.to_owned(), 1));
            let progress = Progress { executions: 1, ..Progress::default() };
            Ok(Outcome { target: name.to_owned(), progress, new_inputs: 0, kept: 0, clean: true })
        });
        let told: Vec<String> = outcomes.unwrap().into_iter().map(|outcome| outcome.target).collect();
        assert_eq!(told, targets);
    }

    #[test]
    fn a_target_that_could_not_be_run_ends_the_run() {
        let outcomes = side_by_side(&names(&["a"]), 1, |name, _| Err(format!("{name} is not there")));
        assert_eq!(outcomes.err().as_deref(), Some("a is not there"));
    }
}
