//! Setting up a call: the handshake in the first two envelopes, and what each side says of itself inside it.

use std::collections::VecDeque;
use std::sync::Arc;

use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::{
    Aead, Callee, FIRST_OVERHEAD, Fingerprint, HandshakeError, Hello, Identity, Initiator, Opener,
    RekeySecret, Responder, SECOND_OVERHEAD, Sealer, Session, VersionRange, stir,
};
use p2pvoip_nat as nat;
use p2pvoip_nat::{Agent, Credentials, Role};
use p2pvoip_signal::call::{Call as State, Offered, Rung};
use p2pvoip_signal::{
    ANSWER_BODY_LEN, AnswerBody, CallId, ENVELOPE_LEN, EndReason, Envelope, MailboxId, Message,
    OFFER_BODY_LEN, OfferBody, RejectReason, Token, pad, unpad,
};

use super::letters::Letters;
use super::rekey::Rekey;
use super::stats::Monitor;
use super::verification::Verification;
use super::voice::Voice;
use super::{Call, Refused};
use crate::codec::Codec;
use crate::engine::description;
use crate::engine::hash::mailbox_of;
use crate::event::Encryption;

/// The key agreement of version 1.1, for people.
pub(crate) const HANDSHAKE: &str = "Noise IKpsk2, X25519 + ML-KEM-768";
const _: () = assert!(
    FIRST_OVERHEAD + OFFER_BODY_LEN == ENVELOPE_LEN && SECOND_OVERHEAD + ANSWER_BODY_LEN == ENVELOPE_LEN,
    "both first messages fill an envelope"
);

/// What every call is made of.
pub(crate) struct Parts<'a> {
    pub(crate) codec: &'a Arc<dyn Codec>,
    pub(crate) nat: &'a nat::Config,
    pub(crate) seed: Seed,
    /// What the contact book says of the other side.
    pub(crate) known: Option<crate::contacts::Contact>,
}

/// Whom an offer goes to.
pub(crate) struct Contact<'a> {
    pub(crate) mailbox: MailboxId,
    pub(crate) callee: Callee<'a>,
    /// The least version that its card allows: nobody in between can talk us into an earlier one.
    pub(crate) least_version: u8,
}

/// What waits for the call to go on: for the answer, or to be accepted.
pub(super) struct Pending {
    /// The caller's half of the handshake, until the answer comes.
    initiator: Option<Initiator>,
    /// The peer's ICE credentials, until the call is accepted.
    theirs: Option<Credentials>,
    /// The keys of the sealed path, until it is opened.
    keys: Option<MediaKeys>,
    /// Chance for the handshake's messages to come.
    handshake_seed: Seed,
    /// Chance for the re-keys of the sealed path, until it is opened.
    rekey_seed: Option<Seed>,
    codec: Arc<dyn Codec>,
}

impl Pending {
    /// Chance for one message of the handshake. A caller tries a contact's devices in turn: no two messages share their chance,
    /// and what was taken cannot be made again.
    fn take_handshake_seed(&mut self) -> Seed {
        let taken = self.handshake_seed.derive("message");
        self.handshake_seed = self.handshake_seed.derive("spent");
        taken
    }
}

/// The keys of the sealed path, until it is opened.
struct MediaKeys {
    sealer: Sealer,
    opener: Opener,
    rekey: RekeySecret,
}

/// Why a call could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error(transparent)]
    Nat(#[from] nat::ConfigError),
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("what the two sides say of themselves does not fit into an envelope")]
    TooLong,
    #[error("what the caller shows does not fit what is known of it")]
    NotTrusted,
    #[error("the offer's ICE credentials are not what the format says")]
    Credentials,
}

impl Call {
    /// A call that looks for its contact; [`offer`](Call::offer) follows when the contact's prekeys are found.
    pub(crate) fn dial(parts: &Parts<'_>, now: Instant) -> Result<Self, nat::ConfigError> {
        let id = CallId::random(&mut parts.seed.derive("call id").rng());
        let mut call = Self::new(parts, id, State::Offered(Offered::new(id, now)), Role::Controlling, now)?;
        call.announce(now);
        Ok(call)
    }

