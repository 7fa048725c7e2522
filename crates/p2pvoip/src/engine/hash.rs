//! Mailboxes are named by the hash of a token or an owner's key; signal knows the rule, crypto the hash, and here they meet.

use p2pvoip_crypto::{owned_address, token_id};
use p2pvoip_signal::{MailboxId, Token};

/// The mailbox that this token opens.
pub(crate) fn mailbox_of(token: &Token) -> MailboxId {
    MailboxId::new(token_id(token.as_bytes()))
}

/// The mailbox whose owner has this public key.
pub(crate) fn owned_mailbox_of(key: &[u8; 32]) -> MailboxId {
    MailboxId::new(owned_address(key))
}
