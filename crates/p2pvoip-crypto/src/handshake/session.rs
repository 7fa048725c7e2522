//! What a finished handshake gives to each side, and the short authentication string that people compare.

use core::fmt;

use thiserror::Error;

use crate::identity::PeerIdentity;
use crate::kdf::{self, HASH_LEN, Key};
use crate::packet::{Opener, Sealer};
use crate::rekey::RekeySecret;
use crate::sas::{self, Sas};
use crate::schedule::{Exporter, MAX_EXPORT_LEN, Schedule};
use crate::signal_cipher::SignalCipher;
use crate::suite::Suite;

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
    /// The handshake hash: the same at both ends of this session alone, and no secret.
    pub binding: [u8; HASH_LEN],
    /// The short authentication string, or what it needs yet.
    pub sas: SasPart,
    /// What the re-keys of this session are bound to.
    pub rekey: RekeySecret,
    exporter: Exporter,
}

impl Session {
    pub(super) fn new(
        is_initiator: bool,
        suite: Suite,
        peer: PeerIdentity,
        (from_initiator, from_responder, binding): &(Key, Key, [u8; HASH_LEN]),
        blocks: (&[u8], &[u8]),
        sas: SasPart,
    ) -> Self {
        let schedule = Schedule::new((from_initiator, from_responder), binding, blocks);
        let (mut sending, mut receiving) = (schedule.from_initiator, schedule.from_responder);
        if !is_initiator {
            core::mem::swap(&mut sending, &mut receiving);
        }
        Self {
            suite,
            peer,
            sealer: Sealer::new(suite.aead, &sending),
            opener: Opener::new(suite.aead, &receiving),
            signal: SignalCipher::new(suite.aead, &sending, &receiving),
            binding: *binding,
            sas,
            rekey: schedule.rekey,
            exporter: schedule.exporter,
        }
    }

    /// Fills `out` with a key for another protocol, the same at both ends for the same label, context and length.
    ///
    /// Nothing leaves a session but by this call. The keys tell nothing of one another nor of those of the call.
    ///
    /// # Errors
    /// [`ExportError`] when `out` is longer than [`MAX_EXPORT_LEN`](crate::MAX_EXPORT_LEN); it is unchanged then.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        if self.exporter.export(label, context, out) { Ok(()) } else { Err(ExportError(out.len())) }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// A key that would be longer than one export gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "an exported key has at most {MAX_EXPORT_LEN} bytes, not {0}; ask for several with labels of their own"
)]
pub struct ExportError(pub usize);

/// One side's part in the short authentication string.
///
/// The initiator has committed itself to a nonce in message 1, and got the responder's in message 2: it has the string, and
/// a nonce to reveal. The responder waits for that nonce.
pub struct SasPart(Part);

enum Part {
    Revealing { sas: Sas, nonce: sas::Nonce },
    Waiting { binding: [u8; HASH_LEN], commitment: [u8; 32], nonce: sas::Nonce },
    Done(Sas),
}

/// Why a revealed nonce is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SasError {
    /// It is not the nonce that the caller committed itself to.
    #[error("the caller revealed another nonce than it promised; end the call, somebody may be in between")]
    Commitment,
    /// This side reveals a nonce and awaits none.
    #[error("no nonce is awaited here; drop it")]
    NotAwaited,
}

impl SasPart {
    pub(super) fn initiator(binding: &[u8; HASH_LEN], own: sas::Nonce, peer: &[u8; sas::NONCE_LEN]) -> Self {
        Self(Part::Revealing { sas: sas::derive(binding, &own, peer), nonce: own })
    }

    pub(super) fn responder(binding: [u8; HASH_LEN], commitment: [u8; 32], nonce: sas::Nonce) -> Self {
        Self(Part::Waiting { binding, commitment, nonce })
    }

    /// The string, as soon as it is known.
    pub const fn sas(&self) -> Option<Sas> {
        match &self.0 {
            Part::Revealing { sas, .. } | Part::Done(sas) => Some(*sas),
            Part::Waiting { .. } => None,
        }
    }

    /// The nonce that the initiator sends in its first sealed letter; the responder has none to send.
    pub fn to_reveal(&self) -> Option<[u8; sas::NONCE_LEN]> {
        match &self.0 {
            Part::Revealing { nonce, .. } => Some(**nonce),
            Part::Waiting { .. } | Part::Done(_) => None,
        }
    }

    /// The responder is told the initiator's nonce.
    ///
    /// # Errors
    /// [`SasError`] when it is not what the initiator committed itself to, or none is awaited; nothing has changed then.
    pub fn reveal(&mut self, nonce: &[u8; sas::NONCE_LEN]) -> Result<Sas, SasError> {
        let Part::Waiting { binding, commitment, nonce: own } = &self.0 else {
            return Err(SasError::NotAwaited);
        };
        if !kdf::equal(&sas::commit(nonce), commitment) {
            return Err(SasError::Commitment);
        }
        let sas = sas::derive(binding, nonce, own);
        self.0 = Part::Done(sas);
        Ok(sas)
    }
}

impl fmt::Debug for SasPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SasPart([redacted])")
    }
}
