//! The callee's side: reads message 1, lets the owner decide, and writes message 2.
//!
//! A first message can be sent again by anybody who has seen it. Its owner remembers the tags of those that it has read,
//! for as long as they are answered: [`OFFER_LIFE`] and twice [`CLOCK_SKEW`].

use core::fmt;

use p2pvoip_core::{Seed, UnixTime};
use snow::HandshakeState;
use zeroize::Zeroizing;

use super::certificate::{Certificate, Purpose};
use super::hello::{Block, Hello, agree};
use super::resolver::{Chance, public_key};
use super::{
    FORM, HandshakeError, Session, Side, ephemeral, join, parse_form, prologue, read, split, state, write,
};
use crate::dates::{self, CLOCK_SKEW, OFFER_LIFE};
use crate::identity::{Identity, PUBLIC_LEN, PeerIdentity};
use crate::kdf;

/// What tells one first message from another: the first 16 bytes of its SHA-256 hash. No byte of a message can change
/// without Noise refusing it, so that a replayed message has the same tag.
pub fn message_tag(message: &[u8]) -> [u8; 16] {
    kdf::array(&kdf::sha256(&[message]))
}

/// Stage: a handshake whose first message was read, and whose second one is not written yet.
pub struct Responder {
    state: Box<HandshakeState>,
    chance: Chance,
    tag: [u8; 16],
    peer: PeerIdentity,
    hello: Hello,
    certificate: Certificate,
    plain: Zeroizing<Vec<u8>>,
    now: UnixTime,
}

impl Responder {
    /// Reads message 1 with the prekey that it names.
    ///
    /// Compare [`message_tag`] with those read before, to spend nothing on a replay.
    ///
    /// # Errors
    /// [`HandshakeError`] when it is not authentic, not for this identity, or not of these days.
    pub fn read(identity: &Identity, message: &[u8], now: UnixTime) -> Result<Self, HandshakeError> {
        let mut reader = parse_form(message)?;
        let low = reader.u8()?;
        let period = dates::accepted_period(low, now).ok_or(HandshakeError::UnknownPrekey)?;
        let prekey = identity.prekeys(period).ok_or(HandshakeError::UnknownPrekey)?.x25519;
        let chance = Chance::default();
        let prologue = prologue(low, &identity.fingerprint());
        let mut state = state(&Side::Responder, &prekey, &prologue, &chance)?;
        let plain = read(&mut state, reader.rest())?;
        let device: [u8; PUBLIC_LEN] = state
            .get_remote_static()
            .and_then(|key| key.try_into().ok())
            .ok_or(HandshakeError::Unavailable)?;
        let block = Block::parse_first(split(&plain)?.0)?;
        let peer = block.certificate.verify(Purpose::Device, &device, now)?;
        if block.made > now + CLOCK_SKEW || now > block.made + OFFER_LIFE + CLOCK_SKEW {
            return Err(HandshakeError::Stale);
        }
        Ok(Self {
            state: Box::new(state),
            chance,
            tag: message_tag(message),
            peer,
            hello: block.hello,
            certificate: Certificate::issue(identity, Purpose::Prekey, &public_key(&prekey), now),
            plain,
            now,
        })
    }

    /// Who calls. Proven, unless the own prekey was stolen; message 2 and all after it are safe even then.
    pub const fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// The initiator's payload.
    pub fn payload(&self) -> &[u8] {
        split(&self.plain).map(|(_, payload)| payload).unwrap_or_default()
    }

    /// What the initiator can do.
    pub const fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The tag of message 1: see [`message_tag`].
    pub const fn tag(&self) -> [u8; 16] {
        self.tag
    }

    /// Writes message 2, which carries `payload` encrypted, and gives the session.
    ///
    /// The seed comes from the system and is used for nothing else.
    ///
    /// # Errors
    /// [`HandshakeError`] when `policy` has no version or algorithm in common with the initiator, or the message would
    /// be too long.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is given once, so it is given away")]
    pub fn answer(
        mut self,
        payload: &[u8],
        policy: &Hello,
        seed: Seed,
    ) -> Result<(Session, Vec<u8>), HandshakeError> {
        let suite = agree(&self.hello, policy)?;
        let Self { certificate, now: made, .. } = &self;
        let block = Block {
            hello: policy.clone(),
            made: *made,
            certificate: certificate.clone(),
            chosen: Some(suite),
        };
        let block = block.emit()?;
        let plain = join(&block, payload)?;
        self.chance.set(ephemeral(&seed, &[b"responder", &self.tag, &plain]));
        let message = write(&mut self.state, &[FORM], &plain)?;
        let first = split(&self.plain)?.0;
        Ok((Session::new(&mut self.state, suite, self.peer, (first, &block)), message))
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder([redacted])")
    }
}
