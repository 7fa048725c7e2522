//! The grant of a home device to a new one: the owner key of the mailbox and the roster, sealed to the new device's X25519 key.
//!
//! form 1 (1) | ephemeral X25519 key (32) | AEAD 2 of owner key w (32), root (32), index (1), roster (211), root's signature (64). The
//! ephemeral key is used once, so the nonce is zero.
//!
//! # Left out
//! - A post-quantum part: a grant passes between two devices of one person, not over a server that keeps it.

use core::fmt;
use core::str::FromStr;

use p2pvoip_core::Seed;
use p2pvoip_core::wire::{Malformed, Reader};
use ring::aead::{Aad, Nonce};
use zeroize::Zeroizing;

use super::{DeviceRequest, LinkError};
use crate::device::DeviceKeys;
use crate::identity::{self, PUBLIC_LEN, RootKey, SIGNATURE_LEN};
use crate::kdf::{self, Key};
use crate::roster::ROSTER_LEN;
use crate::suite::{Aead, TAG_LEN};
use crate::text;
use crate::x25519;

/// Bytes of a grant.
pub const GRANT_LEN: usize = 1 + PUBLIC_LEN + BODY_LEN + SIGNATURE_LEN + TAG_LEN;

const SCHEME: &str = "p2pvoip-grant:";
const FORM: u8 = 1;
const DOMAIN: &str = "device grant";
const AAD: &[u8] = b"p2pvoip device grant";
/// The signed bytes.
const BODY_LEN: usize = 32 + PUBLIC_LEN + 1 + ROSTER_LEN;

/// What home gives to a new device, sealed; as text it is a link or a QR code.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceGrant([u8; GRANT_LEN]);

impl DeviceGrant {
    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; GRANT_LEN] {
        &self.0
    }
}

/// A grant of any bytes.
#[cfg(test)]
pub(super) const fn of_bytes(bytes: &[u8; GRANT_LEN]) -> DeviceGrant {
    DeviceGrant(*bytes)
}

/// What is under the seal.
pub(super) struct Granted {
    /// The seed of the owner key of the mailbox.
    pub(super) owner: Key,
    pub(super) root: [u8; PUBLIC_LEN],
    pub(super) index: u8,
    pub(super) roster: [u8; ROSTER_LEN],
}

/// Seals for the device of a request; `sign` signs as the root for a purpose.
pub(super) fn seal(
    granted: &Granted,
    request: &DeviceRequest,
    seed: &Seed,
    sign: impl FnOnce(&str, &[&[u8]]) -> [u8; SIGNATURE_LEN],
) -> Result<DeviceGrant, LinkError> {
    let body = [&granted.owner[..], &granted.root, &[granted.index], &granted.roster].concat();
    let mut plain = Zeroizing::new(body);
    let signature = sign(DOMAIN, &[&request.hash(), &plain]);
    plain.extend(signature);

    seal_plain(request, plain, seed)
}

/// Seals for the device of a request; the bytes are as many as in every grant.
fn seal_plain(
    request: &DeviceRequest,
    mut plain: Zeroizing<Vec<u8>>,
    seed: &Seed,
) -> Result<DeviceGrant, LinkError> {
    // What is sealed is mixed in, so that a seed given twice by mistake gives two keys.
    let context = kdf::sha256(&[&request.hash(), &plain]);
    let private: Key = kdf::derive(seed.expose(), "ephemeral", &context);
    let ephemeral = x25519::public_key(&private);
    let shared = x25519::agree(&private, &request.device).ok_or(Malformed::Invalid("public key"))?;
    let key = Aead::ChaCha20Poly1305.key(&key(&shared, &ephemeral, request));
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(AAD), &mut plain);
    // The seal fails for plaintexts of 256 GiB alone; without its tag the grant would be refused.
    let tag = tag.map_or_else(|_| Vec::new(), |tag| tag.as_ref().to_vec());
    Ok(DeviceGrant(kdf::array(&[&[FORM], &ephemeral[..], &plain, &tag].concat())))
}

/// A grant of any bytes; `None` when they are not as many as in a grant.
#[cfg(any(test, feature = "forge"))]
pub(crate) fn forge_grant(request: &DeviceRequest, plain: &[u8], seed: &Seed) -> Option<DeviceGrant> {
    let fits = plain.len() == BODY_LEN + SIGNATURE_LEN;
    if fits { seal_plain(request, Zeroizing::new(plain.to_vec()), seed).ok() } else { None }
}

/// Opens the grant of a device, and checks that its root made it for that device.
pub(super) fn open(grant: &DeviceGrant, keys: &DeviceKeys) -> Result<Granted, LinkError> {
    let mut reader = Reader::new(&grant.0);
    let form = reader.u8()?;
    if form != FORM {
        return Err(LinkError::UnknownForm(form));
    }
    let ephemeral: [u8; PUBLIC_LEN] = reader.array()?;
    let request = DeviceRequest { signing: keys.signing().public(), device: *keys.x25519_public() };
    let shared = x25519::agree(keys.x25519(), &ephemeral).ok_or(LinkError::NotForThisDevice)?;
    let key = Aead::ChaCha20Poly1305.key(&key(&shared, &ephemeral, &request));
    let mut sealed = Zeroizing::new(reader.rest().to_vec());
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let plain = key.open_in_place(nonce, Aad::from(AAD), &mut sealed);
    let plain = plain.map_err(|_| LinkError::NotForThisDevice)?;
    let (body, signature) = plain.split_at_checked(BODY_LEN).ok_or(Malformed::Truncated)?;
    let granted = parse(body)?;
    let signed = identity::verify(&granted.root, DOMAIN, &[&request.hash(), body], signature);
    if signed { Ok(granted) } else { Err(LinkError::NotForThisDevice) }
}

fn parse(body: &[u8]) -> Result<Granted, Malformed> {
    let mut reader = Reader::new(body);
    let granted = Granted {
        owner: Zeroizing::new(reader.array()?),
        root: reader.array()?,
        index: reader.u8()?,
        roster: reader.array()?,
    };
    reader.finish()?;
    RootKey::new(granted.root).ok_or(Malformed::Invalid("root key"))?;
    Ok(granted)
}

/// The key of a seal.
fn key(shared: &Key, ephemeral: &[u8; PUBLIC_LEN], request: &DeviceRequest) -> Key {
    let context = kdf::sha256(&[ephemeral, &request.hash()]);
    kdf::derive(&kdf::extract(AAD, &**shared), "grant", &context)
}

impl fmt::Display for DeviceGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(f, SCHEME, &self.0)
    }
}

impl FromStr for DeviceGrant {
    type Err = LinkError;

    /// Reads a grant; blanks around it are ignored. Whether it is authentic shows when it is used.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        Ok(Self(*text::read::<GRANT_LEN>(text, SCHEME)?))
    }
}

impl fmt::Debug for DeviceGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceGrant([redacted])")
    }
}
