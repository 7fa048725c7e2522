//! The Noise state inside the handshake: how it is built, what it is bound to, and what its payloads hold.

use p2pvoip_core::Seed;
use snow::HandshakeState;
use zeroize::Zeroizing;

use super::HandshakeError;
use super::resolver::{Chance, Resolver};
use crate::envelope::MAX_HANDSHAKE_LEN;
use crate::identity::{Fingerprint, PUBLIC_LEN};
use crate::kdf::{self, HASH_LEN, Key};
use crate::suite::TAG_LEN;

/// The pattern of a call by envelopes.
pub(super) const IK: &str = "Noise_IKpsk2_25519_ChaChaPoly_SHA256";
/// Where the pre-shared key of [`IK`] stands: behind the tokens of message 2.
pub(super) const IK_PSK: usize = 2;
/// The form of the handshake: X25519 and ML-KEM-768.
const FORM: u8 = 2;

/// Bytes that Noise's first message has more than its payload: two keys, and two tags.
pub(super) const NOISE_FIRST_OVERHEAD: usize = 2 * PUBLIC_LEN + 2 * TAG_LEN;
/// Bytes that Noise's second message has more than its payload: a key and a tag.
pub(super) const NOISE_SECOND_OVERHEAD: usize = PUBLIC_LEN + TAG_LEN;

/// A Noise state before its first message: an initiator's when the other side's static key is given.
pub(super) fn state(
    pattern: &str,
    (private, public): (&Key, [u8; PUBLIC_LEN]),
    remote: Option<&[u8; PUBLIC_LEN]>,
    is_initiator: bool,
    prologue: &[u8],
    chance: &Chance,
) -> Result<HandshakeState, HandshakeError> {
    let build = || {
        let builder = snow::Builder::with_resolver(
            pattern.parse()?,
            Box::new(Resolver { chance: chance.clone(), public }),
        );
        let mut builder = builder.prologue(prologue)?.local_private_key(&**private)?;
        if let Some(remote) = remote {
            builder = builder.remote_public_key(remote)?;
        }
        if is_initiator { builder.build_initiator() } else { builder.build_responder() }
    };
    build().map_err(|_: snow::Error| HandshakeError::Unavailable)
}

/// What both sides of a call must agree on before Noise's first byte: the exact suite, the prekey's period, the callee's
/// device, and the ciphertext of the outer layer.
pub(super) fn prologue(period: u64, index: u8, callee: &Fingerprint, ciphertext: &[u8]) -> Vec<u8> {
    let [low, ..] = period.to_le_bytes();
    let head = suite_prologue(IK);
    [&head[..], &[low, index], callee.as_bytes(), &kdf::sha256(&[ciphertext])].concat()
}

/// The front of each prologue: the exact suite.
pub(super) fn suite_prologue(pattern: &str) -> Vec<u8> {
    [b"p2pvoip handshake\0", pattern.as_bytes(), b"+ML-KEM-768\0", &[FORM]].concat()
}

/// Chance for one message. What it is used for is mixed in, so that a seed given twice by mistake gives two secrets.
pub(super) struct Draw(Key);

impl Draw {
    pub(super) fn new(seed: &Seed, purpose: &[&[u8]]) -> Self {
        Self(kdf::derive(seed.expose(), "chance", &kdf::sha256(purpose)))
    }

    pub(super) fn bytes<const N: usize>(&self, name: &str) -> Zeroizing<[u8; N]> {
        kdf::derive(&self.0, name, b"")
    }

    /// The seed of Noise's ephemeral key.
    pub(super) fn ephemeral(&self) -> Seed {
        Seed::new(*self.bytes("ephemeral"))
    }
}

/// Lets Noise write its next message; `overhead` is what it adds.
pub(super) fn write(
    state: &mut HandshakeState,
    plain: &[u8],
    overhead: usize,
) -> Result<Vec<u8>, HandshakeError> {
    let len = plain.len() + overhead;
    if len > MAX_HANDSHAKE_LEN {
        return Err(HandshakeError::TooLong(len));
    }
    let mut message = vec![0; len];
    let written = state.write_message(plain, &mut message).map_err(|error| {
        if error == snow::Error::Dh { HandshakeError::WeakKey } else { HandshakeError::Unavailable }
    })?;
    message.truncate(written);
    Ok(message)
}

/// Lets Noise read its next message; a failure leaves the state as it was.
pub(super) fn read(state: &mut HandshakeState, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, HandshakeError> {
    let mut plain = Zeroizing::new(vec![0; message.len()]);
    let len = state.read_message(message, &mut plain)?;
    plain.truncate(len);
    Ok(plain)
}

/// The two traffic secrets and the handshake hash of a finished Noise state.
pub(super) fn split(state: &mut HandshakeState) -> (Key, Key, [u8; HASH_LEN]) {
    let (from_initiator, from_responder) = state.dangerously_get_raw_split();
    (Key::new(from_initiator), Key::new(from_responder), hash(state))
}

/// The hash of what was said so far.
pub(super) fn hash(state: &HandshakeState) -> [u8; HASH_LEN] {
    kdf::array(state.get_handshake_hash())
}

/// The static key that the other side has proven.
pub(super) fn remote_static(state: &HandshakeState) -> Result<[u8; PUBLIC_LEN], HandshakeError> {
    state.get_remote_static().and_then(|key| key.try_into().ok()).ok_or(HandshakeError::Unavailable)
}
