//! What is understood after `cargo xtask fuzz`.

use crate::args::UsageError;

/// How long each target is fuzzed unless the user says otherwise, in seconds.
const SECONDS: u64 = 60;

/// What is fuzzed, and how.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the command line that is there or is not"
)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Options {
    /// Names of targets or the beginnings of names; all when empty.
    pub(crate) targets: Vec<String>,
    /// How long each target is fuzzed.
    pub(crate) seconds: u64,
    /// How many targets are fuzzed at once; as many as there are processors when not given.
    pub(crate) jobs: Option<usize>,
    /// Find reads and writes that are out of bounds too, at half the speed.
    pub(crate) address: bool,
    /// Take the best of what was found into the repository's corpora.
    pub(crate) keep: bool,
    /// Only name the targets.
    pub(crate) list: bool,
    /// Write the figures as JSON.
    pub(crate) json: bool,
    /// Run the target once, on this file.
    pub(crate) replay: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            seconds: SECONDS,
            jobs: None,
            address: false,
            keep: false,
            list: false,
            json: false,
            replay: None,
        }
    }
}

/// The options, as they can be told to the user who misspelt one.
const KNOWN: [&str; 7] = ["--seconds", "--jobs", "--sanitizer", "--keep", "--list", "--json", "--replay"];

/// Understands the words.
pub(crate) fn parse(words: &[String]) -> Result<Options, UsageError> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, inside) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let mut value = || {
            let value = inside.clone().or_else(|| words.next().cloned());
            value.ok_or_else(|| wrong(format!("`{name}` wants a value")))
        };
        match name {
            "--seconds" => options.seconds = count(name, &value()?)?,
            "--jobs" => options.jobs = usize::try_from(count(name, &value()?)?).ok(),
            "--sanitizer" => options.address = sanitizer(&value()?)?,
            "--replay" => options.replay = Some(value()?),
            "--keep" => options.keep = true,
            "--list" => options.list = true,
            "--json" => options.json = true,
            other if other.starts_with('-') => return Err(UsageError::unknown_option(other, "fuzz", &KNOWN)),
            target => options.targets.push(target.to_owned()),
        }
    }
    if options.replay.is_some() && options.targets.len() != 1 {
        return Err(wrong("`--replay FILE` wants the one target that the file is for".to_owned()));
    }
    Ok(options)
}

fn count(name: &str, value: &str) -> Result<u64, UsageError> {
    let count = value.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| wrong(format!("`{name}` wants a number from 1, and got `{value}`")))
}

fn sanitizer(value: &str) -> Result<bool, UsageError> {
    match value {
        "none" => Ok(false),
        "address" => Ok(true),
        other => Err(wrong(format!("there is no sanitizer `{other}` here; there are none and address"))),
    }
}

const fn wrong(what: String) -> UsageError {
    UsageError::new(what, "fuzz")
}

/// What `cargo xtask fuzz --help` shows.
pub(crate) const HELP: &str = "\
Search for inputs that break a parser or a machine (libFuzzer, on stable Rust).

Usage: cargo xtask fuzz [TARGET]... [--seconds N] [--jobs N] [--sanitizer NAME] [--keep] [--json]
       cargo xtask fuzz TARGET --replay FILE
       cargo xtask fuzz --list

TARGET is a name of `--list` or the beginning of some (`signal`); without one, all are fuzzed. cargo-fuzz is
installed if it is missing. What is found goes to target/fuzz: inputs that reach new code to corpus/, minimised;
inputs that break something to crashes/, with the command that shows it again; what libFuzzer wrote to logs/.

Options:
  --seconds N       How long each target is fuzzed; 60 by default
  --jobs N          How many targets are fuzzed at once; by default as many as there are processors
  --sanitizer NAME  `address` finds reads and writes out of bounds, in libopus too, at half the speed; `none` by default
  --keep            Take the smallest of the new inputs into fuzz/corpus, which `cargo xtask test` replays
  --replay FILE     Run one target on one file, and show what happens
  --list            Name the targets
  --json            Write the figures as JSON on standard output

Exit codes: 0 nothing broke, 1 something did or could not be run, 2 the command line was not understood.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, UsageError> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_option_is_understood_with_its_value_beside_it_or_inside() {
        let all = Options {
            targets: vec!["cc".to_owned(), "signal-offer".to_owned()],
            seconds: 5,
            jobs: Some(4),
            address: true,
            keep: true,
            list: false,
            json: true,
            replay: None,
        };
        let line = "cc --seconds 5 --jobs=4 --sanitizer address --keep --json signal-offer";
        assert_eq!(parsed(line), Ok(all));
        assert_eq!(parsed(""), Ok(Options::default()));
        assert!(parsed("--list").is_ok_and(|options| options.list));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (line, what) in [
            ("--seconds", "wants a value"),
            ("--seconds 0", "a number from 1"),
            ("--jobs many", "a number from 1"),
            ("--sanitizer thread", "none and address"),
            ("--replay file", "the one target"),
            ("--replay file a b", "the one target"),
            ("--secnds 5", "did you mean `--seconds`?"),
        ] {
            let error = parsed(line).unwrap_err().to_string();
            assert!(error.contains(what), "{line}: {error}");
        }
    }

    #[test]
    fn the_help_tells_every_option() {
        assert!(KNOWN.iter().all(|option| HELP.contains(&format!("\n  {option} "))));
    }
}
