//! Blinded keys: keys of one day, which contacts derive from a card and under which the owner of the mailbox alone can sign.
//!
//! As in Tor's rend-spec-v3 appendix A.2, with another hash: a mailbox key W = w·B becomes W' = h·W, where h is a hash of W, the
//! purpose and the day. Who lacks W can neither compute W' nor tell that two of them belong together. The owner
//! signs with h·w; signatures are those of Ed25519 (RFC 8032) and verified as such.
//!
//! # Left out
//! - Tor's clamping of h: h is reduced modulo the order of the group, so Tor's vectors do not apply.

use core::fmt;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use curve25519_dalek::traits::Identity as _;
use ring::digest::{Context, SHA512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::identity::{PUBLIC_LEN, SIGNATURE_LEN};
use crate::kdf::{self, Key};
use crate::mailbox::MailboxKey;

/// What is hashed into the factor of a day begins with this.
const DOMAIN: &[u8] = b"p2pvoip blinded key";
/// Bytes of SHA-512.
const WIDE_LEN: usize = 64;

/// SHA-512 of the parts, as a number modulo the order of the group.
fn hash_to_scalar(parts: &[&[u8]]) -> Scalar {
    let mut context = Context::new(&SHA512);
    for part in parts {
        context.update(part);
    }
    let wide: Zeroizing<[u8; WIDE_LEN]> = Zeroizing::new(kdf::array(context.finish().as_ref()));
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// What a blinded key is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// To own the mailbox and the slot of the device of that index on that server.
    Owner { index: u8, server: &'a str },
    /// To sign what is published in a directory without a server.
    Presence,
}

/// The factor of a day.
fn factor(mailbox: &[u8; PUBLIC_LEN], purpose: Purpose<'_>, day: u64) -> Scalar {
    let (purpose, index, server) = match purpose {
        Purpose::Owner { index, server } => (0, index, server),
        Purpose::Presence => (1, 0, ""),
    };
    hash_to_scalar(&[DOMAIN, mailbox, &[purpose, index], &day.to_be_bytes(), server.as_bytes()])
}

/// The point of a public key that is fit for use: on the curve, in its one encoding, and of the prime order.
fn point(public: &[u8; PUBLIC_LEN]) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(*public).decompress()?;
    let one_form = point.compress().to_bytes() == *public;
    (one_form && point != EdwardsPoint::identity() && point.is_torsion_free()).then_some(point)
}

/// Whether a public key is one: not of a small order, nor with a part of small order.
pub(crate) fn is_sound(public: &[u8; PUBLIC_LEN]) -> bool {
    point(public).is_some()
}

/// The blinded key of a day, for who holds the mailbox key; `None` in no practical case.
///
/// The mailbox key is sound, since a [`MailboxKey`] is checked when it is made: so this is one multiplication.
pub(crate) fn public_of(mailbox: &MailboxKey, purpose: Purpose<'_>, day: u64) -> Option<[u8; PUBLIC_LEN]> {
    let point = CompressedEdwardsY(*mailbox.expose()).decompress()?;
    let blinded = point * factor(mailbox.expose(), purpose, day);
    (blinded != EdwardsPoint::identity()).then(|| blinded.compress().to_bytes())
}

/// Stage: signs under the blinded key of one day. Its secrets are overwritten when it is dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct BlindedKey {
    scalar: Scalar,
    prefix: [u8; 32],
    public: [u8; PUBLIC_LEN],
}

impl BlindedKey {
    /// From the seed of the owner of a mailbox (RFC 8032 section 5.1.5) and its public half.
    pub(crate) fn new(owner: &Key, mailbox: &MailboxKey, purpose: Purpose<'_>, day: u64) -> Self {
        let hash = ring::digest::digest(&SHA512, &**owner);
        let half: Zeroizing<[u8; 32]> = Zeroizing::new(kdf::array(hash.as_ref()));
        let clamped = Zeroizing::new(clamp_integer(*half));
        let secret = Zeroizing::new(Scalar::from_bytes_mod_order(*clamped));
        let blinded = Zeroizing::new(*secret * factor(mailbox.expose(), purpose, day));
        let mut key = Self::of_scalar(*blinded, [0; 32]);
        // A prefix of its own for each key, so that no two keys sign with one nonce.
        key.prefix = *kdf::derive(owner, "blinded nonce", &key.public);
        key
    }

    fn of_scalar(scalar: Scalar, prefix: [u8; 32]) -> Self {
        let public = EdwardsPoint::mul_base(&scalar).compress().to_bytes();
        Self { scalar, prefix, public }
    }

    /// The public key of the day.
    pub const fn public(&self) -> [u8; PUBLIC_LEN] {
        self.public
    }

