//! The short authentication string: 42 bits that two people compare, as six words or seven emoji.
//!
//! The idea is that of ZRTP (RFC 6189 sections 4.4.1 and 4.5): the initiator commits to its nonce before it sees the
//! responder's, and reveals it after. Somebody between two people has two handshakes to bring to one code; whichever of the
//! two honest contributions it sees last (the initiator's revealed nonce, or the responder's nonce and ephemeral key) is fresh
//! chance, and everything of its own is fixed by then. So it succeeds once in 2^42 tries, and each try is a call.
//!
//! # Left out
//! - A code that is kept over calls (ZRTP's cache): the pinned root key does that (`trust`).
//! - A comparison in code: people compare, and each side confirms for itself.

mod emoji;
#[cfg(test)]
mod tests;
mod words;

use core::fmt;

pub use emoji::Emoji;

use zeroize::Zeroizing;

use crate::kdf;

/// Bytes of the nonce of either side.
pub(crate) const NONCE_LEN: usize = 16;
/// A nonce that is kept: nobody may know it before it is revealed, so it is overwritten when dropped.
pub(crate) type Nonce = Zeroizing<[u8; NONCE_LEN]>;
/// How many bits a code has.
pub const SAS_BITS: u32 = 42;

const WORD_BITS: u32 = 7;
const EMOJI_BITS: u32 = 6;

/// The code of one call. Both people see the same one, unless somebody sits between them.
///
/// Show the words or the emoji; ask whether the other sees the same, and never which one it is by a list to choose from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sas(u64);

impl Sas {
    /// Its 42 bits, for a form of one's own (another language: 7 bits from the top for each word).
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Six words, to be read aloud.
    #[expect(clippy::indexing_slicing, reason = "7 bits are less than 128")]
    pub fn words(self) -> [&'static str; 6] {
        self.groups(WORD_BITS).map(|index| words::WORDS[index])
    }

    /// Seven pictures with their names, to be compared at a glance.
    #[expect(clippy::indexing_slicing, reason = "6 bits are less than 64")]
    pub fn emoji(self) -> [Emoji; 7] {
        self.groups(EMOJI_BITS).map(|index| emoji::EMOJI[index])
    }

    /// The bits in groups of that many, from the top.
    fn groups<const N: usize>(self, bits: u32) -> [usize; N] {
        let mask = (1 << bits) - 1;
        let mut left = SAS_BITS;
        [(); N].map(|()| {
            left = left.saturating_sub(bits);
            // At most 7 bits are left by the mask.
            usize::try_from((self.0 >> left) & mask).unwrap_or_default()
        })
    }
}

impl fmt::Display for Sas {
    /// The words, with blanks between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}

impl fmt::Debug for Sas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sas([redacted])")
    }
}

/// What the initiator sends before it sees the responder's nonce.
pub(crate) fn commit(nonce: &[u8; NONCE_LEN]) -> [u8; 32] {
    kdf::sha256(&[b"p2pvoip sas commitment", nonce])
}

/// The code of a handshake: `binding` is its hash behind message 2, `first` the initiator's nonce, `second` the responder's.
///
/// Who calls it has compared `commit(first)` with the first message.
pub(crate) fn derive(binding: &[u8; 32], first: &[u8; NONCE_LEN], second: &[u8; NONCE_LEN]) -> Sas {
    let key = kdf::extract(b"p2pvoip sas", binding);
    let both = Zeroizing::new([*first, *second].concat());
    let bytes = kdf::derive::<8>(&key, "sas", &both);
    Sas(u64::from_be_bytes(*bytes) >> (u64::BITS - SAS_BITS))
}
