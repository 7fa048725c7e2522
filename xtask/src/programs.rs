//! The commands that build a program of the workspace and run it: `demo`, `sim` and `constant-time`.

use std::process::{Command, ExitCode};

use crate::cargo::Workspace;
use crate::exit::Exit;
use crate::paint::Paint;
use crate::system;

/// Builds `p2pvoip` and lets it show a whole call.
pub(crate) fn demo(workspace: &Workspace, arguments: &[String], paint: Paint) -> ExitCode {
    if let Err(exit) = system::ensure(paint) {
        return exit.into();
    }
    if let Some(failed) = run(workspace.cargo("build --release -p p2pvoip-cli")).failure() {
        return failed;
    }
    let program =
        workspace.target_dir().join("release").join(format!("p2pvoip{}", std::env::consts::EXE_SUFFIX));
    let mut command = workspace.program(program);
    command.args(demo_arguments(arguments));
    run(command).code()
}

/// What the program is told: `demo`, where its report goes, and the user's own words.
fn demo_arguments(arguments: &[String]) -> Vec<String> {
    let own = match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    };
    let names_a_place = own.iter().any(|word| word == "--out" || word.starts_with("--out="));
    let mut all = vec!["demo".to_owned()];
    if !names_a_place {
        all.extend(["--out".to_owned(), "target/demo".to_owned()]);
    }
    all.extend_from_slice(own);
    all
}

/// Runs the simulation of the facade.
pub(crate) fn sim(workspace: &Workspace, arguments: &[String], paint: Paint) -> ExitCode {
    if let Err(exit) = system::ensure(paint) {
        return exit.into();
    }
    let mut command = workspace.cargo("run --release -p p2pvoip --example sim --");
    command.args(arguments.iter().skip_while(|word| *word == "--"));
    run(command).code()
}

/// Measures whether comparing secrets takes a time that tells of them; in release mode, since that is what is shipped.
pub(crate) fn constant_time(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    let mut command = workspace.cargo("run --release -p p2pvoip-constant-time --");
    command.args(arguments.iter().skip_while(|word| *word == "--"));
    run(command).code()
}

/// How a program that wrote straight to the terminal ended.
struct Ended(Option<u8>);

impl Ended {
    /// Its exit code; the code of a failure when a signal ended it or it never started.
    fn code(&self) -> ExitCode {
        self.0.map_or_else(|| Exit::Failed.into(), ExitCode::from)
    }

    fn failure(&self) -> Option<ExitCode> {
        (self.0 != Some(0)).then(|| self.code())
    }
}

/// Runs a program that writes straight to the terminal, and passes on how it ended.
pub(crate) fn exit_code(command: Command) -> ExitCode {
    run(command).code()
}

fn run(mut command: Command) -> Ended {
    match command.status() {
        Ok(status) => Ended(status.code().and_then(|code| u8::try_from(code).ok())),
        Err(error) => {
            eprintln!("error: `{}` could not be started: {error}", command.get_program().display());
            Ended(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_report_goes_below_target_unless_the_user_names_a_place() {
        assert_eq!(demo_arguments(&[]), words("demo --out target/demo"));
        assert_eq!(demo_arguments(&words("--out here")), words("demo --out here"));
        assert_eq!(demo_arguments(&words("--out=here")), words("demo --out=here"));
    }

    #[test]
    fn words_after_two_dashes_go_to_the_program_as_they_are() {
        assert_eq!(demo_arguments(&words("-- --help")), words("demo --out target/demo --help"));
    }

    #[test]
    fn the_exit_code_of_a_program_is_passed_on() {
        let workspace = Workspace::here();
        assert_eq!(run(workspace.cargo("--version")).0, Some(0));
        assert!(run(workspace.program("p2pvoip-no-such-program")).failure().is_some());
    }
}
