//! The record in which an endpoint's prekeys are published: signed by a key of the contact card, sealed to those who hold it.

use core::time::Duration;

use p2pvoip_core::UnixTime;
use p2pvoip_crypto::{ContactCard, MailboxSecret, Prekeys};
use p2pvoip_dht::{Record, RecordKey};

/// The record that holds this bundle from `unix` on for a `lifetime`.
pub(crate) fn publish(
    secret: &MailboxSecret,
    bundle: &[u8],
    unix: UnixTime,
    lifetime: Duration,
) -> Option<Vec<u8>> {
    let key = RecordKey::from_secret(&secret.record_secret()).ok()?;
    let record = Record::sign(&key, unix.as_secs(), unix + lifetime, bundle).ok()?;
    record.emit().ok()
}

/// The prekeys in a record that was found for this card, if it is what it should be.
pub(crate) fn open(card: &ContactCard, bytes: &[u8], unix: UnixTime) -> Option<Prekeys> {
    let key = RecordKey::from_secret(&card.mailbox().record_secret()).ok()?;
    let record = Record::parse(bytes).ok()?;
    record.check(&key.slot(), unix).ok()?;
    card.mailbox().open_bundle(record.sealed(), card.fingerprint(), unix).ok()
}
