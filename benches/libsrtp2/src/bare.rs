//! ring's AEAD and mask with nothing around them: the least that a packet of this form costs.

use ring::aead::quic::{self, HeaderProtectionKey};
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};

/// Where the packet's number and its sample are (docs/spec/crypto.md, section 8).
const HEADER: usize = 3;
const SAMPLE: usize = 5;
const TAG: usize = 16;

/// Both directions under one key.
pub struct Bare {
    key: LessSafeKey,
    mask: HeaderProtectionKey,
}

impl Bare {
    pub fn new(chacha: bool) -> Self {
        let (algorithm, mask) = if chacha {
            (&aead::CHACHA20_POLY1305, &quic::CHACHA20)
        } else {
            (&aead::AES_256_GCM, &quic::AES_256)
        };
        Self {
            key: LessSafeKey::new(UnboundKey::new(algorithm, &[1; 32]).expect("32 bytes are a key")),
            mask: HeaderProtectionKey::new(mask, &[2; 32]).expect("32 bytes are a key"),
        }
    }

    fn nonce(number: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    pub fn seal(&self, number: u64, packet: &mut [u8]) {
        let len = packet.len() - HEADER - TAG;
        let (plain, room) = packet[HEADER..].split_at_mut(len);
        let tag = self.key.seal_in_place_separate_tag(Self::nonce(number), Aad::from([0; 11]), plain);
        room.copy_from_slice(tag.expect("packets are short").as_ref());
        self.mask(packet);
    }

    pub fn open(&self, number: u64, packet: &mut [u8]) {
        self.mask(packet);
        let opened = self.key.open_in_place(Self::nonce(number), Aad::from([0; 11]), &mut packet[HEADER..]);
        opened.expect("it was sealed by the same key");
    }

    fn mask(&self, packet: &mut [u8]) {
        let mask = self.mask.new_mask(&packet[SAMPLE..SAMPLE + TAG]).expect("the sample has 16 bytes");
        packet.iter_mut().zip(mask).take(HEADER).for_each(|(byte, mask)| *byte ^= mask);
    }
}
