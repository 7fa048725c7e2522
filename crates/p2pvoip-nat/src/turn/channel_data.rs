//! ChannelData, the short form of what goes through a relay (RFC 8656 section 12.4): written and read by hand, since it
//! carries every packet of media and must not allocate.
//!
//! # Left out
//! - Padding on the way out: over UDP it is optional. On the way in up to three bytes of it are accepted.

use p2pvoip_core::wire::Reader;

/// The channel number and the length.
pub(crate) const HEADER_LEN: usize = 4;
/// The first number of a channel (RFC 8656 section 12).
pub(crate) const FIRST: u16 = 0x4000;
/// The last number of a channel.
pub(crate) const LAST: u16 = 0x4fff;
/// The most bytes that pad a message.
const MAX_PADDING: usize = 3;

/// The header before a payload of `len` bytes; none when that is longer than any datagram.
pub(crate) fn header(channel: u16, len: usize) -> Option<[u8; HEADER_LEN]> {
    let len = u16::try_from(len).ok()?.to_be_bytes();
    let channel = channel.to_be_bytes();
    Some([channel[0], channel[1], len[0], len[1]])
}

/// The channel and the payload of a whole message.
pub(crate) fn parse(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let mut reader = Reader::new(bytes);
    let channel = reader.u16().ok().filter(|channel| (FIRST..=LAST).contains(channel))?;
    let payload = reader.block16().ok()?;
    (reader.remaining() <= MAX_PADDING).then_some((channel, payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parse_undoes_the_header(channel in FIRST..=LAST, payload in prop::collection::vec(any::<u8>(), 0..64), pad in 0..6_usize) {
            let mut bytes = header(channel, payload.len()).unwrap().to_vec();
            bytes.extend(&payload);
            bytes.resize(bytes.len() + pad, 0);
            let expected = (pad <= MAX_PADDING).then_some((channel, &payload[..]));
            prop_assert_eq!(parse(&bytes), expected);
            prop_assert_eq!(parse(&bytes[..bytes.len() - pad - usize::from(!payload.is_empty())]).is_some(), payload.is_empty());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..32)) {
            if let Some((channel, payload)) = parse(&bytes) {
                prop_assert!((FIRST..=LAST).contains(&channel) && payload.len() + HEADER_LEN <= bytes.len());
            }
        }
    }

    #[test]
    fn the_wire_form_is_the_one_of_the_specification() {
        assert_eq!(header(0x4001, 258), Some([0x40, 0x01, 0x01, 0x02]));
        assert_eq!(header(0x4000, 65_536), None);
        assert_eq!(parse(&[0x40, 0, 0, 2, 0xc0, 0xff]), Some((0x4000, &[0xc0, 0xff][..])));
        assert_eq!(parse(&[0x50, 0, 0, 0]), None, "no channel of RFC 8656");
    }
}
