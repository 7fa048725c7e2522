//! `cargo xtask api`: the public API of each library crate, locked in `docs/api/<crate>.txt` (docs/adr/0019).
//!
//! rustdoc tells the API as JSON, `public-api-lines` makes lines of it, and a line that comes or goes is seen in review.

mod diff;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::Value;

use crate::cargo::{Ran, Workspace, capture};
use crate::exit::Exit;
use crate::steps::{Context, Outcome};
use diff::Diff;

/// Where the locks are, from the root.
const FOLDER: &str = "docs/api";
/// Set for the program that cargo calls as rustdoc: xtask itself, which goes on as the rustdoc that is named.
const AS_RUSTDOC: &str = "P2PVOIP_XTASK_AS_RUSTDOC";

/// The API of a crate as it is, and as it is locked.
struct Api {
    krate: String,
    now: String,
    locked: Option<String>,
}

impl Api {
    fn has_changed(&self) -> bool {
        self.locked.as_deref() != Some(self.now.as_str())
    }

    fn diff(&self) -> Diff {
        Diff::of(self.locked.as_deref().unwrap_or_default(), &self.now)
    }
}

/// Writes the locks anew, or only shows what they would become.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Exit {
    match write(workspace, check) {
        Ok(changed) if check && changed => Exit::Failed,
        Ok(_) => Exit::Done,
        Err(what) => {
            eprintln!("error: {what}");
            Exit::Failed
        }
    }
}

fn write(workspace: &Workspace, check: bool) -> Result<bool, String> {
    let apis = read(workspace, true)?;
    let changed: Vec<&Api> = apis.iter().filter(|api| api.has_changed()).collect();
    for api in &changed {
        print!("{}\n{}", api.krate, api.diff());
        if !check {
            let path = lock(&workspace.root, &api.krate);
            let folder = std::fs::create_dir_all(path.parent().unwrap_or(&path));
            folder
                .and_then(|()| std::fs::write(&path, &api.now))
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        }
    }
    let done = if check { "differ from" } else { "were written to" };
    println!("{} of {} crates {done} {FOLDER}", changed.len(), apis.len());
    Ok(!changed.is_empty())
}

/// The step of `test`: the API is as it was locked.
pub(crate) fn step(context: &Context<'_>) -> Outcome {
    let failed = |output| Outcome::Failed { output, shown: false };
    let apis = match read(context.workspace, context.verbose) {
        Ok(apis) => apis,
        Err(what) => return failed(what),
    };
    let changed: Vec<&Api> = apis.iter().filter(|api| api.has_changed()).collect();
    if changed.is_empty() {
        return Outcome::Passed(String::new());
    }
    if let Some((here, locked)) = other_rust(&changed) {
        return Outcome::Skipped(format!("this is Rust {here}, and {FOLDER} was written by {locked}"));
    }
    let diffs: Vec<String> = changed.iter().map(|api| format!("{}\n{}", api.krate, api.diff())).collect();
    let diffs = diffs.concat();
    failed(format!(
        "{diffs}The public API has changed. If that is meant: `cargo xtask api`, and commit {FOLDER}."
    ))
}

/// The Rust that is here and the one that wrote the locks, when they differ: each release words some items in its own way.
fn other_rust(changed: &[&Api]) -> Option<(String, String)> {
    let first = |text: &str| text.lines().next().and_then(rust_of_header).map(str::to_owned);
    let here = first(&changed.first()?.now)?;
    let locked = changed.iter().filter_map(|api| api.locked.as_deref().and_then(first));
    locked.into_iter().find(|locked| *locked != here).map(|locked| (here, locked))
}

/// The first line of a lock.
fn header(krate: &str, rust: &str) -> String {
    format!("# The public API of {krate}, written by `cargo xtask api` with Rust {rust}\n")
}

fn rust_of_header(line: &str) -> Option<&str> {
    line.strip_prefix("# The public API of ")?.rsplit_once(" with Rust ").map(|(_, rust)| rust)
}

fn lock(root: &Path, krate: &str) -> PathBuf {
    root.join(FOLDER).join(format!("{krate}.txt"))
}

/// Asks rustdoc for the API of every library crate.
fn read(workspace: &Workspace, show: bool) -> Result<Vec<Api>, String> {
    let metadata = workspace.metadata()?;
    let crates = libraries(&metadata);
    let rust = rust_version(workspace)?;
    run_to_end(describe(workspace)?, show)?;
    let doc = workspace.target_dir().join("doc");
    let file = |krate: &String, kind: &str| doc.join(format!("{}.{kind}", krate.replace('-', "_")));
    let mut list = workspace.cargo("run --quiet --package public-api-lines --");
    list.args(crates.iter().map(|krate| file(krate, "json")));
    run_to_end(list, show)?;
    let api = |krate: &String| {
        let path = file(krate, "txt");
        let lines = std::fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let now = header(krate, &rust) + &lines;
        let locked = std::fs::read_to_string(lock(&workspace.root, krate)).ok();
        // A checkout may have given the lines other ends.
        Ok(Api { krate: krate.clone(), now, locked: locked.map(|text| text.replace("\r\n", "\n")) })
    };
    crates.iter().map(api).collect()
}