    /// The contact is found: the handshake's first message goes out.
    pub(crate) fn offer(
        &mut self,
        identity: &Identity,
        contact: &Contact<'_>,
        unix: UnixTime,
        now: Instant,
    ) -> Result<(), SetupError> {
        self.now = now;
        let body = OfferBody {
            call_id: self.id(),
            reply_to: mailbox_of(self.mailbox()),
            at: unix,
            ice: credentials(&self.agent)?,
            media: description::OURS.to_vec(),
        };
        let payload =
            body.emit().and_then(|body| pad(&body, OFFER_BODY_LEN)).map_err(|_| SetupError::TooLong)?;
        let mut hello = Hello::for_this_machine();
        let versions = &mut hello.versions;
        *versions = VersionRange::new(versions.least().max(contact.least_version), versions.greatest())
            .ok_or(HandshakeError::NoCommonVersion)?;
        let seed = self.pending.take_handshake_seed();
        let (initiator, message) = Initiator::start(identity, &contact.callee, &hello, &payload, seed, unix)?;
        if !self.letters.post(contact.mailbox, &message) {
            return Err(SetupError::TooLong);
        }
        self.peer = Some(contact.callee.prekeys.fingerprint());
        self.pending.initiator = Some(initiator);
        Ok(())
    }

    /// A call that rings here: the handshake is answered at once, nothing of our addresses is told.
    pub(crate) fn ring(
        parts: &Parts<'_>,
        responder: Responder,
        offer: &OfferBody,
        now: Instant,
    ) -> Result<Self, SetupError> {
        let mut call = Self::new(
            parts,
            offer.call_id,
            State::Rung(Rung::new(offer.call_id, now)),
            Role::Controlled,
            now,
        )?;
        let answer = AnswerBody {
            reply_to: mailbox_of(call.mailbox()),
            ice: credentials(&call.agent)?,
            media: description::OURS.to_vec(),
        };
        let payload =
            answer.emit().and_then(|body| pad(&body, ANSWER_BODY_LEN)).map_err(|_| SetupError::TooLong)?;
        let theirs = Credentials::parse(&offer.ice).map_err(|_| SetupError::Credentials)?;
        call.pending.theirs = Some(theirs);
        let seed = call.pending.take_handshake_seed();
        let (session, message) = responder.answer(&payload, &Hello::for_this_machine(), seed)?;
        if !call.letters.post(offer.reply_to, &message) {
            return Err(SetupError::TooLong);
        }
        if !call.secure(session, offer.reply_to) {
            return Err(SetupError::NotTrusted);
        }
        call.announce(now);
        if !description::fits(&offer.media) {
            call.reject(RejectReason::Unsupported, now);
        }
        Ok(call)
    }

    fn new(
        parts: &Parts<'_>,
        id: CallId,
        state: State,
        role: Role,
        now: Instant,
    ) -> Result<Self, nat::ConfigError> {
        let seed = &parts.seed;
        let mailbox = Token::random(&mut seed.derive("mailbox").rng());
        let agent = Agent::new(parts.nat.clone(), role, seed.derive("nat"), now)?;
        Ok(Self {
            state,
            told: None,
            outgoing: role == Role::Controlling,
            agent,
            letters: Letters::new(id, mailbox),
            pending: Pending {
                initiator: None,
                theirs: None,
                keys: None,
                handshake_seed: seed.derive("handshake"),
                rekey_seed: Some(seed.derive("re-key")),
                codec: Arc::clone(parts.codec),
            },
            voice: None,
            peer: None,
            base: None,
            learnt: None,
            verification: Verification::of(parts.known.clone()),
            events: VecDeque::new(),
            monitor: Monitor::new(),
            ended_at: None,
            left: false,
            now,
        })
    }

    /// An envelope came to the call's mailbox: the answer, as long as one is waited for, or a letter.
    pub(super) fn open_letter(&mut self, envelope: &Envelope, now: Instant) -> Result<(), Refused> {
        if let Some(initiator) = self.pending.initiator.take() {
            return self.on_answer(initiator, envelope.as_bytes(), now);
        }
        let message = self.letters.open(envelope).ok_or(Refused::Envelope)?;
        self.on_message(&message, now);
        Ok(())
    }

