//! One target: its run, and what is left of the inputs that it found.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::build::Places;
use super::log::Progress;
use super::options::Options;

/// The longest input in bytes: that of the largest file that a corpus may have (`fuzz/tests/replay.rs`).
const LONGEST: usize = 4_096;
/// A body that works this long on one input does not end, in seconds; a machine may have other things to do.
const TIMEOUT: u64 = 120;
/// The most inputs of a target that `--keep` takes in one run.
const MOST_KEPT: usize = 12;

/// How one target fared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    /// Its name.
    pub(crate) target: String,
    /// The last that libFuzzer told.
    pub(crate) progress: Progress,
    /// Inputs that reach what no file of the repository does.
    pub(crate) new_inputs: usize,
    /// Those of them that were taken into the repository.
    pub(crate) kept: usize,
    /// Whether nothing broke, and the run came to its end.
    pub(crate) clean: bool,
}

/// The program and the files of one target.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    pub(crate) program: &'a Path,
    pub(crate) places: &'a Places,
}

impl Target<'_> {
    /// Fuzzes for the given time; `tell` hears how it goes.
    pub(crate) fn fuzz(&self, options: &Options, tell: &dyn Fn(&Progress)) -> Result<Outcome, String> {
        let (found, crashes, logs) = (self.found(), self.folder("crashes"), self.places.out.join("logs"));
        for folder in [&found, &crashes, &logs] {
            std::fs::create_dir_all(folder).map_err(|error| cannot("made", folder, &error))?;
        }
        let log = logs.join(format!("{}.log", self.name));
        let mut command = self.command();
        command.args([
            format!("-max_total_time={}", options.seconds),
            format!("-max_len={LONGEST}"),
            format!("-timeout={TIMEOUT}"),
            format!("-artifact_prefix={}/", crashes.display()),
            "-print_final_stats=1".to_owned(),
        ]);
        command.args([&found, &self.corpus()]);
        let (progress, clean) = run(command, &log, tell)?;
        let new = self.minimise()?;
        let kept = if options.keep { self.keep(&new)? } else { 0 };
        Ok(Outcome { target: self.name.to_owned(), progress, new_inputs: new.len(), kept, clean })
    }

    /// Runs the body once, on a file; tells whether it held.
    pub(crate) fn replay(&self, file: &Path) -> Result<bool, String> {
        if !file.is_file() {
            return Err(format!("there is no file {}", file.display()));
        }
        let status = self.command().arg(file).status();
        status.map(|status| status.success()).map_err(|error| cannot("started", self.program, &error))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.env("P2PVOIP_FUZZ_TARGET", self.name).stdin(Stdio::null());
        command
    }

    fn corpus(&self) -> PathBuf {
        self.places.corpora.join(self.name)
    }

    fn folder(&self, what: &str) -> PathBuf {
        self.places.out.join(what).join(self.name)
    }

    fn found(&self) -> PathBuf {
        self.folder("corpus")
    }

    /// Leaves only those of the found inputs that reach what neither the repository's corpus nor another one does.
    fn minimise(&self) -> Result<Vec<PathBuf>, String> {
        let (found, merged) = (self.found(), self.folder("merged"));
        let _absent = std::fs::remove_dir_all(&merged);
        std::fs::create_dir_all(&merged).map_err(|error| cannot("made", &merged, &error))?;
        let ours = files(&self.corpus());
        for file in &ours {
            copy(file, &merged)?;
        }
        let mut command = self.command();
        command.args(["-merge=1", "-set_cover_merge=1"]).arg(format!("-timeout={TIMEOUT}"));
        command.args([&merged, &found]).stdout(Stdio::null()).stderr(Stdio::null());
        let merges = command.status().is_ok_and(|status| status.success());
        if merges {
            for file in &ours {
                let _absent = file.file_name().map(|name| std::fs::remove_file(merged.join(name)));
            }
            std::fs::remove_dir_all(&found).map_err(|error| cannot("removed", &found, &error))?;
            std::fs::rename(&merged, &found).map_err(|error| cannot("renamed", &merged, &error))?;
        }
        Ok(files(&found))
    }

    /// Copies the smallest of the new inputs into the repository; gives how many.
    fn keep(&self, new: &[PathBuf]) -> Result<usize, String> {
        let size = |path: &PathBuf| path.metadata().map_or(u64::MAX, |metadata| metadata.len());
        let mut by_size: Vec<&PathBuf> = new.iter().collect();
        by_size.sort_by_key(|path| size(path));
        by_size.truncate(MOST_KEPT);
        for path in &by_size {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let short: String = name.chars().take(12).collect();
            let to = self.corpus().join(format!("found-{short}"));
            std::fs::copy(path, &to).map_err(|error| cannot("written", &to, &error))?;
        }
        Ok(by_size.len())
    }
}

/// Runs libFuzzer to its end, keeps what it writes in `log`, and tells how it goes.
fn run(mut command: Command, log: &Path, tell: &dyn Fn(&Progress)) -> Result<(Progress, bool), String> {
    let mut log_file = std::fs::File::create(log).map_err(|error| cannot("written", log, &error))?;
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| cannot("started", Path::new(command.get_program()), &error))?;
    let mut progress = Progress::default();
    let mut line = Vec::new();
    if let Some(mut reader) = child.stderr.take().map(BufReader::new) {
        // Lines may hold bytes of an input, which are no text.
        while reader.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            log_file.write_all(&line).map_err(|error| cannot("written", log, &error))?;
            progress.read(String::from_utf8_lossy(&line).trim_end());
            tell(&progress);
            line.clear();
        }
    }
    let clean = child.wait().is_ok_and(|status| status.success()) && progress.artifact.is_none();
    Ok((progress, clean))
}

/// The files in a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

fn copy(file: &Path, folder: &Path) -> Result<(), String> {
    let to = folder.join(file.file_name().unwrap_or_default());
    std::fs::copy(file, &to).map(|_bytes| ()).map_err(|error| cannot("written", &to, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be {what}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_of_what_was_found_is_kept_and_no_more_than_the_limit() {
        let root = std::env::temp_dir().join(format!("xtask-{}-keep", std::process::id()));
        let places = Places { corpora: root.join("ours"), out: root.join("out") };
        let target = Target { name: "a", program: Path::new("/none"), places: &places };
        std::fs::create_dir_all(target.corpus()).unwrap();
        std::fs::create_dir_all(target.found()).unwrap();
        for len in 1..=MOST_KEPT + 3 {
            std::fs::write(target.found().join(format!("{len:02}-and-a-long-name")), vec![0; len]).unwrap();
        }
        let new = files(&target.found());
        assert_eq!(target.keep(&new), Ok(MOST_KEPT));
        let kept = files(&target.corpus());
        assert_eq!(kept.len(), MOST_KEPT);
        assert!(kept.iter().all(|path| path.metadata().unwrap().len() <= MOST_KEPT as u64));
        assert!(kept.iter().any(|path| path.ends_with("found-01-and-a-lon")));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let log = std::env::temp_dir().join(format!("xtask-{}-none.log", std::process::id()));
        let told = run(Command::new("p2pvoip-no-such-program"), &log, &|_| {});
        assert!(told.is_err_and(|error| error.contains("p2pvoip-no-such-program cannot be started")));
        std::fs::remove_file(log).unwrap();
    }
}
