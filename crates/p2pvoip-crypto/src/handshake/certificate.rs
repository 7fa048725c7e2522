//! The certificate in each handshake message: a device says that a Noise static key is its own, until a date.
//!
//! Credential (275), device key (32), expiry (8), signature (64). The key is not repeated: Noise has proven it.

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};

use super::HandshakeError;
use crate::credential::{self, CREDENTIAL_LEN, Credential};
use crate::dates::{CERTIFICATE_LIFE, CLOCK_SKEW};
use crate::identity::{self, Identity, PUBLIC_LEN, PeerIdentity, SIGNATURE_LEN};
use crate::kdf;

/// Bytes of a certificate.
pub(super) const CERTIFICATE_LEN: usize = CREDENTIAL_LEN + PUBLIC_LEN + 8 + SIGNATURE_LEN;

/// What a certified key is for, so that one cannot stand for the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The caller's device key.
    Device,
    /// The callee's prekey.
    Prekey,
}

impl Purpose {
    const fn domain(self) -> &'static str {
        match self {
            Self::Device => "handshake device key",
            Self::Prekey => "handshake prekey",
        }
    }
}

/// A device's word for a key, and its root's word for the device.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    credential: [u8; CREDENTIAL_LEN],
    device: [u8; PUBLIC_LEN],
    expires: UnixTime,
    signature: [u8; SIGNATURE_LEN],
}

impl Certificate {
    pub(super) fn issue(
        identity: &Identity,
        purpose: Purpose,
        key: &[u8; PUBLIC_LEN],
        now: UnixTime,
    ) -> Self {
        let expires = now + CERTIFICATE_LIFE;
        let signature = identity.sign(purpose.domain(), &[key, &expires.as_secs().to_be_bytes()]);
        Self { credential: identity.credential(now), device: *identity.device_public(), expires, signature }
    }

    /// The root that it names.
    pub(super) fn root(&self) -> [u8; PUBLIC_LEN] {
        kdf::array(&self.credential)
    }

    /// # Errors
    /// [`HandshakeError::Certificate`] when the root has not listed the device, the device not signed, or it is over.
    pub(super) fn verify(
        &self,
        purpose: Purpose,
        key: &[u8; PUBLIC_LEN],
        now: UnixTime,
    ) -> Result<PeerIdentity, HandshakeError> {
        let refused = HandshakeError::Certificate;
        let message: [&[u8]; 2] = [key, &self.expires.as_secs().to_be_bytes()];
        let credential = Credential::parse(&self.credential).map_err(|_| refused)?;
        let peer = credential::verify(&self.credential, &self.device, now).map_err(|_| refused)?;
        let of_device = purpose != Purpose::Device || *key == self.device;
        let valid = of_device
            && now <= self.expires + CLOCK_SKEW
            && identity::verify(&credential.signing, purpose.domain(), &message, &self.signature);
        if valid { Ok(peer) } else { Err(refused) }
    }

    pub(super) fn emit(&self) -> [u8; CERTIFICATE_LEN] {
        let expires = self.expires.as_secs().to_be_bytes();
        kdf::array(&[&self.credential[..], &self.device, &expires, &self.signature].concat())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            credential: reader.array()?,
            device: reader.array()?,
            expires: UnixTime::from_secs(reader.u64()?),
            signature: reader.array()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use p2pvoip_core::Seed;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    #[test]
    fn a_certificate_holds_for_its_key_purpose_and_days_alone() {
        let identity = Identity::generate(&Seed::from_u64(1));
        let key = *identity.device_public();
        let certificate = Certificate::issue(&identity, Purpose::Device, &key, NOW);
        let parsed = Certificate::parse(&mut Reader::new(&certificate.emit())).unwrap();
        assert!(parsed == certificate);
        let last = NOW + CERTIFICATE_LIFE + CLOCK_SKEW;
        assert!(parsed.verify(Purpose::Device, &key, last).is_ok());
        let refused = Err(HandshakeError::Certificate);
        assert_eq!(parsed.verify(Purpose::Device, &key, last + Duration::from_secs(1)), refused);
        assert_eq!(parsed.verify(Purpose::Prekey, &key, NOW), refused);
        assert_eq!(parsed.verify(Purpose::Device, &[8; 32], NOW), refused);
    }
}
