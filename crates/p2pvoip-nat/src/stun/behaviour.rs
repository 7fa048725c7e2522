//! The messages of behaviour discovery (RFC 5780 section 7), and the question whether a TURN server is there.
//!
//! # Left out
//! - RESPONSE-PORT and PADDING: neither lifetimes nor fragments are measured. RESPONSE-ORIGIN: the answer's source says it.

use core::net::SocketAddr;

use p2pvoip_core::wire::{Malformed, Reader, Writer};
use stun_rs::MessageClass;
use stun_rs::attributes::discovery::{ChangeRequest, ChangeRequestFlags, OtherAddress};
use stun_rs::attributes::stun::Fingerprint;

use super::codec::{Response, decode, encode, message, response};
use super::header::{COOKIE, TransactionId};
use crate::error::Refused;

/// An Allocate request (RFC 8656 section 18.1: method 0x003).
const ALLOCATE: u16 = 0x0003;
/// An Allocate error response.
const ALLOCATE_ERROR: u16 = 0x0113;
/// REQUESTED-TRANSPORT and its length (RFC 8656 section 18.8).
const REQUESTED_TRANSPORT: [u8; 4] = [0x00, 0x19, 0x00, 0x04];
/// A protocol number for experiments (RFC 3692 section 2.1): no server relays it, so that even one that asks for no
/// password refuses, and nothing is left allocated.
const EXPERIMENTAL: u8 = 254;
/// ERROR-CODE (RFC 8489 section 14.8).
const ERROR_CODE: u16 = 0x0009;

/// From where else the server is asked to answer (RFC 5780 section 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// From its other port.
    Port,
    /// From its other address and port.
    Both,
}

/// What a server said to a probe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// OTHER-ADDRESS: what the server says is its other address and port.
    pub(crate) other: Option<SocketAddr>,
}

/// A query to a STUN server that asks for an answer from elsewhere.
pub(crate) fn emit_probe(id: TransactionId, change: Change, out: &mut [u8]) -> Option<usize> {
    let flags = match change {
        Change::Port => ChangeRequestFlags::ChangePort.into(),
        Change::Both => ChangeRequestFlags::ChangePort | ChangeRequestFlags::ChangeIp,
    };
    let builder = message(MessageClass::Request, id).with_attribute(ChangeRequest::new(Some(flags)));
    encode(&builder.with_attribute(Fingerprint::default()).build(), out)
}

/// Reads a server's answer to a probe. It cannot be authentic; a fingerprint that is there must be right.
pub(crate) fn parse_probe_answer(bytes: &[u8]) -> Result<Answer, Refused> {
    let decoded = decode(bytes, None)?;
    let other = decoded.get::<OtherAddress>().and_then(|a| a.as_other_address().ok());
    Ok(Answer { response: response(&decoded)?, other: other.map(|other| *other.socket_address()) })
}

/// Whether these bytes are a whole request with this id: what comes back to us of what we sent to ourselves.
pub(crate) fn is_own_request(bytes: &[u8]) -> bool {
    decode(bytes, None).is_ok_and(|decoded| decoded.get::<Fingerprint>().is_some())
}

/// An Allocate request without credentials, for a protocol that no server relays.
pub(crate) fn emit_relay_question(id: TransactionId, out: &mut [u8]) -> Option<usize> {
    let mut writer = Writer::new(out);
    writer.u16(ALLOCATE).ok()?;
    writer.u16(8).ok()?;
    writer.bytes(&COOKIE).ok()?;
    writer.bytes(&id).ok()?;
    writer.bytes(&REQUESTED_TRANSPORT).ok()?;
    writer.bytes(&[EXPERIMENTAL, 0, 0, 0]).ok()?;
    Some(writer.len())
}

/// Reads a TURN server's refusal: the transaction, and the error code.
pub(crate) fn parse_relay_refusal(bytes: &[u8]) -> Result<(TransactionId, u16), Refused> {
    refusal(bytes).map_err(|_| Refused::Malformed)?.ok_or(Refused::Malformed)
}

