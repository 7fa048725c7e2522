//! The gate before a callee: what a first message must show before any public key is touched, and who may ring how often.
//!
//! ```text
//! offer = nonce (12) | hint, encrypted (8) | tag (16) | what the handshake reads
//! ```
//! The tag is that of ChaCha20-Poly1305 under the gate key, which derives from the mailbox key that all contacts hold; all
//! that follows is its associated data. The hint says, to the callee alone, which known contact calls on that day, so
//! that a crowd of strangers does not keep friends out.
//!
//! # Timers
//! - Strangers, all together: [`STRANGERS_AT_ONCE`] offers at once, then one every [`STRANGER_EVERY`].
//! - Each known device: [`CONTACT_AT_ONCE`] offers at once, then one every [`CONTACT_EVERY`].
//! - An offer is remembered for a prekey's life, and never forgotten for new ones while it could be in date:
//!   2,048 of strangers and 64 of each known device.
//!
//! # Left out
//! - Telling one stranger from another: they have shown nothing yet but that they hold the card.

mod hint;
mod keeper;
mod memory;
mod tokens;

use ring::aead::{Aad, LessSafeKey, Nonce};
use thiserror::Error;

use crate::kdf::Key;
use crate::suite::{Aead, TAG_LEN};

pub(crate) use hint::{HINT_LEN, Hint, Pairwise};
pub use keeper::{
    Admitted, CONTACT_AT_ONCE, CONTACT_EVERY, Gatekeeper, MAX_CONTACTS, STRANGER_EVERY, STRANGERS_AT_ONCE,
};
pub use memory::{MAX_REMEMBERED, MEMORY_LIFE};

/// Bytes of a gate's nonce.
pub(crate) const NONCE_LEN: usize = 12;
/// Bytes before what the handshake reads.
pub(crate) const GATE_LEN: usize = NONCE_LEN + HINT_LEN + TAG_LEN;

/// Why an offer is not looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum GateRefused {
    /// It is shorter than any offer, or longer.
    #[error("the offer has a length that no offer has; drop it")]
    Length,
    /// It was not made by a holder of the contact card, or was changed on its way.
    #[error("the offer was not made with this contact card; drop it")]
    Forged,
    /// It was admitted before.
    #[error("the offer came before; drop it")]
    Replayed,
    /// Too many strangers call.
    #[error("more strangers call than are let in; drop it, the caller may try again later")]
    Crowded,
    /// That contact calls too often.
    #[error("this contact calls more often than it is let in; drop it, the caller may try again later")]
    TooOften,
    /// As many offers of that contact, or of strangers, are remembered as can be, and all of them could still be in date.
    #[error(
        "this contact, or strangers, called too often in the last hours; drop it, the caller may try again later"
    )]
    Full,
}

/// The seal of all first messages to one mailbox.
pub(crate) struct Gate(LessSafeKey);

impl Gate {
    pub(crate) fn new(key: &Key) -> Self {
        Self(Aead::ChaCha20Poly1305.key(key))
    }

    /// The bytes that stand before `interior`. A nonce is used once.
    pub(crate) fn seal(&self, nonce: [u8; NONCE_LEN], hint: Hint, interior: &[u8]) -> [u8; GATE_LEN] {
        let mut bytes = [0; GATE_LEN];
        let mut sealed = hint;
        let tag = self.0.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(interior),
            &mut sealed,
        );
        // Eight bytes can always be sealed; without its tag the offer would be refused.
        let tag = tag.map_or([0; TAG_LEN], |tag| crate::kdf::array(tag.as_ref()));
        for (to, from) in bytes.iter_mut().zip(nonce.into_iter().chain(sealed).chain(tag)) {
            *to = from;
        }
        bytes
    }

    /// The hint and the interior of an offer that a holder of the mailbox key has made.
    pub(crate) fn open<'a>(&self, offer: &'a [u8]) -> Result<(Hint, &'a [u8]), GateRefused> {
        let (gate, interior) = offer.split_first_chunk::<GATE_LEN>().ok_or(GateRefused::Length)?;
        let (nonce, sealed) = gate.split_first_chunk::<NONCE_LEN>().ok_or(GateRefused::Length)?;
        let (hint, tag) = sealed.split_first_chunk::<HINT_LEN>().ok_or(GateRefused::Length)?;
        let tag: [u8; TAG_LEN] = crate::kdf::array(tag);
        let mut hint = *hint;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened =
            self.0.open_in_place_separate_tag(nonce, Aad::from(interior), tag.into(), &mut hint, 0..);
        if opened.is_err() {
            return Err(GateRefused::Forged);
        }
        Ok((hint, interior))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gate(byte: u8) -> Gate {
        Gate::new(&Key::new([byte; 32]))
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let interior = [7; 40];
        let offer = [&gate(1).seal([2; NONCE_LEN], [3; HINT_LEN], &interior)[..], &interior].concat();
        assert_eq!(gate(1).open(&offer), Ok(([3; HINT_LEN], &interior[..])));
        assert_eq!(gate(2).open(&offer), Err(GateRefused::Forged));
        for bit in 0..offer.len() * 8 {
            let mut wrong = offer.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(gate(1).open(&wrong), Err(GateRefused::Forged), "bit {bit}");
        }
        for len in 0..offer.len() {
            let expected = if len < GATE_LEN { GateRefused::Length } else { GateRefused::Forged };
            assert_eq!(gate(1).open(&offer[..len]), Err(expected));
        }
    }

    #[test]
    fn a_hint_is_not_seen_from_outside() {
        let seal = |nonce| gate(1).seal([nonce; NONCE_LEN], [3; HINT_LEN], b"");
        let (a, b) = (seal(1), seal(2));
        assert_ne!(a[NONCE_LEN..][..HINT_LEN], b[NONCE_LEN..][..HINT_LEN]);
        assert_ne!(a[NONCE_LEN..][..HINT_LEN], [3; HINT_LEN]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(gate(1).open(&bytes).is_err());
        }
    }
}
