//! The primitives held against vectors that others made: of the RFCs, of NIST, of Wycheproof and of two Noise libraries.
//!
//! They go through this crate's own wrappers, so that they follow when what is below is changed.
//!
//! # Left out
//! - Decapsulation with a key that is stored expanded (FIPS 203 section 7.3): keys come from seeds alone here.

mod rfc;
mod wycheproof_sets;

use data_encoding::HEXLOWER;
use ring::aead::{Aad, LessSafeKey, Nonce};

/// Ciphertext and tag.
fn seal(key: &LessSafeKey, nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut sealed = plaintext.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed).unwrap();
    sealed
}

/// The plaintext, when ciphertext and tag are authentic.
fn open(key: &LessSafeKey, nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    key.open_in_place(nonce, Aad::from(aad), &mut sealed).ok().map(|plain| plain.to_vec())
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap()
}
