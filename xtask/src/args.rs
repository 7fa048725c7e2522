//! The command line: what the words mean, and what is said when they mean nothing.

use std::fmt;

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// Show this text.
    Help(&'static str),
    /// Name the steps of `test`.
    ListSteps,
    /// Run the steps.
    Test(TestOptions),
    /// Check the rules of the house.
    Tidy,
    /// Show a call, with these arguments for the program.
    Demo(Vec<String>),
    /// Simulate calls, with these arguments for the simulation.
    Sim(Vec<String>),
    /// Search for inputs that break something.
    Fuzz(crate::fuzz::Options),
    /// Write the locks of the public API, or only compare them.
    Api {
        /// Only compare.
        check: bool,
    },
    /// Measure congestion control, with these arguments for the suite.
    Cc(Vec<String>),
    /// Measure the comparison of secrets, with these arguments for the program.
    ConstantTime(Vec<String>),
    /// Ask the symbolic models.
    Models(crate::models::Options),
    /// Measure the hot paths.
    Bench(crate::bench::Options),
}

/// Which steps of `test` are run, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct TestOptions {
    /// Only those that answer soon.
    pub(crate) fast: bool,
    /// Show what the steps write as it comes.
    pub(crate) verbose: bool,
    /// Only the steps of these names; all when empty.
    pub(crate) steps: Vec<String>,
}

/// The words were not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UsageError {
    what: String,
    topic: &'static str,
}

impl UsageError {
    /// What is wrong, and the command whose help tells more.
    pub(crate) const fn new(what: String, topic: &'static str) -> Self {
        Self { what, topic }
    }

    /// An option that is none of the known ones.
    pub(crate) fn unknown_option(word: &str, topic: &'static str, known: &[&str]) -> Self {
        unknown(word, topic, known)
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, topic } = self;
        let space = if topic.is_empty() { "" } else { " " };
        write!(f, "{what}\n`cargo xtask{space}{topic} --help` tells what there is.")
    }
}

/// Every command with its help.
const COMMANDS: [(&str, &str); 10] = [
    ("test", TEST_HELP),
    ("tidy", TIDY_HELP),
    ("demo", DEMO_HELP),
    ("sim", SIM_HELP),
    ("fuzz", crate::fuzz::HELP),
    ("bench", crate::bench::HELP),
    ("cc", crate::cc::HELP),
    ("models", crate::models::HELP),
    ("constant-time", CONSTANT_TIME_HELP),
    ("api", API_HELP),
];

/// Understands the words after `cargo xtask`.
pub(crate) fn parse(words: &[String]) -> Result<Command, UsageError> {
    let Some((name, rest)) = words.split_first() else {
        return Err(UsageError { what: "no command was given".to_owned(), topic: "" });
    };
    if is_help(name) || (name == "help" && rest.is_empty()) {
        return Ok(Command::Help(HELP));
    }
    if name == "help" {
        return rest.first().map_or(Ok(Command::Help(HELP)), |topic| help_of(topic).map(Command::Help));
    }
    let help = help_of(name)?;
    if rest.iter().take_while(|word| *word != "--").any(|word| is_help(word)) {
        return Ok(Command::Help(help));
    }
    match name.as_str() {
        "test" => parse_test(rest),
        "tidy" => nothing_more(rest, "tidy").map(|()| Command::Tidy),
        "demo" => Ok(Command::Demo(rest.to_vec())),
        "sim" => Ok(Command::Sim(rest.to_vec())),
        "cc" => Ok(Command::Cc(rest.to_vec())),
        "constant-time" => Ok(Command::ConstantTime(rest.to_vec())),
        "api" => parse_api(rest),
        "fuzz" => crate::fuzz::parse(rest).map(Command::Fuzz),
        "models" => crate::models::parse(rest).map(Command::Models),
        _ => crate::bench::parse(rest).map(Command::Bench),
    }
}

fn parse_api(words: &[String]) -> Result<Command, UsageError> {
    match words {
        [] => Ok(Command::Api { check: false }),
        [word] if word == "--check" => Ok(Command::Api { check: true }),
        [word, ..] => Err(unknown(word, "api", &["--check"])),
    }
}

