//! The vectors of RFC 5769, and the laws of the codec: nothing passes that is not whole and authentic.

use proptest::prelude::*;
use stun_rs::HMACKey;

use super::*;
use crate::check::Check;
use crate::error::Refused;

/// The password of RFC 5769 sections 2.1 to 2.3.
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

/// The sample request of RFC 5769 section 2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
    002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// The sample IPv4 response of RFC 5769 section 2.2.
const RESPONSE_4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
/// The sample IPv6 response of RFC 5769 section 2.3.
const RESPONSE_6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed41\
    80280004c8fb0b4c";
/// The transaction id of all three.
const ID: TransactionId = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn key() -> HMACKey {
    HMACKey::new_short_term(PASSWORD).unwrap()
}

fn check() -> Check {
    Check {
        id: ID,
        local: "10.0.0.1:1".parse().unwrap(),
        remote: "10.0.0.2:2".parse().unwrap(),
        priority: 0x6e00_01ff,
        controlling: false,
        tie_breaker: 0x932f_f9b1_5126_3b36,
        nominate: false,
    }
}

/// What `make` writes.
fn bytes(make: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut buf = [0xaa; 160];
    let len = make(&mut buf).unwrap();
    buf[..len].to_vec()
}

#[test]
fn reads_the_request_of_rfc_5769_section_2_1() {
    let request = parse_request(&hex(REQUEST), &key()).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!((request.id, request.username.as_str()), (ID, "evtj:h6vY"));
    assert_eq!(request.priority, 0x6e00_01ff);
    assert_eq!((request.controlling, request.tie_breaker), (false, 0x932f_f9b1_5126_3b36));
    assert!(!request.nominate);
}

