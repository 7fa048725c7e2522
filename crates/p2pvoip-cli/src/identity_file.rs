//! The file that holds the own identity: made at first use, readable by its owner alone, never overwritten.
//!
//! Its bytes are those of [`Secret::encode`], with a checksum, so that a damaged file is told from another identity.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use p2pvoip::Identity;
use p2pvoip::crypto::Secret;

use crate::args::Who;
use crate::events;
use crate::exit::Failure;
use crate::files;

/// Bytes read of an identity file at most; a whole one is far shorter, and what is longer is none.
const LONGEST: u64 = 512;

/// The own identity, and where it comes from.
#[derive(Debug)]
pub(crate) struct Own {
    /// The identity.
    pub(crate) identity: Identity,
    /// Whether this run made it.
    pub(crate) is_new: bool,
    /// Where it is stored, unless it is thrown away.
    pub(crate) path: Option<PathBuf>,
}

/// Loads the identity that the options name, or makes one.
pub(crate) fn own(who: &Who) -> Result<Own, Failure> {
    if who.throwaway {
        let identity = new_identity()?;
        return Ok(Own { identity, is_new: true, path: None });
    }
    let path = match &who.identity {
        Some(path) => path.clone(),
        None => default_path(|name| std::env::var_os(name).map(PathBuf::from))?,
    };
    let is_new = match path.try_exists() {
        Ok(true) => false,
        Ok(false) => make(&path)?,
        Err(error) => return Err(unreadable(&path, &error)),
    };
    Ok(Own { identity: read(&path)?, is_new, path: Some(path) })
}

/// Where the identity is kept when nothing else is said (XDG Base Directory Specification).
fn default_path(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, Failure> {
    let configuration = variable("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").filter(|path| path.is_absolute()).map(|home| home.join(".config")))
        .or_else(|| variable("APPDATA").filter(|path| path.is_absolute()));
    match configuration {
        Some(folder) => Ok(folder.join("p2pvoip").join("identity")),
        None => Err(Failure::Usage(
            "there is no home folder to keep the identity in; name a file by --identity, or use --throwaway"
                .into(),
        )),
    }
}

fn read(path: &Path) -> Result<Identity, Failure> {
    let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut bytes = Vec::new();
    file.by_ref().take(LONGEST).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if is_open_to_others(&file) {
        events::warning(&format!(
            "{}: other users can read this identity and call in your name; take their rights to it away (chmod 600)",
            path.display()
        ));
    }
    let secret = Secret::decode(&bytes).map_err(|error| Failure::file(path, &error))?;
    Ok(Identity::from_secret(&secret))
}

/// Whether the file's mode gives anything to others than its owner.
#[cfg(unix)]
fn is_open_to_others(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_file: &File) -> bool {
    false
}

/// Makes the file, unless another process was faster; says which.
fn make(path: &Path) -> Result<bool, Failure> {
    let secret = new_identity()?.to_secret();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), make_folder).and_then(|()| files::create_secret(path, &*secret.encode())).map_err(
        |error| {
            Failure::file(
                path,
                &format!("the identity cannot be stored ({error}); name another file by --identity"),
            )
        },
    )
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::file(path, &format!("the identity cannot be read ({error}); name another file by --identity"))
}

fn new_identity() -> Result<Identity, Failure> {
    p2pvoip::new_identity().map_err(|error| Failure::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &Path) -> Who {
        Who { identity: Some(path.to_owned()), throwaway: false }
    }

    #[test]
    fn the_second_use_finds_what_the_first_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("identity");
        let first = own(&at(&path)).unwrap();
        let second = own(&at(&path)).unwrap();
        assert!(first.is_new && !second.is_new);
        assert_eq!(first.identity.fingerprint(), second.identity.fingerprint());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("identity");
        own(&at(&path)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_damaged_file_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity");
        own(&at(&path)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let failure = own(&at(&path)).unwrap_err();
        assert_eq!(failure.code(), 3);
        assert!(failure.to_string().contains("damaged"), "{failure}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn throwaway_identities_differ() {
        let throwaway = || own(&Who { identity: None, throwaway: true }).unwrap();
        assert_ne!(throwaway().identity.fingerprint(), throwaway().identity.fingerprint());
    }

    #[test]
    fn the_configuration_folder_comes_before_the_home_folder() {
        let path = |config: Option<&str>, home: Option<&str>| {
            default_path(|name| match name {
                "XDG_CONFIG_HOME" => config.map(PathBuf::from),
                "HOME" => home.map(PathBuf::from),
                _ => None,
            })
        };
        assert_eq!(path(Some("/c"), Some("/h")).unwrap(), Path::new("/c/p2pvoip/identity"));
        assert_eq!(path(Some("relative"), Some("/h")).unwrap(), Path::new("/h/.config/p2pvoip/identity"));
        assert_eq!(path(None, None).unwrap_err().code(), 2);
    }
}
