//! The callee's side: reads an offer that passed the gate, lets the owner decide, and writes the answer.

use core::fmt;
use std::sync::Arc;

use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Seed, UnixTime};
use snow::HandshakeState;
use zeroize::Zeroizing;

use super::block::{BLOCK_LEN, FirstBlock, Front, SecondBlock};
use super::hello::{Hello, agree};
use super::noise::{self, Draw, IK, IK_PSK, NOISE_SECOND_OVERHEAD, prologue};
use super::resolver::Chance;
use super::session::{SasPart, Session};
use super::{HandshakeError, SECOND_OVERHEAD};
use crate::chain::PrekeyPair;
use crate::credential;
use crate::dates::{self, CLOCK_SKEW, OFFER_LIFE};
use crate::envelope::{self, MAX_HANDSHAKE_LEN, Outer};
use crate::gate::Admitted;
use crate::identity::{Identity, PeerIdentity};
use crate::kdf::HASH_LEN;
use crate::kem::{self, KEM_CIPHERTEXT_LEN, KEM_PUBLIC_LEN};
use crate::sas;

/// Stage: a handshake whose first message was read, and whose second one is not written yet.
pub struct Responder(Box<Read>);

struct Read {
    state: HandshakeState,
    chance: Chance,
    outer: Outer,
    /// The hash of the offer's interior.
    offer: [u8; HASH_LEN],
    peer: PeerIdentity,
    known: bool,
    block: FirstBlock,
    plain: Zeroizing<Vec<u8>>,
    now: UnixTime,
}

/// The prekeys that an offer was made for, and what is inside its outer layer.
struct Opened {
    prekeys: Arc<PrekeyPair>,
    period: u64,
    outer: Outer,
    message: Zeroizing<Vec<u8>>,
}

/// An answer, the Noise state behind it, and the payload of message 1.
struct Answer {
    bytes: Vec<u8>,
    state: HandshakeState,
    plain: Zeroizing<Vec<u8>>,
}

impl Responder {
    /// Reads an offer with the prekeys that are accepted at `now`.
    ///
    /// # Errors
    /// [`HandshakeError`] when it is not authentic, not for this device, or not of these days.
    pub fn read(identity: &Identity, admitted: Admitted<'_>, now: UnixTime) -> Result<Self, HandshakeError> {
        let (ciphertext, sealed) =
            admitted.interior.split_first_chunk::<KEM_CIPHERTEXT_LEN>().ok_or(HandshakeError::Forged)?;
        let opened = open(identity, ciphertext, sealed, now)?;
        let chance = Chance::default();
        let prekeys = &opened.prekeys;
        let prologue = prologue(opened.period, identity.index(), &identity.fingerprint(), ciphertext);
        let mut state =
            noise::state(IK, (&prekeys.x25519, prekeys.x25519_public()), None, false, &prologue, &chance)?;
        let plain = noise::read(&mut state, &opened.message)?;
        let (block, ephemeral, _) = parts(&plain)?;
        if !kem::is_sound(ephemeral) {
            return Err(HandshakeError::WeakKey);
        }
        let block = FirstBlock::parse(block)?;
        check_date(block.front.made, now)?;
        let peer = credential::verify(&block.credential, &noise::remote_static(&state)?, now)?;
        if admitted.contact.is_some_and(|device| device != peer.device) {
            return Err(HandshakeError::WrongHint);
        }
        Ok(Self(Box::new(Read {
            state,
            chance,
            outer: opened.outer,
            offer: admitted.hash,
            peer,
            known: admitted.contact.is_some(),
            block,
            plain,
            now,
        })))
    }

    /// Who calls. Proven, unless the own prekey was stolen; the answer and all after it are safe even then.
    pub const fn peer(&self) -> &PeerIdentity {
        &self.0.peer
    }

    /// Whether it is a device that the gatekeeper was told of.
    pub const fn known(&self) -> bool {
        self.0.known
    }

    /// The initiator's body.
    pub fn payload(&self) -> &[u8] {
        parts(&self.0.plain).map(|(_, _, body)| body).unwrap_or_default()
    }

    /// What the initiator can do.
    pub const fn hello(&self) -> &Hello {
        &self.0.block.front.hello
    }

    /// When the initiator made its offer, by its own clock.
    pub const fn made(&self) -> UnixTime {
        self.0.block.front.made
    }

    /// What tells this offer from every other one.
    pub fn tag(&self) -> [u8; 16] {
        envelope::message_tag(&self.0.offer)
    }

