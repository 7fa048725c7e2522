//! The caller's side: writes an offer to a callee's prekeys, and reads the answer.

use core::fmt;

use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Seed, UnixTime};
use snow::HandshakeState;
use zeroize::Zeroizing;

use super::block::{BLOCK_LEN, FirstBlock, Front, SecondBlock};
use super::hello::{Hello, agree};
use super::noise::{self, Draw, IK, IK_PSK, NOISE_FIRST_OVERHEAD, prologue};
use super::resolver::Chance;
use super::session::{SasPart, Session};
use super::{FIRST_OVERHEAD, HandshakeError};
use crate::bundle::Prekeys;
use crate::envelope::{MAX_HANDSHAKE_LEN, Outer};
use crate::gate::{Gate, HINT_LEN, Pairwise};
use crate::identity::{Identity, PUBLIC_LEN};
use crate::kdf::{self, HASH_LEN, Key};
use crate::kem::{self, KEM_CIPHERTEXT_LEN, KemPair};
use crate::mailbox::MailboxKey;
use crate::sas;
use crate::suite::Suite;

/// Whom to call.
#[derive(Clone, Copy, Debug)]
pub struct Callee<'a> {
    /// The mailbox key of the contact card.
    pub mailbox: &'a MailboxKey,
    /// What the callee has published.
    pub prekeys: &'a Prekeys,
    /// Whether the callee may know this device: then the offer says so, to the callee alone. A callee who does not know it
    /// takes it for a stranger's.
    pub known: bool,
}

/// Stage: a handshake whose first message was written, and whose second one is awaited.
pub struct Initiator(pub(super) Box<Waiting>);

pub(super) struct Waiting {
    state: HandshakeState,
    recipe: Recipe,
    hello: Hello,
    block: [u8; BLOCK_LEN],
    nonce: sas::Nonce,
    ephemeral: KemPair,
    outer: Outer,
    /// The hash of the offer's interior.
    offer: [u8; HASH_LEN],
    callee: Prekeys,
}

/// From what Noise's first message is made: so that it can be made again when an authentic answer turns out to be of no use.
struct Recipe {
    device: Key,
    device_public: [u8; PUBLIC_LEN],
    prekey: [u8; PUBLIC_LEN],
    prologue: Vec<u8>,
    seed: Seed,
    plain: Zeroizing<Vec<u8>>,
}

impl Recipe {
    fn start(&self) -> Result<(HandshakeState, Vec<u8>), HandshakeError> {
        let chance = Chance::default();
        chance.set(self.seed.clone());
        let mut state = noise::state(
            IK,
            (&self.device, self.device_public),
            Some(&self.prekey),
            true,
            &self.prologue,
            &chance,
        )?;
        let message = noise::write(&mut state, &self.plain, NOISE_FIRST_OVERHEAD)?;
        Ok((state, message))
    }
}

impl Initiator {
    /// Starts a handshake with a callee; gives the offer, which carries `body` encrypted and has [`FIRST_OVERHEAD`] bytes
    /// more.
    ///
    /// The seed comes from the system and is used for nothing else. The body is only as safe as the callee's prekeys (see
    /// the specification): it names no addresses of the caller before the call is accepted.
    ///
    /// # Errors
    /// [`HandshakeError`] when the offer would be too long, no version is spoken by both, or the callee's roster demands
    /// a higher one than this side speaks.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is given once, so it is given away")]
    pub fn start(
        identity: &Identity,
        callee: &Callee<'_>,
        hello: &Hello,
        body: &[u8],
        seed: Seed,
        now: UnixTime,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let len = body.len().saturating_add(FIRST_OVERHEAD);
        if len > MAX_HANDSHAKE_LEN {
            return Err(HandshakeError::TooLong(len));
        }
        let prekeys = callee.prekeys;
        check_versions(hello, prekeys)?;
        let front = Front { hello: hello.clone(), made: now };
        let draw = draw(identity, callee, &seed, &[&front.emit()?, body]);
        let nonce: sas::Nonce = draw.bytes("sas nonce");
        let block =
            FirstBlock { front, commitment: sas::commit(&nonce), credential: identity.credential(now) };
        let block = block.emit()?;
        let ephemeral = KemPair::from_seed(&draw.bytes("ml-kem ephemeral"));
        let plain = Zeroizing::new([&block[..], ephemeral.public(), body].concat());

        let offer = Offer::seal(identity, callee, &draw, plain, now)?;
        let waiting = Waiting {
            state: offer.state,
            recipe: offer.recipe,
            hello: hello.clone(),
            block,
            nonce,
            ephemeral,
            outer: offer.outer,
            offer: offer.hash,
            callee: prekeys.clone(),
        };
        Ok((Self(Box::new(waiting)), offer.bytes))
    }

    /// Reads the answer; gives the session and the body of the responder.
    ///
    /// # Errors
    /// [`HandshakeError`] when it is not the answer to this offer, and the handshake back, which can still read another
    /// one.
    pub fn finish(mut self, answer: &[u8]) -> Result<(Session, Vec<u8>), (Self, HandshakeError)> {
        match self.0.read(answer) {
            Ok(finished) => Ok(finished),
            Err(error) => Err((self, error)),
        }
    }
}

