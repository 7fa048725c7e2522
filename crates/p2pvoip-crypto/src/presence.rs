//! The seal of a presence: what an identity tells its contacts alone of where it is, under a key of one day.
//!
//! ChaCha20-Poly1305 with a key from the mailbox key and the day; the nonce is a secret hash of all that is sealed, and
//! travels in front. That the owner wrote it is shown by the signature of its record, under the blinded key of the day.
//!
//! # Left out
//! - The length: who seals pads to one size.

use ring::aead::{Aad, Nonce};

use crate::identity::Identity;
use crate::kdf::{self, Key};
use crate::suite::{Aead, TAG_LEN};

/// How much longer a sealed presence is than what it says.
pub const PRESENCE_OVERHEAD: usize = NONCE_LEN + TAG_LEN;

const NONCE_LEN: usize = 12;
const AAD: &[u8] = b"p2pvoip presence";

/// Seals for the contacts of an identity; nothing comes of a text that cannot be sealed (256 GiB and more).
pub(crate) fn seal(identity: &Identity, day: u64, text: &[u8]) -> Vec<u8> {
    // The day and the text decide the nonce, so that no two texts share one under one key.
    let context = kdf::sha256(&[&day.to_be_bytes(), text]);
    let nonce: [u8; NONCE_LEN] = kdf::array(&*identity.private_key("presence nonce", &context));
    let key = Aead::ChaCha20Poly1305.key(&identity.mailbox().presence_key(day));
    let mut sealed = text.to_vec();
    let tag =
        key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(AAD), &mut sealed);
    // What was not sealed never leaves.
    tag.map_or_else(|_| Vec::new(), |tag| [&nonce[..], &sealed, tag.as_ref()].concat())
}

/// Opens what was sealed for that day; `None` when it was not.
pub(crate) fn open(key: &Key, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut buf = sealed.to_vec();
    let key = Aead::ChaCha20Poly1305.key(key);
    key.open_in_place(nonce, Aad::from(AAD), &mut buf).ok().map(|text| text.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;
    use proptest::prelude::*;

    fn owner() -> Identity {
        Identity::generate(&Seed::from_u64(1))
    }

    #[test]
    fn a_presence_opens_on_its_day_for_holders_of_the_card_alone() {
        let owner = owner();
        let sealed = owner.seal_presence(7, b"where");
        assert_eq!(sealed.len(), 5 + PRESENCE_OVERHEAD);
        assert_eq!(owner.mailbox().open_presence(7, &sealed).as_deref(), Some(&b"where"[..]));
        assert_eq!(owner.mailbox().open_presence(8, &sealed), None);
        let stranger = Identity::generate(&Seed::from_u64(2));
        assert_eq!(stranger.mailbox().open_presence(7, &sealed), None);
    }

    #[test]
    fn two_presences_share_no_nonce_and_the_same_one_is_the_same_bytes() {
        let owner = owner();
        let (a, b, c) = (
            owner.seal_presence(7, b"here"),
            owner.seal_presence(7, b"there"),
            owner.seal_presence(8, b"here"),
        );
        assert!(a[..NONCE_LEN] != b[..NONCE_LEN] && a[..NONCE_LEN] != c[..NONCE_LEN]);
        assert_eq!(a, owner.seal_presence(7, b"here"));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let owner = owner();
        let sealed = owner.seal_presence(7, b"where");
        for bit in 0..sealed.len() * 8 {
            let mut wrong = sealed.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(owner.mailbox().open_presence(7, &wrong), None, "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(owner.mailbox().open_presence(7, &sealed[..len]), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(owner().mailbox().open_presence(7, &bytes), None);
        }
    }
}
