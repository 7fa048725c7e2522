//! An opened store: its identity, and the contact book that is read and written with the same key.
//!
//! Whoever changes something reads it again under the lock first, so that two programs do not undo one another's changes.

use p2pvoip_core::UnixTime;
use p2pvoip_crypto::keystore::{Content, KeystoreError, MAX_SEALED_LEN, Protection, SealedFile};
use p2pvoip_crypto::{DeviceGrant, DeviceRequest, Identity, LinkError, Secret};
use zeroize::Zeroizing;

use super::error::{At as _, StoreError, StoreFault};
use super::files::{self, Lock};
use super::{Exposed, Keys, Protect, Store, Unlocked};
use crate::contacts::{Book, BookError};

/// An opened store.
#[derive(Clone, Debug)]
pub struct Opened {
    store: Store,
    secret: Secret,
    /// `None` while the identity stands in clear.
    unlocked: Option<Unlocked>,
    was_in_clear: bool,
    exposed: Vec<Exposed>,
}

impl Opened {
    pub(super) fn new(store: Store, secret: Secret, unlocked: Option<Unlocked>) -> Self {
        Self { store, secret, was_in_clear: unlocked.is_none(), unlocked, exposed: Vec::new() }
    }

    pub(super) fn with_warnings(self, exposed: Vec<Exposed>) -> Self {
        Self { exposed, ..self }
    }

    /// The identity.
    pub fn identity(&self) -> Identity {
        Identity::from_secret(&self.secret)
    }

