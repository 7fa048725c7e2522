//! The signal cipher: seals messages that pass through mailboxes after the handshake, and opens each once, in any order.
//!
//! A message is its sequence number (4 bytes, masked), the ciphertext and a tag of 16 bytes. The nonce is the
//! direction's vector with the number added; the number is the associated data. The mask comes of the first 16 bytes
//! behind the number (RFC 9001 section 5.4), so that who carries a message sees no structure and cannot count.
//!
//! # Left out
//! - Padding: envelopes have one size.

use core::fmt;

use p2pvoip_core::wire::Reader;
use ring::aead::quic::HeaderProtectionKey;
use ring::aead::{Aad, LessSafeKey};
use zeroize::Zeroizing;

use crate::packet::{Counters, Refused, SealError, Verdict, Window, nonce};
use crate::schedule::{DirectionSecret, IV_LEN};
use crate::suite::{Aead, TAG_LEN};

/// Bytes that a sealed message has more than its plaintext.
pub const SIGNAL_OVERHEAD: usize = NUMBER_LEN + TAG_LEN;
/// The longest plaintext of one message.
pub const MAX_SIGNAL_LEN: usize = 16_384;

const NUMBER_LEN: usize = 4;
/// Bytes of ciphertext that a mask is made of (RFC 9001 section 5.4.2); a tag alone is as long.
const SAMPLE_LEN: usize = 16;
const DOMAIN: &[u8] = b"p2pvoip signal";

/// Stage: seals what this side says and opens what the other one does.
pub struct SignalCipher {
    sending: Half,
    receiving: Half,
    next: u32,
    window: Window,
    counters: Counters,
    forgery_limit: u64,
}

struct Half {
    key: LessSafeKey,
    iv: Zeroizing<[u8; IV_LEN]>,
    mask: HeaderProtectionKey,
}

impl Half {
    fn new(aead: Aead, direction: &DirectionSecret) -> Self {
        let (key, iv) = direction.signal(aead);
        Self { key: aead.key(&key), iv, mask: aead.mask_key(&direction.signal_mask_key(aead)) }
    }

    /// The number with the mask put on or taken off; `None` when too little follows it for a sample.
    fn masked(&self, number: u32, sealed: &[u8]) -> Option<u32> {
        let [a, b, c, d, _] = self.mask.new_mask(sealed.get(..SAMPLE_LEN)?).ok()?;
        Some(number ^ u32::from_be_bytes([a, b, c, d]))
    }
}

impl SignalCipher {
    /// A cipher of both directions.
    pub fn new(aead: Aead, sending: &DirectionSecret, receiving: &DirectionSecret) -> Self {
        Self {
            sending: Half::new(aead, sending),
            receiving: Half::new(aead, receiving),
            next: 0,
            window: Window::new(),
            counters: Counters::default(),
            forgery_limit: aead.forgery_limit(),
        }
    }

    /// Seals a message; it has [`SIGNAL_OVERHEAD`] bytes more.
    ///
    /// # Errors
    /// [`SealError`] when it is longer than [`MAX_SIGNAL_LEN`], or no number is left.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let too_long = SealError::TooLong { len: plaintext.len(), most: MAX_SIGNAL_LEN };
        if plaintext.len() > MAX_SIGNAL_LEN {
            return Err(too_long);
        }
        let number = self.next;
        let next = number.checked_add(1).ok_or(SealError::Exhausted)?;
        let mut sealed = plaintext.to_vec();
        let nonce = nonce(&self.sending.iv, u64::from(number));
        let tag = self.sending.key.seal_in_place_separate_tag(nonce, associated(number), &mut sealed);
        sealed.extend(tag.map_err(|_| too_long)?.as_ref());
        let masked = self.sending.masked(number, &sealed).ok_or(too_long)?;
        self.next = next;
        Ok([&masked.to_be_bytes(), &sealed[..]].concat())
    }

    /// Opens a message.
    ///
    /// # Errors
    /// [`Refused`]; nothing but a counter has changed then.
    pub fn open(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Refused> {
        if self.counters.forged >= self.forgery_limit {
            return Err(Refused::Worn);
        }
        let unmasked =
            parse(bytes).and_then(|(number, sealed)| Some((self.receiving.masked(number, &sealed)?, sealed)));
        let Some((number, mut sealed)) = unmasked else {
            return Err(self.counters.refuse(Refused::Malformed));
        };
        let index = u64::from(number);
        let opened = self.receiving.key.open_in_place(
            nonce(&self.receiving.iv, index),
            associated(number),
            &mut sealed,
        );
        let Ok(opened) = opened.map(|plaintext| plaintext.len()) else {
            return Err(self.counters.refuse(Refused::Forged));
        };
        match self.window.verdict(index) {
            Verdict::Fresh => {}
            Verdict::Seen => return Err(self.counters.refuse(Refused::Replayed)),
            Verdict::TooOld => return Err(self.counters.refuse(Refused::TooOld)),
        }
        self.window.commit(index);
        self.counters.accepted = self.counters.accepted.saturating_add(1);
        sealed.truncate(opened);
        Ok(sealed)
    }

    /// What came of all messages so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }
}

