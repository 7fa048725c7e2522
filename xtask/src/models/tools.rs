//! Runs Verifpal, which is installed where it is missing, and ProVerif, where it is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::Workspace;

use super::model::{Model, Tool};

/// The Verifpal whose results the models expect.
const VERIFPAL: &str = "1.6.7";

/// The programs that there are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    verifpal: PathBuf,
    proverif: Option<PathBuf>,
    folder: PathBuf,
}

impl Programs {
    /// Finds or installs what the models need.
    pub(crate) fn ready(workspace: &Workspace, models: &[Model]) -> Result<Self, String> {
        let folder = workspace.target_dir().join("models");
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
        let wanted = models.iter().any(|model| model.tool == Tool::Verifpal);
        let verifpal = if wanted { verifpal(workspace, &folder)? } else { PathBuf::new() };
        // It tells its version and fails for want of a file: that it starts is enough.
        let proverif = PathBuf::from("proverif");
        let proverif = written(&mut Command::new(&proverif)).is_some().then_some(proverif);
        Ok(Self { verifpal, proverif, folder })
    }

    /// What the tool finds in the model, or in its variant of that name; `None` when there is no such tool here.
    pub(crate) fn find(&self, model: &Model, control: Option<&str>) -> Result<Option<String>, String> {
        let source = control.map_or_else(|| model.variant(""), |control| model.variant(control));
        let dashed = control.map(|control| format!("-{control}")).unwrap_or_default();
        let path = self.folder.join(format!("{}{dashed}.{}", model.name, model.tool.ending()));
        std::fs::write(&path, source)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        match (model.tool, &self.proverif) {
            (Tool::Verifpal, _) => self.verifpal(model, &path).map(Some),
            (Tool::ProVerif, Some(program)) => proverif(program, &path).map(Some),
            (Tool::ProVerif, None) => Ok(None),
        }
    }

    fn verifpal(&self, model: &Model, path: &Path) -> Result<String, String> {
        let mut command = Command::new(&self.verifpal);
        command.arg("verify").arg(path).args(["--sessions", &model.sessions.to_string()]);
        command.args(["--result-code", "--quiet"]);
        let output = command.stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("verifpal could not be started: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(last_line(&String::from_utf8_lossy(&output.stdout)))
    }
}

fn proverif(program: &Path, path: &Path) -> Result<String, String> {
    let output = written(Command::new(program).arg(path)).unwrap_or_default();
    let code = results(&output);
    if code.is_empty() { Err(output) } else { Ok(code) }
}

/// A letter for each line that begins with `RESULT`.
fn results(output: &str) -> String {
    let results = output.lines().filter_map(|line| line.strip_prefix("RESULT "));
    results
        .map(|line| match line {
            _ if line.ends_with(" is true.") => 't',
            _ if line.ends_with(" is false.") => 'f',
            _ => '?',
        })
        .collect()
}

fn last_line(output: &str) -> String {
    output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// The Verifpal of the wanted version: the user's own, the one below target, or one that is installed there now.
fn verifpal(workspace: &Workspace, folder: &Path) -> Result<PathBuf, String> {
    let own = folder.join("tools/bin").join(format!("verifpal{}", std::env::consts::EXE_SUFFIX));
    for program in [PathBuf::from("verifpal"), own.clone()] {
        let version = written(Command::new(&program).arg("--version")).unwrap_or_default();
        if version.split_whitespace().last() == Some(VERIFPAL) {
            return Ok(program);
        }
    }
    eprintln!(
        "verifpal {VERIFPAL} is missing, and installed now (about three minutes): cargo install verifpal --version {VERIFPAL}"
    );
    // Its manifest names a Rust newer than it needs. Outside of the workspace: its settings are not meant for a tool.
    let mut command = workspace.cargo("install verifpal --locked --quiet --ignore-rust-version --version");
    command.arg(VERIFPAL).arg("--root").arg(folder.join("tools")).current_dir(std::env::temp_dir());
    let installed = command.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    let what = "verifpal could not be installed; what cargo wrote says why. It needs crates.io";
    if installed { Ok(own) } else { Err(what.to_owned()) }
}

/// What a program writes to both outputs; `None` when it could not be started.
fn written(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Some(out + &err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_proverif_become_letters() {
        let output = "-- Query\nRESULT not attacker(s[]) is true.\nRESULT x ==> y is false.\nRESULT z cannot be proved.\n";
        assert_eq!(results(output), "tf?");
        assert_eq!(results("Error: syntax error."), "");
    }

    #[test]
    fn the_result_code_is_the_last_line_that_says_something() {
        assert_eq!(last_line("warning\nc0a1\n\n"), "c0a1");
        assert_eq!(last_line(""), "");
    }
}
