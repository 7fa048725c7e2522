//! What a call tells its peer by envelope: sealed messages, and candidates in both directions.

use std::collections::VecDeque;

use p2pvoip_core::Instant;
use p2pvoip_crypto::SignalCipher;
use p2pvoip_nat::{Agent, Candidate, CommandError};
use p2pvoip_signal::{CallId, Envelope, LETTER_LEN, MAX_CANDIDATES, MailboxId, Message, Token, pad, unpad};

/// Remote candidates that are kept until the agent may have them.
const MAX_HELD: usize = 64;

/// The letters of one call.
#[expect(clippy::struct_excessive_bools, reason = "five independent facts, each asked by itself")]
pub(super) struct Letters {
    id: CallId,
    mailbox: Token,
    peer: Option<MailboxId>,
    cipher: Option<SignalCipher>,
    out: VecDeque<(MailboxId, Envelope)>,
    /// Our candidates that were not told yet, and whether more will come; told once `may_tell` is set.
    local: Vec<Vec<u8>>,
    local_ended: bool,
    local_told: bool,
    may_tell: bool,
    /// The peer's candidates that the agent was not given yet; given once `may_feed` is set.
    held: VecDeque<Candidate>,
    held_ended: bool,
    may_feed: bool,
}

impl Letters {
    pub(super) fn new(id: CallId, mailbox: Token) -> Self {
        Self {
            id,
            mailbox,
            peer: None,
            cipher: None,
            out: VecDeque::new(),
            local: Vec::new(),
            local_ended: false,
            local_told: false,
            may_tell: false,
            held: VecDeque::new(),
            held_ended: false,
            may_feed: false,
        }
    }

    pub(super) const fn id(&self) -> CallId {
        self.id
    }

    pub(super) const fn mailbox(&self) -> &Token {
        &self.mailbox
    }

    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Puts a handshake message on its way; whether it has the length of an envelope.
    pub(super) fn post(&mut self, to: MailboxId, bytes: &[u8]) -> bool {
        match Envelope::from_bytes(bytes) {
            Ok(envelope) => {
                self.out.push_back((to, envelope));
                true
            }
            Err(_) => false,
        }
    }

    /// From now on messages can be sealed, to that mailbox.
    pub(super) fn secure(&mut self, peer: MailboxId, cipher: SignalCipher) {
        self.peer = Some(peer);
        self.cipher = Some(cipher);
    }

    /// The peer may learn our addresses from now on.
    pub(super) const fn allow_telling(&mut self) {
        self.may_tell = true;
    }

    /// The agent may learn the peer's addresses, and so send to them, from now on.
    pub(super) const fn allow_feeding(&mut self) {
        self.may_feed = true;
    }

    /// Seals a message and puts it on its way; before the handshake is done there is nobody to tell.
    pub(super) fn tell(&mut self, message: &Message) {
        let (Some(to), Some(cipher)) = (self.peer, &mut self.cipher) else { return };
        let Ok(plaintext) = message.emit().and_then(|bytes| pad(&bytes, LETTER_LEN)) else { return };
        let Ok(sealed) = cipher.seal(&plaintext) else { return };
        self.post(to, &sealed);
    }

    /// Opens a sealed message of the peer.
    pub(super) fn open(&mut self, envelope: &Envelope) -> Option<Message> {
        let plaintext = self.cipher.as_mut()?.open(envelope.as_bytes()).ok()?;
        Message::parse(unpad(&plaintext).ok()?).ok()
    }

    /// The next envelope; its bytes are written to `buf`.
    pub(super) fn pop(&mut self, buf: &mut [u8]) -> Option<(MailboxId, usize)> {
        let (to, envelope) = self.out.pop_front()?;
        let bytes = envelope.as_bytes();
        buf.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some((to, bytes.len()))
    }

    pub(super) fn add_local(&mut self, candidate: &Candidate) {
        let mut bytes = vec![0; Candidate::MAX_LEN];
        if let Ok(len) = candidate.emit(&mut bytes) {
            bytes.truncate(len);
            self.local.push(bytes);
        }
    }

    pub(super) const fn end_local(&mut self) {
        self.local_ended = true;
    }

    /// Tells the candidates that are waiting in one message; whether there was something to tell.
    pub(super) fn tell_candidates(&mut self) -> bool {
        let last_to_tell = self.local_ended && !self.local_told;
        if !self.may_tell || (self.local.is_empty() && !last_to_tell) {
            return false;
        }
        let rest = self.local.split_off(self.local.len().min(MAX_CANDIDATES));
        let list = core::mem::replace(&mut self.local, rest);
        let last = self.local_ended && self.local.is_empty();
        self.local_told |= last;
        self.tell(&Message::Candidates { list, last });
        true
    }

    /// Keeps the peer's candidates until the agent may have them; beyond the limit they are dropped.
    pub(super) fn hold(&mut self, list: &[Vec<u8>], last: bool) {
        for candidate in list.iter().filter_map(|bytes| Candidate::parse(bytes).ok()) {
            if self.held.len() < MAX_HELD {
                self.held.push_back(candidate);
            }
        }
        self.held_ended |= last;
    }

    /// Gives the agent what it may have, as long as it has room.
    pub(super) fn feed(&mut self, agent: &mut Agent, now: Instant) {
        if !self.may_feed {
            return;
        }
        while let Some(candidate) = self.held.front() {
            if agent.add_remote_candidate(*candidate, now) == Err(CommandError::Full) {
                return;
            }
            // A candidate that the agent does not want is dropped there and counted.
            self.held.pop_front();
        }
        if core::mem::take(&mut self.held_ended) {
            agent.end_of_remote_candidates(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_nat::Kind;

    #[test]
    fn a_flood_of_candidates_is_cut_at_the_limit() {
        let mut letters = Letters::new(CallId::new([1; 16]), Token::new([2; 32]));
        let mut bytes = vec![0; Candidate::MAX_LEN];
        let candidate = Candidate::new(Kind::Host, "192.0.2.1:9".parse().unwrap(), 0x7eff_ffff, 1);
        let len = candidate.emit(&mut bytes).unwrap();
        bytes.truncate(len);
        for _ in 0..3 {
            letters.hold(&vec![bytes.clone(); MAX_CANDIDATES], false);
        }
        letters.hold(&[vec![0xff; 3]], true);
        assert_eq!((letters.held.len(), letters.held_ended), (MAX_HELD, true));
    }
}
