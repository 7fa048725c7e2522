//! Files that are there whole or not at all, and for their owner alone: written beside their name, synchronised, renamed.
//!
//! No link is followed and no file of another user is read. One lock, on a file of its own, keeps two writers apart; the system
//! takes it from a program that dies.
//!
//! # Timers
//! - A writer waits for another one for [`PATIENCE`] at most.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::{At as _, StoreError, StoreFault, io};

/// How long a writer waits for another one: writing takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it waits between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// What a file holds.
pub(super) struct Found {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Whether its mode gives anything to others than its owner.
    pub(super) is_exposed: bool,
}

/// Reads a file of ours of at most `most` bytes; nothing when there is none. What is longer comes cut, one byte too long.
pub(super) fn read(path: &Path, most: usize) -> Result<Option<Found>, StoreError> {
    let file = match system::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if system::is_link(path, &error) => return Err(StoreError::new(path, StoreFault::Link)),
        Err(error) => return Err(error).map_err(io("read")).at(path),
    };
    let about = file.metadata().map_err(io("read")).at(path)?;
    if !about.is_file() {
        return Err(StoreError::new(path, StoreFault::NotAFile));
    }
    if system::is_foreign(&about) {
        return Err(StoreError::new(path, StoreFault::Foreign));
    }
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0).min(most + 1)));
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(io("read")).at(path)?;
    Ok(Some(Found { bytes, is_exposed: system::is_exposed(&about) }))
}

/// Writes a file that its owner alone can read, in place of a file of ours or of nothing. Under the lock.
pub(super) fn replace(_lock: &Lock, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => return Err(StoreError::new(path, StoreFault::Link)),
        Ok(about) if !about.is_file() => return Err(StoreError::new(path, StoreFault::NotAFile)),
        Ok(about) if system::is_foreign(&about) => return Err(StoreError::new(path, StoreFault::Foreign)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).map_err(io("written")).at(path),
    }
    let temporary = beside(path, ".part");
    // What a writer left that died: under the lock nobody else writes it.
    remove(&temporary)?;
    let written = fill(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What was begun is of no use to anybody; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&temporary);
    }
    written.and_then(|()| system::synchronise_folder(folder_of(path))).map_err(io("written")).at(path)
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = system::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes a file, if there is one.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).map_err(io("removed")).at(path),
        _ => Ok(()),
    }
}

/// The file's name with more behind it.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(ending);
    PathBuf::from(name)
}

/// The folder that the file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Held by who writes; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Waits until nobody else writes this store. The folder is made when it is not there, for its owner alone.
pub(super) fn lock(path: &Path) -> Result<Lock, StoreError> {
    system::make_folder(folder_of(path)).map_err(io("made")).at(folder_of(path))?;
    let place = beside(path, ".lock");
    for _ in 0..PATIENCE.as_millis() / BETWEEN_TRIES.as_millis() {
        match system::lock(&place) {
            Ok(Some(file)) => return Ok(Lock { _file: file }),
            Ok(None) => pause(),
            Err(error) if system::is_link(&place, &error) => {
                return Err(StoreError::new(&place, StoreFault::Link));
            }
            Err(error) => return Err(error).map_err(io("locked")).at(&place),
        }
    }
    Err(StoreError::new(&place, StoreFault::Busy))
}

#[expect(
    clippy::disallowed_methods,
    reason = "no machine: a store is synchronous, and nothing wakes who waits for a file"
)]
fn pause() {
    std::thread::sleep(BETWEEN_TRIES);
}

#[cfg(unix)]
mod system {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
    use std::path::Path;

    use rustix::fs::{FlockOperation, Mode, OFlags, flock};
    use rustix::io::Errno;

    /// Opens a file for reading; a link is refused, and a named pipe does not make us wait.
    pub(super) fn open(path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Whether it was a link that was refused. Systems have several errors for that.
    pub(super) fn is_link(path: &Path, error: &io::Error) -> bool {
        let errors = [Errno::LOOP, Errno::MLINK];
        errors.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
            && std::fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink())
    }

    pub(super) fn is_foreign(about: &Metadata) -> bool {
        about.uid() != rustix::process::geteuid().as_raw()
    }

    pub(super) fn is_exposed(about: &Metadata) -> bool {
        about.mode() & 0o077 != 0
    }

    /// A new file for its owner alone.
    pub(super) fn create(path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }

    /// That a file has its new name is on the disk once its folder is.
    pub(super) fn synchronise_folder(folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    /// Takes the lock, unless somebody else has it.
    pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    /// Opens a file for reading; a link is refused.
    pub(super) fn open(path: &Path) -> io::Result<File> {
        if std::fs::symlink_metadata(path)?.is_symlink() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        File::open(path)
    }

    pub(super) fn is_link(path: &Path, _error: &io::Error) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink())
    }

    /// Folders of users keep others out here; there is no mode to look at.
    pub(super) fn is_foreign(_about: &Metadata) -> bool {
        false
    }

    pub(super) fn is_exposed(_about: &Metadata) -> bool {
        false
    }

    pub(super) fn create(path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)
    }

    pub(super) fn synchronise_folder(_folder: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Takes the lock, unless somebody else has it: a file that is opened and shared with nobody is a lock.
    pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(windows)]
        std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0);
        /// `ERROR_SHARING_VIOLATION`.
        const SHARED: i32 = 32;
        match options.open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.raw_os_error() == Some(SHARED) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
