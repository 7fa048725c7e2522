//! The mailbox key: what a card holder needs to find a mailbox and to open the bundle in it.
//!
//! It is the public half of the key by which its owner owns the mailbox, and known to contacts alone. They derive from it where
//! the mailbox of each day, device and server is, and what opens the bundle there; the owner alone can listen and
//! publish. To everybody else the addresses and keys of two days are unrelated.
//!
//! # Left out
//! - Telling contacts apart: they all hold the same key.

use core::fmt;

use p2pvoip_core::UnixTime;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::blinding::{self, Purpose};
use crate::bundle::{self, BundleError, Prekeys};
use crate::device::SigningKey;
use crate::identity::{Fingerprint, PUBLIC_LEN};
use crate::kdf::{self, Key};
use crate::presence;

/// Bytes of a mailbox key.
pub const MAILBOX_KEY_LEN: usize = PUBLIC_LEN;

/// The identifier of a token, by which the mailbox of one call is named: the first 16 bytes of its hash.
pub fn token_id(token: &[u8; 32]) -> [u8; 16] {
    kdf::array(&kdf::sha256(&[token]))
}

/// The address of a mailbox and slot, of which this is the public owner key: the first 16 bytes of a hash.
pub fn owned_address(key: &[u8; 32]) -> [u8; 16] {
    kdf::array(&kdf::sha256(&[b"p2pvoip owned", key]))
}

/// What an identity shares with all its contacts: the Ed25519 public key of its mailbox. Overwritten when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MailboxKey([u8; MAILBOX_KEY_LEN]);

impl MailboxKey {
    /// The key of these bytes; `None` when they are no public key, or one with a part of small order.
    pub fn new(bytes: [u8; MAILBOX_KEY_LEN]) -> Option<Self> {
        blinding::is_sound(&bytes).then_some(Self(bytes))
    }

    /// The key of an owner's seed.
    pub(crate) fn of_owner(seed: &Key) -> Self {
        // What derives from a seed is of the prime order.
        Self(SigningKey::new(seed).public())
    }

    /// Its bytes. Secret towards all but contacts.
    pub(crate) const fn expose(&self) -> &[u8; MAILBOX_KEY_LEN] {
        &self.0
    }

    /// Where the device of that index is found on a server and day ([`UnixTime::day`]): its mailbox, and the slot of its
    /// bundle. The server's name is taken as it stands on the card.
    pub fn address(&self, day: u64, index: u8, server: &str) -> [u8; 16] {
        let key = blinding::public_of(self, Purpose::Owner { index, server }, day);
        // Nobody finds a day whose key is none; it would take 2^252 tries.
        owned_address(&key.unwrap_or_default())
    }

    /// The key under which the owner signs records of that day in a directory without a server; `None` in no practical
    /// case.
    pub fn blinded_public(&self, day: u64) -> Option<[u8; 32]> {
        blinding::public_of(self, Purpose::Presence, day)
    }

    /// Opens the bundle of the device `index` that was found at the address of `day`, and checks that it is of `expect` and
    /// valid at `now`.
    ///
    /// # Errors
    /// [`BundleError`] says what is wrong with it.
    pub fn open_bundle(
        &self,
        bytes: &[u8],
        index: u8,
        day: u64,
        expect: &Fingerprint,
        now: UnixTime,
    ) -> Result<Prekeys, BundleError> {
        bundle::open(self, bytes, (index, day), expect, now)
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

    /// The key of the gate, which tells an envelope of a card holder from noise.
    pub(crate) fn gate_key(&self) -> Key {
        self.derive("gate", b"")
    }

    pub(crate) fn presence_key(&self, day: u64) -> Key {
        self.derive("presence key", &day.to_be_bytes())
    }

    pub(crate) fn bundle_key(&self, day: u64, index: u8) -> Key {
        self.derive("bundle key", &[&day.to_be_bytes()[..], &[index]].concat())
    }

    fn derive(&self, label: &str, context: &[u8]) -> Key {
        kdf::derive(&kdf::extract(b"p2pvoip mailbox", &self.0), label, context)
    }
}

impl PartialEq for MailboxKey {
    fn eq(&self, other: &Self) -> bool {
        kdf::equal(&self.0, &other.0)
    }
}

impl Eq for MailboxKey {}

impl fmt::Debug for MailboxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailboxKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;
    use p2pvoip_core::Seed;

    fn key(seed: u64) -> MailboxKey {
        Identity::generate(&Seed::from_u64(seed)).mailbox().clone()
    }

    #[test]
    fn addresses_change_with_the_day_the_device_the_server_and_the_owner() {
        let ids = [
            key(1).address(1, 0, "a"),
            key(1).address(2, 0, "a"),
            key(1).address(1, 1, "a"),
            key(1).address(1, 0, "b"),
            key(2).address(1, 0, "a"),
            owned_address(key(1).expose()),
        ];
        for (i, id) in ids.iter().enumerate() {
            assert!(!ids[i + 1..].contains(id));
        }
        assert_eq!(key(1).address(1, 0, "a"), ids[0]);
    }

    #[test]
    fn an_address_is_no_identifier_of_a_token() {
        let owner = Identity::generate(&Seed::from_u64(1)).owner_key(1, "a").public();
        assert_ne!(owned_address(&owner)[..], kdf::sha256(&[&owner])[..16]);
    }

    #[test]
    fn the_key_of_each_purpose_is_another_one() {
        let keys =
            [key(1).gate_key(), key(1).presence_key(1), key(1).bundle_key(1, 0), key(1).bundle_key(1, 1)];
        for (i, one) in keys.iter().enumerate() {
            assert!(!keys[i + 1..].contains(one));
        }
        assert_eq!(format!("{:?}", key(1)), "MailboxKey([redacted])");
    }
}
