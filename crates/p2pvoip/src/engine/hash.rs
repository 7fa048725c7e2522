//! Mailboxes are named by the hash of their token; signal knows the rule, crypto the hash, and here they meet.

use p2pvoip_crypto::token_id;
use p2pvoip_signal::{MailboxId, Token};

/// The mailbox that this token opens.
pub(crate) fn mailbox_of(token: &Token) -> MailboxId {
    MailboxId::new(token_id(token.as_bytes()))
}
