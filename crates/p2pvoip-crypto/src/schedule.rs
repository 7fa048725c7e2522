//! The key schedule: from the handshake's two traffic secrets to the keys of each direction and epoch.
//!
//! ```text
//! traffic secret (Noise split) --"direction" + transcript--> direction secret
//! direction secret --"mask"--> mask key          --"signal key", "signal iv"--> signalling
//!                  --"epoch"--> epoch secret 0 --"key", "iv"--> packets of epoch 0
//!                               epoch secret n --"next epoch"--> epoch secret n + 1
//!                               epoch secret n, re-key --"mixed epoch"--> epoch secret n + 1
//! ```
//! The transcript is the handshake hash and both sides' negotiation blocks, so that who could change what was
//! negotiated would still get no common keys.
//!
//! # Left out
//! - When to change the epoch: the ratchet decides, not the schedule.

use core::fmt;

use zeroize::Zeroizing;

use crate::kdf::{self, HASH_LEN, Key};
use crate::rekey::MixSecret;
use crate::suite::Aead;

/// Bytes of an AEAD's initialisation vector.
pub(crate) const IV_LEN: usize = 12;

/// What an AEAD needs: a key, and a vector that numbers are added to.
pub(crate) type KeyAndIv = (Key, Zeroizing<[u8; IV_LEN]>);

/// The secret of all that one side sends in one session; overwritten when dropped.
pub struct DirectionSecret(Key);

impl DirectionSecret {
    /// The secret of these bytes: for benchmarks, vectors and gateways. A session makes its own.
    pub fn new(bytes: [u8; HASH_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn from_handshake(
        traffic: &Key,
        handshake_hash: &[u8; HASH_LEN],
        initiator: &[u8],
        responder: &[u8],
    ) -> Self {
        let blocks = [kdf::sha256(&[initiator]), kdf::sha256(&[responder])];
        let transcript = kdf::sha256(&[handshake_hash, &blocks[0], &blocks[1]]);
        Self(kdf::derive(traffic, "direction", &transcript))
    }

    pub(crate) fn mask_key(&self, aead: Aead) -> Key {
        kdf::derive(&self.0, "mask", &[aead.id()])
    }

    pub(crate) fn signal(&self, aead: Aead) -> KeyAndIv {
        let context = [aead.id()];
        (kdf::derive(&self.0, "signal key", &context), kdf::derive(&self.0, "signal iv", &context))
    }

    /// The secret of epoch 0.
    pub fn first_epoch(&self) -> EpochSecret {
        EpochSecret(kdf::derive(&self.0, "epoch", b""))
    }
}

impl fmt::Debug for DirectionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DirectionSecret([redacted])")
    }
}

/// The secret of one epoch of one direction; overwritten when dropped. It tells nothing of the epochs before.
pub struct EpochSecret(Key);

impl EpochSecret {
    /// The secret of the epoch after this one.
    #[must_use]
    pub fn next(&self) -> Self {
        Self(kdf::derive(&self.0, "next epoch", b""))
    }

    /// The secret of the epoch after this one, when the outcome of a re-key is mixed into the step.
    #[must_use]
    pub fn mixed(&self, secret: &MixSecret) -> Self {
        Self(kdf::derive(&kdf::extract(&*self.0, secret.expose()), "mixed epoch", b""))
    }

    /// A secret of nothing, for the place of one that is over.
    pub(crate) fn blank() -> Self {
        Self(Zeroizing::new([0; HASH_LEN]))
    }

    pub(crate) fn packets(&self, aead: Aead) -> KeyAndIv {
        let context = [aead.id()];
        (kdf::derive(&self.0, "key", &context), kdf::derive(&self.0, "iv", &context))
    }

    /// Its bytes: for vectors. Secret.
    pub fn expose(&self) -> &[u8; HASH_LEN] {
        &self.0
    }
}

impl fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochSecret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_negotiated_is_in_the_keys() {
        let traffic = Zeroizing::new([1; 32]);
        let secret =
            |hash: &[u8; 32], a: &[u8], b: &[u8]| *DirectionSecret::from_handshake(&traffic, hash, a, b).0;
        let base = secret(&[2; 32], b"ab", b"c");
        assert_eq!(base, secret(&[2; 32], b"ab", b"c"));
        assert_ne!(base, secret(&[3; 32], b"ab", b"c"));
        assert_ne!(base, secret(&[2; 32], b"a", b"bc"), "blocks cannot be cut elsewhere");
        assert_ne!(base, secret(&[2; 32], b"c", b"ab"), "blocks cannot change sides");
        assert_ne!(base, secret(&[2; 32], b"", b"c"), "blocks cannot be stripped");
    }

    #[test]
    fn epochs_and_algorithms_have_keys_of_their_own() {
        let first = DirectionSecret::new([1; 32]).first_epoch();
        let next = first.next();
        assert_ne!(first.expose(), next.expose());
        assert_ne!(next.expose(), next.next().expose());
        assert_ne!(*first.packets(Aead::Aes256Gcm).0, *next.packets(Aead::Aes256Gcm).0);
        assert_ne!(*first.packets(Aead::Aes256Gcm).0, *first.packets(Aead::ChaCha20Poly1305).0);
    }
}
