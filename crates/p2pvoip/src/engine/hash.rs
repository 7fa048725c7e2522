//! Mailboxes and slots are named by the hash of their token; signal knows the rule, crypto the hash, and here they meet.

use p2pvoip_crypto::token_id;
use p2pvoip_signal::{MailboxId, Slot, Token};

/// The mailbox that this token opens.
pub(crate) fn mailbox_of(token: &Token) -> MailboxId {
    MailboxId::new(token_id(token.as_bytes()))
}

/// The slot that this token writes.
pub(crate) fn slot_of(token: &Token) -> Slot {
    Slot::new(token_id(token.as_bytes()))
}
