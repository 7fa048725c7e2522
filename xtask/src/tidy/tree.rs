//! The files of the project: those that git tracks or would track.

use std::io;
use std::path::Path;
use std::process::Command;

/// A file of the project.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    /// What is in it; nothing where that is no text.
    pub(crate) text: Option<String>,
}

impl File {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    /// Whether it is Markdown.
    pub(crate) fn is_markdown(&self) -> bool {
        self.has_extension("md")
    }

    /// Its lines with their numbers, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.as_deref().unwrap_or_default().lines().zip(1..).map(|(line, number)| (number, line))
    }

    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// All files, ordered by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// The files.
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads the files below `root`.
    pub(crate) fn load(root: &Path) -> io::Result<Self> {
        let mut paths = match tracked(root) {
            Some(paths) => paths,
            None => walked(root)?,
        };
        paths.sort();
        paths.dedup();
        let mut files = Vec::new();
        for path in paths {
            match std::fs::read(root.join(&path)) {
                Ok(bytes) => files.push(File { path, text: String::from_utf8(bytes).ok() }),
                // Tracked, and deleted since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { files })
    }

    /// A tree of these paths and texts.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file =
            |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: Some((*text).to_owned()) };
        Self { files: files.iter().map(file).collect() }
    }

    /// The file at this path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is a file or a directory at this path; the root is the empty path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let inside = |file: &File| file.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        path.is_empty() || self.files.iter().any(|file| file.path == path || inside(file))
    }

    /// The names of the crates in `crates/`.
    pub(crate) fn crates(&self) -> Vec<&str> {
        let manifest = |file: &'_ File| file.path.strip_suffix("/Cargo.toml").is_some();
        let names = self.files.iter().filter(|file| manifest(file)).filter_map(|file| {
            let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            (!name.contains('/')).then_some(name)
        });
        names.collect()
    }
}

/// What git knows, files not yet added included; `None` where git or its repository is not there.
fn tracked(root: &Path) -> Option<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let list = String::from_utf8(output.stdout).ok()?;
    Some(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// Every file below `root` but for what cargo builds and what git keeps.
fn walked(root: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(root.join(&directory))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "target" || name == ".git" {
                continue;
            }
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if entry.file_type()?.is_dir() {
                directories.push(path);
            } else {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A directory that is removed when the test ends.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, path: &str, bytes: &[u8]) {
            let path = self.0.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }

        fn git(&self, arguments: &[&str]) -> bool {
            Command::new("git")
                .current_dir(&self.0)
                .args(arguments)
                .output()
                .is_ok_and(|o| o.status.success())
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _left_behind = std::fs::remove_dir_all(&self.0);
        }
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn without_git_every_file_is_read_but_what_cargo_builds() {
        let place = Place::new("walked");
        place.write("a/b.rs", b"//! B.\n");
        place.write("target/c.rs", b"");
        place.write("voice.wav", &[0xff, 0xfe]);
        // The directory may lie inside a repository, so the walk is asked by itself.
        let mut found = walked(&place.0).unwrap();
        found.sort();
        assert_eq!(found, ["a/b.rs", "voice.wav"]);
    }

    #[test]
    fn with_git_ignored_and_deleted_files_are_left_out_and_new_ones_are_not() {
        let place = Place::new("tracked");
        if !place.git(&["init", "--quiet"]) {
            return;
        }
        place.write(".gitignore", b"ignored\n");
        place.write("gone.rs", b"");
        assert!(place.git(&["add", "."]));
        std::fs::remove_file(place.0.join("gone.rs")).unwrap();
        place.write("ignored", b"");
        place.write("new.rs", b"//! New.\n");
        place.write("voice.wav", &[0xff, 0xfe]);
        let tree = Tree::load(&place.0).unwrap();
        assert_eq!(paths(&tree), [".gitignore", "new.rs", "voice.wav"]);
        assert_eq!(tree.file("voice.wav").unwrap().text, None);
    }

    #[test]
    fn directories_are_known_by_what_is_in_them() {
        let tree = Tree::of(&[("docs/adr/README.md", "")]);
        assert!(tree.has("") && tree.has("docs") && tree.has("docs/adr/README.md"));
        assert!(!tree.has("doc") && !tree.has("docs/adr/README"));
    }

    #[test]
    fn a_crate_is_a_manifest_in_crates() {
        let tree =
            Tree::of(&[("Cargo.toml", ""), ("crates/p2pvoip-cc/Cargo.toml", ""), ("xtask/Cargo.toml", "")]);
        assert_eq!(tree.crates(), ["p2pvoip-cc"]);
    }
}
