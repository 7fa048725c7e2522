//! The handshake: `Noise_IKpsk2_25519_ChaChaPoly_SHA256` (Noise revision 34, by snow) with ML-KEM-768, to the callee's prekeys, in two messages.
//!
//! ```text
//! offer  = gate (36) | ciphertext to the ML-KEM prekey (1,088) | sealed { Noise message 1 { block | ephemeral ML-KEM key | body } }
//! answer = nonce (12) | sealed { ciphertext to the ephemeral key (1,088) | Noise message 2 { block | body } }
//! ```
//! The pre-shared key of Noise comes of both ML-KEM secrets, so that all after message 1 holds while either X25519 or
//! ML-KEM does. The prologue names the exact suite, the callee's device and the outer ciphertext; the blocks carry versions,
//! features, algorithms and who one is, and are hashed into the keys.
//!
//! # Timers
//! - An offer is answered within [`OFFER_LIFE`](crate::OFFER_LIFE) of its date, give or take the skew of clocks.
//!
//! # Left out
//! - Retransmission, and where messages go: signalling.

mod block;
#[cfg(any(test, feature = "forge"))]
pub mod forge;
mod hello;
mod initiator;
mod noise;
#[cfg(test)]
mod outside;
pub(crate) mod resolver;
mod responder;
mod session;
#[cfg(test)]
mod tests;
mod upgrade;

use p2pvoip_core::wire::Malformed;
use thiserror::Error;

use crate::credential::CredentialError;
use crate::envelope::{ANSWER_OVERHEAD, MAX_HANDSHAKE_LEN, OFFER_OVERHEAD};
use crate::kem::{KEM_CIPHERTEXT_LEN, KEM_PUBLIC_LEN};
use block::BLOCK_LEN;
use noise::{NOISE_FIRST_OVERHEAD, NOISE_SECOND_OVERHEAD};

pub use hello::{Hello, MAX_AEADS};
pub use initiator::{Callee, Initiator};
pub use responder::Responder;
pub use session::{ExportError, SasError, SasPart, Session};
pub use upgrade::{UPGRADE_LENS, UpgradeInitiator, UpgradeResponder};

/// Bytes that an offer has more than its body.
pub const FIRST_OVERHEAD: usize = OFFER_OVERHEAD + NOISE_FIRST_OVERHEAD + BLOCK_LEN + KEM_PUBLIC_LEN;
/// Bytes that an answer has more than its body.
pub const SECOND_OVERHEAD: usize = ANSWER_OVERHEAD + KEM_CIPHERTEXT_LEN + NOISE_SECOND_OVERHEAD + BLOCK_LEN;

const _: () = assert!(MAX_HANDSHAKE_LEN - FIRST_OVERHEAD == 524, "what signalling pads an offer to");
const _: () = assert!(MAX_HANDSHAKE_LEN - SECOND_OVERHEAD == 1_780, "what signalling pads an answer to");

/// Why a handshake did not come about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The message with its body would be too long, or is.
    #[error("the handshake message has {0} bytes; shorten its body to come to {MAX_HANDSHAKE_LEN} at most")]
    TooLong(usize),
    /// The own list of algorithms is empty or too long.
    #[error("list one to {MAX_AEADS} algorithms")]
    AeadList,
    /// It does not decrypt: changed on its way, meant for somebody else, or for a prekey that is over.
    #[error(
        "the handshake message is not authentic, or not for this identity and its present prekeys; drop it"
    )]
    Forged,
    /// A public key of the peer is one of those that give no secret.
    #[error("the peer sent a public key that gives no secret; drop the message")]
    WeakKey,
    /// A field has a value that the format does not allow.
    #[error("the handshake message is not well formed: {0}; let the peer update")]
    Malformed(#[from] Malformed),
    /// The peer's root does not stand for the key that was used, at this date.
    #[error("the peer's credential is of no use: {0}")]
    Credential(#[from] CredentialError),
    /// The first message is older than [`OFFER_LIFE`](crate::OFFER_LIFE), or from the future.
    #[error("the call was made too long ago, or one of the two clocks is wrong; let the caller try again")]
    Stale,
    /// The hint of one contact came with the call of somebody else.
    #[error("the caller showed the hint of another contact; drop the call")]
    WrongHint,
    /// No version is spoken by both.
    #[error("the two sides speak no common version; update the older program")]
    NoCommonVersion,
    /// No algorithm is allowed by both.
    #[error("the two sides allow no common algorithm; update the older program")]
    NoCommonAead,
    /// The responder's choice is not what both lists lead to.
    #[error("the answer chose something that was not offered or not the best of both; drop it")]
    Choice,
    /// What would be used is less than what the peer has signed that it can do.
    #[error(
        "the peer offers less than it has signed that it can do; somebody may be in between, do not call"
    )]
    Downgrade,
    /// The nonce of the short authentication string is not the promised one.
    #[error("the peer revealed another nonce than it promised; end the call, somebody may be in between")]
    Commitment,
    /// The Noise state could not be built. A defect of this program.
    #[error("the handshake could not be started; report this as a defect")]
    Unavailable,
}

impl From<snow::Error> for HandshakeError {
    fn from(error: snow::Error) -> Self {
        if error == snow::Error::Dh { Self::WeakKey } else { Self::Forged }
    }
}
