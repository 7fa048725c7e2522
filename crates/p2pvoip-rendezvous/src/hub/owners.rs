//! Who owns an address: a connection that has signed its challenge with the key that the address is a hash of (Ed25519,
//! RFC 8032). Owning is listening there, and leave to publish there.
//!
//! # Why keys of small order need no refusal
//! RFC 8032 section 5.1.7 does not ask for one. For such a key anybody can make signatures, and so anybody owns its address;
//! but an address is a hash of all bytes of the key, so that this is an address of nobody else. No honest owner has one: its
//! keys are multiples of the base point.

use super::connections::Connection;
use super::{ConnectionId, Hub, Intent, name_of};
use p2pvoip_core::Instant;
use p2pvoip_signal::rendezvous::{PROOF_LEN, Refusal, RequestId, ServerFrame, own_statement};
use p2pvoip_signal::{MailboxId, OwnerKey, Slot};
use ring::signature::{ED25519, UnparsedPublicKey};

/// What stands before a key where its address is hashed, so that no token has the address of a key: a token's hash has
/// no such name, and 32 bytes in all.
const OWNED: &[u8] = b"p2pvoip owned";

/// The mailbox that a key owns: the first 16 bytes of the SHA-256 (FIPS 180-4) of `p2pvoip owned` and the key.
pub fn owned_mailbox_of(key: &OwnerKey) -> MailboxId {
    MailboxId::new(name_of(&[OWNED, key.as_bytes()]))
}

/// The slot that a key publishes into, by the same rule.
pub fn owned_slot_of(key: &OwnerKey) -> Slot {
    Slot::new(name_of(&[OWNED, key.as_bytes()]))
}

/// Whether the signature shows that this connection's user owns the key.
fn proves(key: &OwnerKey, connection: &Connection, signature: &[u8; PROOF_LEN]) -> bool {
    let statement = own_statement(&connection.challenge);
    UnparsedPublicKey::new(&ED25519, key.as_bytes()).verify(&statement, signature).is_ok()
}

impl Hub {
    /// Checks a proof of ownership. Everything that costs little is asked before the signature is looked at.
    pub(super) fn own(
        &mut self,
        from: ConnectionId,
        id: RequestId,
        (key, signature): (&OwnerKey, &[u8; PROOF_LEN]),
        now: Instant,
    ) {
        let Some(connection) = self.connections.get_mut(&from) else { return };
        if connection.keys.contains_key(key) {
            return self.answer(from, ServerFrame::Done { id });
        }
        if connection.keys.len() >= self.limits.keys_per_connection {
            return self.refuse(from, id, Refusal::Limit);
        }
        if !connection.checks.take(self.limits.ownership_checks, now) {
            return self.refuse(from, id, Refusal::TooFast);
        }
        if !proves(key, connection, signature) {
            connection.failed_proofs += 1;
            return self.refuse(from, id, Refusal::NotOwner);
        }
        let mailbox = owned_mailbox_of(key);
        self.make_way(&mailbox, now);
        if !self.mailboxes.admits(&mailbox, &self.limits) {
            return self.refuse(from, id, Refusal::Limit);
        }
        if let Some(connection) = self.connections.get_mut(&from) {
            connection.keys.insert(*key, mailbox);
        }
        self.hand_over(from, id, mailbox, now);
    }

    /// All who listen at an owned mailbox have proven that they own it, so that a further one is most likely the same
    /// device after its connections died unnoticed: the one that was heard of longest ago is closed for it.
    fn make_way(&mut self, mailbox: &MailboxId, now: Instant) {
        let listeners = self.mailboxes.listeners_of(mailbox);
        if listeners.len() < self.limits.most_listeners() {
            return;
        }
        let heard = |id: &ConnectionId| self.connections.get(id).map(|connection| connection.heard);
        if let Some(oldest) = listeners.iter().copied().min_by_key(heard) {
            self.on_closed(oldest, now);
            self.push(Intent::Close(oldest));
        }
    }

    /// Stops listening at the key's address, and publishing there. A record stays until its end.
    pub(super) fn disown(&mut self, from: ConnectionId, key: &OwnerKey, now: Instant) {
        let connection = self.connections.get_mut(&from);
        if let Some(mailbox) = connection.and_then(|connection| connection.keys.remove(key)) {
            self.mailboxes.forget(&mailbox, from, now);
        }
    }

    /// Whether this connection may publish at the key's address.
    pub(super) fn owns(&self, from: ConnectionId, key: &OwnerKey) -> bool {
        self.connections.get(&from).is_some_and(|connection| connection.keys.contains_key(key))
    }
}
