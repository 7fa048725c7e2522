//! The record in which an endpoint's prekeys are published.

use core::time::Duration;
use p2pvoip_core::UnixTime;
use p2pvoip_crypto::{ContactCard, MailboxSecret, Prekeys};

pub(crate) fn publish(_secret: &MailboxSecret, bundle: &[u8], _unix: UnixTime, _life: Duration) -> Option<Vec<u8>> {
    Some(bundle.to_vec())
}

pub(crate) fn open(card: &ContactCard, bytes: &[u8], unix: UnixTime) -> Option<Prekeys> {
    card.mailbox().open_bundle(bytes, card.fingerprint(), unix).ok()
}
