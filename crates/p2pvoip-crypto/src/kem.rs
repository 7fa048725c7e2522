//! ML-KEM-768 (FIPS 203), by libcrux: the half of every key agreement that a quantum computer does not break.
//!
//! # Left out
//! - The implicit-rejection secret is not told from a right one: what is sealed under it decides (FIPS 203 section 6.3).

use core::fmt;

use libcrux_ml_kem::mlkem768;
use zeroize::{Zeroize, Zeroizing};

use crate::kdf::Key;

/// Bytes of an encapsulation key.
pub(crate) const KEM_PUBLIC_LEN: usize = 1_184;
/// Bytes of a ciphertext.
pub(crate) const KEM_CIPHERTEXT_LEN: usize = 1_088;
/// Bytes from which a key pair is made: `d` and `z` of FIPS 203.
pub(crate) const KEM_SEED_LEN: usize = 64;

const PRIVATE_LEN: usize = 2_400;

/// A key pair; its private half is overwritten when dropped.
pub(crate) struct KemPair {
    private: Zeroizing<[u8; PRIVATE_LEN]>,
    public: [u8; KEM_PUBLIC_LEN],
}

impl KemPair {
    /// The pair of a seed (FIPS 203 section 7.1, `KeyGen_internal`).
    pub(crate) fn from_seed(seed: &Zeroizing<[u8; KEM_SEED_LEN]>) -> Self {
        let (mut private, public) = mlkem768::generate_key_pair(**seed).into_parts();
        let kept = Zeroizing::new(*private.as_slice());
        private[0..].zeroize();
        Self { private: kept, public: *public.as_slice() }
    }

    /// What the other side needs.
    pub(crate) const fn public(&self) -> &[u8; KEM_PUBLIC_LEN] {
        &self.public
    }

    /// The shared secret of a ciphertext; for one that was not made for this key, a secret that nobody knows.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8; KEM_CIPHERTEXT_LEN]) -> Key {
        let mut private = mlkem768::MlKem768PrivateKey::from(&*self.private);
        let secret = Zeroizing::new(mlkem768::decapsulate(&private, &(*ciphertext).into()));
        private[0..].zeroize();
        secret
    }
}

impl fmt::Debug for KemPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemPair([redacted])")
    }
}

/// Whether these bytes are an encapsulation key (FIPS 203 section 7.2, the modulus check).
pub(crate) fn is_sound(public: &[u8; KEM_PUBLIC_LEN]) -> bool {
    mlkem768::validate_public_key(&(*public).into())
}

/// A ciphertext for that key, and the secret that it carries; `None` when the key is none. The randomness is used once.
pub(crate) fn encapsulate(
    public: &[u8; KEM_PUBLIC_LEN],
    randomness: &Key,
) -> Option<([u8; KEM_CIPHERTEXT_LEN], Key)> {
    if !is_sound(public) {
        return None;
    }
    let (ciphertext, secret) = mlkem768::encapsulate(&(*public).into(), **randomness);
    Some((*ciphertext.as_slice(), Zeroizing::new(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_private_half_learns_the_secret_and_nobody_else() {
        let (bob, eve) = (KemPair::from_seed(&[1; 64].into()), KemPair::from_seed(&[2; 64].into()));
        let (ciphertext, secret) = encapsulate(bob.public(), &[3; 32].into()).unwrap();
        assert_eq!(bob.decapsulate(&ciphertext), secret);
        assert_ne!(eve.decapsulate(&ciphertext), secret);
        let mut changed = ciphertext;
        changed[7] ^= 1;
        assert_ne!(bob.decapsulate(&changed), secret);
    }

    #[test]
    fn coefficients_beyond_the_modulus_are_no_key() {
        assert!(encapsulate(&[0xff; KEM_PUBLIC_LEN], &[3; 32].into()).is_none());
    }
}
