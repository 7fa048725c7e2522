//! The username fragment and password of one agent (RFC 8445 section 5.3), drawn from a seed.

use core::fmt;

use p2pvoip_core::Rng;
use p2pvoip_core::wire::{Malformed, Reader, Writer};
use stun_rs::HMACKey;

/// Length of a username fragment: 48 bits of chance, where RFC 8445 section 5.3 wants at least 24.
const UFRAG_LEN: usize = 8;
/// Length of a password: 144 bits of chance, where RFC 8445 section 5.3 wants at least 128.
const PWD_LEN: usize = 24;

/// The 64 ice-chars (RFC 8839 section 5.4), six bits each.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a connectivity check is authenticated with; the peer learns them by signalling, nobody else does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    ufrag: [u8; UFRAG_LEN],
    pwd: [u8; PWD_LEN],
}

impl Credentials {
    /// The length of the form for signalling.
    pub const LEN: usize = UFRAG_LEN + PWD_LEN;

    /// Fresh credentials.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        Self { ufrag: draw(rng), pwd: draw(rng) }
    }

    /// The username fragment.
    pub fn ufrag(&self) -> &str {
        core::str::from_utf8(&self.ufrag).unwrap_or_default()
    }

    /// The password. Secret.
    pub fn pwd(&self) -> &str {
        core::str::from_utf8(&self.pwd).unwrap_or_default()
    }

    /// Writes the form for signalling to the front of `out` and returns its length.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when `out` is shorter than [`Credentials::LEN`].
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        let mut writer = Writer::new(out);
        writer.bytes(&self.ufrag)?;
        writer.bytes(&self.pwd)?;
        Ok(writer.len())
    }

    /// Reads the form for signalling, all of it.
    ///
    /// # Errors
    /// [`Malformed`] for a wrong length or a character that is not an ice-char.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let credentials = Self { ufrag: reader.array()?, pwd: reader.array()? };
        reader.finish()?;
        if bytes.iter().all(|byte| ALPHABET.contains(byte)) {
            Ok(credentials)
        } else {
            Err(Malformed::Invalid("ICE credentials"))
        }
    }

    /// The key of the short-term credential mechanism (RFC 8489 section 9.1.1).
    pub(crate) fn key(&self) -> Option<HMACKey> {
        HMACKey::new_short_term(self.pwd()).ok()
    }
}

fn draw<const N: usize>(rng: &mut Rng) -> [u8; N] {
    rng.array::<N>().map(|byte| ALPHABET.get(usize::from(byte % 64)).copied().unwrap_or(b'A'))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parse_undoes_emit(seed in any::<u64>()) {
            let credentials = Credentials::draw(&mut Seed::from_u64(seed).rng());
            let mut buf = [0; Credentials::LEN];
            prop_assert_eq!(credentials.emit(&mut buf), Ok(Credentials::LEN));
            prop_assert_eq!(Credentials::parse(&buf), Ok(credentials));
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let ok = bytes.len() == Credentials::LEN && bytes.iter().all(|b| ALPHABET.contains(b));
            prop_assert_eq!(Credentials::parse(&bytes).is_ok(), ok);
        }
    }

    #[test]
    fn two_seeds_give_two_passwords_and_debug_shows_none() {
        let one = Credentials::draw(&mut Seed::from_u64(1).rng());
        let two = Credentials::draw(&mut Seed::from_u64(2).rng());
        assert_ne!(one.pwd(), two.pwd());
        assert_eq!((one.ufrag().len(), one.pwd().len()), (UFRAG_LEN, PWD_LEN));
        assert!(!format!("{one:?}").contains(one.ufrag()));
    }
}
