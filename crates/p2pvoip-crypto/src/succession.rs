//! The succession: an old root and a new one say of each other that they belong to the same person, in 201 bytes.
//!
//! form 1 (1) | old root (32) | new root (32) | date (8) | signature of the old root (64) | signature of the new root (64). A contact who
//! holds it need not ask whether the new card is of the same person: as sure as it was of the old root, it is of the new.
//!
//! # Left out
//! - Revoking a root that was stolen: a thief can sign a succession as well. Contacts are told that the root has changed, and
//!   what was verified by comparing is verified anew.

use core::fmt;

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use thiserror::Error;

use crate::dates::CLOCK_SKEW;
use crate::identity::{self, Identity, PUBLIC_LEN, RootKey, SIGNATURE_LEN};
use crate::kdf;
use crate::text::{self, NotText};

/// Bytes of a succession.
pub const SUCCESSION_LEN: usize = BODY_LEN + 2 * SIGNATURE_LEN;

const BODY_LEN: usize = 1 + 2 * PUBLIC_LEN + 8;
const FORM: u8 = 1;
const DOMAIN: &str = "succession";
const SCHEME: &str = "p2pvoip-succession:";

/// Two roots of one person, both of which have signed that; as text it is a link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Succession {
    old: RootKey,
    new: RootKey,
    made: UnixTime,
    signatures: [[u8; SIGNATURE_LEN]; 2],
}

/// Why there is no succession, or bytes are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// A linked device does not hold its root.
    #[error("this device was linked; make the succession on the one where each identity was made")]
    NotHome,
    /// A root cannot follow itself.
    #[error("the old and the new identity are the same; make a new identity first")]
    Same,
    /// The text starts otherwise.
    #[error("this is not a succession; it starts with `p2pvoip-succession:`")]
    NotASuccession,
    /// A newer version made it.
    #[error("the succession has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// Its length, or a field.
    #[error("the succession is not well formed: {0}; ask for it again")]
    Malformed(#[from] Malformed),
    /// One of the two has not signed it.
    #[error("the succession is not signed by both identities; do not trust the new one")]
    Signature,
    /// It was made in the future.
    #[error("the succession was made in the future; set the clock of this computer")]
    FromTheFuture,
}

impl Succession {
    /// Says of two own identities that the new one takes the place of the old one.
    ///
    /// # Errors
    /// [`SuccessionError`] when they are the same, or one of them is a linked device's.
    pub fn make(old: &Identity, new: &Identity, now: UnixTime) -> Result<Self, SuccessionError> {
        let mut made =
            Self { old: old.root(), new: new.root(), made: now, signatures: [[0; SIGNATURE_LEN]; 2] };
        if made.old == made.new {
            return Err(SuccessionError::Same);
        }
        let body = made.body();
        let sign = |by: &Identity| by.sign_as_root(DOMAIN, &[&body]).ok_or(SuccessionError::NotHome);
        made.signatures = [sign(old)?, sign(new)?];
        Ok(made)
    }

    /// Reads one, and verifies both signatures.
    ///
    /// # Errors
    /// [`SuccessionError`] says what is wrong with it.
    pub fn parse(bytes: &[u8], now: UnixTime) -> Result<Self, SuccessionError> {
        let read = Self::parse_fields(bytes)?;
        let body = read.body();
        let signed = |(root, signature): (&RootKey, &[u8; SIGNATURE_LEN])| {
            identity::verify(root.as_bytes(), DOMAIN, &[&body], signature)
        };
        if !([&read.old, &read.new].into_iter().zip(&read.signatures).all(signed)) {
            return Err(SuccessionError::Signature);
        }
        if read.made > now + CLOCK_SKEW { Err(SuccessionError::FromTheFuture) } else { Ok(read) }
    }

    /// Reads the text of one, and verifies both signatures. Blanks around it are ignored.
    ///
    /// # Errors
    /// [`SuccessionError`] says what is wrong with it.
    pub fn parse_text(text: &str, now: UnixTime) -> Result<Self, SuccessionError> {
        let bytes = text::read::<SUCCESSION_LEN>(text, SCHEME).map_err(|error| match error {
            NotText::OtherScheme => SuccessionError::NotASuccession,
            NotText::Mistyped => SuccessionError::Malformed(Malformed::Truncated),
        })?;
        Self::parse(&*bytes, now)
    }