    fn on_answer(&mut self, initiator: Initiator, message: &[u8], now: Instant) -> Result<(), Refused> {
        let (session, payload) = match initiator.finish(message) {
            Ok(finished) => finished,
            Err((initiator, _why)) => {
                self.pending.initiator = Some(initiator);
                return Err(Refused::Envelope);
            }
        };
        // From here on the peer is authenticated: what is wrong now is its fault, and ends the call.
        let answer = unpad(&payload).and_then(AnswerBody::parse).ok();
        let theirs = answer.as_ref().and_then(|answer| Credentials::parse(&answer.ice).ok());
        let (Some(answer), Some(theirs)) = (answer, theirs) else {
            self.step(now, |state| state.fail(EndReason::NotTrusted));
            return Ok(());
        };
        if !self.secure(session, answer.reply_to) {
            self.step(now, |state| state.fail(EndReason::NotTrusted));
            return Ok(());
        }
        self.step(now, |state| state.on_answer(now));
        self.pending.theirs = Some(theirs);
        if !description::fits(&answer.media) {
            self.step(now, |state| state.fail(EndReason::Unsupported));
        }
        self.letters.allow_telling();
        Ok(())
    }

    fn on_message(&mut self, message: &Message, now: Instant) {
        if let Message::Candidates { list, last } = message {
            self.letters.hold(list, *last);
        }
        let fitted = self.try_step(now, |state| state.on_message(message, now));
        if let (true, Message::Reveal { nonce }) = (fitted, message) {
            self.on_reveal(nonce, now);
        }
    }

    /// Both have keys: who it is is known, and messages can be sealed. Whether the call may go on.
    fn secure(&mut self, session: Session, peer: MailboxId) -> bool {
        let fingerprint: Fingerprint = session.peer.fingerprint;
        let encryption = Encryption {
            version: session.suite.version,
            aead: aead_name(session.suite.aead),
            handshake: HANDSHAKE,
            peer: fingerprint,
            identity: session.peer,
        };
        self.peer = Some(fingerprint);
        self.pending.keys =
            Some(MediaKeys { sealer: session.sealer, opener: session.opener, rekey: session.rekey });
        self.letters.secure(peer, session.signal);
        if !self.prove(session.peer, session.sas) {
            return false;
        }
        // Who has given the call up is not told that it is encrypted.
        if !self.state().is_ended() {
            self.events.push_back(crate::event::CallEvent::Encrypted(encryption));
            self.tell_trust();
            self.reveal();
        }
        true
    }

    /// Mixes fresh chance of the system into all that this call has yet to draw keys from.
    pub(crate) fn stir(&mut self, chance: &[u8; 32]) {
        let pending = &mut self.pending;
        pending.handshake_seed = stir(&pending.handshake_seed, chance);
        if let Some(seed) = &mut pending.rekey_seed {
            *seed = stir(seed, chance);
        }
        if let Some(voice) = &mut self.voice {
            voice.stir(chance);
        }
    }

    /// The call is accepted: voice may travel as soon as there is a path, and addresses may be told and used.
    pub(super) fn open_voice(&mut self, now: Instant) {
        self.letters.allow_telling();
        self.letters.allow_feeding();
        // Only now: the agent's patience begins with the peer's credentials, and ringing takes its time.
        let ready = self
            .pending
            .theirs
            .take()
            .is_some_and(|theirs| self.agent.set_remote_credentials(theirs, now).is_ok());
        if !ready {
            return self.step(now, |state| state.fail(EndReason::Failed));
        }
        let (Some(keys), Some(seed)) = (self.pending.keys.take(), self.pending.rekey_seed.take()) else {
            return;
        };
        let rekey = Rekey::new(self.outgoing, keys.rekey, seed, now);
        match Voice::new(keys.sealer, keys.opener, rekey, &*self.pending.codec, now) {
            Ok(voice) => self.voice = Some(Box::new(voice)),
            Err(error) => {
                tracing::error!(%error, "the voice path could not be opened");
                self.step(now, |state| state.fail(EndReason::Failed));
            }
        }
    }
}

/// An algorithm's name, for people.
const fn aead_name(aead: Aead) -> &'static str {
    match aead {
        Aead::Aes256Gcm => "AES-256-GCM",
        Aead::ChaCha20Poly1305 => "ChaCha20-Poly1305",
    }
}

fn credentials(agent: &Agent) -> Result<Vec<u8>, SetupError> {
    let mut bytes = vec![0; Credentials::LEN];
    agent.credentials().emit(&mut bytes).map_err(|_| SetupError::TooLong)?;
    Ok(bytes)
}
