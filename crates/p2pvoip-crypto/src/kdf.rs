//! Key derivation: SHA-256 and HKDF-SHA256 (RFC 5869) by ring's HMAC, and one way to name what a key is for.
//!
//! A label is used as in HKDF-Expand-Label (RFC 8446 section 7.1) with the prefix `p2pvoip ` in place of `tls13 `.
//!
//! # Left out
//! - Hashes other than SHA-256: a new one would be a new suite.

use p2pvoip_core::Seed;
use ring::{digest, hmac};
use zeroize::Zeroizing;

/// Bytes of a SHA-256 hash and of every secret that is expanded further.
pub(crate) const HASH_LEN: usize = 32;

/// Put before each label, so that no key of another protocol can be one of ours.
const PREFIX: &[u8] = b"p2pvoip ";

/// A key that is overwritten when it is dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// SHA-256 of the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    array(context.finish().as_ref())
}

/// HKDF-Extract (RFC 5869 section 2.2).
pub(crate) fn extract(salt: &[u8], material: &[u8]) -> Key {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), material);
    Zeroizing::new(array(tag.as_ref()))
}

/// HKDF-Expand (RFC 5869 section 2.3) into `out`, at most 255 hashes long.
pub(crate) fn expand(key: &[u8], info: &[&[u8]], out: &mut [u8]) {
    debug_assert!(out.len() <= 255 * HASH_LEN, "a counter of one byte");
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut block = Zeroizing::new([0; HASH_LEN]);
    for (counter, chunk) in (1..=u8::MAX).zip(out.chunks_mut(HASH_LEN)) {
        let mut context = hmac::Context::with_key(&key);
        if counter > 1 {
            context.update(&*block);
        }
        for part in info {
            context.update(part);
        }
        context.update(&[counter]);
        *block = array(context.sign().as_ref());
        for (to, from) in chunk.iter_mut().zip(*block) {
            *to = from;
        }
    }
}

/// The secret called `label` of a secret, bound to a context (HKDF-Expand-Label, RFC 8446 section 7.1).
///
/// Labels are shorter than 248 bytes and contexts than 256; both are constants or hashes of this crate.
pub(crate) fn derive<const N: usize>(
    secret: &[u8; HASH_LEN],
    label: &str,
    context: &[u8],
) -> Zeroizing<[u8; N]> {
    let len = u16::try_from(N).unwrap_or(u16::MAX).to_be_bytes();
    let label_len = [u8::try_from(PREFIX.len() + label.len()).unwrap_or(u8::MAX)];
    let context_len = [u8::try_from(context.len()).unwrap_or(u8::MAX)];
    let mut out = Zeroizing::new([0; N]);
    expand(secret, &[&len, &label_len, PREFIX, label.as_bytes(), &context_len, context], &mut *out);
    out
}

/// The seed that fresh chance of the system makes of another one: HKDF-Extract of the chance under it. Nobody can tell it who
/// lacks one of the two, so that a seed which was stolen before is of no use after.
pub fn stir(seed: &Seed, chance: &[u8; 32]) -> Seed {
    Seed::new(*extract(seed.expose(), chance))
}

/// Whether two secrets are equal, in a time that does not depend on where they differ.
pub(crate) fn equal<const N: usize>(a: &[u8; N], b: &[u8; N]) -> bool {
    let difference =
        a.iter().zip(b).fold(0, |difference, (a, b)| core::hint::black_box(difference | (a ^ b)));
    core::hint::black_box(difference) == 0
}

/// The first `N` bytes of a slice that is at least as long (a hash); shorter ones are filled up with zeros.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn hkdf_is_that_of_rfc_5869_appendix_a_1() {
        let prk = extract(&hex("000102030405060708090a0b0c"), &[0x0b; 22]);
        assert_eq!(prk.to_vec(), hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"));
        let mut out = [0; 42];
        expand(&*prk, &[&hex("f0f1f2f3f4f5f6f7f8f9")], &mut out);
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(out.to_vec(), hex(expected));
    }

    #[test]
    fn hkdf_is_that_of_rfc_5869_appendix_a_3() {
        let prk = extract(&[], &[0x0b; 22]);
        assert_eq!(prk.to_vec(), hex("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"));
        let mut out = [0; 42];
        expand(&*prk, &[], &mut out);
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(out.to_vec(), hex(expected));
    }

    #[test]
    fn labels_contexts_and_lengths_give_different_keys() {
        let secret = [7; 32];
        let keys = [
            *derive::<32>(&secret, "a", b""),
            *derive::<32>(&secret, "b", b""),
            *derive::<32>(&secret, "a", b"b"),
            *derive::<32>(&[8; 32], "a", b""),
            array(&*derive::<16>(&secret, "a", b"")),
        ];
        for (i, a) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|b| a[..16] != b[..16]));
        }
    }

    #[test]
    fn equality_sees_each_bit() {
        let a = [0x5a; 32];
        assert!(equal(&a, &a));
        for bit in 0..256 {
            let mut b = a;
            b[bit / 8] ^= 1 << (bit % 8);
            assert!(!equal(&a, &b));
        }
    }
}
