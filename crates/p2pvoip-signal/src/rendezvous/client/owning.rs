//! Keys that the user of a client owns: shown to the server of one connection, and what waits until it has checked them.
//!
//! The proof is a signature of that connection's challenge, so that nothing is kept when the connection ends: the next one
//! has its own challenge, and the owner proves what it still wants.

use super::commands::CommandError;
use super::{Client, Event};
use crate::OwnerKey;
use crate::rendezvous::frame::{PROOF_LEN, RequestId};
use crate::rendezvous::requests::{Ask, Outgoing, Owned};
use p2pvoip_core::{Full, Instant};

impl Client {
    /// Shows that we own this key, by a signature of [`own_statement`](crate::rendezvous::own_statement) over the last
    /// [`Event::Challenge`]; answered by `Owned` or `Refused`. From then on envelopes for the key's address come, and
    /// records can be published there, until [`disown`](Self::disown) or the end of the connection. A key that is owned
    /// already gives the same id and changes nothing; one that is not answered yet is shown anew.
    ///
    /// # Errors
    /// [`CommandError`] when there is no connection now or no room.
    pub fn own(
        &mut self,
        key: OwnerKey,
        signature: [u8; PROOF_LEN],
        now: Instant,
    ) -> Result<RequestId, CommandError> {
        if !self.is_online() {
            return Err(CommandError::Offline);
        }
        let known = self.keys.iter().find(|(_, known)| known.key == key);
        match known {
            Some((id, known)) if known.proven => return Ok(*id),
            None if self.keys.is_full() => return Err(CommandError::TooManyKeys),
            Some(_) | None => {}
        }
        self.outbox.require(1)?;
        self.at(now);
        let id = RequestId(self.rng.next_u64());
        self.keys.remove_where(|_, known| known.key == key);
        self.keys.push(id, Owned { key, proven: false });
        self.send(Outgoing::Own { id, key, signature: Box::new(signature) });
        Ok(id)
    }

    /// Owns the key no longer, on this connection; nothing happens when it did not. A record stays until its end.
    ///
    /// # Errors
    /// [`CommandError::Full`] when the outbox has no room now.
    pub fn disown(&mut self, key: &OwnerKey, now: Instant) -> Result<(), CommandError> {
        self.outbox.require(1)?;
        self.at(now);
        if self.keys.remove_where(|_, known| known.key == *key).is_some() {
            self.send(Outgoing::Disown { key: *key });
        }
        Ok(())
    }

    /// Whether the server of this connection has checked that we own this key.
    pub fn owns(&self, key: &OwnerKey) -> bool {
        self.keys.iter().any(|(_, known)| known.key == *key && known.proven)
    }

    /// Whether this can be sent now: a publication waits until its key is owned.
    pub(super) fn may_ask(&self, ask: &Ask) -> bool {
        match ask {
            Ask::Publish { key, .. } => self.owns(key),
            Ask::Put { .. } | Ask::Fetch { .. } => true,
        }
    }

    /// The server has checked it: what waited for that is sent.
    pub(super) fn on_owned(&mut self, id: RequestId, key: OwnerKey) -> Result<(), Full> {
        let waits = |ask: &Ask| matches!(ask, Ask::Publish { key: with, .. } if *with == key);
        let waiting: Vec<_> = self.requests.iter().filter(|(_, ask)| waits(ask)).cloned().collect();
        self.outbox.require(1 + waiting.len())?;
        match self.keys.get_mut(id) {
            Some(known) if !known.proven => known.proven = true,
            Some(_) | None => {
                self.stats.late_answers += 1;
                return Ok(());
            }
        }
        self.tell(Event::Owned { id, key });
        for (id, ask) in waiting {
            self.send(Outgoing::Ask { id, ask });
        }
        Ok(())
    }
}
