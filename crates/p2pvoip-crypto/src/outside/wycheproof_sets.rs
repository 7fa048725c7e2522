//! The vectors of Wycheproof: inputs that broke other implementations.
//!
//! Each test says how many vectors it used, so that a set that is empty or filtered away is seen.

use wycheproof::{TestResult, aead, eddsa, hkdf, mlkem, xdh};

use super::{array, open, seal};
use crate::identity;
use crate::kdf::{self, Key};
use crate::kem::{self, KemPair};
use crate::suite::Aead;
use crate::x25519;

/// Checks sealing and opening under keys, nonces and tags of the sizes that are used here; gives the number of vectors.
fn aead_vectors(set: aead::TestName, aead: Aead) -> usize {
    let set = aead::TestSet::load(set).unwrap();
    let fits =
        |group: &&aead::TestGroup| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128);
    let mut used = 0;
    for test in set.test_groups.iter().filter(fits).flat_map(|group| &group.tests) {
        let key = aead.key(&array(&test.key));
        let sealed = [&test.ct[..], &test.tag[..]].concat();
        let opened = open(&key, &test.nonce, &test.aad, &sealed);
        if test.result == TestResult::Valid {
            assert_eq!(opened.as_deref(), Some(&test.pt[..]), "{}", test.tc_id);
            assert_eq!(seal(&key, &test.nonce, &test.aad, &test.pt), sealed, "{}", test.tc_id);
        } else {
            assert_eq!(opened, None, "{}", test.tc_id);
        }
        used += 1;
    }
    used
}

#[test]
fn aes_256_gcm_holds_against_wycheproof() {
    assert_eq!(aead_vectors(aead::TestName::AesGcm, Aead::Aes256Gcm), 66);
}

#[test]
fn chacha20_poly1305_holds_against_wycheproof() {
    assert_eq!(aead_vectors(aead::TestName::ChaCha20Poly1305, Aead::ChaCha20Poly1305), 316);
}

#[test]
fn x25519_holds_against_wycheproof_and_refuses_what_gives_no_secret() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let (mut used, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Ok(public) = test.public_key[..].try_into() else {
            assert_eq!(test.result, TestResult::Invalid, "{}: a public key has 32 bytes", test.tc_id);
            continue;
        };
        let secret = x25519::agree(&Key::new(array(&test.private_key)), public);
        let expected: [u8; 32] = array(&test.shared_secret);
        let expected = (expected != [0; 32]).then(|| Key::new(expected));
        refused += usize::from(expected.is_none());
        assert_eq!(secret, expected, "{}", test.tc_id);
        used += 1;
    }
    assert_eq!((used, refused), (518, 31));
}

#[test]
fn ed25519_holds_against_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut used = 0;
    for group in &set.test_groups {
        let key = array(&group.key.pk);
        for test in &group.tests {
            let accepted = identity::verify_bytes(&key, &test.msg, &test.sig);
            assert_eq!(accepted, test.result == TestResult::Valid, "{}", test.tc_id);
            used += 1;
        }
    }
    assert_eq!(used, 151);
}

#[test]
fn hkdf_sha256_holds_against_wycheproof() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let mut used = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        // More than 255 hashes are not asked for: every length is a constant of this crate.
        if test.result == TestResult::Valid {
            let mut okm = vec![0; test.size];
            kdf::expand(&*kdf::extract(&test.salt, &test.ikm), &[&test.info], &mut okm);
            assert_eq!(okm, *test.okm, "{}", test.tc_id);
            used += 1;
        }
    }
    assert_eq!(used, 83);
}

#[test]
fn ml_kem_768_keys_come_from_seeds_as_in_wycheproof() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768KeyGenSeed).unwrap();
    let mut used = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Some(seed) = test.seed.as_ref().and_then(|seed| <[u8; 64]>::try_from(&seed[..]).ok()) else {
            continue;
        };
        let key = test.encaps_key.as_ref().unwrap();
        assert_eq!(KemPair::from_seed(&seed.into()).public()[..], key[..], "{}", test.tc_id);
        used += 1;
    }
    assert_eq!(used, 100);
}

#[test]
fn ml_kem_768_decapsulates_as_in_wycheproof() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768).unwrap();
    let mut used = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(seed), Some(ct)) = (&test.seed, &test.ct) else { continue };
        // Wrong lengths cannot be said in our types.
        let (Ok(seed), Ok(ct)) =
            (<[u8; 64]>::try_from(&seed[..]), <[u8; kem::KEM_CIPHERTEXT_LEN]>::try_from(&ct[..]))
        else {
            assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            continue;
        };
        let secret = KemPair::from_seed(&seed.into()).decapsulate(&ct);
        assert_eq!(secret[..], test.shared_secret.as_ref().unwrap()[..], "{}", test.tc_id);
        used += 1;
    }
    assert_eq!(used, 161);
}

#[test]
fn ml_kem_768_encapsulates_as_in_wycheproof_and_refuses_keys_beyond_the_modulus() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).unwrap();
    let (mut used, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(key), Some(chance)) = (&test.encaps_key, &test.msg) else { continue };
        let Ok(key) = <[u8; kem::KEM_PUBLIC_LEN]>::try_from(&key[..]) else {
            assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            continue;
        };
        let made = kem::encapsulate(&key, &Key::new(array(chance)));
        if test.result == TestResult::Valid {
            let (ct, secret) = made.unwrap();
            assert_eq!(ct[..], test.ct.as_ref().unwrap()[..], "{}", test.tc_id);
            assert_eq!(secret[..], test.shared_secret.as_ref().unwrap()[..], "{}", test.tc_id);
        } else {
            assert!(made.is_none(), "{}", test.tc_id);
            refused += 1;
        }
        used += 1;
    }
    assert_eq!((used, refused), (245, 112));
}
