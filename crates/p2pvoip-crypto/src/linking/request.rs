//! The request of a new device: its two public keys, as a text that home reads.

use core::fmt;
use core::str::FromStr;

use data_encoding::HEXUPPER;
use p2pvoip_core::Seed;
use p2pvoip_core::wire::{Malformed, Reader};
use zeroize::Zeroizing;

use super::LinkError;
use crate::blinding;
use crate::chain::Chain;
use crate::device::DeviceKeys;
use crate::identity::PUBLIC_LEN;
use crate::kdf::{self, Key};
use crate::roster::{self, DeviceHash};
use crate::secret::{self, FORM_PENDING, SecretError};
use crate::text::{self, NotText};

const SCHEME: &str = "p2pvoip-device:";
const FORM: u8 = 1;
const BODY_LEN: usize = 1 + 2 * PUBLIC_LEN;
const CHECKSUM_LEN: usize = 4;
const CODE_LEN: usize = 8;

/// What an owner compares on two screens before a device is linked: four groups of four digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceCode([u8; CODE_LEN]);

impl DeviceCode {
    pub(crate) fn of(hash: &DeviceHash) -> Self {
        Self(kdf::array(hash))
    }
}

impl fmt::Display for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, group) in self.0.chunks(2).enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{}", HEXUPPER.encode(group))?;
        }
        Ok(())
    }
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCode([redacted])")
    }
}

/// The secret of a device that is not linked yet: what it draws for itself. Overwritten when dropped.
pub struct PendingDevice {
    secret: Key,
    chain: Chain,
}

impl PendingDevice {
    /// The secret of a new device. The seed comes from the system and is used for nothing else.
    pub fn generate(seed: &Seed) -> Self {
        let secret = kdf::derive(seed.expose(), "linked device", b"");
        Self { secret, chain: secret::first_chain(seed) }
    }

    /// What home is shown.
    pub fn request(&self) -> DeviceRequest {
        let keys = self.keys();
        DeviceRequest { signing: keys.signing().public(), device: *keys.x25519_public() }
    }

    /// The form for a file, in which it waits for its grant.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let fields = Zeroizing::new([&self.secret[..], &self.chain.emit()].concat());
        secret::frame(FORM_PENDING, &fields)
    }

    /// Reads the form for a file.
    ///
    /// # Errors
    /// [`SecretError`] when the bytes are something else, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, SecretError> {
        let (form, fields) = secret::unframe(bytes)?;
        if form != FORM_PENDING {
            return Err(SecretError::NotPending);
        }
        let mut reader = Reader::new(fields);
        let pending = Self { secret: Zeroizing::new(reader.array()?), chain: Chain::parse(&mut reader)? };
        reader.finish()?;
        Ok(pending)
    }

    pub(super) fn keys(&self) -> DeviceKeys {
        DeviceKeys::new(self.secret.clone())
    }

    pub(super) const fn secret(&self) -> &Key {
        &self.secret
    }

    pub(super) const fn chain(&self) -> &Chain {
        &self.chain
    }
}

impl fmt::Debug for PendingDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingDevice([redacted])")
    }
}

/// The public keys of a new device; as text it fits a QR code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DeviceRequest {
    pub(super) signing: [u8; PUBLIC_LEN],
    pub(super) device: [u8; PUBLIC_LEN],
}

impl DeviceRequest {
    /// What both devices show, and their owner compares.
    pub fn code(&self) -> DeviceCode {
        DeviceCode::of(&self.hash())
    }

    pub(super) fn hash(&self) -> DeviceHash {
        roster::device_hash(&self.signing, &self.device)
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip device request", body]))
}

impl fmt::Display for DeviceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = [&[FORM][..], &self.signing, &self.device].concat();
        text::write(f, SCHEME, &[&body[..], &checksum(&body)].concat())
    }
}

impl FromStr for DeviceRequest {
    type Err = LinkError;

    /// Reads a request; blanks around it are ignored.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let bytes = text::read::<{ BODY_LEN + CHECKSUM_LEN }>(text, SCHEME)?;
        let mut reader = Reader::new(&*bytes);
        let body = reader.bytes(BODY_LEN)?;
        if reader.rest() != checksum(body) {
            return Err(LinkError::Mistyped);
        }
        let mut reader = Reader::new(body);
        let form = reader.u8()?;
        if form != FORM {
            return Err(LinkError::UnknownForm(form));
        }
        let request = Self { signing: reader.array()?, device: reader.array()? };
        if !blinding::is_sound(&request.signing) || request.device == [0; PUBLIC_LEN] {
            return Err(Malformed::Invalid("public key").into());
        }
        Ok(request)
    }
}

impl From<NotText> for LinkError {
    fn from(error: NotText) -> Self {
        match error {
            NotText::OtherScheme => Self::NotAText,
            NotText::Mistyped => Self::Mistyped,
        }
    }
}

impl fmt::Debug for DeviceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceRequest([redacted])")
    }
}
