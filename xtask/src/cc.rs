//! `cargo xtask cc`: builds the suite of congestion control in release mode and runs it with the user's own arguments.

use std::process::ExitCode;

use crate::cargo::Workspace;
use crate::programs;

/// The suite's own help: one text, wherever it is asked for.
pub(crate) const HELP: &str = include_str!("../../benches/cc/src/help.txt");

/// Runs the suite; its exit code is passed on.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    let mut command = workspace.cargo("run --release -p p2pvoip-cc-suite --");
    command.args(arguments.iter().skip_while(|word| *word == "--"));
    programs::exit_code(command)
}
