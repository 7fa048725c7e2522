//! Builds the program of all fuzz bodies, with cargo-fuzz, which is installed where it is missing.

use std::path::{Path, PathBuf};

use crate::cargo::Workspace;

/// The package that cargo-fuzz builds, from the root.
const PACKAGE: &str = "fuzz/libfuzzer";
/// Its one program.
const PROGRAM: &str = "body";

/// Where everything is that `cargo xtask fuzz` makes.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The corpora of the repository.
    pub(crate) corpora: PathBuf,
    /// Where what is made goes.
    pub(crate) out: PathBuf,
}

impl Places {
    /// As they are in this workspace.
    pub(crate) fn of(workspace: &Workspace) -> Self {
        Self { corpora: workspace.root.join("fuzz/corpus"), out: workspace.target_dir().join("fuzz") }
    }

    /// The names of the targets: each has a corpus, which a test of p2pvoip-fuzz holds.
    pub(crate) fn targets(&self) -> Result<Vec<String>, String> {
        let entries = std::fs::read_dir(&self.corpora)
            .map_err(|error| format!("{} cannot be read: {error}", self.corpora.display()))?;
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let mut names: Vec<String> =
            folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }
}

/// Installs cargo-fuzz if there is none.
pub(crate) fn install(workspace: &Workspace) -> Result<(), String> {
    if workspace.has_subcommand("fuzz") {
        return Ok(());
    }
    eprintln!(
        "cargo-fuzz is missing, and installed now (half a minute): cargo install cargo-fuzz --locked --debug"
    );
    // Outside of the workspace: its settings for C libraries are not meant for a tool.
    let mut command = workspace.cargo("install cargo-fuzz --locked --debug");
    command.current_dir(std::env::temp_dir());
    let installed = command.status().is_ok_and(|status| status.success());
    let what =
        "cargo-fuzz could not be installed; what cargo wrote says why. It needs a C++ compiler and crates.io";
    if installed { Ok(()) } else { Err(what.to_owned()) }
}

/// Builds the program; gives its path.
pub(crate) fn build(workspace: &Workspace, places: &Places, address: bool) -> Result<PathBuf, String> {
    let (sanitizer, folder) = if address { ("address", "build-address") } else { ("none", "build") };
    let target_dir = places.out.join(folder);
    same_versions(&workspace.root)?;
    let mut command =
        workspace.cargo(&format!("fuzz build --fuzz-dir {PACKAGE} --sanitizer {sanitizer} --target-dir"));
    command.arg(&target_dir).arg(PROGRAM);
    // The run is quick to read on a terminal and the figures are on standard output: cargo's words are not.
    command.stdout(std::process::Stdio::null());
    if address {
        // The address sanitizer is no part of stable Rust yet; the compiler is the same.
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    if !command.status().is_ok_and(|status| status.success()) {
        return Err("the fuzz bodies could not be built; what cargo wrote says why".to_owned());
    }
    program(&target_dir).ok_or_else(|| format!("cargo-fuzz built no `{PROGRAM}` in {}", target_dir.display()))
}

/// What is fuzzed is what is shipped: the lock file is that of the workspace, to which cargo adds libFuzzer.
fn same_versions(root: &Path) -> Result<(), String> {
    let (from, to) = (root.join("Cargo.lock"), root.join(PACKAGE).join("Cargo.lock"));
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    // A copy that is younger is kept, since cargo asks the network to add libFuzzer to a new one.
    if changed(&to) > changed(&from) {
        return Ok(());
    }
    let copied = std::fs::copy(&from, &to).map(|_bytes| ());
    copied.map_err(|error| format!("{} cannot be written: {error}", to.display()))
}

/// The program below `<target directory>/<triple>/release`.
fn program(target_dir: &Path) -> Option<PathBuf> {
    let triples = std::fs::read_dir(target_dir).ok()?.flatten();
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    triples.map(|triple| triple.path().join("release").join(&name)).find(|path| path.is_file())
}
