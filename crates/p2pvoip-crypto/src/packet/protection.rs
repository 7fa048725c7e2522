//! What the sealer and the opener of one direction share: how a number becomes nonce and associated data, the keys of one
//! epoch, and the mask, which is the same in all of them.

use ring::aead::quic::HeaderProtectionKey;
use ring::aead::{Aad, LessSafeKey, Nonce};
use zeroize::Zeroizing;

use super::{HEADER_LEN, LAST_NUMBER};
use crate::rekey::MixSecret;
use crate::schedule::{DirectionSecret, EpochSecret, IV_LEN, KeyAndIv};
use crate::suite::{Aead, TAG_LEN};

/// Bytes of the associated data: epoch (4), stream (1), number (6).
const AAD_LEN: usize = 11;
/// Where the sample starts: four bytes after the start of the number (RFC 9001 section 5.4.2).
const SAMPLE_AT: usize = 1 + 4;

/// The mask over the headers of one direction.
pub(super) struct Mask(HeaderProtectionKey);

impl Mask {
    pub(super) fn new(aead: Aead, secret: &DirectionSecret) -> Self {
        Self(aead.mask_key(&secret.mask_key(aead)))
    }

    /// The mask over the header of a packet; `None` when it is too short for a sample.
    pub(super) fn of(&self, packet: &[u8]) -> Option<[u8; 5]> {
        self.0.new_mask(packet.get(SAMPLE_AT..SAMPLE_AT + TAG_LEN)?).ok()
    }
}

/// The keys of one epoch, without what leads to the next one.
pub(super) struct PacketKeys {
    pub(super) epoch: u32,
    key: LessSafeKey,
    iv: Zeroizing<[u8; IV_LEN]>,
}

impl PacketKeys {
    fn new(aead: Aead, epoch: u32, (key, iv): &KeyAndIv) -> Self {
        Self { epoch, key: aead.key(key), iv: iv.clone() }
    }

    /// Keys that protect nothing. ring does not overwrite what it drops, so that erasing is to put these in its place.
    pub(super) fn blank(aead: Aead) -> Self {
        Self::new(aead, 0, &(Zeroizing::new([0; 32]), Zeroizing::new([0; IV_LEN])))
    }

    /// The two bits of the epoch that a header tells.
    pub(super) const fn bits(&self) -> u8 {
        (self.epoch & 3) as u8
    }

    /// Encrypts `plaintext` in place and gives its tag; `None` for what no AEAD can seal.
    pub(super) fn seal(&self, stream: u8, number: u64, plaintext: &mut [u8]) -> Option<[u8; TAG_LEN]> {
        let aad = associated(self.epoch, stream, number);
        let tag = self.key.seal_in_place_separate_tag(nonce(&self.iv, number), Aad::from(aad), plaintext);
        tag.ok()?.as_ref().try_into().ok()
    }

    /// Decrypts what follows the header in place and gives its length; `None` when it is not authentic, and the packet is
    /// destroyed then.
    pub(super) fn open(&self, stream: u8, number: u64, packet: &mut [u8]) -> Option<usize> {
        let aad = Aad::from(associated(self.epoch, stream, number));
        let sealed = packet.get_mut(HEADER_LEN..)?;
        self.key.open_in_place(nonce(&self.iv, number), aad, sealed).ok().map(|plain| plain.len())
    }
}

/// An epoch of one direction: its keys, and the secret from which the next one comes.
pub(super) struct Epoch {
    pub(super) keys: PacketKeys,
    secret: EpochSecret,
}

impl Epoch {
    pub(super) fn first(aead: Aead, secret: &DirectionSecret) -> Self {
        Self::of(aead, 0, secret.first_epoch())
    }

    /// An epoch that protects nothing, put in the place of one that is over.
    pub(super) fn blank(aead: Aead) -> Self {
        Self { keys: PacketKeys::blank(aead), secret: EpochSecret::blank() }
    }

    /// The epoch `steps` after this one, where the secret is mixed into the step that it names, counted from 1; `None` after
    /// the last epoch.
    pub(super) fn ahead(&self, aead: Aead, steps: u8, mixed: Option<(u8, &MixSecret)>) -> Option<Self> {
        let number = self.keys.epoch.checked_add(steps.into())?;
        let step = |secret: &EpochSecret, at| match mixed {
            Some((step, mix)) if step == at => secret.mixed(mix),
            _ => secret.next(),
        };
        let mut secret = step(&self.secret, 1);
        for at in 2..=steps {
            secret = step(&secret, at);
        }
        Some(Self::of(aead, number, secret))
    }

    fn of(aead: Aead, number: u32, secret: EpochSecret) -> Self {
        Self { keys: PacketKeys::new(aead, number, &secret.packets(aead)), secret }
    }
}

/// The vector with the number added to its end (RFC 9001 section 5.3).
pub(crate) fn nonce(iv: &[u8; IV_LEN], number: u64) -> Nonce {
    let mut nonce = *iv;
    if let Some(low) = nonce.last_chunk_mut() {
        *low = (u64::from_be_bytes(*low) ^ number).to_be_bytes();
    }
    Nonce::assume_unique_for_key(nonce)
}

fn associated(epoch: u32, stream: u8, number: u64) -> [u8; AAD_LEN] {
    let number = u128::from(number & LAST_NUMBER);
    let wide = u128::from(epoch) << 56 | u128::from(stream) << 48 | number;
    wide.to_be_bytes().last_chunk().copied().unwrap_or_default()
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

    #[test]
    fn steps_at_once_are_steps_one_after_another() {
        let aead = Aead::ChaCha20Poly1305;
        let first = Epoch::first(aead, &DirectionSecret::new([1; 32]));
        let mix = MixSecret::new([2; 32]);
        let one_by_one = |mixed: u8| {
            let mut epoch = first.ahead(aead, 1, (mixed == 1).then_some((1, &mix)))?;
            for at in 2..=3 {
                epoch = epoch.ahead(aead, 1, (mixed == at).then_some((1, &mix)))?;
            }
            Some(*epoch.secret.expose())
        };
        let at_once = |mixed: u8| {
            let epoch = first.ahead(aead, 3, (mixed > 0).then_some((mixed, &mix)))?;
            assert_eq!(epoch.keys.epoch, 3);
            Some(*epoch.secret.expose())
        };
        let secrets: std::collections::BTreeSet<_> = (0..=3).map(at_once).collect();
        assert_eq!(secrets, (0..=3).map(one_by_one).collect());
        assert_eq!(secrets.len(), 4, "it matters which step is the mixed one");
    }

    #[test]
    fn there_is_nothing_after_the_last_epoch() {
        let mut last = Epoch::first(Aead::Aes256Gcm, &DirectionSecret::new([1; 32]));
        last.keys.epoch = u32::MAX;
        assert!(last.ahead(Aead::Aes256Gcm, 1, None).is_none());
    }
}