fn parse_test(words: &[String]) -> Result<Command, UsageError> {
    let mut options = TestOptions::default();
    let mut list = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--fast" => options.fast = true,
            "--verbose" => options.verbose = true,
            "--list" => list = true,
            "--step" => {
                let name =
                    words.next().ok_or_else(|| wrong("`--step` wants the name of a step".to_owned()))?;
                options.steps.push(step_name(name)?);
            }
            other => match other.strip_prefix("--step=") {
                Some(name) => options.steps.push(step_name(name)?),
                None => return Err(unknown(other, "test", &["--fast", "--verbose", "--list", "--step"])),
            },
        }
    }
    Ok(if list { Command::ListSteps } else { Command::Test(options) })
}

fn step_name(name: &str) -> Result<String, UsageError> {
    let names: Vec<&str> = crate::test::STEPS.iter().map(|step| step.name).collect();
    if names.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(wrong(format!("there is no step `{name}`; there are {}", names.join(", "))))
}

const fn wrong(what: String) -> UsageError {
    UsageError { what, topic: "test" }
}

fn nothing_more(words: &[String], topic: &'static str) -> Result<(), UsageError> {
    words.first().map_or(Ok(()), |word| Err(unknown(word, topic, &[])))
}

fn help_of(name: &str) -> Result<&'static str, UsageError> {
    let names = COMMANDS.map(|(known, _)| known);
    let found = COMMANDS.iter().find(|(known, _)| *known == name);
    found.map(|(_, help)| *help).ok_or_else(|| unknown(name, "", &names))
}

fn is_help(word: &str) -> bool {
    word == "--help" || word == "-h"
}

/// The error for a word that is none of the known ones, with the one that was probably meant.
fn unknown(word: &str, topic: &'static str, known: &[&str]) -> UsageError {
    let kind = if topic.is_empty() { "command" } else { "option" };
    let nearest = known.iter().map(|known| (distance(word, known), *known)).min();
    let hint = match nearest {
        Some((0..=2, near)) => format!("; did you mean `{near}`?"),
        _ => String::new(),
    };
    UsageError { what: format!("unknown {kind} `{word}`{hint}"), topic }
}

/// How many letters must be added, removed or changed to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        let mut next = vec![left];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            let cost = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = *above;
            left = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

const HELP: &str = "\
The project's commands.

Usage: cargo xtask COMMAND [OPTIONS]

Commands:
  test           Everything that must hold before a change is merged; CI runs the same
  tidy           The rules of the house that a program can check
  demo           Build the program and show a whole call on this machine, with a report
  sim            Many simulated calls in virtual time, with their figures
  fuzz           Search for inputs that break a parser or a machine
  bench          What the hot paths cost, in one table
  cc             What congestion control does, in virtual time, beside others and against its aims
  models         The symbolic models of the protocol, and what breaks them
  constant-time  Whether the comparison of secrets takes a time that tells of them
  api            Lock the public API of every crate, after a change that is meant

`cargo xtask COMMAND --help` tells more.

Exit codes: 0 done, 1 something failed, 2 the command line was not understood, 3 system packages are missing.
";

const TEST_HELP: &str = "\
Everything that must hold before a change is merged; CI runs the same.

Usage: cargo xtask test [--fast] [--step NAME]... [--list] [--verbose]

First the system packages that a build needs (cmake, pkg-config, a C compiler, make) are looked for, and installed
where that needs no password. Then every step is run, also after one that failed; what a failed step wrote is shown.

Options:
  --fast        Only the steps that answer soon
  --step NAME   Only this step; may be given more than once
  --list        Name the steps and what they do
  --verbose     Show what every step writes as it comes; without it, only the tests' output, and only in a log
                (where standard output is no terminal)

cargo-nextest runs the tests where it is installed, `cargo test` where it is not. cargo-deny is used where installed.
Programs of others that some tests call (coturn) may be absent, unless P2PVOIP_REQUIRE_PEERS=1 is set.
";

const TIDY_HELP: &str = "\
The rules of the house that a program can check; prints every finding as `path:line: what, and what to do`.

Usage: cargo xtask tidy

Rules:
  dependencies  Leaves know p2pvoip-core alone; sim is for tests; cc needs core alone; never two libopus
  sources       Each file says first what it is; at most 500 lines; core at most 1,000; no clock, no unsafe and no
                unfinished code outside the files named in xtask/src/tidy/exceptions.rs
  names         No file or type is a manager, handler, helper, util, data, info or process
  documents     Each crate has a README, each protocol crate a specification; ADRs are numbered without gaps;
                links between files resolve; no path of somebody's machine
";

const DEMO_HELP: &str = "\
Build the program and show a whole call on this machine, with a report.

