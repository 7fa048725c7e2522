//! The credential: what shows that a device speaks for a root, in 275 bytes.
//!
//! root public key (32) | roster (211) | device signing key (32). The X25519 key of the device is not in it: Noise proves it, or a
//! bundle carries it. The credential is valid for that key when the root has signed the roster, the roster is in date, and one
//! of its slots holds the hash of the two keys.
//!
//! # Left out
//! - Remembering what was verified: all rosters of a day are the same bytes, so a hash of root and roster would name one.

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use thiserror::Error;

use crate::dates::CLOCK_SKEW;
use crate::identity::{Fingerprint, PUBLIC_LEN, PeerIdentity};
use crate::kdf;
use crate::roster::{self, Devices, ROSTER_LEN, ROSTER_LIFE, Roster};

/// Bytes of a credential.
pub(crate) const CREDENTIAL_LEN: usize = PUBLIC_LEN + ROSTER_LEN + PUBLIC_LEN;

/// Why a credential does not show that a device speaks for its root.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A field has a value that the format does not allow.
    #[error("the list of the contact's devices is not well formed: {0}; ask the contact to update")]
    Malformed(#[from] Malformed),
    /// The root has not signed the roster.
    #[error("the list of the contact's devices is not signed by the contact; do not trust this device")]
    Signature,
    /// The device is not in the roster.
    #[error("this device is not among those of the contact; do not trust it, it may have been revoked")]
    NotListed,
    /// The roster was not signed anew for too long.
    #[error(
        "the list of the contact's devices has expired; the contact's first device was offline for two weeks, or this clock is wrong"
    )]
    Expired,
    /// The roster is valid for longer than it may be.
    #[error("the list of the contact's devices was made in the future; set the clock of this computer")]
    FromTheFuture,
}

/// The fields of a credential.
pub(crate) struct Credential {
    pub(crate) root: [u8; PUBLIC_LEN],
    pub(crate) roster: [u8; ROSTER_LEN],
    /// The Ed25519 public key with which the device signs.
    pub(crate) signing: [u8; PUBLIC_LEN],
}

/// What a valid credential shows.
pub(crate) struct Shown {
    pub(crate) peer: PeerIdentity,
    /// The slot of the device.
    pub(crate) index: u8,
    /// All devices of its identity.
    pub(crate) devices: Devices,
}

impl Credential {
    pub(crate) fn emit(&self) -> [u8; CREDENTIAL_LEN] {
        kdf::array(&[&self.root[..], &self.roster, &self.signing].concat())
    }

    pub(crate) fn parse(bytes: &[u8; CREDENTIAL_LEN]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        Ok(Self { root: reader.array()?, roster: reader.array()?, signing: reader.array()? })
    }

    /// Checks all but the root's signature; gives what it shows.
    fn check(&self, device: &[u8; PUBLIC_LEN], now: UnixTime) -> Result<Shown, CredentialError> {
        let roster = Roster::parse(&self.roster)?;
        if now > roster.expires + CLOCK_SKEW {
            return Err(CredentialError::Expired);
        }
        if roster.expires > now + ROSTER_LIFE + CLOCK_SKEW {
            return Err(CredentialError::FromTheFuture);
        }
        let index = roster.devices.index_of(&roster::device_hash(&self.signing, device));
        let index = index.ok_or(CredentialError::NotListed)?;
        let peer = PeerIdentity {
            fingerprint: Fingerprint::of(&self.root),
            root: self.root,
            device: *device,
            roster: roster.pin(),
        };
        Ok(Shown { peer, index, devices: roster.devices })
    }

    /// Who it is, when all is right.
    pub(crate) fn verify(&self, device: &[u8; PUBLIC_LEN], now: UnixTime) -> Result<Shown, CredentialError> {
        let checked = self.check(device, now)?;
        if roster::is_signed(&self.roster, &self.root) {
            Ok(checked)
        } else {
            Err(CredentialError::Signature)
        }
    }
}

/// Who has shown that credential for an X25519 device key at `now`. One Ed25519 verification, about 50 us.
pub(crate) fn verify(
    bytes: &[u8; CREDENTIAL_LEN],
    device: &[u8; PUBLIC_LEN],
    now: UnixTime,
) -> Result<PeerIdentity, CredentialError> {
    Credential::parse(bytes)?.verify(device, now).map(|shown| shown.peer)
}
