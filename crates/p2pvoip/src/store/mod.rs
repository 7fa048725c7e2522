//! Where an identity and its contact book are kept: sealed files, written whole or not at all, for their owner alone.
//!
//! A [`Store`] is named by the place of its identity file; what belongs to it lies beside: `.key` (the key file, unless another
//! protection is chosen), `.contacts`, `.backup`, `.pending`, `.lock`. It is synchronous, and an operation takes milliseconds, but for
//! stretching a passphrase. `docs/spec/store.md` has the bytes.
//!
//! ```
//! use p2pvoip::store::{Protect, Store};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("identity");
//! # let now = p2pvoip::core::UnixTime::from_secs(1_800_000_000);
//! let store = Store::at(&path);
//! let opened = match store.open(None, now) {
//!     Err(error) if error.is_missing() => store.create(&Protect::KeyFile, now)?,
//!     opened => opened?,
//! };
//! let identity = opened.identity();
//! # assert_eq!(store.open(None, now)?.identity().fingerprint(), identity.fingerprint());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Left out
//! - Rollback: who can write the files can put older ones in their place.
//! - Erasing: a file that was replaced may be found on the disk for some time.

mod error;
mod files;
mod joining;
mod keyring;
mod opened;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_crypto::Secret;
use p2pvoip_crypto::keystore::{
    Content, KeyId, MAX_SEALED_LEN, Protection, SealedFile, StoreKey, Stretching, is_sealed, seal,
};
use zeroize::Zeroizing;

use error::At as _;
use files::Lock;

pub use error::{StoreError, StoreFault};
pub use keyring::{Keyring, SystemKeyring};
pub use opened::Opened;
pub use p2pvoip_crypto::keystore::Passphrase;

/// What shall protect the key of a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Protect {
    /// A key file beside the identity: who has both reads everything. It helps where files are copied apart.
    KeyFile,
    /// A passphrase, stretched as RFC 9106 recommends.
    Passphrase(Passphrase),
    /// A passphrase, stretched at another cost.
    Stretched(Passphrase, Stretching),
    /// The keyring of the system.
    Keyring,
}

/// A file that others than its owner can read. It is used all the same; tell the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed(PathBuf);

/// The place of an identity and of what belongs to it.
#[derive(Clone)]
pub struct Store {
    identity: PathBuf,
    key_file: Option<PathBuf>,
    keyring: Arc<dyn Keyring>,
}

impl Store {
    /// The store whose identity file is here.
    pub fn at(identity: impl Into<PathBuf>) -> Self {
        Self { identity: identity.into(), key_file: None, keyring: Arc::new(SystemKeyring) }
    }

    /// The same with its key file elsewhere, on a stick, say. It is never removed there.
    #[must_use]
    pub fn with_key_file(self, path: impl Into<PathBuf>) -> Self {
        Self { key_file: Some(path.into()), ..self }
    }

    /// The same with another keyring than the system's.
    #[must_use]
    pub fn with_keyring(self, keyring: Arc<dyn Keyring>) -> Self {
        Self { keyring, ..self }
    }

    /// Where its identity file is.
    pub fn path(&self) -> &Path {
        &self.identity
    }

