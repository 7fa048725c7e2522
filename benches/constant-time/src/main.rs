//! Measures whether the comparison of secrets takes a time that tells of them, as dudect does (Reparaz, Balasch and
//! Verbauwhede, 2017): two classes of inputs by turns, at random, and Welch's t-test over their times.
//!
//! `cargo xtask constant-time` runs it. A statistic is no proof: it says that in so many measurements no difference was seen.
//!
//! # Left out
//! - Compilers and processors other than the ones it runs on.

mod measure;
mod subjects;
mod welch;

use std::process::ExitCode;

use serde_json::{Value, json};

use measure::{Finding, THRESHOLD};

/// How many measurements of each subject, unless the user says otherwise.
const MEASUREMENTS: u32 = 500_000;
/// Fewer could show no leak.
const LEAST: u32 = 20_000;

const HELP: &str = "\
Measures whether the comparison of secrets takes a time that tells where they differ.

Usage: constant-time [--measurements N] [--json]

For each subject two classes of inputs are measured by turns at random: what is refused differs from the right secret in its
first byte or in its last one. Welch's t-test compares their times, raw and cropped at 20 percentiles. Where the largest
|t| is 10 or more, the time tells of the secret. The control is a comparison that stops at the first difference: it must be caught.

Options:
  --measurements N   How many of each subject (500000; at least 20000)
  --json             Write the results as JSON

Exit code: 0 when no subject leaks and the control is caught, 1 when not, 2 when the command line was not understood.
";

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Help,
    Measure { measurements: u32, json: bool },
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match parse(&words) {
        Ok(Asked::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Asked::Measure { measurements, json }) => run(measurements, json),
        Err(what) => {
            eprintln!("error: {what}\n`constant-time --help` tells what there is.");
            ExitCode::from(2)
        }
    }
}

fn parse(words: &[String]) -> Result<Asked, String> {
    let (mut measurements, mut json) = (MEASUREMENTS, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--json" => json = true,
            "--measurements" => {
                let count = words.next().and_then(|count| count.parse().ok());
                measurements = count
                    .filter(|count| *count >= LEAST)
                    .ok_or_else(|| format!("`--measurements` wants a number of at least {LEAST}"))?;
            }
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    Ok(Asked::Measure { measurements, json })
}

fn run(measurements: u32, json: bool) -> ExitCode {
    let subjects = match subjects::all() {
        Ok(subjects) => subjects,
        Err(error) => {
            eprintln!("error: the inputs could not be made: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut findings = Vec::new();
    for (at, mut subject) in subjects.into_iter().enumerate() {
        let finding = measure::measure(&mut subject, measurements, 1 + at as u64);
        if !json {
            println!("{}", line(&finding));
        }
        findings.push(finding);
    }
    let passed = findings.iter().all(Finding::is_as_expected);
    if json {
        println!("{:#}", to_json(&findings, passed));
    } else {
        let verdict = if passed {
            "no time tells of a secret, and the control was caught"
        } else {
            "FAILED: a time tells of a secret, or the control was not caught; measure again on a quiet machine"
        };
        println!("{verdict}");
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn line(finding: &Finding) -> String {
    let Finding { name, measurements, t, is_control, .. } = finding;
    let verdict = match (finding.leaks(), is_control) {
        (false, false) => "constant",
        (true, true) => "caught",
        (true, false) => "LEAKS",
        (false, true) => "NOT CAUGHT",
    };
    format!("{name:<40} {measurements:>9} measurements   |t| {t:>9.2} of {THRESHOLD}   {verdict}")
}

fn to_json(findings: &[Finding], passed: bool) -> Value {
    let one = |finding: &Finding| {
        json!({
            "name": finding.name,
            "measurements": finding.measurements,
            "t": finding.t,
            "leaks": finding.leaks(),
            "control": finding.is_control,
            "as_expected": finding.is_as_expected(),
        })
    };
    json!({ "threshold": THRESHOLD, "passed": passed, "subjects": findings.iter().map(one).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_options_are_understood_and_too_few_measurements_refused() {
        assert_eq!(parsed(""), Ok(Asked::Measure { measurements: MEASUREMENTS, json: false }));
        let asked = Asked::Measure { measurements: 20_000, json: true };
        assert_eq!(parsed("--json --measurements 20000"), Ok(asked));
        assert_eq!(parsed("--json -h"), Ok(Asked::Help));
        assert!(parsed("--measurements 7").is_err());
        assert!(parsed("--measurement").is_err());
    }

    #[test]
    fn every_subject_refuses_both_classes_and_one_is_a_control() {
        let mut subjects = subjects::all().unwrap();
        assert_eq!(subjects.iter().filter(|subject| subject.is_control).count(), 1);
        for subject in &mut subjects {
            for class in 0..2 {
                let mut input = subject.inputs[class].clone();
                assert!(!(subject.accepts)(&mut input), "{}, class {class}", subject.name);
            }
            let mut right = subject.right.clone();
            assert!((subject.accepts)(&mut right), "{}: the right one is accepted", subject.name);
        }
    }
}
