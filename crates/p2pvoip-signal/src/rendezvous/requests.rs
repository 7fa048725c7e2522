//! What a client has asked of the server and not heard of yet, the mailboxes that it listens to, and the keys that it owns.
//!
//! All of it but the keys, which are proven anew, is asked again on a new connection, under the same ids. What an entry holds is shared and never changes,
//! so that an intent in the outbox is the bytes that were meant, whatever happens to the entry.

use super::frame::{ClientFrame, PROOF_LEN, PROTOCOL_VERSION, RequestId};
use crate::{Envelope, MailboxId, OwnerKey, Slot, Token};
use p2pvoip_core::wire::Malformed;
use std::sync::Arc;
use std::time::Duration;

/// The most unanswered requests, besides those to listen.
pub const MAX_REQUESTS: usize = 32;
/// The most mailboxes that one client listens to.
pub const MAX_LISTENS: usize = 32;
/// The most keys that one connection owns: some identities, each on two neighbouring days.
pub const MAX_KEYS: usize = 16;
/// How long a request waits for its answer, a reconnection included.
pub const REQUEST_WAIT: Duration = Duration::from_secs(15);

/// One request.
#[derive(Clone)]
pub(super) enum Ask {
    Put { to: MailboxId, envelope: Arc<Envelope> },
    Publish { key: OwnerKey, sequence: u64, lifetime: u32, bytes: Arc<[u8]> },
    Fetch { slot: Slot },
}

/// A key that was shown to the server of the present connection.
pub(super) struct Owned {
    pub(super) key: OwnerKey,
    /// Whether the server has said that it is.
    pub(super) proven: bool,
}

/// A frame that is to be sent.
#[derive(Clone)]
pub(super) enum Outgoing {
    Hello,
    Listen { id: RequestId, token: Token },
    Forget { token: Token },
    Own { id: RequestId, key: OwnerKey, signature: Box<[u8; PROOF_LEN]> },
    Disown { key: OwnerKey },
    Ask { id: RequestId, ask: Ask },
    Received { serial: u32 },
    Ping { nonce: u32 },
}

impl Outgoing {
    pub(super) fn emit(&self, buf: &mut [u8]) -> Result<usize, Malformed> {
        let frame = match self {
            Self::Hello => ClientFrame::Hello { version: PROTOCOL_VERSION },
            Self::Listen { id, token } => ClientFrame::Listen { id: *id, token: *token },
            Self::Forget { token } => ClientFrame::Forget { token: *token },
            Self::Own { id, key, signature } => ClientFrame::Own { id: *id, key: *key, signature },
            Self::Disown { key } => ClientFrame::Disown { key: *key },
            Self::Received { serial } => ClientFrame::Received { serial: *serial },
            Self::Ping { nonce } => ClientFrame::Ping { nonce: *nonce },
            Self::Ask { id, ask } => match ask {
                Ask::Put { to, envelope } => {
                    ClientFrame::Put { id: *id, to: *to, envelope: envelope.as_bytes() }
                }
                Ask::Publish { key, sequence, lifetime, bytes } => ClientFrame::Publish {
                    id: *id,
                    key: *key,
                    sequence: *sequence,
                    lifetime: *lifetime,
                    bytes,
                },
                Ask::Fetch { slot } => ClientFrame::Fetch { id: *id, slot: *slot },
            },
        };
        frame.emit(buf)
    }
}

/// A table of at most `limit` entries in the order in which they came.
pub(super) struct Table<T> {
    entries: Vec<(RequestId, T)>,
    limit: usize,
}

impl<T> Table<T> {
    pub(super) const fn new(limit: usize) -> Self {
        Self { entries: Vec::new(), limit }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.entries.len() >= self.limit
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry; the caller has asked whether there is room.
    pub(super) fn push(&mut self, id: RequestId, entry: T) {
        debug_assert!(!self.is_full(), "room was asked for");
        self.entries.push((id, entry));
    }

    pub(super) fn get(&self, id: RequestId) -> Option<&T> {
        self.entries.iter().find(|(known, _)| *known == id).map(|(_, entry)| entry)
    }

    pub(super) fn get_mut(&mut self, id: RequestId) -> Option<&mut T> {
        self.entries.iter_mut().find(|(known, _)| *known == id).map(|(_, entry)| entry)
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<T> {
        self.remove_where(|known, _| known == id)
    }

    pub(super) fn remove_where(&mut self, mut is: impl FnMut(RequestId, &T) -> bool) -> Option<T> {
        let at = self.entries.iter().position(|(id, entry)| is(*id, entry))?;
        Some(self.entries.remove(at).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(RequestId, T)> {
        self.entries.iter()
    }
}
