//! Many simulated calls over random networks: `cargo xtask sim`.
//!
//! Each call is drawn from the seed and its number alone, so that any one of them can be told again by `--only N`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

#[path = "../tests/story/mod.rs"]
mod story;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use p2pvoip::{Codec, RouteKind};
use p2pvoip_core::Seed;
use story::sample::{Told, one, outcomes, percent};
use story::{Counting, Outcome};

const HELP: &str = "\
Simulates calls over random networks and tells what became of them.

Usage: cargo xtask sim [OPTIONS]

  --calls N      how many calls (1000)
  --seconds S    how long each lasts once it is connected (10)
  --seed X       another seed draws other networks (1)
  --only N       tell call number N alone
  --opus         real Opus instead of a codec that costs nothing
  --json         the table as one JSON line

Exit code 0: every call was connected or ended with a typed reason. 1: one was stuck or broke off. 2: usage.";

struct Options {
    calls: u64,
    talk: Duration,
    seed: u64,
    only: Option<u64>,
    opus: bool,
    json: bool,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let told = run(&options);
    if options.json {
        print_json(&told);
    } else {
        print_table(&told, &options);
    }
    if told.iter().any(|(_, told)| is_bad(told)) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        calls: 1_000,
        talk: Duration::from_secs(10),
        seed: 1,
        only: None,
        opus: false,
        json: false,
    };
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().ok_or_else(|| format!("{word} wants a number"))?;
            value.parse::<u64>().map_err(|_| format!("{word} wants a whole number, not `{value}`"))
        };
        match word.as_str() {
            "--calls" => options.calls = number()?,
            "--seconds" => options.talk = Duration::from_secs(number()?),
            "--seed" => options.seed = number()?,
            "--only" => options.only = Some(number()?),
            "--opus" => options.opus = true,
            "--json" => options.json = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("`{word}` is not an option")),
        }
    }
    Ok(Some(options))
}

/// Tells all calls, on as many threads as there are processors; in the order of their numbers.
fn run(options: &Options) -> Vec<(u64, Told)> {
    let seed = Seed::from_u64(options.seed).derive("sim");
    let codec: Arc<dyn Codec> = if options.opus { Arc::new(p2pvoip::Opus) } else { Arc::new(Counting) };
    let range = options.only.map_or(0..options.calls, |only| only..only + 1);
    let next = AtomicU64::new(range.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut told = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= range.end {
                return told;
            }
            told.push((number, one(&seed.derive_index("call", number), &codec, options.talk)));
            show_progress(number + 1 - range.start, range.end - range.start);
        }
    };
    let mut told: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        // A thread that panicked has said why; the rest of the table would hide it.
        handles
            .into_iter()
            .flat_map(|handle| handle.join().unwrap_or_else(|_| std::process::exit(101)))
            .collect()
    });
    told.sort_by_key(|(number, _)| *number);
    told
}

fn show_progress(done: u64, of: u64) {
    if std::io::stderr().is_terminal() {
        if done.is_multiple_of(10) {
            eprint!("\r{done} of {of} calls");
        }
        if done == of {
            eprint!("\r\x1b[K");
        }
    }
}

fn print_table(told: &[(u64, Told)], options: &Options) {
    let all: Vec<&Told> = told.iter().map(|(_, told)| told).collect();
    println!("{} calls of {} s, seed {}\n", all.len(), options.talk.as_secs(), options.seed);
    println!("{:<28} {:>8} {:>8}", "outcome", "calls", "%");
    for (outcome, count) in outcomes(told.iter().map(|(_, told)| told)) {
        println!("{:<28} {count:>8} {:>8.1}", name(outcome), percent(count as u64, all.len() as u64));
    }
    println!("\n{:<28} {:>8} {:>8}", "path of those that talked", "calls", "%");
    for (name, kind) in PATHS {
        let count = paths(told, kind);
        println!("{name:<28} {count:>8} {:>8.1}", percent(count as u64, all.len() as u64));
    }
    let talked: Vec<&Told> = all.iter().copied().filter(|told| told.outcome == Outcome::Talked).collect();
    println!("\n{:<28} {:>8} {:>8} {:>8}", "of those that talked", "median", "p95", "worst");
    print_row("connected after (ms)", talked.iter().filter_map(|told| told.after).map(millis));
    print_row("concealed (%)", talked.iter().map(|told| told.concealed));
    print_row("playout delay (ms)", talked.iter().map(|told| millis(told.playout_delay)));
    println!("\n{} datagrams were sent", all.iter().map(|told| told.datagrams).sum::<u64>());
    for (number, told) in told.iter().filter(|(_, told)| is_bad(told) || options.only.is_some()) {
        println!("call {number}: {} ({})", name(told.outcome), told.network);
    }
}

fn print_row(what: &str, values: impl Iterator<Item = f64>) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at =
        |part: usize| values.get((values.len() * part / 100).min(values.len().saturating_sub(1))).copied();
    if let (Some(median), Some(high), Some(worst)) = (at(50), at(95), at(100)) {
        println!("{what:<28} {median:>8.1} {high:>8.1} {worst:>8.1}");
    }
}

fn print_json(told: &[(u64, Told)]) {
    let counts: Vec<String> = outcomes(told.iter().map(|(_, told)| told))
        .into_iter()
        .map(|(outcome, count)| format!("\"{}\":{count}", name(outcome)))
        .collect();
    let paths: Vec<String> =
        PATHS.iter().map(|(name, kind)| format!("\"{name}\":{}", paths(told, *kind))).collect();
    let (counts, paths) = (counts.join(","), paths.join(","));
    println!("{{\"calls\":{},\"outcomes\":{{{counts}}},\"paths\":{{{paths}}}}}", told.len());
}

/// The kinds of path by name.
const PATHS: [(&str, RouteKind); 2] = [("direct", RouteKind::Direct), ("relayed", RouteKind::Relayed)];

/// How many calls that talked did so by this kind of path at their end.
fn paths(told: &[(u64, Told)], kind: RouteKind) -> usize {
    let talked = told.iter().filter(|(_, told)| told.outcome == Outcome::Talked);
    talked.filter(|(_, told)| told.path == Some(kind)).count()
}

/// Neither a call nor a typed failure to have one.
const fn is_bad(told: &Told) -> bool {
    matches!(told.outcome, Outcome::Stuck | Outcome::Broke(_))
}

fn name(outcome: Outcome) -> String {
    match outcome {
        Outcome::Talked => "talked".to_owned(),
        Outcome::Broke(reason) => format!("broke off: {reason}"),
        Outcome::Failed(reason) => format!("no call: {reason}"),
        Outcome::Stuck => "STUCK".to_owned(),
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
