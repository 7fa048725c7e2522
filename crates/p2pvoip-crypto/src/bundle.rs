//! The prekey bundle: what a caller needs before the first message to a device, signed by it, sealed for card holders.
//!
//! Its length is fixed. The seal hides it from the server and changes with the day; the signature of the device, which the
//! root has listed, keeps card holders from making one.
//!
//! # Timers
//! - It expires [`PREKEY_GRACE`](crate::PREKEY_GRACE) after the end of its prekey's period.
//!
//! # Left out
//! - One-time prekeys: the server would have to hand out each once, and could tell callers apart.

use core::fmt;

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use ring::aead::{Aad, Nonce};
use thiserror::Error;

use crate::credential::{CREDENTIAL_LEN, Credential, CredentialError};
use crate::dates::{self, CLOCK_SKEW};
use crate::identity::{self, Fingerprint, Identity, PUBLIC_LEN, PeerIdentity, SIGNATURE_LEN};
use crate::kdf;
use crate::kem::{self, KEM_PUBLIC_LEN};
use crate::mailbox::MailboxKey;
use crate::roster::{Devices, ROSTER_LEN};
use crate::suite::{Aead, TAG_LEN, VersionRange};

/// Bytes of every sealed bundle.
pub const BUNDLE_LEN: usize = NONCE_LEN + BODY_LEN + SIGNATURE_LEN + TAG_LEN;

const FORM: u8 = 2;
pub(crate) const NONCE_LEN: usize = 12;
/// The signed bytes.
const BODY_LEN: usize = 8 + CREDENTIAL_LEN + 2 * PUBLIC_LEN + 3 * 8 + KEM_PUBLIC_LEN;
const DOMAIN: &str = "prekey bundle";
const AAD: &[u8] = b"p2pvoip prekey bundle";

/// What a caller learns from a bundle.
#[derive(Clone, PartialEq, Eq)]
pub struct Prekeys {
    pub(crate) peer: PeerIdentity,
    pub(crate) prekey: [u8; PUBLIC_LEN],
    pub(crate) kem: Box<[u8; KEM_PUBLIC_LEN]>,
    pub(crate) versions: VersionRange,
    pub(crate) features: u32,
    pub(crate) period: u64,
    pub(crate) index: u8,
    /// All devices of the identity, and the roster that lists them.
    pub(crate) devices: Devices,
    pub(crate) roster: Box<[u8; ROSTER_LEN]>,
    sequence: u64,
    expires: UnixTime,
}

impl Prekeys {
    /// Whose they are, on which device.
    pub const fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// The hash of the root public key.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.peer.fingerprint
    }

    /// The versions that the device speaks.
    pub const fn versions(&self) -> VersionRange {
        self.versions
    }

    /// The features that the device has, a bit each.
    pub const fn features(&self) -> u32 {
        self.features
    }

    /// The place of the device among those of its identity; 0 is its home.
    pub const fn index(&self) -> u8 {
        self.index
    }

    /// The places of all devices of the identity, in ascending order.
    pub fn device_indices(&self) -> impl Iterator<Item = u8> {
        self.devices.indices()
    }

    /// The later of two bundles has the higher one: the second in which it was made.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When it must be fetched again.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }
}

impl fmt::Debug for Prekeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prekeys([redacted])")
    }
}

/// Why a bundle is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Its length is not that of a bundle.
    #[error("the prekey bundle has {0} bytes instead of {BUNDLE_LEN}; fetch it again")]
    Length(usize),
    /// It was not sealed under this mailbox key, for that device and day.
    #[error("the prekey bundle does not open with this contact card; fetch it again, or ask for a new card")]
    Sealed,
    /// A newer version made it.
    #[error("the prekey bundle has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// A field has a value that the format does not allow.
    #[error("the prekey bundle is not well formed: {0}; ask the contact to update")]
    Malformed(#[from] Malformed),
    /// The device does not speak for the root that it names.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// It is of somebody else, or not signed by the device.
    #[error(
        "the prekey bundle is not of the person on the contact card; do not call, and ask for a new card"
    )]
    WrongIdentity,
    /// It has expired.
    #[error("the prekey bundle has expired; the contact was not online for days, or this clock is wrong")]
    Expired,
    /// It was made in the future.
    #[error("the prekey bundle was made in the future; set the clock of this computer")]
    FromTheFuture,
}

/// Makes, signs and seals the bundle of a device; `None` when its prekeys do not reach `now`.
pub(crate) fn seal(
    identity: &Identity,
    (versions, features): (VersionRange, u32),
    day: u64,
    now: UnixTime,
) -> Option<Vec<u8>> {
    let period = dates::period_of(now);
    let prekeys = identity.prekeys(period)?;
    let mut bytes = Vec::with_capacity(BUNDLE_LEN);
    bytes.extend([FORM, versions.least(), versions.greatest()]);
    bytes.extend(features.to_be_bytes());
    bytes.push(identity.index());
    bytes.extend(identity.credential(now));
    bytes.extend(identity.device_public());
    for number in [period, now.as_secs(), dates::end_of(period).as_secs()] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend(prekeys.x25519_public());
    bytes.extend(prekeys.kem.public());
    bytes.extend(identity.sign(DOMAIN, &[&bytes]));

    // The nonce depends on all that is sealed and on a secret, so that no two bundles share one.
    let hash = kdf::sha256(&[&day.to_be_bytes(), &bytes]);
    let nonce: [u8; NONCE_LEN] = kdf::array(&*identity.private_key("bundle nonce", &hash));
    seal_plain(identity.mailbox(), nonce, bytes, (identity.index(), day))
}

