//! `cargo xtask cc`: builds the suite of congestion control in release mode and runs it with the user's own arguments.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cargo::Workspace;
use crate::programs;

/// The suite's own help: one text, wherever it is asked for.
pub(crate) const HELP: &str = include_str!("../../benches/cc/src/help.txt");

/// Options whose value is a path of the user's.
const PATHS: [&str; 2] = ["--scenario", "--svg"];

/// Runs the suite; its exit code is passed on.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    let mut command = workspace.cargo("run --release -p p2pvoip-cc-suite --");
    let own = arguments.iter().skip_while(|word| *word == "--").cloned();
    // Without a directory the words stay as they are, and the suite says what it cannot find.
    let here = std::env::current_dir().unwrap_or_default();
    command.args(absolute(own, &here));
    programs::exit_code(command)
}

/// The words with paths as seen from `here`: the suite runs in the root directory, its user in any other.
fn absolute(words: impl Iterator<Item = String>, here: &Path) -> Vec<String> {
    let seen = |path: &str| -> String {
        let path: PathBuf = here.join(path);
        path.to_string_lossy().into_owned()
    };
    let mut is_path = false;
    words
        .map(|word| {
            if std::mem::replace(&mut is_path, PATHS.contains(&word.as_str())) {
                is_path = false;
                return seen(&word);
            }
            match word.split_once('=') {
                Some((name, path)) if PATHS.contains(&name) => format!("{name}={}", seen(path)),
                _ => word,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str) -> String {
        absolute(line.split(' ').map(str::to_owned), Path::new("/home/me")).join(" ")
    }

    #[test]
    #[cfg(unix)]
    fn paths_are_those_of_the_directory_of_the_call() {
        assert_eq!(seen("--scenario my.toml --json"), "--scenario /home/me/my.toml --json");
        assert_eq!(seen("--svg=out/cc --seeds 3"), "--svg=/home/me/out/cc --seeds 3");
        assert_eq!(seen("--scenario /tmp/x.toml --svg d"), "--scenario /tmp/x.toml --svg /home/me/d");
        assert_eq!(seen("--case a1 --controller p2pvoip"), "--case a1 --controller p2pvoip");
        assert_eq!(seen("--scenario"), "--scenario");
    }
}
