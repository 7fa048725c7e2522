//! The outer layers of the two handshake messages: ML-KEM-768 to the prekey, and what is sealed under its secret.
//!
//! ```text
//! interior of an offer = ciphertext to the ML-KEM prekey (1,088) | AEAD 2 { Noise message 1 } (tag 16)
//! answer               = nonce (12) | AEAD 2 { ciphertext to the caller's key (1,088) | Noise message 2 } (tag 16)
//! ```
//! This layer is ML-KEM alone, and Noise's own agreements are the X25519 layer inside it: who would learn the caller has
//! to break both. To who does not hold the prekey all of it is as good as random bytes.

use core::fmt;

use ring::aead::{Aad, Nonce};
use zeroize::Zeroizing;

use crate::gate::{GATE_LEN, NONCE_LEN};
use crate::kdf::{self, HASH_LEN, Key};
use crate::kem::KEM_CIPHERTEXT_LEN;
use crate::suite::{Aead, TAG_LEN};

/// The longest handshake message, of either kind: an envelope of signalling.
pub const MAX_HANDSHAKE_LEN: usize = 3_328;

/// Bytes of an offer around Noise's first message.
pub(crate) const OFFER_OVERHEAD: usize = GATE_LEN + KEM_CIPHERTEXT_LEN + TAG_LEN;
/// Bytes of an answer around Noise's second message and the ciphertext before it.
pub(crate) const ANSWER_OVERHEAD: usize = NONCE_LEN + TAG_LEN;

/// What tells one offer from another: the first 16 bytes of the hash of what stands behind its gate. No byte of that can
/// change without the callee refusing it, so that a replayed offer has the same tag.
pub(crate) fn message_tag(hash: &[u8; HASH_LEN]) -> [u8; 16] {
    kdf::array(hash)
}

/// The secret of both outer layers; overwritten when dropped.
#[derive(Clone)]
pub(crate) struct Outer(Key);

impl Outer {
    /// The layers under a secret of the ML-KEM prekey.
    pub(crate) fn new(kem_secret: &Key) -> Self {
        Self(kdf::extract(b"p2pvoip envelope", &**kem_secret))
    }

    /// The interior of an offer.
    pub(crate) fn seal_offer(&self, ciphertext: &[u8; KEM_CIPHERTEXT_LEN], noise: &[u8]) -> Vec<u8> {
        // The key is that of one ciphertext, and seals one message.
        let sealed = seal(&self.offer_key(ciphertext), [0; NONCE_LEN], noise);
        [ciphertext, &sealed[..]].concat()
    }

    /// Noise's first message; `None` under any other secret.
    pub(crate) fn open_offer(
        &self,
        ciphertext: &[u8; KEM_CIPHERTEXT_LEN],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.offer_key(ciphertext), [0; NONCE_LEN], sealed)
    }

    /// The answer to the offer whose interior has that hash.
    pub(crate) fn seal_answer(
        &self,
        offer: &[u8; HASH_LEN],
        nonce: [u8; NONCE_LEN],
        plain: &[u8],
    ) -> Vec<u8> {
        [&nonce[..], &seal(&self.answer_key(offer), nonce, plain)].concat()
    }

    /// What an answer to that offer holds.
    pub(crate) fn open_answer(&self, offer: &[u8; HASH_LEN], answer: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = answer.split_first_chunk()?;
        open(&self.answer_key(offer), *nonce, sealed)
    }

    /// The pre-shared key of Noise: a secret of the caller's ephemeral ML-KEM key, bound to this envelope.
    pub(crate) fn psk(&self, kem_secret: &Key, ciphertext: &[u8], ephemeral: &[u8]) -> Key {
        let both = kdf::extract(&*self.0, &**kem_secret);
        kdf::derive(&both, "psk", &kdf::sha256(&[ciphertext, ephemeral]))
    }

    fn offer_key(&self, ciphertext: &[u8; KEM_CIPHERTEXT_LEN]) -> Key {
        kdf::derive(&self.0, "offer", &kdf::sha256(&[ciphertext]))
    }

    fn answer_key(&self, offer: &[u8; HASH_LEN]) -> Key {
        kdf::derive(&self.0, "answer", offer)
    }
}

impl fmt::Debug for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outer([redacted])")
    }
}

fn seal(key: &Key, nonce: [u8; NONCE_LEN], plain: &[u8]) -> Vec<u8> {
    let mut bytes = plain.to_vec();
    let key = Aead::ChaCha20Poly1305.key(key);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut bytes);
    // The seal fails for plaintexts of 256 GiB alone; without its tag the message would be refused.
    bytes.extend(tag.iter().flat_map(AsRef::as_ref));
    bytes
}

fn open(key: &Key, nonce: [u8; NONCE_LEN], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let key = Aead::ChaCha20Poly1305.key(key);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let len = key.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?.len();
    bytes.truncate(len);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outer(byte: u8) -> Outer {
        Outer::new(&Key::new([byte; 32]))
    }

    #[test]
    fn offers_and_answers_open_under_their_secret_and_for_their_message_alone() {
        let ciphertext = [5; KEM_CIPHERTEXT_LEN];
        let offer = outer(1).seal_offer(&ciphertext, b"noise");
        let sealed = &offer[KEM_CIPHERTEXT_LEN..];
        assert_eq!(outer(1).open_offer(&ciphertext, sealed).unwrap()[..], b"noise"[..]);
        assert!(outer(2).open_offer(&ciphertext, sealed).is_none());
        assert!(outer(1).open_offer(&[6; KEM_CIPHERTEXT_LEN], sealed).is_none());
        let answer = outer(1).seal_answer(&[7; 32], [8; NONCE_LEN], b"noise");
        assert_eq!(outer(1).open_answer(&[7; 32], &answer).unwrap()[..], b"noise"[..]);
        assert!(outer(1).open_answer(&[8; 32], &answer).is_none(), "an answer is that to one offer");
        assert!(outer(2).open_answer(&[7; 32], &answer).is_none());
        for len in 0..answer.len() {
            assert!(outer(1).open_answer(&[7; 32], &answer[..len]).is_none());
        }
    }

    #[test]
    fn the_pre_shared_key_depends_on_both_secrets_and_on_what_was_sent() {
        let psk = |envelope, secret, ciphertext: &[u8], key: &[u8]| {
            *outer(envelope).psk(&Key::new([secret; 32]), ciphertext, key)
        };
        let keys = [
            psk(1, 1, b"a", b"b"),
            psk(2, 1, b"a", b"b"),
            psk(1, 2, b"a", b"b"),
            psk(1, 1, b"c", b"b"),
            psk(1, 1, b"a", b"c"),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[i + 1..].contains(key));
        }
    }
}