/// Chance for one offer.
pub(super) fn draw(identity: &Identity, callee: &Callee<'_>, seed: &Seed, what: &[&[u8]]) -> Draw {
    let mut purpose: Vec<&[u8]> = vec![b"initiator", identity.device_public(), &callee.prekeys.prekey];
    purpose.push(if callee.known { &[1] } else { &[0] });
    purpose.extend(what);
    Draw::new(seed, &purpose)
}

/// An offer, and what is left of making it.
pub(super) struct Offer {
    pub(super) bytes: Vec<u8>,
    state: HandshakeState,
    recipe: Recipe,
    outer: Outer,
    hash: [u8; HASH_LEN],
}

impl Offer {
    /// Puts Noise, the outer layer and the gate around the payload of message 1.
    pub(super) fn seal(
        identity: &Identity,
        callee: &Callee<'_>,
        draw: &Draw,
        plain: Zeroizing<Vec<u8>>,
        now: UnixTime,
    ) -> Result<Self, HandshakeError> {
        let prekeys = callee.prekeys;
        let encapsulated = kem::encapsulate(&prekeys.kem, &draw.bytes("encapsulation"));
        let (ciphertext, secret) = encapsulated.ok_or(HandshakeError::WeakKey)?;
        let recipe = Recipe {
            device: identity.device().clone(),
            device_public: *identity.device_public(),
            prekey: prekeys.prekey,
            prologue: prologue(prekeys.period, prekeys.index, &prekeys.peer.fingerprint, &ciphertext),
            seed: draw.ephemeral(),
            plain,
        };
        let (state, message) = recipe.start()?;
        let outer = Outer::new(&secret);
        let interior = outer.seal_offer(&ciphertext, &message);
        let gate = gate(identity, callee, draw, &interior, now);
        let hash = kdf::sha256(&[&interior]);
        Ok(Self { bytes: [&gate[..], &interior].concat(), state, recipe, outer, hash })
    }
}

/// Whether the two can come together at all, before anything is sent.
fn check_versions(hello: &Hello, callee: &Prekeys) -> Result<(), HandshakeError> {
    let version = hello.versions.common(callee.versions).ok_or(HandshakeError::NoCommonVersion)?;
    if version < callee.peer.roster.least_version { Err(HandshakeError::NoCommonVersion) } else { Ok(()) }
}

/// The gate before an interior: the hint of a known device, or chance that looks the same.
fn gate(
    identity: &Identity,
    callee: &Callee<'_>,
    draw: &Draw,
    interior: &[u8],
    now: UnixTime,
) -> [u8; crate::gate::GATE_LEN] {
    let device = &callee.prekeys.peer.device;
    let pairwise = callee.known.then(|| Pairwise::new(identity.device(), device)).flatten();
    let hint =
        pairwise.map_or_else(|| *draw.bytes::<HINT_LEN>("hint"), |pairwise| pairwise.hint(now.day(), device));
    Gate::new(&callee.mailbox.gate_key()).seal(*draw.bytes("gate nonce"), hint, interior)
}

impl Waiting {
    fn read(&mut self, answer: &[u8]) -> Result<(Session, Vec<u8>), HandshakeError> {
        if answer.len() > MAX_HANDSHAKE_LEN {
            return Err(HandshakeError::TooLong(answer.len()));
        }
        let opened = self.outer.open_answer(&self.offer, answer).ok_or(HandshakeError::Forged)?;
        let (ciphertext, message) =
            opened.split_first_chunk::<KEM_CIPHERTEXT_LEN>().ok_or(HandshakeError::Forged)?;
        // A ciphertext that was not made for this key gives a secret that nobody knows, and Noise refuses the message.
        let secret = self.ephemeral.decapsulate(ciphertext);
        let psk = self.outer.psk(&secret, ciphertext, self.ephemeral.public());
        self.state.set_psk(IK_PSK, &*psk).map_err(|_| HandshakeError::Unavailable)?;
        let plain = noise::read(&mut self.state, message)?;
        let finished = self.accept(&plain);
        if finished.is_err() {
            // Noise has moved on, since the message was authentic: go back to before it.
            self.state = self.recipe.start()?.0;
        }
        finished
    }

    /// Checks what Noise does not: what was chosen.
    fn accept(&mut self, plain: &[u8]) -> Result<(Session, Vec<u8>), HandshakeError> {
        let (bytes, body) = plain.split_first_chunk::<BLOCK_LEN>().ok_or(Malformed::Truncated)?;
        let block = SecondBlock::parse(bytes)?;
        let suite = self.judge(&block)?;
        let split = noise::split(&mut self.state);
        let sas = SasPart::initiator(&split.2, self.nonce.clone(), &block.nonce);
        let session = Session::new(true, suite, self.callee.peer, &split, (&self.block, bytes), sas);
        Ok((session, body.to_vec()))
    }

    /// What an answer leads to: the best of what both say, and at least what the callee's device has signed in its bundle
    /// and its root in its roster.
    pub(super) fn judge(&self, block: &SecondBlock) -> Result<Suite, HandshakeError> {
        let suite = agree(&self.hello, &block.front.hello)?;
        if block.chosen != suite {
            return Err(HandshakeError::Choice);
        }
        let common = self.hello.versions.common(self.callee.versions);
        let least = common.unwrap_or_default().max(self.callee.peer.roster.least_version);
        let features = self.hello.features & self.callee.features;
        if suite.version < least || suite.features & features != features {
            return Err(HandshakeError::Downgrade);
        }
        Ok(suite)
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Initiator([redacted])")
    }
}
