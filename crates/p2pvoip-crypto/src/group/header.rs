//! The four bytes before the ciphertext of a group packet, its associated data, and the hash by which it is proven.

use super::{HEADER_LEN, OVERHEAD};
use crate::kdf;
use crate::packet::{MAX_PACKET_LEN, MIN_PLAINTEXT_LEN};

/// The three high bits of byte 0: 96 to 127, which RFC 7983 leaves free.
const FIXED: u8 = 0b0110_0000;
const FIXED_BITS: u8 = 0b1110_0000;
/// The bits of byte 0 that are masked: the stream.
const STREAM_BITS: u8 = 0b0000_0011;
/// The bits of the epoch that the header tells.
pub(super) const EPOCH_BITS: u8 = 0b0000_0111;

/// Voice, and what shares its slots.
pub(super) const VOICE: u8 = 0;
/// Proofs of what was sent.
pub(super) const PROOF: u8 = 1;

/// Bytes of the associated data: sender (1), epoch (4), stream (1), number (6).
pub(super) const AAD_LEN: usize = 12;

/// What the header says in clear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clear {
    /// The low three bits of the epoch.
    pub(super) epoch: u8,
    pub(super) sender: u8,
}

/// The number of the member that a packet claims to be of; `None` when it is no group packet.
///
/// In a mesh, [`Group::open`](super::Group::open) refuses a packet that names another member than the one whose path it
/// came by.
pub fn sender_of(packet: &[u8]) -> Option<u8> {
    Clear::parse(packet).map(|clear| clear.sender)
}

impl Clear {
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        if !(OVERHEAD + MIN_PLAINTEXT_LEN..=MAX_PACKET_LEN).contains(&packet.len()) {
            return None;
        }
        let [first, sender, ..] = *packet.first_chunk::<HEADER_LEN>()?;
        (first & FIXED_BITS == FIXED).then_some(Self { epoch: (first >> 2) & EPOCH_BITS, sender })
    }
}

/// The stream and the low bits of the number, under a mask.
pub(super) fn unmask(packet: &[u8], mask: [u8; 5]) -> Option<(u8, u16)> {
    let ([first, _, high, low], [a, b, c, ..]) = (*packet.first_chunk::<HEADER_LEN>()?, mask);
    Some(((first ^ a) & STREAM_BITS, u16::from_be_bytes([high ^ b, low ^ c])))
}

/// The header of a packet.
pub(super) fn emit(sender: u8, epoch: u32, stream: u8, number: u64, mask: [u8; 5]) -> [u8; HEADER_LEN] {
    let ([.., high, low], [a, b, c, ..]) = (number.to_be_bytes(), mask);
    let epoch = epoch.to_le_bytes()[0] & EPOCH_BITS;
    [FIXED | (epoch << 2) | ((stream ^ a) & STREAM_BITS), sender, high ^ b, low ^ c]
}

pub(super) fn associated(sender: u8, epoch: u32, stream: u8, number: u64) -> [u8; AAD_LEN] {
    let [_, _, number @ ..] = number.to_be_bytes();
    let mut aad = [0; AAD_LEN];
    let fields = [sender].into_iter().chain(epoch.to_be_bytes()).chain([stream]).chain(number);
    for (to, from) in aad.iter_mut().zip(fields) {
        *to = from;
    }
    aad
}

/// What a packet was, in 128 bits: of it a proof has a short hash.
pub(super) type Digest = [u8; 16];

pub(super) fn digest(aad: &[u8; AAD_LEN], plaintext: &[u8]) -> Digest {
    kdf::array(&kdf::sha256(&[b"p2pvoip group packet", aad, plaintext]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_reads_as_it_was_written(sender: u8, epoch: u32, stream in 0u8..4, number in 0..1u64 << 48, mask: [u8; 5]) {
            let mut packet = [0; 60];
            packet[..4].copy_from_slice(&emit(sender, epoch, stream, number, mask));
            prop_assert!((96..128).contains(&packet[0]));
            prop_assert_eq!(Clear::parse(&packet), Some(Clear { epoch: (epoch % 8) as u8, sender }));
            prop_assert_eq!(unmask(&packet, mask), Some((stream, u16::try_from(number % 65_536).unwrap())));
        }
    }

    #[test]
    fn other_first_bytes_and_lengths_are_no_group_packet() {
        for first in (0..96).chain(128..=255) {
            assert_eq!(sender_of(&[first; 60]), None);
        }
        for len in (0..22).chain([2_049]) {
            assert_eq!(sender_of(&vec![96; len]), None);
        }
        assert_eq!(sender_of(&[100; 22]), Some(100));
    }

    #[test]
    fn the_associated_data_is_sender_epoch_stream_and_number() {
        let expected = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert_eq!(associated(1, 0x0203_0405, 6, 0x0708_090a_0b0c), expected);
    }
}
