//! The handshake: `Noise_IK_25519_ChaChaPoly_SHA256` (Noise revision 34, by snow) to the callee's prekey, in two messages.
//!
//! ```text
//! message 1: form (1) | low byte of the prekey's period (1) | Noise message 1 { block length (2) | block | payload }
//! message 2: form (1)                                       | Noise message 2 { block length (2) | block | payload }
//! ```
//! The prologue names the exact suite and the callee. The blocks carry versions, features, algorithms and a certificate
//! of the root; they are authenticated by Noise and hashed into the keys.
//!
//! # Left out
//! - A hybrid with ML-KEM-768: the next form. Nothing here assumes a size of a message.

mod certificate;
mod hello;
mod initiator;
pub(crate) mod resolver;
mod responder;
#[cfg(test)]
mod tests;

use core::fmt;

use p2pvoip_core::Seed;
use p2pvoip_core::wire::{Malformed, Reader};
use snow::HandshakeState;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::identity::{Fingerprint, PUBLIC_LEN, PeerIdentity};
use crate::kdf::{self, HASH_LEN, Key};
use crate::packet::{Opener, Sealer};
use crate::rekey::RekeySecret;
use crate::schedule::DirectionSecret;
use crate::signal_cipher::SignalCipher;
use crate::suite::{Suite, TAG_LEN};

pub use hello::{Hello, MAX_AEADS};
pub use initiator::Initiator;
pub use responder::{Responder, message_tag};

/// The longest handshake message, of either kind.
pub const MAX_HANDSHAKE_LEN: usize = 1_600;

const PATTERN: &str = "Noise_IK_25519_ChaChaPoly_SHA256";
/// The form of handshake messages: pure X25519. The hybrid will be another one.
const FORM: u8 = 1;

/// Why a handshake did not come about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The message with its payload would be too long, or is.
    #[error(
        "the handshake message has {0} bytes; shorten its payload to come to {MAX_HANDSHAKE_LEN} at most"
    )]
    TooLong(usize),
    /// The own list of algorithms is empty or too long.
    #[error("list one to {MAX_AEADS} algorithms")]
    AeadList,
    /// A newer version sent it.
    #[error("the handshake has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// Its prekey is not accepted any more, or not yet.
    #[error(
        "the caller used a prekey that has expired, or one of the two clocks is wrong; let the caller try again"
    )]
    UnknownPrekey,
    /// It does not decrypt: changed on its way, or meant for somebody else.
    #[error("the handshake message is not authentic or not for this identity; drop it")]
    Forged,
    /// A public key of the peer is one of the few that give no secret.
    #[error("the peer sent a public key that gives no secret; drop the message")]
    WeakKey,
    /// A field has a value that the format does not allow.
    #[error("the handshake message is not well formed: {0}; let the peer update")]
    Malformed(#[from] Malformed),
    /// The root has not signed the key that was used, or the signature is over.
    #[error("the peer's certificate is not valid at this date; check the clocks of both sides")]
    Certificate,
    /// The first message is older than [`OFFER_LIFE`](crate::OFFER_LIFE), or from the future.
    #[error("the call was made too long ago, or one of the two clocks is wrong; let the caller try again")]
    Stale,
    /// Somebody else answered.
    #[error("the answer came from somebody other than who was called; drop it")]
    WrongPeer,
    /// No version is spoken by both.
    #[error("the two sides speak no common version; update the older program")]
    NoCommonVersion,
    /// No algorithm is allowed by both.
    #[error("the two sides allow no common algorithm; update the older program")]
    NoCommonAead,
    /// The responder's choice is not what both lists lead to.
    #[error("the answer chose something that was not offered or not the best of both; drop it")]
    Choice,
    /// The Noise state could not be built. A defect of this program.
    #[error("the handshake could not be started; report this as a defect")]
    Unavailable,
}

impl From<snow::Error> for HandshakeError {
    fn from(error: snow::Error) -> Self {
        if error == snow::Error::Dh { Self::WeakKey } else { Self::Forged }
    }
}

