//! Messages of a peer who holds all the keys and lies inside them: for tests and fuzz bodies alone (feature `forge`).
//!
//! Bytes that are changed on the way stop at the first seal. What is behind the seals is reached by who can make them.

use p2pvoip_core::{Seed, UnixTime};
use zeroize::Zeroizing;

use super::block::BLOCK_LEN;
use super::initiator::{Callee, Offer, draw};
use super::{HandshakeError, Responder};
use crate::credential::CREDENTIAL_LEN;
use crate::identity::Identity;
use crate::kdf;
use crate::kem::{KEM_PUBLIC_LEN, KemPair};

/// Bytes of an offer's Noise payload before its body.
pub const OFFER_HEAD_LEN: usize = BLOCK_LEN + KEM_PUBLIC_LEN;
/// Bytes of an answer's Noise payload before its body.
pub const ANSWER_HEAD_LEN: usize = BLOCK_LEN;

/// An offer of `identity`, well sealed, whose Noise payload is `plain`.
///
/// # Errors
/// [`HandshakeError`] when the payload is too long.
pub fn offer(
    identity: &Identity,
    callee: &Callee<'_>,
    plain: &[u8],
    seed: &Seed,
    now: UnixTime,
) -> Result<Vec<u8>, HandshakeError> {
    let draw = draw(identity, callee, seed, &[b"forged", plain]);
    Ok(Offer::seal(identity, callee, &draw, Zeroizing::new(plain.to_vec()), now)?.bytes)
}

/// The answer of a callee, well sealed, whose Noise payload is `plain`.
///
/// # Errors
/// [`HandshakeError`] when the payload is too long.
pub fn answer(responder: Responder, plain: &[u8], seed: &Seed) -> Result<Vec<u8>, HandshakeError> {
    responder.forge(plain, seed)
}

/// What an identity shows in its offers.
pub fn credential(identity: &Identity, now: UnixTime) -> [u8; CREDENTIAL_LEN] {
    identity.credential(now)
}

/// An ephemeral ML-KEM-768 key.
pub fn encapsulation_key(seed: &Seed) -> [u8; KEM_PUBLIC_LEN] {
    *KemPair::from_seed(&kdf::derive(seed.expose(), "ml-kem ephemeral", b"")).public()
}
