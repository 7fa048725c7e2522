//! The upgrade of a call that started in 1.0: `Noise_XXpsk2_25519_ChaChaPoly_SHA256` with ML-KEM-768, in three messages.
//!
//! ```text
//! first  = Noise message 1 { block, its credential zeros (384) | ephemeral ML-KEM key (1,184) }
//! second = ciphertext to the ephemeral key (1,088) | Noise message 2 { block (384) | credential (275) }
//! third  = Noise message 3 { credential (275) | nonce of the short authentication string (16) }
//! ```
//! Neither side knows the other's keys beforehand: both prove their device keys and credentials. The pre-shared key comes
//! of the ML-KEM secret and stands at the end of message 2, so that both credentials and all keys hold while either
//! X25519 or ML-KEM does. Who is in between from the start cannot be told by the handshake, since nobody in particular is
//! expected: people compare the short authentication string, or the peer's root is known already. The string is bound to the
//! handshake's hash behind message 2: the initiator writes message 3 when it knows both nonces, and could else try many of
//! them until the string is one that it likes.
//!
//! # Left out
//! - Fragments and retransmission: the call's own path carries the messages, which are longer than a datagram.

use core::fmt;

use p2pvoip_core::wire::{Malformed, Reader};
use p2pvoip_core::{Seed, UnixTime};
use snow::HandshakeState;
use zeroize::Zeroizing;

use super::HandshakeError;
use super::block::{BLOCK_LEN, FirstBlock, Front, SecondBlock};
use super::hello::{Hello, agree};
use super::noise::{self, Draw};
use super::resolver::Chance;
use super::responder::check_date;
use super::session::{SasPart, Session};
use crate::credential::{self, CREDENTIAL_LEN};
use crate::identity::{Identity, PUBLIC_LEN, PeerIdentity};
use crate::kdf::{self, HASH_LEN, Key};
use crate::kem::{self, KEM_CIPHERTEXT_LEN, KEM_PUBLIC_LEN, KemPair};
use crate::sas;
use crate::suite::{Suite, TAG_LEN};

/// Bytes of the three messages.
pub const UPGRADE_LENS: [usize; 3] = [
    PUBLIC_LEN + BLOCK_LEN + KEM_PUBLIC_LEN + TAG_LEN,
    KEM_CIPHERTEXT_LEN + 2 * PUBLIC_LEN + BLOCK_LEN + CREDENTIAL_LEN + 2 * TAG_LEN,
    PUBLIC_LEN + CREDENTIAL_LEN + sas::NONCE_LEN + 2 * TAG_LEN,
];

const XX: &str = "Noise_XXpsk2_25519_ChaChaPoly_SHA256";
const XX_PSK: usize = 2;

/// An own device in a handshake: its static key, what it shows, and what the messages are bound to.
struct Own {
    device: Key,
    public: [u8; PUBLIC_LEN],
    credential: [u8; CREDENTIAL_LEN],
    prologue: Vec<u8>,
}

impl Own {
    fn new(identity: &Identity, call: &[u8], now: UnixTime) -> Self {
        let prologue = [&noise::suite_prologue(XX)[..], &kdf::sha256(&[call])].concat();
        Self {
            device: identity.device().clone(),
            public: *identity.device_public(),
            credential: identity.credential(now),
            prologue,
        }
    }

    fn state(&self, is_initiator: bool, seed: &Seed) -> Result<HandshakeState, HandshakeError> {
        let chance = Chance::default();
        chance.set(seed.clone());
        noise::state(XX, (&self.device, self.public), None, is_initiator, &self.prologue, &chance)
    }
}

/// Stage: an upgrade whose first message was written
/// ([`UPGRADE_LENS`]), and whose second one is awaited.
pub struct UpgradeInitiator(pub(super) Box<Offering>);

