//! The three bytes before the ciphertext: what they say, and the mask over their low 22 bits (RFC 9001 section 5.4).

use super::HEADER_LEN;

/// The two high bits of byte 0, which tell a packet from STUN, TURN and RTP (RFC 7983). They are not masked.
const FIXED: u8 = 0b1100_0000;
/// The bits of byte 0 that are masked: the epoch and the stream.
const MASKED: u8 = 0b0011_1111;

/// What the header says, unmasked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// The low two bits of the epoch.
    pub(super) epoch: u8,
    /// The stream, four bits.
    pub(super) stream: u8,
    /// The low 16 bits of the packet number.
    pub(super) low: u16,
}

impl Header {
    pub(super) fn emit(self, mask: [u8; 5]) -> [u8; HEADER_LEN] {
        let [first, second, third, ..] = mask;
        let [high, low] = self.low.to_be_bytes();
        let plain = ((self.epoch & 3) << 4) | (self.stream & 15);
        [FIXED | (plain ^ (first & MASKED)), high ^ second, low ^ third]
    }

    /// The header under a mask, when the bytes can be a packet.
    pub(super) fn parse(bytes: [u8; HEADER_LEN], mask: [u8; 5]) -> Option<Self> {
        let ([first, second, third, ..], [byte, high, low]) = (mask, bytes);
        let plain = (byte ^ first) & MASKED;
        let low = u16::from_be_bytes([high ^ second, low ^ third]);
        (byte & FIXED == FIXED).then_some(Self { epoch: plain >> 4, stream: plain & 15, low })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_reads_as_it_was_written(epoch in 0u8..4, stream in 0u8..16, low: u16, mask: [u8; 5]) {
            let header = Header { epoch, stream, low };
            let bytes = header.emit(mask);
            prop_assert!(bytes[0] >= 192);
            prop_assert_eq!(Header::parse(bytes, mask), Some(header));
        }

        #[test]
        fn first_bytes_below_192_are_not_ours(first in 0u8..192, mask: [u8; 5]) {
            prop_assert_eq!(Header::parse([first, 0, 0], mask), None);
        }
    }
}