    fn parse_fields(bytes: &[u8]) -> Result<Self, SuccessionError> {
        let mut reader = Reader::new(bytes);
        let form = reader.u8()?;
        if form != FORM {
            return Err(SuccessionError::UnknownForm(form));
        }
        let (old, new) = (reader.array()?, reader.array()?);
        let made = UnixTime::from_secs(reader.u64()?);
        let signatures = [reader.array()?, reader.array()?];
        reader.finish()?;
        let root = |bytes| RootKey::new(bytes).ok_or(Malformed::Invalid("root key"));
        let (old, new) = (root(old)?, root(new)?);
        if old == new { Err(SuccessionError::Same) } else { Ok(Self { old, new, made, signatures }) }
    }

    /// Its bytes.
    pub fn emit(&self) -> [u8; SUCCESSION_LEN] {
        let [old, new] = &self.signatures;
        kdf::array(&[&self.body()[..], old, new].concat())
    }

    /// The root that is given up.
    pub const fn old(&self) -> &RootKey {
        &self.old
    }

    /// The root that takes its place.
    pub const fn new_root(&self) -> &RootKey {
        &self.new
    }

    /// When it was made. Of two successions of one old root the owner means the later.
    pub const fn made(&self) -> UnixTime {
        self.made
    }

    fn body(&self) -> [u8; BODY_LEN] {
        let date = self.made.as_secs().to_be_bytes();
        kdf::array(&[&[FORM], &self.old.as_bytes()[..], self.new.as_bytes(), &date].concat())
    }
}

impl fmt::Display for Succession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(f, SCHEME, &self.emit())
    }
}

impl fmt::Debug for Succession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Succession([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use p2pvoip_core::Seed;
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn identity(seed: u64) -> Identity {
        Identity::generate(&Seed::from_u64(seed))
    }

    fn succession() -> Succession {
        Succession::make(&identity(1), &identity(2), NOW).unwrap()
    }

    #[test]
    fn both_roots_say_that_one_follows_the_other() {
        let made = succession();
        assert_eq!(Succession::parse(&made.emit(), NOW), Ok(made));
        assert_eq!(Succession::parse_text(&format!(" {made}\n"), NOW), Ok(made));
        assert_eq!((made.old(), made.new_root()), (&identity(1).root(), &identity(2).root()));
        assert_eq!(made.made(), NOW);
        assert_eq!(Succession::make(&identity(1), &identity(1), NOW), Err(SuccessionError::Same));
    }

    #[test]
    fn every_flipped_bit_and_every_wrong_length_is_refused() {
        let bytes = succession().emit();
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(Succession::parse(&wrong, NOW).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Succession::parse(&bytes[..len], NOW).is_err());
        }
        assert!(Succession::parse(&[&bytes[..], &[0]].concat(), NOW).is_err());
    }

    #[test]
    fn neither_root_alone_makes_one() {
        let (made, back) = (succession(), Succession::make(&identity(2), &identity(1), NOW).unwrap());
        let [old, new] = made.signatures;
        for signatures in [[old, old], [new, new], [new, old], back.signatures] {
            let wrong = Succession { signatures, ..made }.emit();
            assert_eq!(Succession::parse(&wrong, NOW), Err(SuccessionError::Signature));
        }
    }

    #[test]
    fn one_from_the_future_waits_for_the_clock() {
        let bytes = succession().emit();
        assert!(Succession::parse(&bytes, NOW - CLOCK_SKEW).is_ok());
        let early = NOW - CLOCK_SKEW - Duration::from_secs(1);
        assert_eq!(Succession::parse(&bytes, early), Err(SuccessionError::FromTheFuture));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..220)) {
            prop_assert!(Succession::parse(&bytes, NOW).is_err());
            let formed: Vec<u8> = [FORM].into_iter().chain(bytes).collect();
            prop_assert!(Succession::parse(&formed, NOW).is_err());
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in "(p2pvoip-succession:)?.{0,280}") {
            prop_assert!(Succession::parse_text(&text, NOW).is_err());
        }
    }
}
