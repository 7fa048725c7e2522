//! The mailbox secret: what a contact card holder needs to find a mailbox and to open the bundle in it.
//!
//! A token is shown to the server to listen or to publish; its identifier is the first 16 bytes of its SHA-256 hash.
//! Mailboxes change daily, so that the server cannot follow one over days by its identifier.
//!
//! # Left out
//! - Telling the owner from a contact: every holder of the card can derive the token (see the specification).

use core::fmt;

use p2pvoip_core::UnixTime;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::bundle::{self, BundleError, Prekeys};
use crate::identity::Fingerprint;
use crate::kdf::{self, Key};
use crate::presence;

/// Bytes of a mailbox secret.
pub const MAILBOX_SECRET_LEN: usize = 16;

/// The identifier of a token: the first 16 bytes of its SHA-256 hash.
pub fn token_id(token: &[u8; 32]) -> [u8; 16] {
    kdf::array(&kdf::sha256(&[token]))
}

/// What an identity shares with all its contacts; overwritten when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MailboxSecret([u8; MAILBOX_SECRET_LEN]);

impl MailboxSecret {
    /// The secret of these bytes.
    pub const fn new(bytes: [u8; MAILBOX_SECRET_LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes. Secret.
    pub(crate) const fn expose(&self) -> &[u8; MAILBOX_SECRET_LEN] {
        &self.0
    }

    /// The mailbox of a day ([`UnixTime::day`]): where envelopes are put.
    pub fn mailbox(&self, day: u64) -> [u8; 16] {
        token_id(&self.mailbox_token(day))
    }

    /// The token of the mailbox of a day: who shows it may listen.
    pub fn mailbox_token(&self, day: u64) -> Key {
        self.derive("mailbox token", &day.to_be_bytes())
    }

    /// The slot in which the prekey bundle is found.
    pub fn prekey_slot(&self) -> [u8; 16] {
        token_id(&self.prekey_token())
    }

    /// The token of the prekey slot: who shows it may publish.
    pub fn prekey_token(&self) -> Key {
        self.derive("prekey token", b"")
    }

    /// Opens a bundle that was found in the slot, and checks that it is of `expect` and valid at `now`.
    ///
    /// # Errors
    /// [`BundleError`] says what is wrong with it.
    pub fn open_bundle(
        &self,
        bytes: &[u8],
        expect: &Fingerprint,
        now: UnixTime,
    ) -> Result<Prekeys, BundleError> {
        bundle::open(self, bytes, expect, now)
    }

    /// The secret of the key that signs what is published in the prekey slot; who stores it need not know this.
    pub fn record_secret(&self) -> Key {
        self.derive("record key", b"")
    }

    /// Opens a presence that its owner sealed for that day; `None` when it is none.
    pub fn open_presence(&self, day: u64, sealed: &[u8]) -> Option<Vec<u8>> {
        presence::open(&self.presence_key(day), sealed)
    }

    /// What the owner adds to the sequences of a day, so that those of two days cannot be told to be of one clock.
    pub fn sequence_offset(&self, day: u64) -> u64 {
        let bytes: Key = self.derive("presence sequence", &day.to_be_bytes());
        u64::from(u32::from_be_bytes(kdf::array(&*bytes)))
    }

    pub(crate) fn presence_key(&self, day: u64) -> Key {
        self.derive("presence key", &day.to_be_bytes())
    }

    pub(crate) fn bundle_key(&self) -> Key {
        self.derive("bundle key", b"")
    }

    fn derive(&self, label: &str, context: &[u8]) -> Key {
        kdf::derive(&kdf::extract(b"p2pvoip mailbox", &self.0), label, context)
    }
}

impl PartialEq for MailboxSecret {
    fn eq(&self, other: &Self) -> bool {
        kdf::equal(&self.0, &other.0)
    }
}

impl Eq for MailboxSecret {}

impl fmt::Debug for MailboxSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailboxSecret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_change_daily_and_are_not_the_slot() {
        let secret = MailboxSecret::new([1; 16]);
        let ids = [
            secret.mailbox(1),
            secret.mailbox(2),
            secret.prekey_slot(),
            MailboxSecret::new([2; 16]).mailbox(1),
        ];
        for (i, id) in ids.iter().enumerate() {
            assert!(!ids[i + 1..].contains(id));
        }
        assert_eq!(secret.mailbox(1), token_id(&secret.mailbox_token(1)));
    }
}
