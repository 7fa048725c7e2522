//! X25519 (RFC 7748): public keys and shared secrets, by curve25519-dalek or, with the feature `fast-x25519`, by graviola.
//!
//! A shared secret of zero is refused (RFC 7748 section 6.1), which every public key of a low order leads to, the one of
//! all zeros included. Graviola is asked only on processors that have all the instructions it needs; both give the
//! same bytes.

use crate::kdf::{self, Key};

/// Bytes of a key, of either half.
pub(crate) const X25519_LEN: usize = 32;

/// The public key of a private one.
pub(crate) fn public_key(private: &Key) -> [u8; X25519_LEN] {
    #[cfg(feature = "fast-x25519")]
    if let Some(public) = fast::public_key(private) {
        return public;
    }
    portable::public_key(private)
}

/// The secret that both ends share; `None` for a public key that gives none.
pub(crate) fn agree(private: &Key, public: &[u8; X25519_LEN]) -> Option<Key> {
    let secret = agree_unchecked(private, public);
    (!kdf::equal(&secret, &[0; X25519_LEN])).then_some(secret)
}

fn agree_unchecked(private: &Key, public: &[u8; X25519_LEN]) -> Key {
    #[cfg(feature = "fast-x25519")]
    if let Some(secret) = fast::agree(private, public) {
        return secret;
    }
    portable::agree(private, public)
}

mod portable {
    use curve25519_dalek::MontgomeryPoint;
    use zeroize::Zeroizing;

    use super::X25519_LEN;
    use crate::kdf::Key;

    pub(super) fn public_key(private: &Key) -> [u8; X25519_LEN] {
        MontgomeryPoint::mul_base_clamped(**private).to_bytes()
    }

    pub(super) fn agree(private: &Key, public: &[u8; X25519_LEN]) -> Key {
        Zeroizing::new(MontgomeryPoint(*public).mul_clamped(**private).to_bytes())
    }
}

/// Graviola ends the program on a processor that lacks what it was written for, so it is asked only on one that has it.
#[cfg(feature = "fast-x25519")]
mod fast {
    use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};
    use zeroize::Zeroizing;

    use super::X25519_LEN;
    use crate::kdf::Key;

    pub(super) fn public_key(private: &Key) -> Option<[u8; X25519_LEN]> {
        is_here().then(|| StaticPrivateKey::from_array(private).public_key().as_bytes())
    }

    /// `None` also where graviola itself refuses: the portable way then says the same.
    pub(super) fn agree(private: &Key, public: &[u8; X25519_LEN]) -> Option<Key> {
        let secret = is_here().then(|| {
            StaticPrivateKey::from_array(private).diffie_hellman(&PublicKey::from_array(public)).ok()
        })??;
        Some(Zeroizing::new(secret.as_bytes()))
    }

    /// What graviola 0.4 needs, by its README.
    #[cfg(target_arch = "x86_64")]
    fn is_here() -> bool {
        use std::arch::is_x86_feature_detected as has;
        has!("aes")
            && has!("ssse3")
            && has!("avx")
            && has!("avx2")
            && has!("adx")
            && has!("bmi1")
            && has!("bmi2")
            && has!("pclmulqdq")
    }

    /// What graviola 0.4 needs, by its README.
    #[cfg(target_arch = "aarch64")]
    fn is_here() -> bool {
        use std::arch::is_aarch64_feature_detected as has;
        has!("aes") && has!("sha2") && has!("pmull") && has!("neon")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    fn bytes(text: &str) -> [u8; 32] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    fn key(text: &str) -> Key {
        Key::new(bytes(text))
    }

    #[test]
    fn it_is_that_of_rfc_7748_section_6_1() {
        let alice = key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let public = bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let shared = key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(public_key(&alice), public);
        assert_eq!(agree(&alice, &public_key(&bob)), Some(shared.clone()));
        assert_eq!(agree(&bob, &public), Some(shared));
    }

    #[test]
    fn public_keys_of_low_order_are_refused() {
        // The points of order 1, 2, 4 and 8 of the curve and its twist, as bytes (RFC 7748 section 6.1 warns of them).
        let points = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        for point in points {
            assert_eq!(agree(&Key::new([5; 32]), &bytes(point)), None, "{point}");
        }
    }

    proptest! {
        #[test]
        fn each_way_gives_what_the_portable_one_does(private: [u8; 32], public: [u8; 32]) {
            let private = Key::new(private);
            prop_assert_eq!(public_key(&private), portable::public_key(&private));
            prop_assert_eq!(agree_unchecked(&private, &public), portable::agree(&private, &public));
        }
    }
}