Usage: cargo xtask demo [ARGUMENTS]

Looks for the system packages, builds p2pvoip-cli in release mode and runs `p2pvoip demo --out target/demo`.
ARGUMENTS go to that program; `cargo xtask demo -- --help` shows what it takes. Its exit code is passed on.
";

const SIM_HELP: &str = "\
Many simulated calls in virtual time, with their figures.

Usage: cargo xtask sim [--calls N] [--seconds S] [--seed X]

Options:
  --calls N     How many calls
  --seconds S   How long each one lasts, in virtual seconds
  --seed X      The number that all chance comes from; the same seed gives the same calls

All arguments go to the example `sim` of the package p2pvoip, built in release mode; its exit code is passed on.
";

const CONSTANT_TIME_HELP: &str = "\
Measures whether the comparison of secrets takes a time that tells where they differ (dudect).

Usage: cargo xtask constant-time [--measurements N] [--json]

Builds benches/constant-time in release mode and runs it: the comparison of two secrets, and the refusal of a wrong tag at
the gate, of a packet and of a letter, in two classes by turns; Welch's t-test over their times, and a control that must be
caught. Best on a quiet machine. Its exit code is passed on.

Options:
  --measurements N   How many of each subject (500000; at least 20000)
  --json             Write the results as JSON
";

const API_HELP: &str = "\
The public API of every library crate, locked in docs/api/<crate>.txt.

Usage: cargo xtask api [--check]

Writes what has changed and shows it: - is gone, + is new. `cargo xtask test` fails where a lock is not what the code
says, so that no API changes unseen. The lines are those of this Rust; another release words some of them differently.

Options:
  --check   Write nothing; exit code 1 when something has changed
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, UsageError> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn help_is_found_by_every_way_to_ask() {
        for line in ["--help", "-h", "help"] {
            assert_eq!(parsed(line), Ok(Command::Help(HELP)), "{line}");
        }
        for line in ["test --help", "help test", "test --fast -h"] {
            assert_eq!(parsed(line), Ok(Command::Help(TEST_HELP)), "{line}");
        }
    }

    #[test]
    fn every_command_is_in_the_overview() {
        for (name, help) in COMMANDS {
            assert!(HELP.contains(&format!("\n  {name} ")), "{name}");
            assert!(help.contains(&format!("Usage: cargo xtask {name}")), "{name}");
        }
    }

    #[test]
    fn an_unknown_command_is_told_with_the_nearest_known() {
        let error = parsed("tset").unwrap_err().to_string();
        assert!(error.contains("unknown command `tset`; did you mean `test`?"), "{error}");
        let error = parsed("refactor").unwrap_err().to_string();
        assert!(!error.contains("did you mean"), "{error}");
        assert!(error.contains("cargo xtask --help"), "{error}");
    }

    #[test]
    fn an_unknown_option_is_told_with_the_place_of_its_help() {
        let error = parsed("test --fats").unwrap_err().to_string();
        assert!(error.contains("did you mean `--fast`?"), "{error}");
        assert!(error.contains("cargo xtask test --help"), "{error}");
        assert!(parsed("tidy now").is_err());
    }

    #[test]
    fn no_command_is_an_error() {
        assert!(parsed("").is_err());
    }

    #[test]
    fn steps_are_picked_by_name() {
        let options = TestOptions { steps: vec!["fmt".into(), "tidy".into()], ..TestOptions::default() };
        assert_eq!(parsed("test --step fmt --step=tidy"), Ok(Command::Test(options)));
        assert_eq!(parsed("test --list"), Ok(Command::ListSteps));
        assert!(parsed("test --step").is_err());
        let error = parsed("test --step coffee").unwrap_err().to_string();
        assert!(error.contains("clippy"), "the error names the steps there are: {error}");
    }

    #[test]
    fn words_for_a_program_are_passed_on() {
        assert_eq!(parsed("demo --seconds 5"), Ok(Command::Demo(vec!["--seconds".into(), "5".into()])));
        assert_eq!(parsed("demo -- --help"), Ok(Command::Demo(vec!["--".into(), "--help".into()])));
    }

    #[test]
    fn distance_counts_changed_letters() {
        assert_eq!(distance("test", "test"), 0);
        assert_eq!(distance("tset", "test"), 2);
        assert_eq!(distance("", "sim"), 3);
        assert_eq!(distance("demos", "demo"), 1);
    }
}
