//! Files that are there whole or not at all: written beside their name, synchronised, then given it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Writes a file, replacing a regular file of that name and nothing else.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if std::fs::symlink_metadata(path).is_ok_and(|data| !data.is_file()) {
        return Err(Failure::file(
            path,
            "is not a regular file, so it is not replaced; choose another place",
        ));
    }
    let temporary = beside(path);
    let written = fill(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| {
        // What was begun is of no use to anybody; that it cannot be removed changes nothing.
        let _ = std::fs::remove_file(&temporary);
        Failure::file(path, &format!("cannot be written ({error}); choose another place or free some room"))
    })
}

/// A name in the same folder that no other process uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(write(&path, b"x").unwrap_err().code(), 3);
        #[cfg(unix)]
        assert_eq!(write(Path::new("/dev/null"), b"x").unwrap_err().code(), 3);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
