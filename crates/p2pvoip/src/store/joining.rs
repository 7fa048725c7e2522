//! A further device of an identity: its request waits, sealed, until the grant of the first device makes it one.

use std::path::PathBuf;

use p2pvoip_core::UnixTime;
use p2pvoip_crypto::keystore::{Content, MAX_SEALED_LEN, SealedFile};
use p2pvoip_crypto::{DeviceGrant, DeviceRequest, PendingDevice, Secret};

use super::error::{At as _, StoreError, StoreFault};
use super::{Keys, Opened, Passphrase, Protect, Store, Unlocked, files};

impl Store {
    fn pending_file(&self) -> PathBuf {
        files::beside(&self.identity, ".pending")
    }

    /// Draws the keys of a further device, and keeps them until [`join`](Self::join). An earlier request is forgotten.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreFault::Exists`] when there is an identity here already.
    pub fn request(&self, protect: &Protect) -> Result<DeviceRequest, StoreError> {
        let lock = files::lock(&self.identity)?;
        self.check_is_free()?;
        let unlocked = self.unlock_newly(&lock, protect)?;
        let pending = PendingDevice::generate(&self.seed()?);
        self.write(&lock, &self.pending_file(), Content::Pending, &pending.encode(), &unlocked)?;
        Ok(pending.request())
    }

    /// The device whose request waits here, if one does.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read or opened.
    pub fn waiting(&self, passphrase: Option<&Passphrase>) -> Result<Option<PendingDevice>, StoreError> {
        Ok(self.read_pending(passphrase)?.map(|(pending, _)| pending))
    }

    fn read_pending(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<Option<(PendingDevice, Unlocked)>, StoreError> {
        let path = self.pending_file();
        let Some(found) = files::read(&path, MAX_SEALED_LEN)? else { return Ok(None) };
        let file = SealedFile::parse(&found.bytes).at(&path)?;
        let keys = Keys { passphrase, known: None };
        let key = self.key_of(file.protection(), keys, &mut Vec::new())?;
        let bytes = file.open(Content::Pending, &key).at(&path)?;
        let pending = PendingDevice::decode(&bytes).at(&path)?;
        let unlocked = Unlocked { protection: *file.protection(), key, passphrase: passphrase.cloned() };
        Ok(Some((pending, unlocked)))
    }

    /// Makes this device one of the identity that granted it, protected as its request was.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreFault::NothingPending`] when no request waits, [`StoreFault::Device`] when the grant is not for it.
    pub fn join(
        &self,
        grant: &DeviceGrant,
        passphrase: Option<&Passphrase>,
        now: UnixTime,
    ) -> Result<Opened, StoreError> {
        let lock = files::lock(&self.identity)?;
        self.check_is_free()?;
        let nothing = || StoreError::new(&self.identity, StoreFault::NothingPending);
        let (pending, unlocked) = self.read_pending(passphrase)?.ok_or_else(nothing)?;
        let secret = Secret::linked(&pending, grant, now).at(&self.identity)?;
        let mut opened = Opened::new(self.clone(), secret, Some(unlocked));
        opened.refresh(now)?;
        opened.write_secret(&lock)?;
        files::remove(&self.pending_file())?;
        Ok(opened)
    }
}
