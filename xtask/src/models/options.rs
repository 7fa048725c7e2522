//! What is understood after `cargo xtask models`.

use crate::args::UsageError;

/// Which models are run, and how it is told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Options {
    /// Names of models or the beginnings of names; all when empty.
    pub(crate) names: Vec<String>,
    /// Only tell what there is.
    pub(crate) list: bool,
    /// Write the results as JSON.
    pub(crate) json: bool,
}

/// Understands the words.
pub(crate) fn parse(words: &[String]) -> Result<Options, UsageError> {
    let mut options = Options::default();
    for word in words {
        match word.as_str() {
            "--list" => options.list = true,
            "--json" => options.json = true,
            other if other.starts_with('-') => {
                return Err(UsageError::unknown_option(other, "models", &["--list", "--json"]));
            }
            name => options.names.push(name.to_owned()),
        }
    }
    Ok(options)
}

/// What `--help` says.
pub(crate) const HELP: &str = "\
The symbolic models of the protocol, in docs/spec/models: every claim, and for each claim a flaw that breaks it.

Usage: cargo xtask models [NAME]... [--list] [--json]

Verifpal searches each model for attacks; ProVerif, where it is installed, proves those that are written for it. What
they find is compared with what the head of the model expects. Each model has controls: the same model with a known
flaw, whose attack must be found, since a model that cannot fail shows nothing. verifpal is installed below target/
where this version of it is missing (cargo install, about three minutes). All of it takes a few minutes.

  NAME     Only the models whose names begin so

Options:
  --list   Name the models, their claims and their controls
  --json   Write the results as JSON

Exit code: 0 when everything was found as expected, 1 when something was not.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, UsageError> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn names_and_options_come_in_any_order() {
        let options = Options { names: vec!["sas".to_owned()], list: false, json: true };
        assert_eq!(parsed("sas --json"), Ok(options.clone()));
        assert_eq!(parsed("--json sas"), Ok(options));
        assert_eq!(parsed(""), Ok(Options::default()));
    }

    #[test]
    fn an_unknown_option_is_told_with_the_nearest_known() {
        assert!(parsed("--jsno").unwrap_err().to_string().contains("did you mean `--json`?"));
    }
}