/// rustdoc over the libraries, with what no stable rustdoc gives by itself.
///
/// Only rustdoc is told so: with `RUSTC_BOOTSTRAP` in cargo's own environment, the build scripts that watch it run again.
fn describe(workspace: &Workspace) -> Result<Command, String> {
    let me = std::env::current_exe().map_err(|error| format!("xtask does not know where it is: {error}"))?;
    let mut command = workspace.cargo("doc --workspace --no-deps --lib");
    command.env(AS_RUSTDOC, std::env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into()));
    command.env("RUSTDOC", me).env("RUSTDOCFLAGS", "-Z unstable-options --output-format json");
    Ok(command)
}

/// Goes on as rustdoc, when this process was started as such by cargo.
pub(crate) fn as_rustdoc() -> Option<ExitCode> {
    let rustdoc = std::env::var_os(AS_RUSTDOC)?;
    let status = Command::new(rustdoc).args(std::env::args_os().skip(1)).env("RUSTC_BOOTSTRAP", "1").status();
    let code = status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Some(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn run_to_end(command: Command, show: bool) -> Result<(), String> {
    let Ran { passed, output } = capture(command, show);
    if passed { Ok(()) } else { Err(output) }
}

/// The names of the library crates in `crates/`, sorted.
pub(crate) fn libraries(metadata: &Value) -> Vec<String> {
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let root = text(metadata, "workspace_root");
    let is_library = |package: &Value| {
        let targets = list(package, "targets");
        let mut kinds = targets.iter().flat_map(|target| list(target, "kind"));
        let manifest = text(package, "manifest_path").replace('\\', "/");
        manifest.starts_with(&format!("{}/crates/", root.replace('\\', "/")))
            && kinds.any(|kind| kind == "lib")
    };
    let packages = list(metadata, "packages");
    let mut names: Vec<String> =
        packages.iter().filter(|package| is_library(package)).map(|package| text(package, "name")).collect();
    names.sort();
    names
}

/// The minor release of the compiler, such as `1.95`.
fn rust_version(workspace: &Workspace) -> Result<String, String> {
    let output = workspace.program("rustc").arg("--version").output();
    let output = output.map_err(|error| format!("rustc could not be started: {error}"))?;
    minor(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "rustc did not tell its version".to_owned())
}

/// `1.95` of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn minor(version: &str) -> Option<String> {
    let mut parts = version.split_whitespace().nth(1)?.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn api(locked: Option<&str>, now: &str) -> Api {
        Api { krate: "p2pvoip-x".to_owned(), now: now.to_owned(), locked: locked.map(str::to_owned) }
    }

    #[test]
    fn an_api_without_a_lock_has_changed() {
        assert!(api(None, "a\n").has_changed());
        assert!(api(Some("b\n"), "a\n").has_changed());
        assert!(!api(Some("a\n"), "a\n").has_changed());
    }

    #[test]
    fn another_rust_is_told_by_the_first_line() {
        let (old, new) = (header("p2pvoip-x", "1.95"), header("p2pvoip-x", "1.96"));
        let changed = api(Some(&old), &new);
        assert_eq!(other_rust(&[&changed]), Some(("1.96".to_owned(), "1.95".to_owned())));
        let same = api(Some(&old), &format!("{old}pub fn more()\n"));
        assert_eq!(other_rust(&[&same]), None);
        assert_eq!(other_rust(&[&api(None, &new)]), None, "a lock that is not there is no other Rust");
    }

    #[test]
    fn only_libraries_of_the_house_are_locked() {
        let package = |name: &str, folder: &str, kind: &str| {
            json!({
                "name": name, "manifest_path": format!("/house/{folder}/Cargo.toml"), "targets": [{ "kind": [kind] }],
            })
        };
        let packages = [
            package("p2pvoip-nat", "crates/p2pvoip-nat", "lib"),
            package("p2pvoip", "crates/p2pvoip", "lib"),
            package("p2pvoip-cli", "crates/p2pvoip-cli", "bin"),
            package("p2pvoip-fuzz", "fuzz", "lib"),
        ];
        let metadata = json!({ "workspace_root": "/house", "packages": packages });
        assert_eq!(libraries(&metadata), ["p2pvoip", "p2pvoip-nat"]);
    }

    #[test]
    fn the_minor_release_is_what_counts() {
        assert_eq!(minor("rustc 1.95.0 (59807616e 2026-04-14)").as_deref(), Some("1.95"));
        assert_eq!(minor("rustc"), None);
    }
}
