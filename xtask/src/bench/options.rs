//! What is understood after `cargo xtask bench`.

use crate::args::UsageError;

/// What is measured, and how it is shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Options {
    /// Only what has this in its name.
    pub(crate) name: Option<String>,
    /// Measure shortly.
    pub(crate) quick: bool,
    /// Write the figures as JSON.
    pub(crate) json: bool,
    /// Keep the figures by this name.
    pub(crate) save: Option<String>,
    /// Compare with the figures of this name.
    pub(crate) against: Option<String>,
    /// What criterion is told besides.
    pub(crate) rest: Vec<String>,
}

const KNOWN: [&str; 4] = ["--quick", "--json", "--save", "--against"];

/// Understands the words.
pub(crate) fn parse(words: &[String]) -> Result<Options, UsageError> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, inside) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        match name {
            "--" => options.rest = words.by_ref().cloned().collect(),
            "--quick" => options.quick = true,
            "--json" => options.json = true,
            "--save" => options.save = Some(baseline(name, inside.or_else(|| words.next().cloned()))?),
            "--against" => options.against = Some(baseline(name, inside.or_else(|| words.next().cloned()))?),
            other if other.starts_with('-') => {
                return Err(UsageError::unknown_option(other, "bench", &KNOWN));
            }
            other if options.name.is_some() => {
                return Err(wrong(format!("one NAME is enough; `{other}` is another one")));
            }
            other => options.name = Some(other.to_owned()),
        }
    }
    Ok(options)
}

/// A name that can be that of a folder, and is none that criterion uses itself.
fn baseline(option: &str, name: Option<String>) -> Result<String, UsageError> {
    let name = name.ok_or_else(|| wrong(format!("`{option}` wants a name")))?;
    let plain =
        name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !name.starts_with('.');
    let ours = ["new", "base", "change", "report", super::LAST].contains(&name.as_str());
    let fits = plain && !ours && !name.is_empty();
    if fits {
        Ok(name)
    } else {
        Err(wrong(format!("`{name}` is no name for figures; use letters and digits")))
    }
}

const fn wrong(what: String) -> UsageError {
    UsageError::new(what, "bench")
}

/// What `cargo xtask bench --help` shows.
pub(crate) const HELP: &str = "\
The benchmarks of the hot paths (criterion), and one table of what they cost.

Usage: cargo xtask bench [NAME] [--quick] [--save NAME] [--against NAME] [--json] [-- OPTIONS]

NAME picks the benchmarks whose names contain it. The table tells the median, how far runs are from it (median absolute
deviation), how many there are in a second or bytes, and the share of the 20 ms that a packet of voice lasts. It is also
written to target/bench.md. OPTIONS are criterion's.

Options:
  --quick         Measure shortly: a second and less for each, and less sure
  --save NAME     Keep the figures by this name (below target/criterion)
  --against NAME  Compare with figures that were kept: a ratio above 1 is slower than they
  --json          Write the figures as JSON on standard output

Figures of a machine that does other things too are only good beside others of the same run: for that, a benchmark that
ends in `-alone` measures the same work done by a library alone, and the other one is told as a multiple of it.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, UsageError> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_option_is_understood() {
        let all = Options {
            name: Some("seal".to_owned()),
            quick: true,
            json: true,
            save: Some("today".to_owned()),
            against: Some("yesterday".to_owned()),
            rest: vec!["--noplot".to_owned()],
        };
        assert_eq!(parsed("seal --quick --json --save today --against=yesterday -- --noplot"), Ok(all));
        assert_eq!(parsed(""), Ok(Options::default()));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for line in ["a b", "--save", "--save new", "--save ../x", "--against=", "--quik"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_help_tells_every_option() {
        assert!(KNOWN.iter().all(|option| HELP.contains(&format!("\n  {option} "))));
    }
}
