//! Hints: how a known contact is told from strangers by eight bytes that change daily and mean nothing to anybody else.

use crate::kdf::{self, Key};
use crate::x25519::{self, X25519_LEN};

/// Bytes of a hint.
pub(crate) const HINT_LEN: usize = 8;

/// The eight bytes.
pub(crate) type Hint = [u8; HINT_LEN];

/// What two devices share for good, without ever having sent it; overwritten when dropped.
pub(crate) struct Pairwise(Key);

impl Pairwise {
    /// The secret of an own device key and another's; `None` for a public key that gives none.
    pub(crate) fn new(own: &Key, other: &[u8; X25519_LEN]) -> Option<Self> {
        let shared = x25519::agree(own, other)?;
        Some(Self(kdf::derive(&kdf::extract(b"p2pvoip pairwise", &*shared), "pairwise", b"")))
    }

    /// What the other one shows on that day to the device whose public key is `receiver`.
    pub(crate) fn hint(&self, day: u64, receiver: &[u8; X25519_LEN]) -> Hint {
        let mut context = [0; 8 + X25519_LEN];
        for (to, from) in context.iter_mut().zip(day.to_be_bytes().into_iter().chain(*receiver)) {
            *to = from;
        }
        kdf::array(&*kdf::derive::<32>(&self.0, "hint", &context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_know_the_hint_and_it_has_a_direction_and_a_day() {
        let (a, b) = (Key::new([1; 32]), Key::new([2; 32]));
        let (public_a, public_b) = (x25519::public_key(&a), x25519::public_key(&b));
        let at_a = Pairwise::new(&a, &public_b).unwrap();
        let at_b = Pairwise::new(&b, &public_a).unwrap();
        assert_eq!(at_a.hint(5, &public_b), at_b.hint(5, &public_b));
        assert_ne!(at_a.hint(5, &public_b), at_a.hint(5, &public_a));
        assert_ne!(at_a.hint(5, &public_b), at_a.hint(6, &public_b));
        assert!(Pairwise::new(&a, &[0; 32]).is_none());
    }
}
