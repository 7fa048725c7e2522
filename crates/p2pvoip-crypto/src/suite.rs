//! What two peers can agree upon: versions, features, and the AEAD that protects packets.
//!
//! # Left out
//! - AES-128-GCM: AES-256-GCM costs 4 ns a packet more and keeps its margin against a quantum search.

use ring::aead;

use crate::kdf::Key;

/// The version number of P2P VoIP 1.0: major in the high four bits, minor in the low four.
pub const VERSION_1_0: u8 = 0x10;
/// The version number of P2P VoIP 1.1.
pub const VERSION_1_1: u8 = 0x11;

/// Bytes of an authentication tag, of either AEAD.
pub(crate) const TAG_LEN: usize = 16;

/// An algorithm that seals packets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Aead {
    /// AES-256 in Galois/counter mode: the faster one where the processor has AES instructions.
    Aes256Gcm = 1,
    /// ChaCha20-Poly1305 (RFC 8439): the faster one elsewhere.
    ChaCha20Poly1305 = 2,
}

impl Aead {
    /// All of them, in the order that a processor with AES instructions prefers.
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// Its number on the wire.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The algorithm of that number, when there is one.
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Aes256Gcm),
            2 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }

    /// How many packets may be sealed under one key (RFC 9001 section 6.6 and appendix B.1.1).
    ///
    /// For AES-256-GCM the limit of packets of at most 2^11 bytes, which the sealer enforces; ChaCha20-Poly1305 has
    /// none below the end of the packet numbers.
    pub const fn sealing_limit(self) -> u64 {
        match self {
            Self::Aes256Gcm => 1 << 28,
            Self::ChaCha20Poly1305 => u64::MAX,
        }
    }

    /// How many forged packets may be tried under one key before the session must end (RFC 9001 section 6.6).
    pub const fn forgery_limit(self) -> u64 {
        match self {
            Self::Aes256Gcm => 1 << 52,
            Self::ChaCha20Poly1305 => 1 << 36,
        }
    }

    #[expect(clippy::expect_used, reason = "both algorithms take keys of exactly 32 bytes")]
    pub(crate) fn key(self, bytes: &[u8; 32]) -> aead::LessSafeKey {
        let algorithm = match self {
            Self::Aes256Gcm => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        aead::LessSafeKey::new(aead::UnboundKey::new(algorithm, bytes).expect("a key of 32 bytes"))
    }

    #[expect(clippy::expect_used, reason = "both algorithms take keys of exactly 32 bytes")]
    pub(crate) fn mask_key(self, bytes: &Key) -> aead::quic::HeaderProtectionKey {
        let algorithm = match self {
            Self::Aes256Gcm => &aead::quic::AES_256,
            Self::ChaCha20Poly1305 => &aead::quic::CHACHA20,
        };
        aead::quic::HeaderProtectionKey::new(algorithm, &**bytes).expect("a key of 32 bytes")
    }
}

/// The versions that a peer speaks, from the least to the greatest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VersionRange {
    least: u8,
    greatest: u8,
}

impl VersionRange {
    /// Version 1.1 alone.
    pub const CURRENT: Self = Self { least: VERSION_1_1, greatest: VERSION_1_1 };

    /// All versions from `least` to `greatest`; `None` when that is no range, or starts at zero.
    pub const fn new(least: u8, greatest: u8) -> Option<Self> {
        if least != 0 && least <= greatest { Some(Self { least, greatest }) } else { None }
    }

    /// The least version.
    pub const fn least(self) -> u8 {
        self.least
    }

    /// The greatest version.
    pub const fn greatest(self) -> u8 {
        self.greatest
    }

    /// The greatest version that both speak.
    pub const fn common(self, other: Self) -> Option<u8> {
        let greatest = if self.greatest < other.greatest { self.greatest } else { other.greatest };
        if greatest >= self.least && greatest >= other.least { Some(greatest) } else { None }
    }
}

/// What two peers have agreed upon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Suite {
    /// The greatest version that both speak.
    pub version: u8,
    /// The features that both have, a bit each.
    pub features: u32,
    /// The first of the initiator's algorithms that the responder allows.
    pub aead: Aead,
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn seal(aead: Aead, key: &str, nonce: &str, aad: &str, plaintext: &[u8]) -> Vec<u8> {
        let key = aead.key(&hex(key).try_into().unwrap());
        let nonce = aead::Nonce::try_assume_unique_for_key(&hex(nonce)).unwrap();
        let mut sealed = plaintext.to_vec();
        key.seal_in_place_append_tag(nonce, aead::Aad::from(hex(aad)), &mut sealed).unwrap();
        sealed
    }

    #[test]
    fn chacha20_poly1305_is_that_of_rfc_8439_section_2_8_2() {
        let key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";
        let text =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
            sunscreen would be it.";
        let aad = "50515253c0c1c2c3c4c5c6c7";
        let sealed = seal(Aead::ChaCha20Poly1305, key, "070000004041424344454647", aad, text);
        assert_eq!(sealed[..16].to_vec(), hex("d31a8d34648e60db7b86afbc53ef7ec2"));
        assert_eq!(sealed[text.len()..].to_vec(), hex("1ae10b594f09e26a7e902ecbd0600691"));
    }

    #[test]
    fn aes_256_gcm_is_that_of_the_gcm_submission_test_case_14() {
        let zeros = "00".repeat(32);
        let sealed = seal(Aead::Aes256Gcm, &zeros, &"00".repeat(12), "", &[0; 16]);
        assert_eq!(sealed, hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"));
    }

    #[test]
    fn the_chacha20_mask_is_that_of_rfc_9001_appendix_a_5() {
        let key = hex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");
        let key = Aead::ChaCha20Poly1305.mask_key(&Key::new(key.try_into().unwrap()));
        let mask = key.new_mask(&hex("5e5cd55c41f69080575d7999c25a5bfb")).unwrap();
        assert_eq!(mask.to_vec(), hex("aefefe7d03"));
    }

    #[test]
    fn the_greatest_common_version_is_chosen_or_none() {
        let range = |least, greatest| VersionRange::new(least, greatest).unwrap();
        assert_eq!(range(1, 5).common(range(3, 9)), Some(5));
        assert_eq!(range(3, 9).common(range(1, 5)), Some(5));
        assert_eq!(range(1, 2).common(range(3, 4)), None);
        assert_eq!(VersionRange::new(2, 1), None);
        assert_eq!(VersionRange::new(0, 1), None);
    }

    #[test]
    fn numbers_on_the_wire_name_their_algorithm() {
        for aead in Aead::ALL {
            assert_eq!(Aead::from_id(aead.id()), Some(aead));
        }
        assert_eq!((Aead::from_id(0), Aead::from_id(3)), (None, None));
    }
}
