//! The certificate in each handshake message: the root says that a Noise static key is its own, until a date.
//!
//! 104 bytes: root public key (32), expiry (8), signature (64). The key is not repeated: Noise has proven it.

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};

use super::HandshakeError;
use crate::dates::{CERTIFICATE_LIFE, CLOCK_SKEW};
use crate::identity::{self, Identity, PUBLIC_LEN, SIGNATURE_LEN};

/// Bytes of a certificate.
pub(super) const CERTIFICATE_LEN: usize = PUBLIC_LEN + 8 + SIGNATURE_LEN;

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

/// A root's word for a key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) root: [u8; PUBLIC_LEN],
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
        Self { root: identity.root_public(), expires, signature }
    }

    /// # Errors
    /// [`HandshakeError::Certificate`] when the root has not signed that, or it is over.
    pub(super) fn verify(
        &self,
        purpose: Purpose,
        key: &[u8; PUBLIC_LEN],
        now: UnixTime,
    ) -> Result<(), HandshakeError> {
        let message: [&[u8]; 2] = [key, &self.expires.as_secs().to_be_bytes()];
        let valid = now <= self.expires + CLOCK_SKEW
            && identity::verify(&self.root, purpose.domain(), &message, &self.signature);
        if valid { Ok(()) } else { Err(HandshakeError::Certificate) }
    }

    pub(super) fn emit(&self) -> [u8; CERTIFICATE_LEN] {
        let mut bytes = [0; CERTIFICATE_LEN];
        let expires = self.expires.as_secs().to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(self.root.iter().chain(&expires).chain(&self.signature)) {
            *to = *from;
        }
        bytes
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            root: reader.array()?,
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
        let key = [7; 32];
        let certificate = Certificate::issue(&identity, Purpose::Device, &key, NOW);
        let parsed = Certificate::parse(&mut Reader::new(&certificate.emit())).unwrap();
        assert!(parsed == certificate);
        let last = NOW + CERTIFICATE_LIFE + CLOCK_SKEW;
        assert_eq!(parsed.verify(Purpose::Device, &key, last), Ok(()));
        let refused = Err(HandshakeError::Certificate);
        assert_eq!(parsed.verify(Purpose::Device, &key, last + Duration::from_secs(1)), refused);
        assert_eq!(parsed.verify(Purpose::Prekey, &key, NOW), refused);
        assert_eq!(parsed.verify(Purpose::Device, &[8; 32], NOW), refused);
        let other = Identity::generate(&Seed::from_u64(2)).root_public();
        assert_eq!(Certificate { root: other, ..parsed }.verify(Purpose::Device, &key, NOW), refused);
    }
}