pub(super) struct Offering {
    own: Own,
    state: HandshakeState,
    seed: Seed,
    hello: Hello,
    first: [u8; BLOCK_LEN],
    plain: Vec<u8>,
    nonce: sas::Nonce,
    ephemeral: KemPair,
}

/// Stage: an upgrade whose second message was written, and whose third one is awaited.
pub struct UpgradeResponder(pub(super) Box<Answering>);

pub(super) struct Answering {
    own: Own,
    state: HandshakeState,
    seed: Seed,
    message: Vec<u8>,
    #[cfg(test)]
    ciphertext: [u8; KEM_CIPHERTEXT_LEN],
    psk: Key,
    plain: Zeroizing<Vec<u8>>,
    suite: Suite,
    commitment: [u8; 32],
    /// The handshake hash behind message 2.
    for_sas: [u8; HASH_LEN],
    nonce: sas::Nonce,
    blocks: [[u8; BLOCK_LEN]; 2],
}

impl UpgradeInitiator {
    /// Starts an upgrade of the call that both sides know by the same bytes (`call`); gives message 1.
    ///
    /// The seed comes from the system and is used for nothing else.
    ///
    /// # Errors
    /// [`HandshakeError::AeadList`] when `hello` lists no algorithm, or too many.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is given once, so it is given away")]
    pub fn start(
        identity: &Identity,
        call: &[u8],
        hello: &Hello,
        seed: Seed,
        now: UnixTime,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let own = Own::new(identity, call, now);
        let front = Front { hello: hello.clone(), made: now };
        let draw = Draw::new(&seed, &[b"upgrade initiator", &own.public, &own.prologue, &front.emit()?]);
        let nonce: sas::Nonce = draw.bytes("sas nonce");
        // Who one is waits for message 3, where only the responder reads it.
        let block = FirstBlock { front, commitment: sas::commit(&nonce), credential: [0; CREDENTIAL_LEN] };
        let first = block.emit()?;
        let ephemeral = KemPair::from_seed(&draw.bytes("ml-kem ephemeral"));
        let plain = [&first[..], ephemeral.public()].concat();
        let seed = draw.ephemeral();
        let mut state = own.state(true, &seed)?;
        let message = noise::write(&mut state, &plain, PUBLIC_LEN + TAG_LEN)?;
        let offering = Offering { own, state, seed, hello: hello.clone(), first, plain, nonce, ephemeral };
        Ok((Self(Box::new(offering)), message))
    }

    /// Reads message 2; gives the session, and message 3, without which the responder has none.
    ///
    /// # Errors
    /// [`HandshakeError`] when it is of no use, and the upgrade back, which can still read another one.
    pub fn finish(
        mut self,
        second: &[u8],
        now: UnixTime,
    ) -> Result<(Session, Vec<u8>), (Self, HandshakeError)> {
        match self.0.read(second, now) {
            Ok(finished) => Ok(finished),
            Err(error) => Err((self, error)),
        }
    }
}

impl Offering {
    fn read(&mut self, second: &[u8], now: UnixTime) -> Result<(Session, Vec<u8>), HandshakeError> {
        let (ciphertext, message) =
            second.split_first_chunk::<KEM_CIPHERTEXT_LEN>().ok_or(HandshakeError::Forged)?;
        let secret = self.ephemeral.decapsulate(ciphertext);
        let psk = psk(&secret, ciphertext, self.ephemeral.public());
        self.state.set_psk(XX_PSK, &*psk).map_err(|_| HandshakeError::Unavailable)?;
        let plain = noise::read(&mut self.state, message)?;
        let finished = self.accept(&plain, now);
        if finished.is_err() {
            // Noise has moved on: go back to behind message 1.
            self.state = self.own.state(true, &self.seed)?;
            noise::write(&mut self.state, &self.plain, PUBLIC_LEN + TAG_LEN)?;
        }
        finished
    }

