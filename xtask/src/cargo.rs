//! Runs programs in the workspace: cargo above all, as if the user had called it.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the project is and how its programs are run.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The directory of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    cargo: OsString,
}

/// How a program ended.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    /// Whether its exit code was zero.
    pub(crate) passed: bool,
    /// What it wrote to standard output and standard error, in that order in time.
    pub(crate) output: String,
}

impl Workspace {
    /// The workspace that this xtask was built from.
    pub(crate) fn here() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().unwrap_or(manifest).to_owned();
        Self { root, cargo: std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()) }
    }

    /// Cargo with these arguments, separated by single spaces.
    pub(crate) fn cargo(&self, arguments: &str) -> Command {
        let mut command = self.program(&self.cargo);
        command.args(arguments.split_whitespace());
        command
    }

    /// Any program, in the root directory.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        // `cargo run` describes the package xtask in these; a build script that watches them (ring's does) would run
        // again at each change between xtask and the user's own cargo.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(describes_a_package) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Whether cargo knows the subcommand.
    pub(crate) fn has_subcommand(&self, name: &str) -> bool {
        let mut command = self.cargo(name);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target_dir(&self) -> PathBuf {
        let named = self.metadata().ok().and_then(|metadata| {
            metadata.get("target_directory").and_then(serde_json::Value::as_str).map(PathBuf::from)
        });
        named.unwrap_or_else(|| self.root.join("target"))
    }

    /// What cargo knows of the workspace's own packages.
    pub(crate) fn metadata(&self) -> Result<serde_json::Value, String> {
        let mut command = self.cargo("metadata --format-version 1 --no-deps");
        let output = command.output().map_err(|error| format!("cargo could not be started: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("`cargo metadata` wrote no JSON: {error}"))
    }
}

/// Whether an environment variable is one by which cargo tells a program of its own package.
fn describes_a_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|start| name.starts_with(start))
        || name == "OUT_DIR"
}

/// Runs the command to its end and keeps what it writes; shows it as it comes as well when `show` is set.
pub(crate) fn capture(mut command: Command, show: bool) -> Ran {
    let program = command.get_program().to_string_lossy().into_owned();
    let not_started = |error: std::io::Error| Ran {
        passed: false,
        output: format!("`{program}` could not be started: {error}"),
    };
    let (mut reader, writer) = match std::io::pipe() {
        Ok(ends) => ends,
        Err(error) => return not_started(error),
    };
    let Ok(second) = writer.try_clone() else {
        return not_started(std::io::Error::other("no second end of the pipe"));
    };
    command.stdin(Stdio::null()).stdout(writer).stderr(second);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return not_started(error),
    };
    // The command holds the writing ends: while it lives, reading would never end.
    drop(command);
    let mut output = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(len @ 1..) = reader.read(&mut buffer) {
        let piece = buffer.get(..len).unwrap_or_default();
        output.extend_from_slice(piece);
        if show {
            // A reader that went away must not end the run.
            let _gone = std::io::stdout().write_all(piece).and_then(|()| std::io::stdout().flush());
        }
    }
    let passed = child.wait().is_ok_and(|status| status.success());
    Ran { passed, output: String::from_utf8_lossy(&output).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_exist_fails_and_is_named() {
        let ran = capture(Command::new("p2pvoip-no-such-program"), false);
        assert!(!ran.passed);
        assert!(ran.output.contains("p2pvoip-no-such-program"), "{}", ran.output);
    }

    #[test]
    fn output_and_result_of_a_program_are_kept() {
        let ran = capture(Workspace::here().cargo("--version"), false);
        assert!(ran.passed);
        assert!(ran.output.starts_with("cargo "), "{}", ran.output);
    }

    #[test]
    fn a_program_that_fails_has_failed() {
        assert!(!capture(Workspace::here().cargo("no-such-subcommand"), false).passed);
    }

    #[test]
    fn only_what_describes_a_package_is_kept_from_programs() {
        assert!(describes_a_package("CARGO_PKG_NAME"));
        assert!(describes_a_package("CARGO_MANIFEST_DIR"));
        assert!(!describes_a_package("CARGO_TARGET_DIR"));
        assert!(!describes_a_package("CARGO_HOME"));
    }
}