    /// Writes the answer, which carries `body` encrypted and has [`SECOND_OVERHEAD`] bytes more, and gives the session.
    ///
    /// The seed comes from the system and is used for nothing else. The policy says at least what the own bundle does, or
    /// the initiator takes the answer for a downgrade.
    ///
    /// # Errors
    /// [`HandshakeError`] when `policy` has no version or algorithm in common with the initiator, the initiator's roster
    /// demands a higher version, or the answer would be too long.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is given once, so it is given away")]
    pub fn answer(
        self,
        body: &[u8],
        policy: &Hello,
        seed: Seed,
    ) -> Result<(Session, Vec<u8>), HandshakeError> {
        let len = body.len().saturating_add(SECOND_OVERHEAD);
        if len > MAX_HANDSHAKE_LEN {
            return Err(HandshakeError::TooLong(len));
        }
        let suite = agree(self.hello(), policy)?;
        if suite.version < self.peer().roster.least_version {
            return Err(HandshakeError::NoCommonVersion);
        }
        let front = Front { hello: policy.clone(), made: self.0.now };
        let draw = Draw::new(&seed, &[b"responder", &self.0.offer, &front.emit()?, body]);
        let nonce: sas::Nonce = draw.bytes("sas nonce");
        let block = SecondBlock { front, nonce: *nonce, chosen: suite }.emit()?;
        let (peer, commitment) = (self.0.peer, self.0.block.commitment);
        let mut answer = self.0.seal(&draw, &Zeroizing::new([&block[..], body].concat()))?;
        let split = noise::split(&mut answer.state);
        let sas = SasPart::responder(split.2, commitment, nonce);
        let (first_block, ..) = parts(&answer.plain)?;
        let session = Session::new(false, suite, peer, &split, (first_block, &block), sas);
        Ok((session, answer.bytes))
    }

    /// An answer with that payload of message 2, whatever it says.
    #[cfg(any(test, feature = "forge"))]
    pub(super) fn forge(self, inner: &[u8], seed: &Seed) -> Result<Vec<u8>, HandshakeError> {
        let draw = Draw::new(seed, &[b"forged", &self.0.offer, inner]);
        Ok(self.0.seal(&draw, inner)?.bytes)
    }
}

impl Read {
    /// Puts Noise and the outer layer around the payload of message 2.
    fn seal(self, draw: &Draw, inner: &[u8]) -> Result<Answer, HandshakeError> {
        let Self { mut state, chance, outer, offer, plain, .. } = self;
        let (_, ephemeral, _) = parts(&plain)?;
        let encapsulated = kem::encapsulate(ephemeral, &draw.bytes("encapsulation"));
        let (ciphertext, secret) = encapsulated.ok_or(HandshakeError::WeakKey)?;
        let psk = outer.psk(&secret, &ciphertext, ephemeral);
        state.set_psk(IK_PSK, &*psk).map_err(|_| HandshakeError::Unavailable)?;
        chance.set(draw.ephemeral());
        let message = noise::write(&mut state, inner, NOISE_SECOND_OVERHEAD)?;
        let both = [&ciphertext[..], &message].concat();
        let bytes = outer.seal_answer(&offer, *draw.bytes("answer nonce"), &both);
        Ok(Answer { bytes, state, plain })
    }
}

/// Finds the prekeys that an offer was made for: what else it is encrypted with stands nowhere in clear.
fn open(
    identity: &Identity,
    ciphertext: &[u8; KEM_CIPHERTEXT_LEN],
    sealed: &[u8],
    now: UnixTime,
) -> Result<Opened, HandshakeError> {
    let opened = dates::accepted_periods(now).find_map(|period| {
        let prekeys = identity.prekeys(period)?;
        let outer = Outer::new(&prekeys.kem.decapsulate(ciphertext));
        let message = outer.open_offer(ciphertext, sealed)?;
        Some(Opened { prekeys, period, outer, message })
    });
    opened.ok_or(HandshakeError::Forged)
}

/// The block, the ephemeral ML-KEM key and the body of Noise's first payload.
type Parts<'a> = (&'a [u8; BLOCK_LEN], &'a [u8; KEM_PUBLIC_LEN], &'a [u8]);

fn parts(plain: &[u8]) -> Result<Parts<'_>, Malformed> {
    let (block, rest) = plain.split_first_chunk().ok_or(Malformed::Truncated)?;
    let (ephemeral, body) = rest.split_first_chunk().ok_or(Malformed::Truncated)?;
    Ok((block, ephemeral, body))
}

/// An offer is in date for [`OFFER_LIFE`], give or take the skew of clocks.
pub(super) fn check_date(made: UnixTime, now: UnixTime) -> Result<(), HandshakeError> {
    let in_date = made <= now + CLOCK_SKEW && now <= made + OFFER_LIFE + CLOCK_SKEW;
    if in_date { Ok(()) } else { Err(HandshakeError::Stale) }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder([redacted])")
    }
}