/// Seals under the bundle key of a device and day.
pub(crate) fn seal_plain(
    mailbox: &MailboxKey,
    nonce: [u8; NONCE_LEN],
    mut plain: Vec<u8>,
    (index, day): (u8, u64),
) -> Option<Vec<u8>> {
    let key = Aead::ChaCha20Poly1305.key(&mailbox.bundle_key(day, index));
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(AAD), &mut plain);
    // What was not sealed never leaves.
    tag.ok().map(|tag| [&nonce[..], &plain, tag.as_ref()].concat())
}

/// What is under the seal of a bundle.
pub(crate) fn unseal(
    mailbox: &MailboxKey,
    bytes: &[u8],
    index: u8,
    day: u64,
) -> Result<Vec<u8>, BundleError> {
    if bytes.len() != BUNDLE_LEN {
        return Err(BundleError::Length(bytes.len()));
    }
    let mut reader = Reader::new(bytes);
    let nonce = Nonce::assume_unique_for_key(reader.array()?);
    let mut sealed = reader.rest().to_vec();
    let key = Aead::ChaCha20Poly1305.key(&mailbox.bundle_key(day, index));
    let len = key.open_in_place(nonce, Aad::from(AAD), &mut sealed).map_err(|_| BundleError::Sealed)?.len();
    sealed.truncate(len);
    Ok(sealed)
}

/// Opens the bundle of a device and a day, and checks whose it is and its dates.
pub(crate) fn open(
    mailbox: &MailboxKey,
    bytes: &[u8],
    (index, day): (u8, u64),
    expect: &Fingerprint,
    now: UnixTime,
) -> Result<Prekeys, BundleError> {
    let plain = unseal(mailbox, bytes, index, day)?;
    let fields = parse(&plain)?;
    if Fingerprint::of(&fields.credential.root) != *expect {
        return Err(BundleError::WrongIdentity);
    }
    let shown = fields.credential.verify(&fields.device, now)?;
    if !is_signed(&plain, &fields.credential.signing) {
        return Err(BundleError::WrongIdentity);
    }
    if fields.index != index || shown.index != index {
        return Err(Malformed::Invalid("index").into());
    }
    if fields.versions.least() < shown.peer.roster.least_version {
        return Err(Malformed::Invalid("versions").into());
    }
    check_dates(&fields, now)?;
    Ok(Prekeys {
        peer: shown.peer,
        prekey: fields.prekey,
        kem: fields.kem,
        versions: fields.versions,
        features: fields.features,
        period: fields.period,
        index,
        devices: shown.devices,
        roster: Box::new(fields.credential.roster),
        sequence: fields.sequence,
        expires: fields.expires,
    })
}

/// The fields of a bundle, before anything is verified.
struct Fields {
    versions: VersionRange,
    features: u32,
    index: u8,
    credential: Credential,
    device: [u8; PUBLIC_LEN],
    period: u64,
    sequence: u64,
    expires: UnixTime,
    prekey: [u8; PUBLIC_LEN],
    kem: Box<[u8; KEM_PUBLIC_LEN]>,
}

fn parse(plain: &[u8]) -> Result<Fields, BundleError> {
    let mut reader = Reader::new(plain);
    let form = reader.u8()?;
    if form != FORM {
        return Err(BundleError::UnknownForm(form));
    }
    let versions = VersionRange::new(reader.u8()?, reader.u8()?).ok_or(Malformed::Invalid("versions"))?;
    let fields = Fields {
        versions,
        features: reader.u32()?,
        index: reader.u8()?,
        credential: Credential::parse(&reader.array()?)?,
        device: reader.array()?,
        period: reader.u64()?,
        sequence: reader.u64()?,
        expires: UnixTime::from_secs(reader.u64()?),
        prekey: reader.array()?,
        kem: Box::new(reader.array()?),
    };
    let zero = [0; PUBLIC_LEN];
    if fields.device == zero || fields.prekey == zero || !kem::is_sound(&fields.kem) {
        return Err(Malformed::Invalid("public key").into());
    }
    Ok(fields)
}

fn is_signed(plain: &[u8], signing: &[u8; PUBLIC_LEN]) -> bool {
    plain
        .split_at_checked(BODY_LEN)
        .is_some_and(|(body, signature)| identity::verify(signing, DOMAIN, &[body], signature))
}

fn check_dates(fields: &Fields, now: UnixTime) -> Result<(), BundleError> {
    let made = UnixTime::from_secs(fields.sequence);
    if fields.expires != dates::end_of(fields.period) || dates::period_of(made) != fields.period {
        return Err(Malformed::Invalid("dates").into());
    }
    if made > now + CLOCK_SKEW {
        return Err(BundleError::FromTheFuture);
    }
    if now > fields.expires + CLOCK_SKEW { Err(BundleError::Expired) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