    /// Its secret.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What protects it: `key-file`, `passphrase` or `keyring`.
    pub fn protection(&self) -> &'static str {
        match self.unlocked.as_ref().map(|unlocked| unlocked.protection) {
            Some(Protection::KeyFile(_)) => "key-file",
            Some(Protection::Passphrase(_)) => "passphrase",
            Some(Protection::Keyring(_)) => "keyring",
            _ => "none",
        }
    }

    /// Whether the identity stood in clear, as versions before the store left it; it is sealed now.
    pub const fn was_in_clear(&self) -> bool {
        self.was_in_clear
    }

    /// Files that others can read.
    pub fn exposed(&self) -> &[Exposed] {
        &self.exposed
    }

    /// Reads the identity anew, as another program may have changed it, and forgets the prekeys of the past, in the file too: to be
    /// done daily by a program that runs for long. Whether the secret is another one than before.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub fn reload(&mut self, now: UnixTime) -> Result<bool, StoreError> {
        let before = self.secret.encode();
        self.write_anew(now)?;
        Ok(self.secret.encode() != before)
    }

    /// Changes the secret as it stands in the file, and writes it; not when the change is refused.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub fn update_secret<T>(
        &mut self,
        change: impl FnOnce(&mut Secret) -> Result<T, LinkError>,
    ) -> Result<T, StoreError> {
        let lock = files::lock(self.store.path())?;
        let (mut current, before) = self.read_to_write(&lock)?;
        let made = change(&mut current.secret).at(self.store.path())?;
        current.back_up(&lock, &before)?;
        current.write_secret(&lock)?;
        self.adopt(current);
        Ok(made)
    }

    /// Lists another device of the identity, on the device that made it; gives what that device needs.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub fn link(&mut self, request: &DeviceRequest, now: UnixTime) -> Result<DeviceGrant, StoreError> {
        let seed = self.store.seed()?;
        self.update_secret(|secret| secret.link(request, seed, now))
    }

    /// Strikes a device off, on the device that made the identity.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub fn revoke(&mut self, index: u8, now: UnixTime) -> Result<(), StoreError> {
        self.update_secret(|secret| secret.revoke(index, now))
    }

    /// Chooses another protection: everything is sealed anew, and the old key is forgotten.
    ///
    /// # Errors
    /// [`StoreError`]. What was written until then opens, each file by what its own head says; do it again.
    pub fn protect(&mut self, protect: &Protect) -> Result<(), StoreError> {
        let lock = files::lock(self.store.path())?;
        let (mut current, _) = self.read_to_write(&lock)?;
        let book = current.contacts()?;
        let has_book = files::read(&self.store.contacts_file(), 0)?.is_some();
        let old = current.unlocked.take();
        current.unlocked = Some(self.store.unlock_newly(&lock, protect)?);
        // A backup under the old key would undo the change.
        files::remove(&self.store.backup_file())?;
        if has_book {
            current.write_contacts(&lock, &book)?;
        }
        current.write_secret(&lock)?;
        let is_same =
            |old: &Unlocked| current.unlocked.as_ref().is_some_and(|new| new.key.id() == old.key.id());
        if let Some(old) = old.filter(|old| !is_same(old)) {
            self.store.forget(&old.protection)?;
        }
        self.adopt(current);
        Ok(())
    }

    /// The contact book; an empty one when there is none yet.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or opened.
    pub fn contacts(&self) -> Result<Book, StoreError> {
        let path = self.store.contacts_file();
        let Some(found) = files::read(&path, MAX_SEALED_LEN)? else { return Ok(Book::default()) };
        let file = SealedFile::parse(&found.bytes).at(&path)?;
        let bytes = self.open_book(&file).at(&path)?;
        Book::parse(&bytes).at(&path)
    }

    /// Opens the book by the key of the identity, or by its own head's when a change of the protection was cut off.
    fn open_book(&self, file: &SealedFile<'_>) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        let unlocked = self.unlocked.as_ref().ok_or(KeystoreError::WrongKey)?;
        if *file.protection() == unlocked.protection {
            return Ok(file.open(Content::Contacts, &unlocked.key)?);
        }
        let key = self.store.key_of(file.protection(), self.keys(), &mut Vec::new());
        Ok(file.open(Content::Contacts, &key.map_err(StoreError::into_fault)?)?)
    }

    /// Changes the contact book as it stands in its file, and writes it; not when the change is refused.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub fn update_contacts<T>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, BookError>,
    ) -> Result<T, StoreError> {
        let lock = files::lock(self.store.path())?;
        // Another program may have changed the protection since.
        let (current, _) = self.read_to_write(&lock)?;
        let mut book = current.contacts()?;
        let made = change(&mut book).at(&self.store.contacts_file())?;
        current.write_contacts(&lock, &book)?;
        if current.was_in_clear {
            current.write_secret(&lock)?;
        }
        Ok(made)
    }

    /// Brings the secret up to `now`: new prekeys where there are none, and none of the past. Whether that changed it.
    pub(super) fn refresh(&mut self, now: UnixTime) -> Result<bool, StoreError> {
        let is_new = self.secret.needs_renewal(now);
        if is_new {
            self.secret.renew(&self.store.seed()?);
        }
        Ok(self.secret.advance(now) || is_new)
    }

    /// Writes an identity that stands in clear, or has prekeys of the past, as it stands in its file by now.
    pub(super) fn write_anew(&mut self, now: UnixTime) -> Result<(), StoreError> {
        let lock = files::lock(self.store.path())?;
        let (mut current, before) = self.read_to_write(&lock)?;
        if current.refresh(now)? || current.was_in_clear {
            current.back_up(&lock, &before)?;
            current.write_secret(&lock)?;
        }
        self.adopt(current);
        Ok(())
    }

    pub(super) fn write_secret(&self, lock: &Lock) -> Result<(), StoreError> {
        let bytes = self.secret.encode();
        self.store.write(lock, self.store.path(), Content::Identity, &bytes[..], self.sealing()?)
    }

    fn write_contacts(&self, lock: &Lock, book: &Book) -> Result<(), StoreError> {
        let path = self.store.contacts_file();
        self.store.write(lock, &path, Content::Contacts, &book.encode(), self.sealing()?)
    }

    /// What seals its files. Nothing is ever written in clear, nor left unwritten without an error.
    fn sealing(&self) -> Result<&Unlocked, StoreError> {
        self.unlocked.as_ref().ok_or_else(|| StoreError::new(self.store.path(), StoreFault::InClear))
    }

    /// Keeps what stood in the file before, sealed, when its form changes; the next writing takes that away, since it has
    /// prekeys in it that are to be forgotten.
    fn back_up(&self, lock: &Lock, before: &[u8]) -> Result<(), StoreError> {
        let path = self.store.backup_file();
        let form = |bytes: &[u8]| bytes.get(FORM_AT).copied();
        match &self.unlocked {
            Some(unlocked) if form(before) != form(&self.secret.encode()[..]) => {
                self.store.write(lock, &path, Content::Identity, before, unlocked)
            }
            _ => files::remove(&path),
        }
    }

    /// Reads the identity again, and makes sure that it can be sealed: one that was put back in clear meanwhile is, as it was
    /// before, or by a key file.
    fn read_to_write(&self, lock: &Lock) -> Result<(Self, Zeroizing<Vec<u8>>), StoreError> {
        let (mut current, before) = self.store.read_identity(self.keys())?;
        if current.unlocked.is_none() {
            let unlocked = match &self.unlocked {
                // Whoever knows the passphrase opens it by the head alone. Other keys may be gone from where they were kept.
                Some(known) => match &known.protection {
                    Protection::Passphrase(_) => known.clone(),
                    Protection::Keyring(id) if self.store.key_in_keyring(id).is_ok() => known.clone(),
                    Protection::Keyring(_) => self.store.unlock_newly(lock, &Protect::Keyring)?,
                    Protection::KeyFile(_) | _ => self.store.unlock_newly(lock, &Protect::KeyFile)?,
                },
                None => self.store.unlock_newly(lock, &Protect::KeyFile)?,
            };
            current.unlocked = Some(unlocked);
        }
        Ok((current, before))
    }

    fn keys(&self) -> Keys<'_> {
        let known = self.unlocked.as_ref();
        Keys { passphrase: known.and_then(|known| known.passphrase.as_ref()), known }
    }

    /// Goes on with what was read and written just now; what was found at first stays said.
    fn adopt(&mut self, current: Self) {
        self.secret = current.secret;
        self.unlocked = current.unlocked;
    }
}

/// Where the form of an identity stands in its bytes.
const FORM_AT: usize = 7;