    fn accept(&mut self, plain: &[u8], now: UnixTime) -> Result<(Session, Vec<u8>), HandshakeError> {
        let mut reader = Reader::new(plain);
        let (second, shown) = (reader.array::<BLOCK_LEN>()?, reader.array()?);
        reader.finish()?;
        let block = SecondBlock::parse(&second)?;
        check_date(block.front.made, now)?;
        let peer = credential::verify(&shown, &noise::remote_static(&self.state)?, now)?;
        let suite = agree(&self.hello, &block.front.hello)?;
        if block.chosen != suite {
            return Err(HandshakeError::Choice);
        }
        refuse_old(suite, &peer)?;
        // Before message 3: what this side may still choose there has no part in the string.
        let for_sas = noise::hash(&self.state);
        let third = Zeroizing::new([&self.own.credential[..], &*self.nonce].concat());
        let message = noise::write(&mut self.state, &third, PUBLIC_LEN + 2 * TAG_LEN)?;
        let split = noise::split(&mut self.state);
        let sas = SasPart::initiator(&for_sas, self.nonce.clone(), &block.nonce);
        Ok((Session::new(true, suite, peer, &split, (&self.first, &second), sas), message))
    }
}

impl UpgradeResponder {
    /// Reads message 1 of an upgrade of that call; gives message 2.
    ///
    /// The seed comes from the system and is used for nothing else.
    ///
    /// # Errors
    /// [`HandshakeError`] when the message is of no use, or `policy` has nothing in common with it.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is given once, so it is given away")]
    pub fn read(
        identity: &Identity,
        call: &[u8],
        first: &[u8],
        policy: &Hello,
        seed: Seed,
        now: UnixTime,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let own = Own::new(identity, call, now);
        let front = Front { hello: policy.clone(), made: now };
        let draw = Draw::new(&seed, &[b"upgrade responder", &kdf::sha256(&[first]), &front.emit()?]);
        let seed = draw.ephemeral();
        let mut state = own.state(false, &seed)?;
        let offered = noise::read(&mut state, first)?;
        let (block, ephemeral) = parse_first(&offered)?;
        let first_block = FirstBlock::parse(&block)?;
        check_date(first_block.front.made, now)?;
        let suite = agree(&first_block.front.hello, policy)?;
        let encapsulated = kem::encapsulate(&ephemeral, &draw.bytes("encapsulation"));
        let (ciphertext, secret) = encapsulated.ok_or(HandshakeError::WeakKey)?;
        let psk = psk(&secret, &ciphertext, &ephemeral);
        let nonce: sas::Nonce = draw.bytes("sas nonce");
        let second = SecondBlock { front, nonce: *nonce, chosen: suite }.emit()?;
        let mut answering = Answering {
            plain: Zeroizing::new([&second[..], &own.credential].concat()),
            own,
            state,
            seed,
            message: first.to_vec(),
            #[cfg(test)]
            ciphertext,
            psk,
            suite,
            commitment: first_block.commitment,
            for_sas: [0; HASH_LEN],
            nonce,
            blocks: [block, second],
        };
        let message = answering.write()?;
        Ok((Self(Box::new(answering)), [&ciphertext[..], &message].concat()))
    }

    /// Reads message 3; gives the session, with the short authentication string in it.
    ///
    /// # Errors
    /// [`HandshakeError`] when it is of no use, and the upgrade back, which can still read another one.
    pub fn finish(mut self, third: &[u8], now: UnixTime) -> Result<Session, (Self, HandshakeError)> {
        match self.0.read(third, now) {
            Ok(session) => Ok(session),
            Err(error) => Err((self, error)),
        }
    }
}

impl Answering {
    /// Message 2 of a state that has read message 1. The string is bound to what was said by then, and to nothing that the
    /// initiator chooses when it knows this side's nonce.
    fn write(&mut self) -> Result<Vec<u8>, HandshakeError> {
        self.state.set_psk(XX_PSK, &*self.psk).map_err(|_| HandshakeError::Unavailable)?;
        let message = noise::write(&mut self.state, &self.plain, 2 * PUBLIC_LEN + 2 * TAG_LEN)?;
        self.for_sas = noise::hash(&self.state);
        Ok(message)
    }

