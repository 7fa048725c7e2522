//! The key schedule: from the handshake's two traffic secrets to the keys of each direction and epoch, and to what both share.
//!
//! ```text
//! traffic secret (Noise split) --"direction" + transcript--> direction secret
//! direction secret --"mask"--> mask key          --"signal key", "signal iv"--> signalling
//!                  --"epoch"--> epoch secret 0 --"key", "iv"--> packets of epoch 0
//!                               epoch secret n --"next epoch"--> epoch secret n + 1
//!                               epoch secret n, re-key --"mixed epoch"--> epoch secret n + 1
//! both traffic secrets, transcript --"rekey"--> what a re-key is bound to
//!                                  --"exporter"--> what an application may ask for
//! ```
//! The transcript is the handshake hash and both sides' negotiation blocks, so that who could change what was
//! negotiated would still get no common keys.
//!
//! # Left out
//! - When to change the epoch: the ratchet decides, not the schedule.

use core::fmt;

use zeroize::Zeroizing;

use crate::kdf::{self, HASH_LEN, Key};
use crate::rekey::{MixSecret, RekeySecret};
use crate::suite::Aead;

/// Bytes of an AEAD's initialisation vector.
pub(crate) const IV_LEN: usize = 12;

/// What an AEAD needs: a key, and a vector that numbers are added to.
pub(crate) type KeyAndIv = (Key, Zeroizing<[u8; IV_LEN]>);

/// What a finished handshake leads to, the same at both ends.
pub(crate) struct Schedule {
    pub(crate) from_initiator: DirectionSecret,
    pub(crate) from_responder: DirectionSecret,
    pub(crate) rekey: RekeySecret,
    pub(crate) exporter: Exporter,
}

impl Schedule {
    /// The schedule of Noise's two traffic secrets, its handshake hash, and the negotiation block of each side.
    pub(crate) fn new(
        (from_initiator, from_responder): (&Key, &Key),
        handshake_hash: &[u8; HASH_LEN],
        (initiator, responder): (&[u8], &[u8]),
    ) -> Self {
        let blocks = [kdf::sha256(&[initiator]), kdf::sha256(&[responder])];
        let transcript = kdf::sha256(&[handshake_hash, &blocks[0], &blocks[1]]);
        let direction = |traffic: &Key| DirectionSecret(kdf::derive(traffic, "direction", &transcript));
        let both = Zeroizing::new([**from_initiator, **from_responder].concat());
        let shared = kdf::extract(&transcript, &both);
        Self {
            from_initiator: direction(from_initiator),
            from_responder: direction(from_responder),
            rekey: RekeySecret::new(*kdf::derive(&shared, "rekey", b"")),
            exporter: Exporter(kdf::derive(&shared, "exporter", b"")),
        }
    }
}

/// From what keys for other protocols derive; overwritten when dropped.
pub(crate) struct Exporter(Key);

/// The most bytes that one export gives: 255 hashes (RFC 5869 section 2.3).
pub const MAX_EXPORT_LEN: usize = 255 * HASH_LEN;

impl Exporter {
    /// Fills `out`; `false` when it is longer than [`MAX_EXPORT_LEN`].
    ///
    /// The label's length stands before it, so that no label and context are those of another pair.
    pub(crate) fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> bool {
        let Some(len) = u16::try_from(out.len()).ok().filter(|_| out.len() <= MAX_EXPORT_LEN) else {
            return false;
        };
        let label_len = (label.len() as u64).to_be_bytes();
        let named = kdf::sha256(&[&label_len, label.as_bytes(), context]);
        kdf::expand(&*self.0, &[&len.to_be_bytes(), b"p2pvoip export", &named], out);
        true
    }
}

/// The secret of all that one side sends in one session; overwritten when dropped.
pub struct DirectionSecret(Key);

impl DirectionSecret {
    /// The secret of these bytes: for benchmarks, vectors and gateways. A session makes its own.
    pub fn new(bytes: [u8; HASH_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn mask_key(&self, aead: Aead) -> Key {
        kdf::derive(&self.0, "mask", &[aead.id()])
    }

    pub(crate) fn signal(&self, aead: Aead) -> KeyAndIv {
        let context = [aead.id()];
        (kdf::derive(&self.0, "signal key", &context), kdf::derive(&self.0, "signal iv", &context))
    }

    pub(crate) fn signal_mask_key(&self, aead: Aead) -> Key {
        kdf::derive(&self.0, "signal mask", &[aead.id()])
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

    fn schedule(hash: &[u8; 32], a: &[u8], b: &[u8]) -> Schedule {
        Schedule::new((&Key::new([1; 32]), &Key::new([9; 32])), hash, (a, b))
    }

    #[test]
    fn whatever_was_negotiated_is_in_every_key() {
        let keys = |schedule: &Schedule| {
            let mut exported = [0; 32];
            assert!(schedule.exporter.export("label", b"", &mut exported));
            [*schedule.from_initiator.0, *schedule.from_responder.0, *schedule.rekey.expose(), exported]
        };
        let base = keys(&schedule(&[2; 32], b"ab", b"c"));
        assert_eq!(base, keys(&schedule(&[2; 32], b"ab", b"c")));
        let others = [
            schedule(&[3; 32], b"ab", b"c"),
            schedule(&[2; 32], b"a", b"bc"),
            schedule(&[2; 32], b"c", b"ab"),
            schedule(&[2; 32], b"", b"c"),
        ];
        for other in others.iter().map(keys) {
            assert!(base.iter().zip(&other).all(|(a, b)| a != b), "cut, stripped, or on the other side");
        }
        for (i, key) in base.iter().enumerate() {
            assert!(!base[i + 1..].contains(key), "no two of the four are the same");
        }
    }

    #[test]
    fn exports_differ_by_label_context_and_length_and_have_a_limit() {
        let exporter = schedule(&[2; 32], b"a", b"b").exporter;
        let export = |label: &str, context: &[u8]| {
            let mut out = [0; 32];
            assert!(exporter.export(label, context, &mut out));
            out
        };
        let base = export("ab", b"c");
        assert_eq!(base, export("ab", b"c"));
        assert_ne!(base, export("a", b"bc"));
        assert_ne!(base, export("ab", b""));
        let mut shorter = [0; 16];
        assert!(exporter.export("ab", b"c", &mut shorter));
        assert_ne!(base[..16], shorter);
        assert!(exporter.export(&"long ".repeat(1_000), b"", &mut [0; MAX_EXPORT_LEN]));
        assert!(!exporter.export("ab", b"c", &mut [0; MAX_EXPORT_LEN + 1]));
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