    /// Its signature, Ed25519 (RFC 8032 section 5.1.6) with this scalar and prefix.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        let nonce = Zeroizing::new(hash_to_scalar(&[&self.prefix, message]));
        let commitment = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
        let challenge = hash_to_scalar(&[&commitment, &self.public, message]);
        let response = *nonce + challenge * self.scalar;
        kdf::array(&[commitment, response.to_bytes()].concat())
    }
}

impl fmt::Debug for BlindedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindedKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use data_encoding::HEXLOWER;
    use p2pvoip_core::Seed;
    use proptest::prelude::*;
    use ring::signature::{ED25519, UnparsedPublicKey};

    fn verifies(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
    }

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// A key that is not blinded: the factor is one.
    fn plain(seed: &str) -> BlindedKey {
        let hash = ring::digest::digest(&SHA512, &hex::<32>(seed));
        let scalar = Scalar::from_bytes_mod_order(clamp_integer(kdf::array(hash.as_ref())));
        BlindedKey::of_scalar(scalar, kdf::array(&hash.as_ref()[32..]))
    }

    #[test]
    fn unblinded_signatures_are_those_of_rfc_8032_section_7_1() {
        let first = plain("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(first.sign(b""), hex(signature));
        let second = plain("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        assert_eq!(second.public(), hex(public));
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(second.sign(&[0x72]), hex(signature));
    }

    #[test]
    fn a_card_holder_derives_the_key_under_which_the_owner_signs() {
        let owner = Identity::generate(&Seed::from_u64(1));
        for day in [0, 20_833, u64::MAX] {
            let presence = owner.blinded_key(day);
            assert_eq!(public_of(owner.mailbox(), Purpose::Presence, day), Some(presence.public()));
            assert!(verifies(&presence.public(), b"presence", &presence.sign(b"presence")));
            let own = owner.owner_key(day, "a.example");
            let purpose = Purpose::Owner { index: 0, server: "a.example" };
            assert_eq!(public_of(owner.mailbox(), purpose, day), Some(own.public()));
            assert!(verifies(&own.public(), b"own", &own.sign(b"own")));
        }
    }

    #[test]
    fn another_day_purpose_device_server_and_mailbox_give_other_keys() {
        let (one, other) = (Identity::generate(&Seed::from_u64(1)), Identity::generate(&Seed::from_u64(2)));
        let own = |index, server| Purpose::Owner { index, server };
        let keys = [
            *one.mailbox().expose(),
            public_of(one.mailbox(), own(0, "a"), 1).unwrap(),
            public_of(one.mailbox(), own(0, "a"), 2).unwrap(),
            public_of(one.mailbox(), own(1, "a"), 1).unwrap(),
            public_of(one.mailbox(), own(0, "b"), 1).unwrap(),
            public_of(one.mailbox(), own(0, ""), 1).unwrap(),
            public_of(one.mailbox(), Purpose::Presence, 1).unwrap(),
            public_of(other.mailbox(), own(0, "a"), 1).unwrap(),
        ];
        let signature = one.owner_key(1, "a").sign(b"m");
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[i + 1..].contains(key));
            assert_eq!(verifies(key, b"m", &signature), i == 1, "key {i}");
        }
    }

    #[test]
    fn keys_of_a_small_order_and_of_a_mixed_one_are_refused() {
        // The eight points of small order, RFC 7748's list of them among these encodings.
        for text in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        ] {
            let small: [u8; 32] = hex(text);
            assert!(!is_sound(&small), "{text}");
            let Some(torsion) = CompressedEdwardsY(small).decompress() else { continue };
            if torsion != EdwardsPoint::identity() {
                let mixed = (torsion + EdwardsPoint::mul_base(&Scalar::from(7u64))).compress().to_bytes();
                assert!(!is_sound(&mixed), "a sound key plus {text}");
            }
        }
        // The identity in an encoding that is not the canonical one.
        let other_form = hex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
        assert!(!is_sound(&other_form));
        assert!(is_sound(Identity::generate(&Seed::from_u64(1)).mailbox().expose()));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let key = Identity::generate(&Seed::from_u64(1)).blinded_key(1);
        assert_eq!(format!("{key:?}"), "BlindedKey([redacted])");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_signature_verifies_under_its_day_and_no_other(
            seed in any::<u64>(), day in any::<u64>(),
            message in proptest::collection::vec(any::<u8>(), 0..200), flip in any::<proptest::sample::Index>(),
        ) {
            let key = Identity::generate(&Seed::from_u64(seed)).blinded_key(day);
            let mut signature = key.sign(&message);
            prop_assert!(verifies(&key.public(), &message, &signature));
            prop_assert_eq!(signature, key.sign(&message));
            let other = Identity::generate(&Seed::from_u64(seed)).blinded_key(day.wrapping_add(1));
            prop_assert!(!verifies(&other.public(), &message, &signature));
            signature[flip.index(64)] ^= 1;
            prop_assert!(!verifies(&key.public(), &message, &signature));
        }
    }
}
