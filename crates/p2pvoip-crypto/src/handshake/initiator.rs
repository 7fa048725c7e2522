//! The caller's side: writes message 1 to a prekey, and reads message 2.

use core::fmt;

use p2pvoip_core::{Seed, UnixTime};
use snow::HandshakeState;
use zeroize::Zeroizing;

use super::certificate::{Certificate, Purpose};
use super::hello::{Block, Hello, agree};
use super::resolver::Chance;
use super::{
    FORM, HandshakeError, Session, Side, ephemeral, join, parse_form, prologue, read, split, state, write,
};
use crate::bundle::Prekeys;
use crate::identity::{Identity, PUBLIC_LEN};
use crate::kdf::Key;

/// Stage: a handshake whose first message was written, and whose second one is awaited.
pub struct Initiator(Box<Waiting>);

struct Waiting {
    state: HandshakeState,
    recipe: Recipe,
    hello: Hello,
    block: Vec<u8>,
    peer: Prekeys,
    started: UnixTime,
}

/// From what message 1 is made: so that it can be made again when an authentic answer turns out to be of no use.
struct Recipe {
    device: Key,
    prekey: [u8; PUBLIC_LEN],
    period: u8,
    prologue: Vec<u8>,
    seed: Seed,
    plain: Zeroizing<Vec<u8>>,
}

impl Recipe {
    fn start(&self) -> Result<(HandshakeState, Vec<u8>), HandshakeError> {
        let chance = Chance::default();
        chance.set(self.seed.clone());
        let side = Side::Initiator { prekey: &self.prekey };
        let mut state = state(&side, &self.device, &self.prologue, &chance)?;
        let message = write(&mut state, &[FORM, self.period], &self.plain)?;
        Ok((state, message))
    }
}

impl Initiator {
    /// Starts a handshake with who published `peer`; gives message 1, which carries `payload` encrypted.
    ///
    /// The seed comes from the system and is used for nothing else. The payload of message 1 is only as safe as the
    /// callee's prekey (see the specification): it names no addresses of the caller before the call is accepted.
    ///
    /// # Errors
    /// [`HandshakeError`] when the message would be too long, or no version is spoken by both.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is given once, so it is given away")]
    pub fn start(
        identity: &Identity,
        peer: &Prekeys,
        hello: &Hello,
        payload: &[u8],
        seed: Seed,
        now: UnixTime,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        hello.versions.common(peer.versions).ok_or(HandshakeError::NoCommonVersion)?;
        let certificate = Certificate::issue(identity, Purpose::Device, identity.device_public(), now);
        let block = Block { hello: hello.clone(), made: now, certificate, chosen: None }.emit()?;
        let [period, ..] = peer.period.to_le_bytes();
        let plain = join(&block, payload)?;
        let recipe = Recipe {
            device: identity.device().clone(),
            prekey: peer.prekey,
            period,
            prologue: prologue(period, &peer.fingerprint()),
            seed: ephemeral(&seed, &[b"initiator", identity.device_public(), &peer.prekey, &plain]),
            plain,
        };
        let (state, message) = recipe.start()?;
        let waiting =
            Waiting { state, recipe, hello: hello.clone(), block, peer: peer.clone(), started: now };
        Ok((Self(Box::new(waiting)), message))
    }

    /// Reads message 2; gives the session and the payload of the responder.
    ///
    /// # Errors
    /// [`HandshakeError`] when it is not the answer to message 1, and the handshake back, which can still read another
    /// one.
    pub fn finish(mut self, message: &[u8]) -> Result<(Session, Vec<u8>), (Self, HandshakeError)> {
        match self.0.read(message) {
            Ok(finished) => Ok(finished),
            Err(error) => Err((self, error)),
        }
    }
}

impl Waiting {
    fn read(&mut self, message: &[u8]) -> Result<(Session, Vec<u8>), HandshakeError> {
        let plain = read(&mut self.state, parse_form(message)?.rest())?;
        let finished = self.accept(&plain);
        if finished.is_err() {
            // Noise has moved on, since the message was authentic: go back to before it.
            self.state = self.recipe.start()?.0;
        }
        finished
    }

    /// Checks what Noise does not: whose key it was, and what was chosen.
    fn accept(&mut self, plain: &[u8]) -> Result<(Session, Vec<u8>), HandshakeError> {
        let (bytes, payload) = split(plain)?;
        let block = Block::parse_second(bytes)?;
        if block.certificate.root() != self.peer.peer.root {
            return Err(HandshakeError::WrongPeer);
        }
        block.certificate.verify(Purpose::Prekey, &self.recipe.prekey, self.started)?;
        let suite = agree(&self.hello, &block.hello)?;
        if block.chosen != Some(suite) {
            return Err(HandshakeError::Choice);
        }
        Ok((Session::new(&mut self.state, suite, self.peer.peer, (&self.block, bytes)), payload.to_vec()))
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Initiator([redacted])")
    }
}
