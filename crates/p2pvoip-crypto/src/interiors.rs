//! Forms whose seals are right and whose insides are not: for tests and fuzz bodies alone (feature `forge`).
//!
//! Bytes that are changed on the way stop at the first seal. Every holder of a card can seal a bundle, and every root a grant: what
//! they can put inside is reached by these.

use p2pvoip_core::Seed;

use crate::bundle;
use crate::kdf;
use crate::linking::{self, DeviceGrant, DeviceRequest};
use crate::mailbox::MailboxKey;

/// What is under the seal of a bundle; `None` when the seal is broken.
pub fn open_bundle(mailbox: &MailboxKey, sealed: &[u8], index: u8, day: u64) -> Option<Vec<u8>> {
    bundle::unseal(mailbox, sealed, index, day).ok()
}

/// A bundle of any bytes, sealed for a device and day.
pub fn seal_bundle(mailbox: &MailboxKey, plain: &[u8], index: u8, day: u64) -> Vec<u8> {
    bundle::seal_plain(mailbox, [9; bundle::NONCE_LEN], plain.to_vec(), (index, day)).unwrap_or_default()
}

/// A grant of any bytes, sealed for a device; `None` when they are not as many as in a grant.
pub fn seal_grant(request: &DeviceRequest, plain: &[u8], seed: &Seed) -> Option<DeviceGrant> {
    linking::forge_grant(request, plain, seed)
}

/// The comparison of secrets, for the program that measures whether its time tells of them.
pub fn equal_secrets(a: &[u8; 32], b: &[u8; 32]) -> bool {
    kdf::equal(a, b)
}
