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
    let written = fill(&temporary, bytes, false).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| {
        // What was begun is of no use to anybody; that it cannot be removed changes nothing.
        let _ = std::fs::remove_file(&temporary);
        Failure::file(path, &format!("cannot be written ({error}); choose another place or free some room"))
    })
}

/// Makes a file that only its owner can read, unless one of that name is there already; says whether it was made.
pub(crate) fn create_secret(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let temporary = beside(path);
    let made = fill(&temporary, bytes, true).and_then(|()| std::fs::hard_link(&temporary, path));
    let _ = std::fs::remove_file(&temporary);
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// A name in the same folder that no other process uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

fn fill(path: &Path, bytes: &[u8], secret: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if secret {
        owner_only(&mut options);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.create(false).create_new(true).mode(0o600);
}

#[cfg(not(unix))]
fn owner_only(options: &mut OpenOptions) {
    options.create(false).create_new(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(create_secret(&path, b"first").unwrap());
        assert!(!create_secret(&path, b"second").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

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
