//! Linking: how a further device comes to speak for an identity, and how it ceases to.
//!
//! ```text
//! new device:  PendingDevice::generate, shows its DeviceRequest        public keys alone: a QR code or a link
//! home:        Secret::link(&request) lists it in the roster            its file is written anew
//!              gives a DeviceGrant, sealed to the request                owner key of the mailbox, roster
//! new device:  Secret::linked(&pending, &grant)                         its own file
//! ```
//! Somebody who can change the request on its way would be linked himself: so both devices show a [`DeviceCode`], and their owner
//! compares them. A linked device cannot sign rosters; it takes home's newest from home's bundle
//! ([`Secret::refresh_roster`]) and is out of date when home was offline for two weeks.
//!
//! # Left out
//! - A new mailbox key when a device is revoked: contacts would need new cards. A revoked device can speak for nobody any
//!   more, but it can still own the mailbox's addresses, and so take offers away; against that a new identity helps.

mod grant;
mod request;
#[cfg(test)]
mod tests;

use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Seed, UnixTime};
use thiserror::Error;

use crate::bundle::Prekeys;
use crate::credential::{Credential, CredentialError};
use crate::device::DeviceKeys;
use crate::identity::root_key;
use crate::roster::{HOME, MAX_DEVICES, Roster, RosterPin};
use crate::secret::{Holder, Secret};
use crate::suite::VersionRange;

#[cfg(any(test, feature = "forge"))]
pub(crate) use grant::forge_grant;
pub use grant::{DeviceGrant, GRANT_LEN};
pub use request::{DeviceCode, DeviceRequest, PendingDevice};

use grant::Granted;

/// Why a device could not be linked, listed or revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The text starts otherwise.
    #[error("this is not the text of another device; it starts with `p2pvoip-device:` or `p2pvoip-grant:`")]
    NotAText,
    /// A character is missing, added or wrong.
    #[error("the text of the other device is damaged; copy all of it again")]
    Mistyped,
    /// A newer version made it.
    #[error(
        "the text of the other device has form {0}, which this version does not know; update the program"
    )]
    UnknownForm(u8),
    /// A field has a value that the format does not allow.
    #[error("the text of the other device is not well formed: {0}; update the program there")]
    Malformed(#[from] Malformed),
    /// Only the device with the root lists others.
    #[error("this device was linked itself; link and revoke devices on the one where the identity was made")]
    NotHome,
    /// The device with the root needs nobody's roster, and cannot be revoked.
    #[error(
        "this is the device where the identity was made, which cannot be revoked; make a new identity to replace it"
    )]
    Home,
    /// All places are taken.
    #[error("an identity has at most {MAX_DEVICES} devices; revoke one before you link another")]
    Full,
    /// There is no such device.
    #[error("there is no device {0}; name one of those that are listed")]
    NoDevice(u8),
    /// The grant does not open with the keys of this device, or was changed.
    #[error("the grant was not made for this device, or is damaged; make a new request and link again")]
    NotForThisDevice,
    /// The grant or the bundle shows no valid roster.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The roster is of another identity.
    #[error(
        "that is the list of devices of another identity; fetch the bundle of this identity's first device"
    )]
    OtherIdentity,
    /// The roster does not list this device any more.
    #[error("this device was revoked; link it anew if that was not meant")]
    Revoked,
}

