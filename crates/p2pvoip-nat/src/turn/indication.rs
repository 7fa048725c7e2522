//! Send and Data indications, the long form of what goes through a relay (RFC 8656 sections 11.1 and 11.4): for peers
//! without a channel of their own. Written and read by hand, since the payload is borrowed.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use p2pvoip_core::wire::{Malformed, Reader, Writer};

use crate::stun::TransactionId;
use crate::stun::header::{self, Class, Header};

/// The most bytes that are around a payload: header, IPv6 XOR-PEER-ADDRESS, and the head of DATA.
#[cfg(test)]
pub(crate) const MAX_AROUND: usize = header::LEN + 24 + 4;
/// Attribute types (RFC 8656 section 18).
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
/// Address families (RFC 8489 section 14.1).
const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// How many bytes [`write`] puts before a payload for this peer.
pub(crate) const fn around(peer: SocketAddr) -> usize {
    header::LEN + if peer.is_ipv4() { 12 } else { 24 } + 4
}

/// Writes what goes before a payload of `len` bytes, a multiple of four, in a Send indication to `peer`.
pub(crate) fn write(
    peer: SocketAddr,
    id: TransactionId,
    len: usize,
    out: &mut [u8],
) -> Result<(), Malformed> {
    let invalid = |_| Malformed::Invalid("length");
    if !len.is_multiple_of(4) {
        return Err(Malformed::Invalid("length"));
    }
    let mut writer = Writer::new(out);
    writer.u16(header::SEND | header::INDICATION)?;
    writer.u16(u16::try_from(around(peer) - header::LEN + len).map_err(invalid)?)?;
    writer.bytes(&header::COOKIE)?;
    writer.bytes(&id)?;
    let address = masked(peer, id);
    writer.u16(XOR_PEER_ADDRESS)?;
    writer.u16(if address.is_ipv4() { 8 } else { 20 })?;
    writer.u16(u16::from(if address.is_ipv4() { IPV4 } else { IPV6 }))?;
    writer.u16(address.port())?;
    match address.ip() {
        IpAddr::V4(ip) => writer.bytes(&ip.octets())?,
        IpAddr::V6(ip) => writer.bytes(&ip.octets())?,
    }
    writer.u16(DATA)?;
    writer.u16(u16::try_from(len).map_err(invalid)?)
}

/// The peer and the payload of a Data indication that fills `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (method, header) = Header::of_any(bytes)?;
    if method != header::DATA || header.class != Class::Indication {
        return None;
    }
    let mut reader = Reader::new(bytes.get(header::LEN..)?);
    let (mut peer, mut payload) = (None, None);
    while reader.remaining() > 0 {
        let kind = reader.u16().ok()?;
        let value = reader.block16().ok()?;
        reader.bytes(value.len().wrapping_neg() % 4).ok()?;
        // Of attributes that come twice the first one counts (RFC 8489 section 14).
        match kind {
            XOR_PEER_ADDRESS if peer.is_none() => peer = Some(masked(address(value)?, header.id)),
            DATA if payload.is_none() => payload = Some(value),
            0..0x8000 if kind != XOR_PEER_ADDRESS && kind != DATA => return None,
            _ => {}
        }
    }
    Some((peer?, payload?))
}

fn address(value: &[u8]) -> Option<SocketAddr> {
    let mut reader = Reader::new(value);
    let family = reader.u16().ok()?.to_be_bytes()[1];
    let port = reader.u16().ok()?;
    let ip = match family {
        IPV4 => IpAddr::from(reader.array::<4>().ok()?),
        IPV6 => IpAddr::from(reader.array::<16>().ok()?),
        _ => return None,
    };
    reader.finish().ok()?;
    Some(SocketAddr::new(ip, port))
}

/// The address XOR the cookie and the id (RFC 8489 section 14.2); doing it twice undoes it.
fn masked(address: SocketAddr, id: TransactionId) -> SocketAddr {
    let cookie = u32::from_be_bytes(header::COOKIE);
    let port = address.port() ^ u16::try_from(cookie >> 16).unwrap_or_default();
    let ip = match address.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() ^ cookie)),
        IpAddr::V6(ip) => {
            let mut mask = [0; 16];
            for (to, from) in mask.iter_mut().zip(header::COOKIE.iter().chain(id.iter())) {
                *to = *from;
            }
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() ^ u128::from_be_bytes(mask)))
        }
    };
    SocketAddr::new(ip, port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use stun_rs::attributes::turn::{Data, XorPeerAddress};
    use stun_rs::{MessageClass, MessageDecoderBuilder, MessageEncoderBuilder, StunMessageBuilder};

    fn written(peer: SocketAddr, id: TransactionId, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; around(peer)];
        write(peer, id, payload.len(), &mut bytes).unwrap();
        bytes.extend(payload);
        bytes
    }

    proptest! {
        #[test]
        fn another_codec_reads_what_is_written_and_the_other_way_round(
            ip in any::<IpAddr>(), port in any::<u16>(), id in any::<[u8; 12]>(),
            words in prop::collection::vec(any::<[u8; 4]>(), 0..16), odd in 0..4_usize,
        ) {
            let (peer, payload) = (SocketAddr::new(ip, port), words.concat());
            let bytes = written(peer, id, &payload);
            let (read, len) = MessageDecoderBuilder::default().build().decode(&bytes).unwrap();
            prop_assert_eq!(len, bytes.len());
            prop_assert_eq!(read.get::<XorPeerAddress>().unwrap().expect_xor_peer_address().socket_address(), &peer);
            prop_assert_eq!(read.get::<Data>().unwrap().expect_data().as_bytes(), &payload[..]);

            let payload = &payload[..payload.len().saturating_sub(odd)];
            let message = StunMessageBuilder::new(stun_rs::methods::DATA, MessageClass::Indication)
                .with_transaction_id(id.into())
                .with_attribute(XorPeerAddress::from(peer))
                .with_attribute(Data::new(payload))
                .build();
            let mut bytes = [0; 256];
            let len = MessageEncoderBuilder::default().build().encode(&mut bytes, &message).unwrap();
            prop_assert_eq!(parse(&bytes[..len]), Some((peer, payload)));
            for cut in 0..len {
                prop_assert_eq!(parse(&bytes[..cut]), None);
            }
        }

        #[test]
        fn arbitrary_attributes_never_panic(rest in prop::collection::vec(any::<u8>(), 0..48)) {
            let mut bytes = written("192.0.2.1:9".parse().unwrap(), [7; 12], &[]);
            bytes.truncate(header::LEN);
            bytes[..2].copy_from_slice(&(header::DATA | header::INDICATION).to_be_bytes());
            bytes.extend(&rest);
            bytes[2..4].copy_from_slice(&u16::try_from(rest.len()).unwrap().to_be_bytes());
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn a_send_indication_is_not_read_as_one_of_data() {
        assert_eq!(parse(&written("192.0.2.1:9".parse().unwrap(), [7; 12], &[1, 2, 3, 4])), None);
        let mut odd = [0; MAX_AROUND];
        assert!(write("192.0.2.1:9".parse().unwrap(), [7; 12], 5, &mut odd).is_err());
    }
}