/// What a finished handshake gives to each side: the same suite, and keys for each direction.
pub struct Session {
    /// What both use.
    pub suite: Suite,
    /// Who the peer has proven to be.
    pub peer: PeerIdentity,
    /// Seals packets.
    pub sealer: Sealer,
    /// Opens packets.
    pub opener: Opener,
    /// Seals and opens signalling.
    pub signal: SignalCipher,
    /// Binds re-keys to this session.
    pub rekey: RekeySecret,
    /// The handshake hash: the same at both ends of this session alone, and no secret.
    pub binding: [u8; HASH_LEN],
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Session {
    /// The session of a Noise state that has passed its second message.
    fn new(
        state: &mut HandshakeState,
        suite: Suite,
        peer: PeerIdentity,
        (first, second): (&[u8], &[u8]),
    ) -> Self {
        let (from_initiator, from_responder) = state.dangerously_get_raw_split();
        let binding = kdf::array(state.get_handshake_hash());
        let both = kdf::extract(&*Zeroizing::new(from_initiator), &*Zeroizing::new(from_responder));
        let direction = |key| DirectionSecret::from_handshake(&Zeroizing::new(key), &binding, first, second);
        let (mut sending, mut receiving) = (direction(from_initiator), direction(from_responder));
        if !state.is_initiator() {
            core::mem::swap(&mut sending, &mut receiving);
        }
        Self {
            suite,
            peer,
            sealer: Sealer::new(suite.aead, &sending),
            opener: Opener::new(suite.aead, &receiving),
            signal: SignalCipher::new(suite.aead, &sending, &receiving),
            rekey: RekeySecret::new(*kdf::derive(&both, "rekey", &binding)),
            binding,
        }
    }
}

/// Which side of a Noise handshake to build.
enum Side<'a> {
    Initiator { prekey: &'a [u8; PUBLIC_LEN] },
    Responder,
}

/// A Noise state before its first message.
fn state(
    side: &Side<'_>,
    private: &Key,
    prologue: &[u8],
    chance: &resolver::Chance,
) -> Result<HandshakeState, HandshakeError> {
    let build = || {
        let resolver = Box::new(resolver::Resolver(chance.clone()));
        let builder = snow::Builder::with_resolver(PATTERN.parse()?, resolver);
        let builder = builder.prologue(prologue)?.local_private_key(&**private)?;
        match side {
            Side::Initiator { prekey } => builder.remote_public_key(*prekey)?.build_initiator(),
            Side::Responder => builder.build_responder(),
        }
    };
    build().map_err(|_: snow::Error| HandshakeError::Unavailable)
}

/// What both sides must agree on before the first byte: the exact suite, the period of the prekey, and the callee.
fn prologue(period: u8, callee: &Fingerprint) -> Vec<u8> {
    [b"p2pvoip handshake\0", PATTERN.as_bytes(), &[0, FORM, period], callee.as_bytes()].concat()
}

/// The seed of an ephemeral key. What it is used for is mixed in, so that a seed given twice by mistake gives two keys.
fn ephemeral(seed: &Seed, purpose: &[&[u8]]) -> Seed {
    Seed::new(*kdf::derive(seed.expose(), "ephemeral", &kdf::sha256(purpose)))
}

/// A block and the payload of the application behind it, as they are encrypted.
fn join(block: &[u8], payload: &[u8]) -> Result<Zeroizing<Vec<u8>>, HandshakeError> {
    let len = u16::try_from(block.len()).map_err(|_| HandshakeError::TooLong(block.len()))?;
    Ok(Zeroizing::new([&len.to_be_bytes(), block, payload].concat()))
}

/// The block and the payload of the application.
fn split(plain: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(plain);
    Ok((reader.block16()?, reader.rest()))
}

/// Lets Noise write its next message behind `head`.
fn write(state: &mut HandshakeState, head: &[u8], plain: &[u8]) -> Result<Vec<u8>, HandshakeError> {
    // Noise adds an ephemeral key, an encrypted static key in message 1, and a tag.
    let most = head.len() + 2 * PUBLIC_LEN + 2 * TAG_LEN + plain.len();
    if most > 2 * MAX_HANDSHAKE_LEN {
        return Err(HandshakeError::TooLong(most));
    }
    let mut message = vec![0; most];
    let (front, rest) = message.split_at_mut_checked(head.len()).ok_or(HandshakeError::Unavailable)?;
    front.copy_from_slice(head);
    let weak_or_defect = |error| {
        if error == snow::Error::Dh { HandshakeError::WeakKey } else { HandshakeError::Unavailable }
    };
    let len = state.write_message(plain, rest).map_err(weak_or_defect)?;
    message.truncate(head.len() + len);
    if message.len() > MAX_HANDSHAKE_LEN { Err(HandshakeError::TooLong(message.len())) } else { Ok(message) }
}

/// Lets Noise read its next message; a failure leaves the state as it was.
fn read(state: &mut HandshakeState, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, HandshakeError> {
    let mut plain = Zeroizing::new(vec![0; message.len()]);
    let len = state.read_message(message, &mut plain)?;
    plain.truncate(len);
    Ok(plain)
}

/// The form of a message and what follows it.
fn parse_form(message: &[u8]) -> Result<Reader<'_>, HandshakeError> {
    if message.len() > MAX_HANDSHAKE_LEN {
        return Err(HandshakeError::TooLong(message.len()));
    }
    let mut reader = Reader::new(message);
    match reader.u8()? {
        FORM => Ok(reader),
        other => Err(HandshakeError::UnknownForm(other)),
    }
}
