//! The vector of RFC 5769 for long-term credentials, and what a server's answer must be to count.

use std::sync::Arc;

use proptest::prelude::*;
use stun_rs::attributes::stun::{
    AlternateServer, ErrorCode, Fingerprint, MessageIntegrity, Nonce, Realm, XorMappedAddress,
};
use stun_rs::attributes::turn::{LifeTime, XorRelayedAddress};
use stun_rs::methods::{ALLOCATE, BINDING, REFRESH};
use stun_rs::{
    Algorithm, AlgorithmId, DecoderContextBuilder, HMACKey, MessageClass, MessageDecoderBuilder,
    MessageEncoderBuilder, MessageMethod, StunMessageBuilder,
};

use super::*;
use crate::stun::turn::{Asked, Auth, Challenge, MAX_CHALLENGE, emit_request, parse_response};

/// The sample request with long-term authentication of RFC 5769 section 2.4.
const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382af\
    e382b900000015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f7267\
    0000080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn challenge(realm: &str, nonce: &str) -> Challenge {
    Challenge { realm: realm.to_owned(), nonce: nonce.to_owned() }
}

fn key() -> HMACKey {
    HMACKey::new_long_term("alice", "example.org", "secret", Algorithm::from(AlgorithmId::MD5)).unwrap()
}

fn request(asked: Asked, authenticated: bool) -> Request {
    let auth = Auth::new("alice", "secret", challenge("example.org", "abc")).unwrap();
    Request { id: [5; 12], asked, auth: authenticated.then(|| Arc::new(auth)) }
}

fn encoded(builder: StunMessageBuilder) -> Vec<u8> {
    let mut bytes = [0; 1_024];
    let message = builder.with_attribute(Fingerprint::default()).build();
    let len = MessageEncoderBuilder::default().build().encode(&mut bytes, &message).unwrap();
    bytes[..len].to_vec()
}

fn new(method: MessageMethod, class: MessageClass) -> StunMessageBuilder {
    StunMessageBuilder::new(method, class).with_transaction_id([5; 12].into())
}

fn error(code: u16) -> StunMessageBuilder {
    let code = stun_rs::ErrorCode::new(code, "No").unwrap();
    new(ALLOCATE, MessageClass::ErrorResponse).with_attribute(ErrorCode::new(code))
}

fn allocated() -> StunMessageBuilder {
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    new(ALLOCATE, MessageClass::SuccessResponse)
        .with_attribute(XorRelayedAddress::from(at("203.0.113.9:50001")))
        .with_attribute(XorMappedAddress::from(at("198.51.100.1:4000")))
        .with_attribute(LifeTime::from(600))
}

const PLAIN: Asked = Asked::Allocate { ipv6: false };

#[test]
fn the_key_and_the_integrity_are_those_of_rfc_5769_section_2_4() {
    let username = "\u{30de}\u{30c8}\u{30ea}\u{30c3}\u{30af}\u{30b9}";
    let auth = Auth::new(username, "TheMatrIX", challenge("example.org", "f//499k954d6OL34oL9FSTvy64sA"));
    let auth = auth.unwrap();
    let bytes = hex(LONG_TERM);
    let read = |key: HMACKey| {
        let context = DecoderContextBuilder::default().with_validation().with_key(key).build();
        MessageDecoderBuilder::default().with_context(context).build().decode(&bytes).is_ok()
    };
    assert!(read(auth.key().clone()), "the vector is authentic under our key");
    assert!(!read(key()), "and under no other");
    // The same attributes in the same order give the same bytes.
    let message = StunMessageBuilder::new(BINDING, MessageClass::Request)
        .with_transaction_id([0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e].into())
        .with_attribute(stun_rs::attributes::stun::UserName::new(username).unwrap())
        .with_attribute(Nonce::new("f//499k954d6OL34oL9FSTvy64sA").unwrap())
        .with_attribute(Realm::new("example.org").unwrap())
        .with_attribute(MessageIntegrity::new(auth.key().clone()))
        .build();
    let mut written = [0; 256];
    let len = MessageEncoderBuilder::default().build().encode(&mut written, &message).unwrap();
    assert_eq!(&written[..len], &bytes[..]);
}

