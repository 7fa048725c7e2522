//! The keys of one device: an Ed25519 key that signs, and the X25519 key of handshakes, both from the device's own secret.

use core::fmt;

use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::handshake::resolver;
use crate::identity::{PUBLIC_LEN, SIGNATURE_LEN, signed};
use crate::kdf::{self, Key};
use crate::roster::{self, DeviceHash};

/// The keys of a device; overwritten when dropped, but for what ring holds of the signing key.
pub(crate) struct DeviceKeys {
    secret: Key,
    signing: SigningKey,
    x25519: Key,
    x25519_public: [u8; PUBLIC_LEN],
}

impl DeviceKeys {
    /// The keys of a device's secret.
    pub(crate) fn new(secret: Key) -> Self {
        let x25519 = kdf::derive(&secret, "device", b"");
        Self {
            signing: SigningKey::new(&kdf::derive(&secret, "device signing", b"")),
            x25519_public: resolver::public_key(&x25519),
            x25519,
            secret,
        }
    }

    pub(crate) const fn signing(&self) -> &SigningKey {
        &self.signing
    }

    pub(crate) const fn x25519(&self) -> &Key {
        &self.x25519
    }

    pub(crate) const fn x25519_public(&self) -> &[u8; PUBLIC_LEN] {
        &self.x25519_public
    }

    /// What stands for it in a roster.
    pub(crate) fn hash(&self) -> DeviceHash {
        roster::device_hash(&self.signing.public(), &self.x25519_public)
    }

    /// A secret of this device alone, for what must not repeat nor be foreseen.
    pub(crate) fn private_key(&self, label: &str, context: &[u8]) -> Key {
        kdf::derive(&self.secret, label, context)
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKeys([redacted])")
    }
}

/// An Ed25519 key that signs for a purpose.
pub(crate) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key of a seed (RFC 8032 section 5.1.5).
    #[expect(
        clippy::expect_used,
        reason = "every 32 bytes are an Ed25519 private key (RFC 8032 section 5.1.5)"
    )]
    pub(crate) fn new(seed: &Key) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&**seed).expect("a seed of 32 bytes"))
    }

    pub(crate) fn public(&self) -> [u8; PUBLIC_LEN] {
        kdf::array(self.0.public_key().as_ref())
    }

    /// Its signature over a message of the purpose `domain`.
    pub(crate) fn sign(&self, domain: &str, message: &[&[u8]]) -> [u8; SIGNATURE_LEN] {
        kdf::array(self.0.sign(&signed(domain, message)).as_ref())
    }
}
