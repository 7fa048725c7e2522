//! Scenarios of the user's own, in TOML: capacity, delays, queues, loss, flows, competitors (docs/cc-suite.md).

mod check;
mod shape;

use std::fmt;

use crate::scenario::Scenario;
use shape::File;

/// What a file says.
#[derive(Clone, Debug)]
pub struct Read {
    /// The scenario.
    pub scenario: Scenario,
    /// How many variants of it are run.
    pub variants: u64,
}

/// Why a file is no scenario; the text names the line or the field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScenarioError {}

/// Reads a scenario.
///
/// # Errors
/// [`ScenarioError`] names the line of what is no TOML or no known field, or the field whose value makes no sense.
pub fn parse(text: &str) -> Result<Read, ScenarioError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        ScenarioError(format!("line {line}: {}", error.message()))
    })?;
    check::scenario(file).map_err(ScenarioError)
}