    fn read(&mut self, third: &[u8], now: UnixTime) -> Result<Session, HandshakeError> {
        let plain = noise::read(&mut self.state, third);
        let finished = plain.and_then(|plain| self.accept(&plain, now));
        if finished.is_err() {
            // Go back to behind message 2. Snow takes back what a refused message did to its hash, but not what it did to
            // its cipher, whose key is in use when message 3 begins.
            self.restart()?;
        }
        finished
    }

    fn restart(&mut self) -> Result<Vec<u8>, HandshakeError> {
        self.state = self.own.state(false, &self.seed)?;
        noise::read(&mut self.state, &self.message)?;
        self.write()
    }

    fn accept(&mut self, plain: &[u8], now: UnixTime) -> Result<Session, HandshakeError> {
        let mut reader = Reader::new(plain);
        let (shown, revealed) = (reader.array()?, reader.array()?);
        reader.finish()?;
        let peer = credential::verify(&shown, &noise::remote_static(&self.state)?, now)?;
        refuse_old(self.suite, &peer)?;
        let split = noise::split(&mut self.state);
        let mut sas = SasPart::responder(self.for_sas, self.commitment, self.nonce.clone());
        sas.reveal(&revealed).map_err(|_| HandshakeError::Commitment)?;
        let [first, second] = &self.blocks;
        Ok(Session::new(false, self.suite, peer, &split, (first, second), sas))
    }
}

/// A root that demands a higher version than the two came to is not spoken with.
const fn refuse_old(suite: Suite, peer: &PeerIdentity) -> Result<(), HandshakeError> {
    if suite.version < peer.roster.least_version { Err(HandshakeError::Downgrade) } else { Ok(()) }
}

/// The block and the ephemeral ML-KEM key of message 1.
fn parse_first(plain: &[u8]) -> Result<([u8; BLOCK_LEN], [u8; KEM_PUBLIC_LEN]), Malformed> {
    let mut reader = Reader::new(plain);
    let parts = (reader.array()?, reader.array()?);
    reader.finish()?;
    Ok(parts)
}

fn psk(
    secret: &Key,
    ciphertext: &[u8; KEM_CIPHERTEXT_LEN],
    ephemeral: &[u8; KEM_PUBLIC_LEN],
) -> Zeroizing<[u8; HASH_LEN]> {
    let secret = kdf::extract(b"p2pvoip upgrade", &**secret);
    kdf::derive(&secret, "psk", &kdf::sha256(&[ciphertext, ephemeral]))
}

impl fmt::Debug for UpgradeInitiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpgradeInitiator([redacted])")
    }
}

impl fmt::Debug for UpgradeResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpgradeResponder([redacted])")
    }
}

#[cfg(test)]
impl Answering {
    /// Shows another credential, in a message 2 that [`Answering::again`] writes.
    pub(super) fn lie(&mut self, credential: &[u8], first: &[u8]) {
        let (block, _) = self.plain.split_at(BLOCK_LEN);
        self.plain = Zeroizing::new([block, credential].concat());
        self.message = first.to_vec();
    }

    /// Message 2 once more, ciphertext and all.
    pub(super) fn again(&mut self) -> Result<Vec<u8>, HandshakeError> {
        let message = self.restart()?;
        Ok([&self.ciphertext[..], &message].concat())
    }
}

#[cfg(test)]
impl Offering {
    /// Shows another credential in message 3; gives the one before.
    pub(super) fn show(&mut self, credential: &[u8; CREDENTIAL_LEN]) -> [u8; CREDENTIAL_LEN] {
        core::mem::replace(&mut self.own.credential, *credential)
    }

    /// Will reveal another nonce than it has promised.
    pub(super) fn forget_promise(&mut self) {
        self.nonce = sas::Nonce::default();
    }
}