impl Secret {
    /// Lists a new device, on the home device; gives what that device needs. Write the file anew before the grant leaves.
    /// A device that is listed already is given the same place again.
    ///
    /// The seed comes from the system and is used for nothing else.
    ///
    /// # Errors
    /// [`LinkError`] when this is no home device, or all places are taken.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is given once, so it is given away")]
    pub fn link(
        &mut self,
        request: &DeviceRequest,
        seed: Seed,
        now: UnixTime,
    ) -> Result<DeviceGrant, LinkError> {
        let home = DeviceKeys::new(self.device()).hash();
        let owner = self.owner();
        let Holder::Home { secret, linked } = &mut self.holder else { return Err(LinkError::NotHome) };
        let (hash, mut listed) = (request.hash(), *linked);
        let index = listed.index_of(&hash).or_else(|| listed.free()).ok_or(LinkError::Full)?;
        if listed.index_of(&hash).is_none() {
            listed.put(index, Some(hash));
            listed.changed(now);
        }
        let root = root_key(secret);
        let sign = |domain: &str, message: &[&[u8]]| root.sign(domain, message);
        let roster = Roster::of_day(VersionRange::CURRENT.least(), listed.with_home(home), now).emit(sign);
        let granted = Granted { owner, root: root.public(), index, roster };
        let grant = grant::seal(&granted, request, &seed, sign)?;
        *linked = listed;
        Ok(grant)
    }

    /// Strikes a device off, on the home device. Write the file anew and publish: who sees the new list refuses the device;
    /// who does not see it, when the device's own list expires.
    ///
    /// # Errors
    /// [`LinkError`] when this is no home device, or there is no such device.
    pub fn revoke(&mut self, index: u8, now: UnixTime) -> Result<(), LinkError> {
        let Holder::Home { linked, .. } = &mut self.holder else { return Err(LinkError::NotHome) };
        if index == HOME {
            return Err(LinkError::Home);
        }
        if !linked.indices().any(|listed| listed == index) {
            return Err(LinkError::NoDevice(index));
        }
        linked.put(index, None);
        linked.changed(now);
        Ok(())
    }

    /// The linked devices, on the home device: their places, and the codes that they have shown.
    pub fn linked_devices(&self) -> impl Iterator<Item = (u8, DeviceCode)> + use<> {
        self.devices().listed().map(|(index, hash)| (index, DeviceCode::of(&hash)))
    }

    /// The secret of a device that was linked.
    ///
    /// # Errors
    /// [`LinkError`] when the grant is not for this device, not signed by its root, or out of date.
    pub fn linked(pending: &PendingDevice, grant: &DeviceGrant, now: UnixTime) -> Result<Self, LinkError> {
        let keys = pending.keys();
        let granted = grant::open(grant, &keys)?;
        let credential =
            Credential { root: granted.root, roster: granted.roster, signing: keys.signing().public() };
        let shown = credential.verify(keys.x25519_public(), now)?;
        if shown.index != granted.index || granted.index == HOME {
            return Err(Malformed::Invalid("index").into());
        }
        let Granted { owner, root, index, roster } = granted;
        let device = pending.secret().clone();
        let holder = Holder::Linked { device, owner, root, index, roster: Box::new(roster) };
        Ok(Self { holder, chain: Some(pending.chain().clone()) })
    }

    /// Takes the roster of home's bundle, on a linked device; says whether it is a newer one. Write the file anew then.
    ///
    /// # Errors
    /// [`LinkError::Revoked`] when it does not list this device any more, or others when it is not the own home's.
    pub fn refresh_roster(&mut self, home: &Prekeys) -> Result<bool, LinkError> {
        let hash = DeviceKeys::new(self.device()).hash();
        let Holder::Linked { root, index, roster, .. } = &mut self.holder else {
            return Err(LinkError::Home);
        };
        if home.peer.root != *root {
            return Err(LinkError::OtherIdentity);
        }
        let (old, new) = (Roster::parse(roster)?.pin(), home.peer.roster);
        if (new.sequence, new.expires) <= (old.sequence, old.expires) {
            return Ok(false);
        }
        if home.devices.index_of(&hash) != Some(*index) {
            return Err(LinkError::Revoked);
        }
        roster.clone_from(&home.roster);
        Ok(true)
    }

    /// What a linked device's roster says; `None` on the home device, which signs its own.
    pub fn roster(&self) -> Option<RosterPin> {
        match &self.holder {
            Holder::Home { .. } => None,
            Holder::Linked { roster, .. } => Roster::parse(roster).ok().map(|roster| roster.pin()),
        }
    }
}
