//! The command line: what the words mean, and what is said when they mean nothing.

use std::fmt;
use std::path::PathBuf;

use crate::{cases, controllers};

/// What `--help` says.
pub const HELP: &str = include_str!("help.txt");

/// The cases of `--quick`.
const QUICK: [&str; 8] = ["5.1", "5.2", "5.4", "5.6", "loss-10", "a1", "a5-10", "a8"];
/// The controllers when nothing is said; of a scenario of the user's own the first.
const DEFAULT: [&str; 3] = ["p2pvoip", "goog_cc", "oracle"];
/// Variants when nothing is said.
const VARIANTS: u64 = 3;
/// The most variants.
const MOST: u64 = 1_000;

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Names or beginnings of cases; all when empty.
    pub cases: Vec<String>,
    /// Names of controllers.
    pub controllers: Vec<String>,
    /// Variants of each case; `None` is what the scenario says, or three.
    pub variants: Option<u64>,
    /// A few cases once: nothing is compared with frozen rows.
    pub quick: bool,
    /// No variant is varied.
    pub exact: bool,
    /// One JSON document.
    pub json: bool,
    /// Where pictures go.
    pub svg: Option<PathBuf>,
    /// A scenario of the user's own.
    pub scenario: Option<PathBuf>,
}

impl Options {
    /// Variants of each case of the suite.
    pub fn variants(&self) -> u64 {
        self.variants.unwrap_or(VARIANTS)
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Show the help.
    Help,
    /// Name cases and controllers.
    List,
    /// Run.
    Run(Options),
}

/// The words were not understood; the text says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n`cargo xtask cc --help` tells what there is.", self.0)
    }
}

impl std::error::Error for UsageError {}

/// Understands the words after the program's name.
///
/// # Errors
/// [`UsageError`] tells what to write instead.
pub fn parse(words: &[String]) -> Result<Command, UsageError> {
    let mut options = Options {
        cases: Vec::new(),
        controllers: Vec::new(),
        variants: None,
        quick: false,
        exact: false,
        json: false,
        svg: None,
        scenario: None,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, given) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let mut value = || {
            let value = given.clone().or_else(|| words.next().cloned());
            value.ok_or_else(|| UsageError(format!("{name} needs a value")))
        };
        match name {
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => return Ok(Command::List),
            "--case" => options.cases.extend(listed(&value()?)),
            "--controller" => options.controllers.extend(listed(&value()?)),
            "--seeds" => options.variants = Some(count(&value()?)?),
            "--svg" => options.svg = Some(PathBuf::from(value()?)),
            "--scenario" => options.scenario = Some(PathBuf::from(value()?)),
            "--exact" => options.exact = true,
            "--json" => options.json = true,
            "--quick" => options.quick = true,
            _ => return Err(UsageError(format!("`{word}` is no option"))),
        }
    }
    if options.quick {
        if options.cases.is_empty() {
            options.cases = QUICK.map(str::to_owned).to_vec();
        }
        options.variants = options.variants.or(Some(1));
    }
    if options.controllers.is_empty() {
        let beside = if options.scenario.is_some() { &DEFAULT[..1] } else { &DEFAULT[..] };
        options.controllers.extend(beside.iter().map(|name| (*name).to_owned()));
    }
    check(&options)?;
    Ok(Command::Run(options))
}

fn listed(value: &str) -> impl Iterator<Item = String> {
    value.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn count(value: &str) -> Result<u64, UsageError> {
    let number = value.parse().ok().filter(|number| (1..=MOST).contains(number));
    number
        .ok_or_else(|| UsageError(format!("--seeds needs a number from 1 to {MOST}, and `{value}` is none")))
}

fn check(options: &Options) -> Result<(), UsageError> {
    for name in &options.controllers {
        if !controllers::NAMES.contains(&name.as_str()) {
            let known = controllers::NAMES.join(", ");
            return Err(UsageError(format!("there is no controller `{name}`; there are {known}")));
        }
    }
    if options.scenario.is_some() && !options.cases.is_empty() {
        return Err(UsageError("give --scenario or --case, not both".to_owned()));
    }
    if options.cases.is_empty() {
        return Ok(());
    }
    let all = cases::all(0);
    for pattern in &options.cases {
        if !all.iter().any(|case| is_meant(pattern, &case.name)) {
            return Err(UsageError(format!("there is no case `{pattern}`; --list names them")));
        }
    }
    Ok(())
}

/// Whether a case's name is the pattern, or begins with what stands before its star.
pub fn is_meant(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |begin| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, UsageError> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn options(line: &str) -> Options {
        match parsed(line) {
            Ok(Command::Run(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn nothing_said_is_every_case_in_three_variants() {
        let options = options("");
        assert_eq!(options.variants(), 3);
        assert_eq!(options.controllers, ["p2pvoip", "goog_cc", "oracle"]);
        assert!(options.cases.is_empty() && !options.json && !options.exact);
    }

    #[test]
    fn a_scenario_of_ones_own_is_run_with_our_controller() {
        assert_eq!(options("--scenario x.toml").controllers, ["p2pvoip"]);
        assert_eq!(options("--scenario x.toml --controller nada").controllers, ["nada"]);
    }

    #[test]
    fn names_are_given_one_by_one_or_together() {
        let options = options("--case 5.1,a1 --case=a5* --controller goog_cc,oracle --seeds 7");
        assert_eq!(options.cases, ["5.1", "a1", "a5*"]);
        assert_eq!(options.controllers, ["goog_cc", "oracle"]);
        assert_eq!(options.variants(), 7);
    }

    #[test]
    fn quick_is_a_few_cases_once() {
        let options = options("--quick");
        assert_eq!((options.cases.len(), options.variants()), (QUICK.len(), 1));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("--cases 5.1", "`--cases` is no option"),
            ("--case 9.9", "no case `9.9`"),
            ("--controller reno", "no controller `reno`; there are p2pvoip,"),
            ("--seeds 0", "a number from 1 to 1000"),
            ("--seeds", "--seeds needs a value"),
            ("--scenario x.toml --case 5.1", "not both"),
        ] {
            let error = parsed(line).expect_err(line).to_string();
            assert!(error.contains(part), "{line}: {error}");
            assert!(error.contains("--help"), "{error}");
        }
    }
}