#[test]
fn reads_the_responses_of_rfc_5769_sections_2_2_and_2_3() {
    let of = |text, expected: &str| {
        let header = Header::parse(&hex(text)).unwrap();
        assert_eq!((header.class, header.id), (Class::Success, ID));
        assert!(parse_answer(&hex(text), &key()) == Ok(Response::Mapped(expected.parse().unwrap())));
    };
    of(RESPONSE_4, "192.0.2.1:32853");
    of(RESPONSE_6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

#[test]
fn the_wrong_password_is_refused() {
    let wrong = HMACKey::new_short_term("VOkJxbRl1RmTxUk/WvJxBu").unwrap();
    assert!(parse_request(&hex(REQUEST), &wrong).err() == Some(Refused::Unauthentic));
    assert!(parse_answer(&hex(RESPONSE_4), &wrong).err() == Some(Refused::Unauthentic));
}

#[test]
fn absent_integrity_or_fingerprint_is_refused() {
    // A query has a fingerprint and no integrity.
    let query = bytes(|buf| emit_query(ID, buf));
    assert!(parse_request(&query, &key()).err() == Some(Refused::Unauthentic));
    // A check without its last attribute has integrity and no fingerprint; the length is set right.
    let mut cut = bytes(|buf| emit_check(&check(), "a:b", &key(), buf));
    cut.truncate(cut.len() - 8);
    cut[3] -= 8;
    assert!(Header::parse(&cut).is_some());
    assert!(parse_request(&cut, &key()).err() == Some(Refused::Unauthentic));
}

#[test]
fn a_whole_check_or_answer_without_integrity_is_refused() {
    use stun_rs::attributes::ice::{IceControlled, Priority};
    use stun_rs::attributes::stun::{Fingerprint, UserName};
    let whole = stun_rs::StunMessageBuilder::new(stun_rs::methods::BINDING, stun_rs::MessageClass::Request)
        .with_transaction_id(ID.into())
        .with_attribute(UserName::new("evtj:h6vY").unwrap())
        .with_attribute(Priority::from(5))
        .with_attribute(IceControlled::from(7))
        .with_attribute(Fingerprint::default())
        .build();
    let check = bytes(|buf| stun_rs::MessageEncoderBuilder::default().build().encode(buf, &whole).ok());
    assert!(parse_request(&check, &key()).err() == Some(Refused::Unauthentic));
    let query = bytes(|buf| emit_query(ID, buf));
    let answer = bytes(|buf| answer_binding(&query, "192.0.2.1:9".parse().unwrap(), buf));
    assert!(parse_query_answer(&answer).is_ok());
    assert!(parse_answer(&answer, &key()).err() == Some(Refused::Unauthentic));
}

#[test]
fn an_attribute_behind_the_fingerprint_is_refused() {
    let mut query = bytes(|buf| emit_query(ID, buf));
    query.extend(hex("8022000461626364"));
    query[3] += 8;
    assert!(Header::parse(&query).is_some());
    assert_eq!(answer_binding(&query, "192.0.2.1:9".parse().unwrap(), &mut [0; ANSWER_LEN]), None);
}

#[test]
fn trailing_bytes_are_refused() {
    let mut long = hex(REQUEST);
    long.extend([0; 4]);
    assert!(is_stun(&long) && Header::parse(&long).is_none());
    assert!(parse_request(&long, &key()).err() == Some(Refused::Malformed));
}

#[test]
fn what_a_role_conflict_says_is_read() {
    let conflict = bytes(|buf| emit_conflict(ID, &key(), buf));
    assert_eq!(Header::parse(&conflict).map(|header| header.class), Some(Class::Error));
    assert!(parse_answer(&conflict, &key()) == Ok(Response::RoleConflict));
}

#[test]
fn a_demand_for_an_unknown_attribute_is_refused() {
    // A query with the attribute 0x7fff, which does not exist, and without fingerprint.
    let demand = hex("0001000821 12a442b7e7a701bc34d686fa87dfae7fff000400000000");
    assert!(Header::parse(&demand).is_some());
    assert!(parse_query_answer(&demand).err() == Some(Refused::Unsupported));
    assert_eq!(answer_binding(&demand, "192.0.2.1:9".parse().unwrap(), &mut [0; ANSWER_LEN]), None);
}

#[test]
fn a_server_answers_with_the_source_and_a_fingerprint_when_asked_with_one() {
    let source = "[2001:db8::7]:4000".parse().unwrap();
    let query = bytes(|buf| emit_query(ID, buf));
    let answer = bytes(|buf| answer_binding(&query, source, buf));
    assert_eq!(answer.len(), ANSWER_LEN);
    assert!(parse_query_answer(&answer) == Ok(Response::Mapped(source)));
    let plain = hex("000100002112a442b7e7a701bc34d686fa87dfae");
    let answer = bytes(|buf| answer_binding(&plain, "192.0.2.1:32853".parse().unwrap(), buf));
    assert_eq!(answer, hex("0101000c2112a442b7e7a701bc34d686fa87dfae002000080001a147e112a643"));
}

#[test]
fn a_server_answers_no_answers_and_no_checks() {
    let source = "192.0.2.1:9".parse().unwrap();
    for refused in [RESPONSE_4, REQUEST] {
        assert_eq!(answer_binding(&hex(refused), source, &mut [0; 160]), None);
    }
}

#[test]
fn media_and_channel_data_are_not_stun() {
    let mut bytes = hex(REQUEST);
    for first in [4, 64, 79, 128, 191, 192, 255] {
        bytes[0] = first;
        assert!(!is_stun(&bytes), "{first}");
    }
    assert!(!is_stun(&hex(REQUEST)[..19]) && !is_stun(&[]));
    assert!(is_stun(&hex(REQUEST)));
}

proptest! {
    #[test]
    fn a_check_is_read_as_it_was_written(
        priority in 1..1u32 << 31, controlling: bool, tie_breaker: u64, nominate: bool, id: TransactionId,
    ) {
        let check = Check { id, priority, controlling, tie_breaker, nominate, ..check() };
        let request = parse_request(&bytes(|buf| emit_check(&check, "us:them", &key(), buf)), &key()).ok().unwrap();
        prop_assert_eq!(request.id, id);
        prop_assert_eq!(request.username, "us:them");
        prop_assert_eq!(request.priority, priority);
        prop_assert_eq!((request.controlling, request.tie_breaker), (controlling, tie_breaker));
        prop_assert_eq!(request.nominate, nominate);
    }

    #[test]
    fn an_answer_is_read_as_it_was_written(mapped: SocketAddr, id: TransactionId) {
        let mapped = crate::address::canonical(mapped);
        let answer = bytes(|buf| emit_answer(id, mapped, &key(), buf));
        prop_assert!(parse_answer(&answer, &key()) == Ok(Response::Mapped(mapped)));
    }

    #[test]
    fn no_changed_bit_of_a_check_passes(bit in 0usize..8 * 108) {
        let mut changed = bytes(|buf| emit_check(&check(), "evtj:h6vY", &key(), buf));
        let bit = bit % (changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        let passes = Header::parse(&changed).is_some_and(|header| header.class == Class::Request)
            && parse_request(&changed, &key()).is_ok();
        prop_assert!(!passes);
    }

    #[test]
    fn no_truncated_check_passes(len in 0usize..100) {
        let mut cut = bytes(|buf| emit_check(&check(), "evtj:h6vY", &key(), buf));
        cut.truncate(len.min(cut.len() - 1));
        prop_assert!(Header::parse(&cut).is_none());
        prop_assert!(parse_request(&cut, &key()).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(noise in prop::collection::vec(any::<u8>(), 0..120), as_stun: bool) {
        let mut noise = noise;
        if as_stun && noise.len() >= 20 {
            noise[..8].copy_from_slice(&[0x01, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
            noise[3] = u8::try_from(noise.len() - 20).unwrap();
        }
        prop_assert!(parse_request(&noise, &key()).is_err());
        prop_assert!(parse_answer(&noise, &key()).is_err());
        let _ = (is_stun(&noise), Header::parse(&noise), parse_query_answer(&noise).is_ok());
        let _ = answer_binding(&noise, "192.0.2.1:9".parse().unwrap(), &mut [0; ANSWER_LEN]);
    }
}