    /// Where its key file is, or would be.
    pub fn key_file(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| files::beside(&self.identity, ".key"))
    }

    fn contacts_file(&self) -> PathBuf {
        files::beside(&self.identity, ".contacts")
    }

    fn backup_file(&self) -> PathBuf {
        files::beside(&self.identity, ".backup")
    }

    /// Makes a new identity and keeps it here.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreFault::Exists`] when there is an identity already.
    pub fn create(&self, protect: &Protect, now: UnixTime) -> Result<Opened, StoreError> {
        self.keep(Secret::generate(&self.seed()?), protect, now)
    }

    /// Keeps this secret here.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreFault::Exists`] when there is an identity already.
    pub fn keep(&self, secret: Secret, protect: &Protect, now: UnixTime) -> Result<Opened, StoreError> {
        let lock = files::lock(&self.identity)?;
        self.check_is_free()?;
        let unlocked = self.unlock_newly(&lock, protect)?;
        let mut opened = Opened::new(self.clone(), secret, Some(unlocked));
        opened.refresh(now)?;
        opened.write_secret(&lock)?;
        Ok(opened)
    }

    fn check_is_free(&self) -> Result<(), StoreError> {
        match files::read(&self.identity, 0)? {
            Some(_) => Err(StoreError::new(&self.identity, StoreFault::Exists)),
            None => Ok(()),
        }
    }

    /// Opens what is kept here. An identity file in clear, as versions before the store wrote, is sealed by a key file. Prekeys
    /// of the past are forgotten for good, so open it again once a day where a program runs for long.
    ///
    /// # Errors
    /// [`StoreError`]: [`is_missing`](StoreError::is_missing) when there is nothing,
    /// [`asks_for_passphrase`](StoreError::asks_for_passphrase) when a passphrase is needed or another one.
    pub fn open(&self, passphrase: Option<&Passphrase>, now: UnixTime) -> Result<Opened, StoreError> {
        let (mut opened, _) = self.read_identity(Keys { passphrase, known: None })?;
        if opened.was_in_clear() || opened.refresh(now)? {
            opened.write_anew(now)?;
        }
        Ok(opened)
    }

    /// Reads the identity; also its bytes in clear.
    fn read_identity(&self, keys: Keys<'_>) -> Result<(Opened, Zeroizing<Vec<u8>>), StoreError> {
        let path = &self.identity;
        let found = files::read(path, MAX_SEALED_LEN)?;
        let found = found.ok_or_else(|| StoreError::new(path, StoreFault::Missing))?;
        let mut exposed: Vec<Exposed> = found.is_exposed.then(|| Exposed(path.clone())).into_iter().collect();
        if !is_sealed(&found.bytes) {
            let secret = Secret::decode(&found.bytes).at(path)?;
            let opened = Opened::new(self.clone(), secret, None).with_warnings(exposed);
            return Ok((opened, found.bytes));
        }
        let file = SealedFile::parse(&found.bytes).at(path)?;
        let key = self.key_of(file.protection(), keys, &mut exposed)?;
        let bytes = file.open(Content::Identity, &key).at(path)?;
        let secret = Secret::decode(&bytes).at(path)?;
        let unlocked = Unlocked { protection: *file.protection(), key, passphrase: keys.passphrase.cloned() };
        Ok((Opened::new(self.clone(), secret, Some(unlocked)).with_warnings(exposed), bytes))
    }

    /// The key that a file's head asks for.
    fn key_of(
        &self,
        protection: &Protection,
        keys: Keys<'_>,
        exposed: &mut Vec<Exposed>,
    ) -> Result<StoreKey, StoreError> {
        if let Some(known) = keys.known.filter(|known| known.protection == *protection) {
            return Ok(known.key.clone());
        }
        match protection {
            Protection::Passphrase(stretching) => {
                let needed = || StoreError::new(&self.identity, StoreFault::PassphraseNeeded);
                stretching.key(keys.passphrase.ok_or_else(needed)?).at(&self.identity)
            }
            Protection::Keyring(id) => self.key_in_keyring(id),
            Protection::KeyFile(_) => {
                let path = self.key_file();
                let Some((key, is_exposed)) = self.read_key_file()? else {
                    return Err(StoreError::new(&path, StoreFault::KeyFileMissing));
                };
                if is_exposed {
                    exposed.push(Exposed(path));
                }
                Ok(key)
            }
            _ => Err(StoreError::new(&self.identity, p2pvoip_crypto::keystore::KeystoreError::Damaged)),
        }
    }

    fn read_key_file(&self) -> Result<Option<(StoreKey, bool)>, StoreError> {
        let path = self.key_file();
        let found = files::read(&path, StoreKey::ENCODED_LEN)?;
        found.map(|found| Ok((StoreKey::decode(&found.bytes).at(&path)?, found.is_exposed))).transpose()
    }

    fn key_in_keyring(&self, id: &KeyId) -> Result<StoreKey, StoreError> {
        let fault = |why: String| StoreError::new(&self.identity, StoreFault::Keyring(why));
        let kept = self.keyring.get(&id.to_string()).map_err(fault)?;
        let kept = kept.ok_or_else(|| fault("there is none of this identity".to_owned()))?;
        StoreKey::decode(&kept).at(&self.identity)
    }

    /// A key for new files, kept where the protection says.
    fn unlock_newly(&self, lock: &Lock, protect: &Protect) -> Result<Unlocked, StoreError> {
        let (protection, key, passphrase) = match protect {
            Protect::KeyFile => {
                let key = self.own_key_file(lock)?;
                (Protection::KeyFile(key.id()), key, None)
            }
            Protect::Passphrase(phrase) => {
                let stretching = Stretching::recommended(&self.seed()?);
                let key = stretching.key(phrase).at(&self.identity)?;
                (Protection::Passphrase(stretching), key, Some(phrase.clone()))
            }
            Protect::Stretched(phrase, stretching) => {
                let key = stretching.key(phrase).at(&self.identity)?;
                (Protection::Passphrase(*stretching), key, Some(phrase.clone()))
            }
            Protect::Keyring => {
                let key = StoreKey::generate(&self.seed()?);
                let kept = self.keyring.set(&key.id().to_string(), &*key.encode());
                kept.map_err(StoreFault::Keyring).at(&self.identity)?;
                (Protection::Keyring(key.id()), key, None)
            }
        };
        Ok(Unlocked { protection, key, passphrase })
    }

    /// The key in the key file, which is made when it is not there.
    fn own_key_file(&self, lock: &Lock) -> Result<StoreKey, StoreError> {
        if let Some((key, _)) = self.read_key_file()? {
            return Ok(key);
        }
        let key = StoreKey::generate(&self.seed()?);
        files::replace(lock, &self.key_file(), &*key.encode())?;
        Ok(key)
    }

    /// Takes away what kept a key that seals nothing any more.
    fn forget(&self, protection: &Protection) -> Result<(), StoreError> {
        match protection {
            // One that was named may serve other stores as well.
            Protection::KeyFile(_) if self.key_file.is_none() => files::remove(&self.key_file()),
            Protection::Keyring(id) => {
                self.keyring.remove(&id.to_string()).map_err(StoreFault::Keyring).at(&self.identity)
            }
            Protection::KeyFile(_) | Protection::Passphrase(_) | _ => Ok(()),
        }
    }

    fn seed(&self) -> Result<Seed, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(StoreFault::Randomness).at(&self.identity)?;
        Ok(Seed::new(*bytes))
    }

    /// Seals and writes one of its files.
    fn write(
        &self,
        lock: &Lock,
        path: &Path,
        content: Content,
        bytes: &[u8],
        by: &Unlocked,
    ) -> Result<(), StoreError> {
        let sealed = seal(content, bytes, &by.protection, &by.key, &self.seed()?).at(path)?;
        files::replace(lock, path, &sealed)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// What may open a file: a passphrase, and a key that was found before.
#[derive(Clone, Copy, Default)]
struct Keys<'a> {
    passphrase: Option<&'a Passphrase>,
    known: Option<&'a Unlocked>,
}

/// A key, and where it comes from.
#[derive(Clone, Debug)]
struct Unlocked {
    protection: Protection,
    key: StoreKey,
    /// What other files of the store may ask for, whose change of protection was cut off.
    passphrase: Option<Passphrase>,
}
