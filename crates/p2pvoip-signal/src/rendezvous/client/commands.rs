//! What the owner of a client may ask for. All of it is asked again on a new connection until it is answered.

use super::{Client, Timer};
use crate::rendezvous::frame::{MAX_BUNDLE_LEN, MAX_LIFETIME, RequestId};
use crate::rendezvous::requests::{Ask, MAX_KEYS, MAX_LISTENS, MAX_REQUESTS, Outgoing, REQUEST_WAIT};
use crate::{Envelope, MailboxId, OwnerKey, Slot, Token};
use p2pvoip_core::{Full, Instant};
use std::sync::Arc;
use std::time::Duration;

/// Why a command was refused; nothing has changed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The outbox has no room now.
    #[error(transparent)]
    Full(#[from] Full),
    /// The table of requests is full.
    #[error("{MAX_REQUESTS} requests wait for an answer; wait for one of them")]
    TooManyRequests,
    /// The table of mailboxes is full.
    #[error("{MAX_LISTENS} mailboxes are listened to; forget one of them")]
    TooManyListens,
    /// The table of keys is full.
    #[error("{MAX_KEYS} keys are owned on this connection; disown one of them")]
    TooManyKeys,
    /// There is no connection whose challenge could have been signed.
    #[error("the server is not connected; own the key when its next challenge comes")]
    Offline,
    /// The record is too long.
    #[error("the record is longer than {MAX_BUNDLE_LEN} bytes")]
    RecordTooLong,
    /// The record should stay for too long.
    #[error("a record stays published for at most seven days; publish it anew before")]
    LifetimeTooLong,
}

impl Client {
    /// Listens to the mailbox of `token`, now and after each reconnection, until [`forget`](Self::forget). The same
    /// token again gives the same id and changes nothing.
    ///
    /// # Errors
    /// [`CommandError`] when there is no room.
    pub fn listen(&mut self, token: Token, now: Instant) -> Result<RequestId, CommandError> {
        if let Some((id, _)) = self.listens.iter().find(|(_, known)| *known == token) {
            return Ok(*id);
        }
        if self.listens.is_full() {
            return Err(CommandError::TooManyListens);
        }
        self.outbox.require(1)?;
        self.at(now);
        let id = RequestId(self.rng.next_u64());
        self.listens.push(id, token);
        if self.is_online() {
            self.send(Outgoing::Listen { id, token });
        }
        Ok(id)
    }

    /// Listens no longer; nothing happens when it did not.
    ///
    /// # Errors
    /// [`CommandError::Full`] when the outbox has no room now.
    pub fn forget(&mut self, token: &Token, now: Instant) -> Result<(), CommandError> {
        self.outbox.require(1)?;
        self.at(now);
        let known = self.listens.remove_where(|_, known| known == token);
        if known.is_some() && self.is_online() {
            self.send(Outgoing::Forget { token: *token });
        }
        Ok(())
    }

    /// Puts an envelope into a mailbox; answered by `Delivered`, `Absent`, `Refused` or `TimedOut`.
    ///
    /// # Errors
    /// [`CommandError`] when there is no room.
    pub fn put(
        &mut self,
        to: MailboxId,
        envelope: Envelope,
        now: Instant,
    ) -> Result<RequestId, CommandError> {
        self.ask(Ask::Put { to, envelope: Arc::new(envelope) }, now)
    }

    /// Publishes a record at the address of `key` for a `lifetime`; answered by `Published`, `Refused` or `TimedOut`. It
    /// is sent once the key is [owned](Self::own), on this connection or the next. A record of a lower sequence than the
    /// published one is refused as [`Older`](crate::rendezvous::Refusal::Older).
    ///
    /// # Errors
    /// [`CommandError`] when there is no room, or a limit is passed.
    pub fn publish(
        &mut self,
        key: OwnerKey,
        sequence: u64,
        bytes: &[u8],
        lifetime: Duration,
        now: Instant,
    ) -> Result<RequestId, CommandError> {
        if bytes.len() > MAX_BUNDLE_LEN {
            return Err(CommandError::RecordTooLong);
        }
        if lifetime > MAX_LIFETIME {
            return Err(CommandError::LifetimeTooLong);
        }
        let lifetime = u32::try_from(lifetime.as_secs()).map_err(|_| CommandError::LifetimeTooLong)?;
        self.ask(Ask::Publish { key, sequence, lifetime, bytes: bytes.into() }, now)
    }

    /// Asks for the record of a slot; answered by `Fetched`, `Refused` or `TimedOut`.
    ///
    /// # Errors
    /// [`CommandError`] when there is no room.
    pub fn fetch(&mut self, slot: Slot, now: Instant) -> Result<RequestId, CommandError> {
        self.ask(Ask::Fetch { slot }, now)
    }

    fn ask(&mut self, ask: Ask, now: Instant) -> Result<RequestId, CommandError> {
        if self.requests.is_full() {
            return Err(CommandError::TooManyRequests);
        }
        self.outbox.require(1)?;
        self.at(now);
        let id = RequestId(self.rng.next_u64());
        self.timers.set(Timer::Request(id), self.now + REQUEST_WAIT);
        if self.is_online() && self.may_ask(&ask) {
            self.send(Outgoing::Ask { id, ask: ask.clone() });
        }
        self.requests.push(id, ask);
        Ok(id)
    }
}