fn parse(bytes: &[u8]) -> Option<(u32, Vec<u8>)> {
    if !(SIGNAL_OVERHEAD..=SIGNAL_OVERHEAD + MAX_SIGNAL_LEN).contains(&bytes.len()) {
        return None;
    }
    let mut reader = Reader::new(bytes);
    Some((reader.u32().ok()?, reader.rest().to_vec()))
}

fn associated(number: u32) -> Aad<[u8; DOMAIN.len() + NUMBER_LEN]> {
    let mut aad = [0; DOMAIN.len() + NUMBER_LEN];
    for (to, from) in aad.iter_mut().zip(DOMAIN.iter().copied().chain(number.to_be_bytes())) {
        *to = from;
    }
    Aad::from(aad)
}

impl fmt::Debug for SignalCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SignalCipher");
        debug.field("next", &self.next).field("counters", &self.counters).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(aead: Aead) -> (SignalCipher, SignalCipher) {
        let (a, b) = (DirectionSecret::new([1; 32]), DirectionSecret::new([2; 32]));
        (SignalCipher::new(aead, &a, &b), SignalCipher::new(aead, &b, &a))
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused_and_changes_nothing() {
        let (mut alice, mut bob) = pair(Aead::ChaCha20Poly1305);
        let message = alice.seal(b"ringing").unwrap();
        for bit in 0..message.len() * 8 {
            let mut wrong = message.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(bob.open(&wrong), Err(Refused::Forged));
        }
        for len in 0..message.len() {
            assert!(bob.open(&message[..len]).is_err());
        }
        assert_eq!(bob.open(&message), Ok(b"ringing".to_vec()));
        assert_eq!(bob.open(&message), Err(Refused::Replayed));
    }

    #[test]
    fn numbers_are_not_seen_by_who_carries_the_messages() {
        for aead in Aead::ALL {
            let (mut alice, mut bob) = pair(aead);
            let messages: Vec<_> = (0..64).map(|_| alice.seal(b"").unwrap()).collect();
            let in_clear = (0u32..).zip(&messages).filter(|(i, m)| m[..4] == i.to_be_bytes()).count();
            assert!(in_clear < 2, "a masked number is in clear once in 2^32");
            assert!(messages.iter().rev().all(|message| bob.open(message).is_ok()));
        }
    }

    #[test]
    fn a_message_does_not_come_back_to_who_sent_it() {
        let (mut alice, _) = pair(Aead::Aes256Gcm);
        let message = alice.seal(b"accept").unwrap();
        assert_eq!(alice.open(&message), Err(Refused::Forged));
    }

    #[test]
    fn the_last_number_is_not_used_twice() {
        let (mut alice, mut bob) = pair(Aead::Aes256Gcm);
        alice.next = u32::MAX - 1;
        assert!(bob.open(&alice.seal(b"a").unwrap()).is_ok());
        assert_eq!(alice.seal(b"b"), Err(SealError::Exhausted));
        assert!(matches!(alice.seal(&vec![0; MAX_SIGNAL_LEN + 1]), Err(SealError::TooLong { .. })));
    }

    #[test]
    fn the_longest_message_passes_and_old_ones_do_not() {
        let (mut alice, mut bob) = pair(Aead::Aes256Gcm);
        let old = alice.seal(&vec![7; MAX_SIGNAL_LEN]).unwrap();
        assert_eq!(bob.open(&old).map(|message| message.len()), Ok(MAX_SIGNAL_LEN));
        let late = alice.seal(b"").unwrap();
        alice.next = 2_000;
        assert_eq!(bob.open(&alice.seal(b"").unwrap()), Ok(Vec::new()));
        assert_eq!(bob.open(&late), Err(Refused::TooOld));
        assert_eq!(bob.counters().too_old, 1);
    }

    proptest! {
        #[test]
        fn each_message_is_opened_once_in_any_order(order in proptest::collection::vec(0u8..20, 0..80)) {
            let (mut alice, mut bob) = pair(Aead::ChaCha20Poly1305);
            let messages: Vec<_> = (0..20u8).map(|i| alice.seal(&[i]).unwrap()).collect();
            let mut opened = [false; 20];
            for i in order {
                let place = usize::from(i);
                let expected = if opened[place] { Err(Refused::Replayed) } else { Ok(vec![i]) };
                opened[place] = true;
                prop_assert_eq!(bob.open(&messages[place]), expected);
            }
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(pair(Aead::Aes256Gcm).0.open(&bytes).is_err());
        }
    }
}
