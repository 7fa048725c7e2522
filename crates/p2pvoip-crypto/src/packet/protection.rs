//! What the sealer and the opener of one direction share: key, vector, mask, and how a number becomes nonce and associated data.

use ring::aead::quic::HeaderProtectionKey;
use ring::aead::{Aad, LessSafeKey, Nonce};
use zeroize::Zeroizing;

use super::HEADER_LEN;
use crate::schedule::{DirectionSecret, IV_LEN};
use crate::suite::{Aead, TAG_LEN};

/// Bytes of the associated data: epoch (4), stream (1), number (6).
const AAD_LEN: usize = 11;
/// Where the sample starts: four bytes after the start of the number (RFC 9001 section 5.4.2).
const SAMPLE_AT: usize = 1 + 4;

/// The keys of one direction in its present epoch.
pub(super) struct Protection {
    pub(super) aead: Aead,
    pub(super) epoch: u32,
    key: LessSafeKey,
    iv: Zeroizing<[u8; IV_LEN]>,
    mask: HeaderProtectionKey,
}

impl Protection {
    /// The keys of epoch 0.
    pub(super) fn new(aead: Aead, secret: &DirectionSecret) -> Self {
        let (key, iv) = secret.first_epoch().packets(aead);
        Self { aead, epoch: 0, key: aead.key(&key), iv, mask: aead.mask_key(&secret.mask_key(aead)) }
    }

    /// The mask over the header of a packet; `None` when it is too short for a sample.
    pub(super) fn mask(&self, packet: &[u8]) -> Option<[u8; 5]> {
        self.mask.new_mask(packet.get(SAMPLE_AT..SAMPLE_AT + TAG_LEN)?).ok()
    }

    /// Encrypts `plaintext` in place and gives its tag; `None` for what no AEAD can seal.
    pub(super) fn seal(&self, stream: u8, number: u64, plaintext: &mut [u8]) -> Option<[u8; TAG_LEN]> {
        let aad = associated(self.epoch, stream, number);
        let tag = self.key.seal_in_place_separate_tag(nonce(&self.iv, number), Aad::from(aad), plaintext);
        tag.ok()?.as_ref().try_into().ok()
    }

    /// Decrypts what follows the header in place; `None` when it is not authentic, and the packet is destroyed then.
    pub(super) fn open<'b>(
        &self,
        epoch: u32,
        stream: u8,
        number: u64,
        packet: &'b mut [u8],
    ) -> Option<&'b mut [u8]> {
        let aad = Aad::from(associated(epoch, stream, number));
        let sealed = packet.get_mut(HEADER_LEN..)?;
        self.key.open_in_place(nonce(&self.iv, number), aad, sealed).ok()
    }
}

/// The vector with the number added to its end (RFC 9001 section 5.3).
pub(crate) fn nonce(iv: &[u8; IV_LEN], number: u64) -> Nonce {
    let mut nonce = *iv;
    for (to, from) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
        *to ^= from;
    }
    Nonce::assume_unique_for_key(nonce)
}

fn associated(epoch: u32, stream: u8, number: u64) -> [u8; AAD_LEN] {
    let [_, _, number @ ..] = number.to_be_bytes();
    let mut aad = [0; AAD_LEN];
    let fields = epoch.to_be_bytes().into_iter().chain([stream]).chain(number);
    for (to, from) in aad.iter_mut().zip(fields) {
        *to = from;
    }
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nonce_is_that_of_rfc_9001_appendix_a_5() {
        let iv = [0xe0, 0x45, 0x9b, 0x34, 0x74, 0xbd, 0xd0, 0xe4, 0x4a, 0x41, 0xc1, 0x44];
        let expected = [0xe0, 0x45, 0x9b, 0x34, 0x74, 0xbd, 0xd0, 0xe4, 0x6d, 0x41, 0x7e, 0xb0];
        assert_eq!(*nonce(&iv, 654_360_564).as_ref(), expected);
    }

    #[test]
    fn the_associated_data_is_epoch_stream_and_number() {
        assert_eq!(associated(0x0102_0304, 5, 0x0607_0809_0a0b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }
}
