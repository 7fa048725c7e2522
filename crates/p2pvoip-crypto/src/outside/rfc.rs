//! The vectors of RFC 5869, 7748, 8032, 8439 and 9001, and of NIST SP 800-38A.
//!
//! RFC 9001 has a mask by AES-128 alone. The mask by AES-256 is the first bytes of one block under AES-256
//! (RFC 9001 section 5.4.3), so the known answers of NIST SP 800-38A section F.1.5 stand in its place.

use super::{array, hex, open, seal};
use crate::device::SigningKey;
use crate::identity;
use crate::kdf::{self, Key};
use crate::suite::Aead;
use crate::x25519;

/// A value of `tests/vectors/rfc.txt`.
fn vector(section: &str, name: &str) -> Vec<u8> {
    let file = include_str!("../../tests/vectors/rfc.txt");
    let prefix = format!("{section} {name}");
    let value = file.lines().find_map(|line| line.strip_prefix(&prefix));
    hex(value.unwrap_or_else(|| panic!("there is no `{prefix}`")).trim())
}

fn key(section: &str, name: &str) -> Key {
    Key::new(array(&vector(section, name)))
}

#[test]
fn chacha20_poly1305_is_that_of_the_rfcs_8439_and_9001() {
    for section in ["rfc8439-2.8.2", "rfc8439-A.5", "rfc9001-A.5"] {
        let get = |name| vector(section, name);
        let aead = Aead::ChaCha20Poly1305.key(&key(section, "key"));
        let sealed = [get("ciphertext"), get("tag")].concat();
        assert_eq!(seal(&aead, &get("nonce"), &get("aad"), &get("plaintext")), sealed, "{section}");
        assert_eq!(open(&aead, &get("nonce"), &get("aad"), &sealed), Some(get("plaintext")), "{section}");
    }
}

#[test]
fn the_mask_by_chacha20_is_that_of_rfc_9001_appendix_a_5() {
    let mask = Aead::ChaCha20Poly1305.mask_key(&key("rfc9001-A.5", "hp"));
    let mask = mask.new_mask(&vector("rfc9001-A.5", "sample")).unwrap();
    assert_eq!(mask.to_vec(), vector("rfc9001-A.5", "mask"));
}

#[test]
fn the_mask_by_aes_256_is_the_block_of_nist_sp_800_38a() {
    let section = "sp800-38a-F.1.5";
    let mask = Aead::Aes256Gcm.mask_key(&key(section, "key"));
    for i in 1..=4 {
        let block = vector(section, &format!("ciphertext_{i}"));
        let sample = vector(section, &format!("plaintext_{i}"));
        assert_eq!(mask.new_mask(&sample).unwrap().to_vec(), block[..5]);
    }
}

#[test]
fn x25519_is_that_of_rfc_7748_section_5_2() {
    let section = "rfc7748-5.2";
    for i in 1..=2 {
        let point = array(&vector(section, &format!("point_{i}")));
        let result = x25519::agree(&key(section, &format!("scalar_{i}")), &point);
        assert_eq!(result, Some(key(section, &format!("result_{i}"))));
    }
    let mut base = [0; 32];
    base[0] = 9;
    let (mut scalar, mut point) = (Key::new(base), base);
    for i in 1..=1_000 {
        let result = x25519::agree(&scalar, &point).unwrap();
        point = *scalar;
        scalar = result;
        if i == 1 {
            assert_eq!(scalar, key(section, "after_1 "));
        }
    }
    assert_eq!(scalar, key(section, "after_1000"));
}

#[test]
fn ed25519_is_that_of_rfc_8032_section_7_1() {
    for i in 1..=3 {
        let get = |name: &str| vector("rfc8032-7.1", &format!("{name}_{i}"));
        let public: [u8; 32] = array(&get("key"));
        assert_eq!(SigningKey::new(&Key::new(array(&get("seed")))).public(), public);
        let (message, signature) = (get("message"), get("signature"));
        assert!(identity::verify_bytes(&public, &message, &signature));
        for at in 0..64 {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(!identity::verify_bytes(&public, &message, &changed), "byte {at}");
        }
    }
}

#[test]
fn hkdf_is_that_of_rfc_5869_appendix_a() {
    for i in 1..=3 {
        let get = |name: &str| vector("rfc5869", &format!("{name}_{i}"));
        let prk = kdf::extract(&get("salt"), &get("ikm"));
        assert_eq!(prk.to_vec(), get("prk"));
        let mut okm = vec![0; get("okm").len()];
        kdf::expand(&*prk, &[&get("info")], &mut okm);
        assert_eq!(okm, get("okm"));
    }
}
