//! The keys of one sender in one epoch, and the chain that leads to the next.
//!
//! ```text
//! S(E) --"next group epoch"--> S(E + 1)
//!      --"group key", "group iv", "group mask" + scope--> what packets of epoch E are sealed with
//! ```
//!
//! # Left out
//! - When to step and when to begin a new chain: the sender's owner decides.

use core::fmt;

use ring::aead::quic::HeaderProtectionKey;
use ring::aead::{Aad, LessSafeKey};
use zeroize::Zeroizing;

use super::HEADER_LEN;
use super::header::AAD_LEN;
use super::member::{GROUP_LEN, GroupId};
use crate::kdf::{self, Key};
use crate::packet::nonce;
use crate::schedule::IV_LEN;
use crate::suite::{Aead, TAG_LEN};

/// Where the sample of the mask starts: four bytes after the start of the number (RFC 9001 section 5.4.2).
const SAMPLE_AT: usize = 2 + 4;
const CONTEXT_LEN: usize = 1 + GROUP_LEN + 1 + 4;

/// What the keys of a sender are bound to, beside its secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderScope {
    /// The algorithm of the group.
    pub aead: Aead,
    /// The group.
    pub group: GroupId,
    /// The sender's number in it.
    pub member: u8,
    /// The sequence by which the sender came in.
    pub since: u32,
}

impl SenderScope {
    fn context(&self) -> [u8; CONTEXT_LEN] {
        let mut context = [0; CONTEXT_LEN];
        let fields = [self.aead.id()].into_iter().chain(*self.group.as_bytes());
        let fields = fields.chain([self.member]).chain(self.since.to_be_bytes());
        for (to, from) in context.iter_mut().zip(fields) {
            *to = from;
        }
        context
    }
}

/// The secret of one sender in one epoch; overwritten when dropped. It tells nothing of the epochs before.
#[derive(Clone, PartialEq, Eq)]
pub struct SenderSecret {
    epoch: u32,
    secret: Key,
}

impl SenderSecret {
    /// The secret of these bytes, for that epoch.
    pub fn new(epoch: u32, secret: [u8; 32]) -> Self {
        Self { epoch, secret: Zeroizing::new(secret) }
    }

    /// Its epoch.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The secret of the next epoch; `None` when there is none left.
    pub fn next(&self) -> Option<Self> {
        let epoch = self.epoch.checked_add(1)?;
        Some(Self { epoch, secret: kdf::derive(&self.secret, "next group epoch", b"") })
    }

    /// Its bytes. Secret.
    pub fn expose(&self) -> &[u8; 32] {
        &self.secret
    }

    pub(super) fn keys(&self, scope: &SenderScope) -> Keys {
        let context = scope.context();
        Keys {
            epoch: self.epoch,
            key: scope.aead.key(&kdf::derive(&self.secret, "group key", &context)),
            iv: kdf::derive(&self.secret, "group iv", &context),
            mask: scope.aead.mask_key(&kdf::derive(&self.secret, "group mask", &context)),
        }
    }
}

impl fmt::Debug for SenderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderSecret").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// What packets of one epoch are sealed with.
pub(super) struct Keys {
    pub(super) epoch: u32,
    key: LessSafeKey,
    iv: Zeroizing<[u8; IV_LEN]>,
    mask: HeaderProtectionKey,
}

impl Keys {
    /// The mask over the header of a packet; `None` when it is too short for a sample.
    pub(super) fn mask(&self, packet: &[u8]) -> Option<[u8; 5]> {
        self.mask.new_mask(packet.get(SAMPLE_AT..SAMPLE_AT + TAG_LEN)?).ok()
    }

    /// Encrypts in place and gives the tag; `None` for what no AEAD can seal.
    pub(super) fn seal(
        &self,
        number: u64,
        aad: [u8; AAD_LEN],
        plaintext: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        let tag = self.key.seal_in_place_separate_tag(nonce(&self.iv, number), Aad::from(aad), plaintext);
        tag.ok()?.as_ref().try_into().ok()
    }

    /// Decrypts what follows the header in place; `None` when it is not authentic, and the packet is destroyed then.
    pub(super) fn open<'b>(
        &self,
        number: u64,
        aad: [u8; AAD_LEN],
        packet: &'b mut [u8],
    ) -> Option<&'b mut [u8]> {
        let sealed = packet.get_mut(HEADER_LEN..)?;
        self.key.open_in_place(nonce(&self.iv, number), Aad::from(aad), sealed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> SenderScope {
        SenderScope { aead: Aead::Aes256Gcm, group: GroupId::new([1; 16]), member: 2, since: 3 }
    }

    fn tag(secret: &SenderSecret, scope: &SenderScope) -> [u8; TAG_LEN] {
        secret.keys(scope).seal(0, [0; AAD_LEN], &mut [0; 20]).unwrap()
    }

    #[test]
    fn each_epoch_member_group_and_algorithm_has_keys_of_its_own() {
        let secret = SenderSecret::new(0, [9; 32]);
        let scopes = [
            scope(),
            SenderScope { aead: Aead::ChaCha20Poly1305, ..scope() },
            SenderScope { group: GroupId::new([2; 16]), ..scope() },
            SenderScope { member: 3, ..scope() },
            SenderScope { since: 4, ..scope() },
        ];
        let mut tags: Vec<_> = scopes.iter().map(|scope| tag(&secret, scope)).collect();
        tags.push(tag(&secret.next().unwrap(), &scope()));
        for (i, a) in tags.iter().enumerate() {
            assert!(tags[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn the_last_epoch_has_no_next() {
        let last = SenderSecret::new(u32::MAX, [9; 32]);
        assert!(last.next().is_none());
        assert_eq!(SenderSecret::new(7, [9; 32]).next().unwrap().epoch(), 8);
        assert_eq!(format!("{last:?}"), "SenderSecret { epoch: 4294967295, .. }");
    }
}
