//! How the targets fared, for a person and for a program.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::one::Outcome;
use super::options::Options;
use crate::paint::Paint;
use crate::table::{Side, Table, grouped};

/// The table, what broke with the command that shows it again, and the verdict.
pub(crate) fn text(outcomes: &[Outcome], root: &Path, paint: Paint) -> String {
    let mut text = table(outcomes).text();
    for outcome in outcomes.iter().filter(|outcome| !outcome.clean) {
        let what =
            outcome.progress.broke.as_deref().unwrap_or("libFuzzer ended before its time; see its log");
        let name = paint.red(&format!("{}:", outcome.target));
        let _infallible = writeln!(text, "\n{name} {what}");
        if let Some(command) = reproduce(outcome, root) {
            let _infallible = writeln!(text, "  shown again by: {command}");
        }
    }
    let _infallible = writeln!(text, "\n{}", verdict(outcomes, paint));
    text
}

fn table(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new(&[
        ("target", Side::Left),
        ("executions", Side::Right),
        ("exec/s", Side::Right),
        ("corpus", Side::Right),
        ("new inputs", Side::Right),
        ("edges", Side::Right),
        ("new edges", Side::Right),
        ("result", Side::Left),
    ]);
    for Outcome { target, progress, new_inputs, clean, .. } in outcomes {
        table.push(vec![
            target.clone(),
            grouped(progress.executions),
            grouped(progress.per_second),
            grouped(progress.corpus),
            new_inputs.to_string(),
            grouped(progress.edges),
            grouped(progress.new_edges()),
            if *clean { "clean" } else { "BROKE" }.to_owned(),
        ]);
    }
    table
}

fn verdict(outcomes: &[Outcome], paint: Paint) -> String {
    let executions: u64 = outcomes.iter().map(|outcome| outcome.progress.executions).sum();
    let broke: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.clean).map(|outcome| outcome.target.as_str()).collect();
    let kept: usize = outcomes.iter().map(|outcome| outcome.kept).sum();
    let kept = if kept == 0 { String::new() } else { format!("; {kept} inputs were taken into fuzz/corpus") };
    let run = format!("{} targets, {} executions{kept}", outcomes.len(), grouped(executions));
    if broke.is_empty() {
        paint.green(&format!("nothing broke: {run}"))
    } else {
        paint.red(&format!("BROKE: {}; {run}", broke.join(", ")))
    }
}

/// The command that shows again what broke.
fn reproduce(outcome: &Outcome, root: &Path) -> Option<String> {
    let artifact = Path::new(outcome.progress.artifact.as_deref()?);
    let artifact = artifact.strip_prefix(root).unwrap_or(artifact);
    Some(format!("cargo xtask fuzz {} --replay {}", outcome.target, artifact.display()))
}

/// The table for a document, which is left beside what was found.
pub(crate) fn markdown(outcomes: &[Outcome], options: &Options) -> String {
    let Options { seconds, .. } = options;
    let sanitizer = if options.address { ", with the address sanitizer" } else { "" };
    format!("# Fuzzing, {seconds} s each{sanitizer}\n\n{}", table(outcomes).markdown())
}

/// The figures for a program.
pub(crate) fn json(outcomes: &[Outcome], options: &Options, root: &Path) -> Value {
    let target = |outcome: &Outcome| {
        let progress = &outcome.progress;
        json!({
            "name": outcome.target,
            "executions": progress.executions,
            "per_second": progress.per_second,
            "corpus": progress.corpus,
            "new_inputs": outcome.new_inputs,
            "kept": outcome.kept,
            "edges": progress.edges,
            "new_edges": progress.new_edges(),
            "clean": outcome.clean,
            "broke": progress.broke,
            "artifact": progress.artifact,
            "reproduce": reproduce(outcome, root),
        })
    };
    json!({
        "seconds": options.seconds,
        "sanitizer": if options.address { "address" } else { "none" },
        "clean": outcomes.iter().all(|outcome| outcome.clean),
        "targets": outcomes.iter().map(target).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::log::Progress;

    fn outcome(target: &str, clean: bool) -> Outcome {
        let progress = Progress {
            executions: 12_345,
            broke: (!clean).then(|| "thread '<unnamed>' panicked at x.rs:1:1: no".to_owned()),
            artifact: (!clean).then(|| "/house/target/fuzz/crashes/b/crash-1".to_owned()),
            ..Progress::default()
        };
        Outcome { target: target.to_owned(), progress, new_inputs: 3, kept: 0, clean }
    }

    #[test]
    fn what_broke_is_told_with_the_command_that_shows_it_again() {
        let text = text(&[outcome("a", true), outcome("b", false)], Path::new("/house"), Paint::off());
        assert!(text.contains("cargo xtask fuzz b --replay target/fuzz/crashes/b/crash-1\n"), "{text}");
        assert!(text.ends_with("BROKE: b; 2 targets, 24,690 executions\n"), "{text}");
        assert_eq!(text.matches("clean").count(), 1, "{text}");
    }

    #[test]
    fn a_program_reads_the_same() {
        let value = json(&[outcome("a", true)], &Options::default(), Path::new("/house"));
        assert_eq!(value["clean"], true);
        assert_eq!(value["targets"][0]["executions"], 12_345);
        assert_eq!(value["targets"][0]["reproduce"], Value::Null);
    }
}
