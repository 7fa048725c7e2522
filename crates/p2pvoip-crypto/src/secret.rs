//! The one secret of an identity, and the form in which it is kept in a file.
//!
//! The form is 44 bytes: `p2pvoip` (7) | form 1 (1) | secret (32) | checksum (4). The checksum tells a damaged file
//! from another one; it protects nothing, and the file must be readable by its owner alone.
//!
//! # Left out
//! - A passphrase: the owner's system or key store encrypts the file.

use core::fmt;

use p2pvoip_core::Seed;
use p2pvoip_core::wire::Reader;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::kdf;

const MAGIC: &[u8; 7] = b"p2pvoip";
const FORM: u8 = 1;
const CHECKSUM_LEN: usize = 4;

/// 32 bytes from which all keys of an identity are derived; overwritten when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

/// Why bytes are not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It does not start as an identity file does.
    #[error("this is not an identity file; give the file that was written when the identity was made")]
    NotASecret,
    /// A newer version wrote it.
    #[error("the identity file has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// Its length or checksum is wrong.
    #[error("the identity file is damaged; restore it from a backup")]
    Damaged,
}

impl Secret {
    /// Bytes of the form for a file.
    pub const ENCODED_LEN: usize = 44;

    /// A new secret. The seed comes from the system and is used for nothing else.
    pub fn generate(seed: &Seed) -> Self {
        Self(*kdf::derive(seed.expose(), "identity", b""))
    }

    /// The secret of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The form for a file.
    pub fn encode(&self) -> Zeroizing<[u8; Self::ENCODED_LEN]> {
        let mut out = Zeroizing::new([0; Self::ENCODED_LEN]);
        let checksum = checksum(&self.0);
        let fields = MAGIC.iter().chain([&FORM]).chain(&self.0).chain(&checksum);
        for (to, from) in out.iter_mut().zip(fields) {
            *to = *from;
        }
        out
    }

    /// Reads the form for a file.
    ///
    /// # Errors
    /// [`SecretError`] when the bytes are something else, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, SecretError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<7>().ok().as_ref() != Some(MAGIC) {
            return Err(SecretError::NotASecret);
        }
        match reader.u8() {
            Ok(FORM) => {}
            Ok(other) => return Err(SecretError::UnknownForm(other)),
            Err(_) => return Err(SecretError::Damaged),
        }
        let secret = reader.array::<32>().map(Self).map_err(|_| SecretError::Damaged)?;
        let written = reader.array::<CHECKSUM_LEN>().map_err(|_| SecretError::Damaged)?;
        reader.finish().map_err(|_| SecretError::Damaged)?;
        if kdf::equal(&written, &checksum(&secret.0)) { Ok(secret) } else { Err(SecretError::Damaged) }
    }

    /// Its bytes. Secret.
    pub(crate) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

fn checksum(secret: &[u8; 32]) -> [u8; CHECKSUM_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip identity file", &[FORM], secret]))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_its_secret() {
        let secret = Secret::generate(&Seed::from_u64(1));
        assert_eq!(Secret::decode(&*secret.encode()).unwrap().0, secret.0);
    }

    #[test]
    fn every_flipped_bit_and_every_wrong_length_is_noticed() {
        let file = Secret::new([9; 32]).encode();
        for bit in 0..file.len() * 8 {
            let mut damaged = file.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Secret::decode(&damaged).is_err(), "bit {bit}");
        }
        for len in 0..file.len() {
            assert!(Secret::decode(&file[..len]).is_err());
        }
        assert_eq!(Secret::decode(&[&file[..], &[0]].concat()).unwrap_err(), SecretError::Damaged);
    }

    #[test]
    fn a_newer_form_asks_for_an_update() {
        let mut file = Secret::new([9; 32]).encode();
        file[7] = 2;
        assert_eq!(Secret::decode(&*file).unwrap_err(), SecretError::UnknownForm(2));
        assert_eq!(Secret::decode(b"-----BEGIN").unwrap_err(), SecretError::NotASecret);
    }
}