#[test]
fn success_counts_only_with_our_key_in_it() {
    let signed = encoded(allocated().with_attribute(MessageIntegrity::new(key())));
    let read = |bytes: &[u8], request: &Request| parse_response(bytes, request);
    assert!(matches!(read(&signed, &request(PLAIN, true)), Ok(Answer::Allocated { .. })));
    let other = HMACKey::new_short_term("other").unwrap();
    for (bytes, authenticated) in [
        (encoded(allocated()), true),
        (encoded(allocated()), false),
        (signed.clone(), false),
        (encoded(allocated().with_attribute(MessageIntegrity::new(other))), true),
    ] {
        assert_eq!(read(&bytes, &request(PLAIN, authenticated)).err(), Some(Refused::Unauthentic));
    }
    let refresh = request(Asked::Refresh { lifetime: 600 }, true);
    assert_eq!(read(&signed, &refresh).err(), Some(Refused::Unexpected), "the answer to another question");
    let poor = new(REFRESH, MessageClass::SuccessResponse).with_attribute(MessageIntegrity::new(key()));
    assert_eq!(read(&encoded(poor), &refresh).err(), Some(Refused::Malformed), "without a lifetime");
}

#[test]
fn of_refusals_only_challenges_count_without_our_key() {
    let at: SocketAddr = "203.0.113.5:3478".parse().unwrap();
    for (code, expected) in [
        (300, RelayFailure::TryAlternate(at)),
        (403, RelayFailure::Forbidden),
        (437, RelayFailure::Mismatch),
        (440, RelayFailure::Family),
        (441, RelayFailure::Unauthorized),
        (486, RelayFailure::Quota),
        (508, RelayFailure::Capacity),
        (599, RelayFailure::Refused(599)),
    ] {
        let unsigned = || error(code).with_attribute(AlternateServer::from(at));
        let signed = encoded(unsigned().with_attribute(MessageIntegrity::new(key())));
        let unsigned = encoded(unsigned());
        assert!(parse_response(&signed, &request(PLAIN, true)) == Ok(Answer::Refused(expected)), "{code}");
        assert!(parse_response(&unsigned, &request(PLAIN, false)) == Ok(Answer::Refused(expected)), "{code}");
        assert!(
            parse_response(&unsigned, &request(PLAIN, true)).err() == Some(Refused::Unauthentic),
            "{code}"
        );
    }
}

#[test]
fn a_challenge_needs_realm_and_nonce_that_fit() {
    let challenged = |code, realm: &str, nonce: &str| {
        let error =
            error(code).with_attribute(Realm::new(realm).unwrap()).with_attribute(Nonce::new(nonce).unwrap());
        parse_response(&encoded(error), &request(PLAIN, true))
    };
    let expected = challenge("example.org", "n");
    assert!(challenged(401, "example.org", "n") == Ok(Answer::Challenged(expected.clone())));
    assert!(challenged(438, "example.org", "n") == Ok(Answer::Stale(expected)));
    let (longest, longer) = ("x".repeat(MAX_CHALLENGE), "x".repeat(MAX_CHALLENGE + 1));
    assert!(challenged(401, &longest, &longest).is_ok());
    assert!(challenged(401, &longer, "n").err() == Some(Refused::Malformed));
    assert!(challenged(401, "r", &longer).err() == Some(Refused::Malformed));
    assert!(parse_response(&encoded(error(401)), &request(PLAIN, false)).err() == Some(Refused::Malformed));
}

#[test]
fn the_longest_request_fits_into_a_transmit() {
    let long = |len| "x".repeat(len);
    let challenge = challenge(&long(MAX_CHALLENGE), &long(MAX_CHALLENGE));
    let auth = Auth::new(&long(server::MAX_USERNAME), &long(server::MAX_USERNAME), challenge).unwrap();
    let peer = "[2001:db8::1]:9".parse().unwrap();
    let asked = Asked::Bind { channel: 0x4fff, peer };
    let request = Request { id: [1; 12], asked, auth: Some(Arc::new(auth)) };
    let mut buf = [0; <crate::Agent as p2pvoip_core::Machine>::MAX_TRANSMIT];
    assert!(emit_request(&request, &mut buf).is_some());
}

proptest! {
    #[test]
    fn no_bytes_are_an_answer_by_chance(bytes in prop::collection::vec(any::<u8>(), 0..96), cut in 0..120_usize) {
        prop_assert!(parse_response(&bytes, &request(PLAIN, true)).is_err());
        let signed = encoded(allocated().with_attribute(MessageIntegrity::new(key())));
        let cut = cut.min(signed.len() - 1);
        prop_assert!(parse_response(&signed[..cut], &request(PLAIN, true)).is_err());
        // Whatever the integrity covers; the fingerprint behind it may be absent.
        let mut flipped = signed.clone();
        flipped[cut.min(signed.len() - 9)] ^= 1;
        prop_assert!(parse_response(&flipped, &request(PLAIN, true)).is_err());
    }
}
