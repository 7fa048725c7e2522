//! Why a store cannot do what it is asked: which file it is about, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use p2pvoip_crypto::keystore::KeystoreError;
use p2pvoip_crypto::{LinkError, SecretError};
use thiserror::Error;

use crate::contacts::BookError;

/// A file of a store, and what is wrong with it.
#[derive(Debug, Error)]
#[error("{}: {fault}", .path.display())]
pub struct StoreError {
    path: PathBuf,
    fault: StoreFault,
}

/// What is wrong with a file of a store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// There is no such file.
    #[error("there is no such file; make an identity first, or name another file")]
    Missing,
    /// There is one already.
    #[error("there is an identity already, and it is not overwritten; name another file")]
    Exists,
    /// It is a symbolic link.
    #[error("is a link, which is not followed; name the file that it leads to")]
    Link,
    /// It is a folder, a device or the like.
    #[error("is not a regular file; name another one")]
    NotAFile,
    /// Another user owns it.
    #[error("belongs to another user of this machine, so it is not trusted; name a file of your own")]
    Foreign,
    /// The system does not let us.
    #[error(
        "cannot be {doing} ({source}); check the permissions and the room on the disk, or name another file"
    )]
    Io {
        /// What was tried, as a participle.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Another program writes the store, and does not come to an end.
    #[error("another program is writing here; end it, and try again")]
    Busy,
    /// It is sealed by a passphrase, and none was given.
    #[error("is sealed by a passphrase; give it")]
    PassphraseNeeded,
    /// The key file that seals the identity is not there.
    #[error("the key file of the identity is not here; bring it back, or name the place where it is")]
    KeyFileMissing,
    /// The key is not in the keyring, or the keyring cannot be used.
    #[error(
        "the key in the system's keyring cannot be used ({0}); unlock the keyring, or choose another protection"
    )]
    Keyring(String),
    /// The sealed form is wrong, or the key.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// What was sealed is no identity.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What was sealed is no contact book, or a change of it is not possible.
    #[error(transparent)]
    Book(#[from] BookError),
    /// A device cannot be linked or revoked.
    #[error(transparent)]
    Device(#[from] LinkError),
    /// It stands in clear, and there is no key to seal it by.
    #[error("stands in clear, and is not written before it is sealed; open the store anew")]
    InClear,
    /// There is no request that waits for a grant.
    #[error(
        "no request of this device waits for a grant; make a request first, and link it on the other device"
    )]
    NothingPending,
    /// The system gives no randomness.
    #[error("the system gives no randomness ({0}); this machine cannot make keys")]
    Randomness(getrandom::Error),
}

impl StoreError {
    pub(super) fn new(path: &Path, fault: impl Into<StoreFault>) -> Self {
        Self { path: path.to_owned(), fault: fault.into() }
    }

    /// The file that it is about.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it.
    pub const fn fault(&self) -> &StoreFault {
        &self.fault
    }

    pub(super) fn into_fault(self) -> StoreFault {
        self.fault
    }

    /// Whether the file is just not there.
    pub const fn is_missing(&self) -> bool {
        matches!(self.fault, StoreFault::Missing)
    }

    /// Whether another passphrase, or any, would help.
    pub const fn asks_for_passphrase(&self) -> bool {
        matches!(
            self.fault,
            StoreFault::PassphraseNeeded | StoreFault::Keystore(KeystoreError::WrongPassphrase)
        )
    }
}

/// Makes errors of one file.
pub(super) trait At<T> {
    fn at(self, path: &Path) -> Result<T, StoreError>;
}

impl<T, E: Into<StoreFault>> At<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, StoreError> {
        self.map_err(|fault| StoreError::new(path, fault))
    }
}

/// A failure of the system while it did something.
pub(super) fn io(doing: &'static str) -> impl Fn(io::Error) -> StoreFault {
    move |source| StoreFault::Io { doing, source }
}

impl fmt::Display for super::Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: other users can read this identity and call in your name; take their rights to it away (chmod 600)",
            self.0.display()
        )
    }
}