fn refusal(bytes: &[u8]) -> Result<Option<(TransactionId, u16)>, Malformed> {
    let mut reader = Reader::new(bytes);
    let (kind, len) = (reader.u16()?, usize::from(reader.u16()?));
    if kind != ALLOCATE_ERROR || reader.array()? != COOKIE {
        return Ok(None);
    }
    let id = reader.array()?;
    if len != reader.remaining() || len % 4 != 0 {
        return Ok(None);
    }
    let mut code = None;
    while reader.remaining() > 0 {
        let (kind, len) = (reader.u16()?, usize::from(reader.u16()?));
        let mut value = Reader::new(reader.bytes(len)?);
        reader.bytes(len.wrapping_neg() % 4)?;
        if kind == ERROR_CODE && code.is_none() {
            let (_reserved, class, number) = (value.u16()?, value.u8()? & 7, value.u8()?);
            code =
                (matches!(class, 3..=6) && number < 100).then(|| u16::from(class) * 100 + u16::from(number));
        }
    }
    Ok(code.map(|code| (id, code)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: TransactionId = *b"abcdefghijkl";

    fn bytes(make: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
        let mut buf = [0xaa; 160];
        let len = make(&mut buf).unwrap();
        buf[..len].to_vec()
    }

    /// An Allocate error response with these attributes.
    fn refusal_of(attributes: &[u8]) -> Vec<u8> {
        let len = u8::try_from(attributes.len()).unwrap();
        [&[0x01, 0x13, 0, len], &COOKIE, ID.as_slice(), attributes].concat()
    }

    #[test]
    fn the_flags_are_those_of_rfc_5780_section_7_2() {
        for (change, flags) in [(Change::Port, 2), (Change::Both, 6)] {
            let probe = bytes(|buf| emit_probe(ID, change, buf));
            assert_eq!(probe[..4], [0, 1, 0, 16]);
            assert_eq!(probe[20..28], [0, 3, 0, 4, 0, 0, 0, flags], "{change:?}");
        }
    }

    #[test]
    fn the_other_address_is_read_where_there_is_one() {
        // A success with XOR-MAPPED-ADDRESS 192.0.2.1:32853 and OTHER-ADDRESS 203.0.113.11:3479.
        let mut answer = vec![0x01, 0x01, 0, 24];
        answer.extend(COOKIE);
        answer.extend(ID);
        answer.extend([0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        answer.extend([0x80, 0x2c, 0, 8, 0, 1, 0x0d, 0x97, 203, 0, 113, 11]);
        let read = parse_probe_answer(&answer).unwrap_or_else(|refused| panic!("{refused}"));
        assert!(read.response == Response::Mapped("192.0.2.1:32853".parse().unwrap()));
        assert_eq!(read.other, Some("203.0.113.11:3479".parse().unwrap()));
        answer.truncate(32);
        answer[3] = 12;
        assert!(parse_probe_answer(&answer).is_ok_and(|read| read.other.is_none()));
    }

    #[test]
    fn what_we_sent_ourselves_is_known_by_its_fingerprint() {
        let mut query = bytes(|buf| super::super::emit_query(ID, buf));
        assert!(is_own_request(&query));
        query[27] ^= 1;
        assert!(!is_own_request(&query));
        assert!(!is_own_request(&[&[0, 1, 0, 0], COOKIE.as_slice(), &ID].concat()));
    }

    #[test]
    fn the_question_whether_a_relay_is_there_asks_for_no_protocol_that_is_relayed() {
        let question = bytes(|buf| emit_relay_question(ID, buf));
        let expected = [&[0, 3, 0, 8], COOKIE.as_slice(), &ID, &[0, 0x19, 0, 4, 254, 0, 0, 0]].concat();
        assert_eq!(question, expected);
    }

    #[test]
    fn a_refusal_is_read_with_its_code_and_nothing_else_is() {
        let unauthorized = refusal_of(&[0, 9, 0, 5, 0, 0, 4, 1, b'x', 0, 0, 0]);
        assert!(parse_relay_refusal(&unauthorized) == Ok((ID, 401)));
        let mut success = unauthorized.clone();
        success[0..2].copy_from_slice(&[0x01, 0x03]);
        assert!(parse_relay_refusal(&success).is_err());
        for bad in [
            &[0, 9, 0, 2, 0, 0, 0, 0][..],
            &[0, 9, 0, 4, 0, 0, 7, 1],
            &[0, 9, 0, 4, 0, 0, 4, 100],
            &[0, 9, 0, 9, 0, 0, 4, 1],
            &[],
        ] {
            assert!(parse_relay_refusal(&refusal_of(bad)).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(noise in prop::collection::vec(any::<u8>(), 0..120), kind in 0u8..3) {
            let mut noise = noise;
            if kind > 0 && noise.len() >= 20 {
                noise[..2].copy_from_slice(if kind == 1 { &[0x01, 0x01] } else { &[0x01, 0x13] });
                let len = u16::try_from(noise.len() - 20).unwrap();
                noise[2..4].copy_from_slice(&len.to_be_bytes());
                noise[4..8].copy_from_slice(&COOKIE);
            }
            let _ = (parse_probe_answer(&noise).is_ok(), parse_relay_refusal(&noise).is_ok());
            prop_assert!(!is_own_request(&noise));
        }
    }
}
