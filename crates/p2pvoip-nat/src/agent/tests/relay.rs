//! An agent and a TURN server that is driven by hand: the laws, and what a hostile server or stranger achieves.

use p2pvoip_sim::laws::{Laws, Seen, SeenOf, Verdict};
use stun_rs::attributes::stun::{ErrorCode, Fingerprint, MessageIntegrity, Nonce, Realm, XorMappedAddress};
use stun_rs::attributes::turn::{Data, LifeTime, XorPeerAddress, XorRelayedAddress};
use stun_rs::methods::{ALLOCATE, CHANNEL_BIND, DATA, REFRESH};
use stun_rs::{
    Algorithm, AlgorithmId, HMACKey, MessageClass, MessageEncoderBuilder, MessageMethod, StunMessageBuilder,
};

use super::*;
use crate::error::RelayFailure;
use crate::turn::{Password, TurnServer};

const TURN: &str = "203.0.113.5:3478";
const RELAYED: &str = "203.0.113.5:50001";

fn config() -> Config {
    let server = TurnServer::new(at(TURN), "alice", Password::new("secret"));
    Config { turn_servers: vec![server], ..Config::default() }
}

fn relaying_agent(now: Instant) -> Agent {
    Agent::new(config(), Role::Controlling, Seed::from_u64(7), now).unwrap()
}

fn key() -> HMACKey {
    HMACKey::new_long_term("alice", "example.org", "secret", Algorithm::from(AlgorithmId::MD5)).unwrap()
}

fn encoded(builder: StunMessageBuilder) -> Vec<u8> {
    let mut bytes = [0; 1_024];
    let message = builder.with_attribute(Fingerprint::default()).build();
    let len = MessageEncoderBuilder::default().build().encode(&mut bytes, &message).unwrap();
    bytes[..len].to_vec()
}

fn method(request: &[u8]) -> MessageMethod {
    [ALLOCATE, REFRESH, CHANNEL_BIND].into_iter().find(|m| m.as_u16() == u16::from(request[1])).unwrap()
}

fn reply(request: &[u8], class: MessageClass) -> StunMessageBuilder {
    let (_, header) = Header::of_any(request).unwrap();
    StunMessageBuilder::new(method(request), class).with_transaction_id(header.id.into())
}

fn refusal(request: &[u8], code: u16, nonce: &str) -> Vec<u8> {
    let code = stun_rs::ErrorCode::new(code, "Again").unwrap();
    encoded(
        reply(request, MessageClass::ErrorResponse)
            .with_attribute(ErrorCode::new(code))
            .with_attribute(Realm::new("example.org").unwrap())
            .with_attribute(Nonce::new(nonce).unwrap()),
    )
}

fn allocated_at(request: &[u8], relayed: &str) -> Vec<u8> {
    encoded(
        reply(request, MessageClass::SuccessResponse)
            .with_attribute(XorRelayedAddress::from(at(relayed)))
            .with_attribute(XorMappedAddress::from(at("192.0.2.9:9")))
            .with_attribute(LifeTime::from(600))
            .with_attribute(MessageIntegrity::new(key())),
    )
}

/// Success for whatever is asked.
fn granted(request: &[u8]) -> Vec<u8> {
    if method(request) == ALLOCATE {
        return allocated_at(request, RELAYED);
    }
    let answer = reply(request, MessageClass::SuccessResponse).with_attribute(LifeTime::from(600));
    encoded(answer.with_attribute(MessageIntegrity::new(key())))
}

/// The server passes something on that came from this peer.
fn passed_on(from: &str, payload: &[u8]) -> Vec<u8> {
    let message = StunMessageBuilder::new(DATA, MessageClass::Indication)
        .with_transaction_id([9; 12].into())
        .with_attribute(XorPeerAddress::from(at(from)))
        .with_attribute(Data::new(payload));
    let mut bytes = [0; 1_024];
    let len = MessageEncoderBuilder::default().build().encode(&mut bytes, &message.build()).unwrap();
    bytes[..len].to_vec()
}

fn in_channel(channel: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap();
    [&channel.to_be_bytes()[..], &len.to_be_bytes(), payload].concat()
}

/// The requests of TURN to the server among what was sent.
fn asked(drained: &Drained) -> Vec<Vec<u8>> {
    let requests = drained.sent.iter().filter(|(to, bytes)| to.remote == at(TURN) && bytes[0] == 0);
    requests.filter(|(_, bytes)| matches!(bytes[1], 3 | 4 | 9)).map(|(_, bytes)| bytes.clone()).collect()
}

/// An agent whose allocation is granted at 20 ms, and which knows the peer at `PEER`; all outputs are taken.
fn allocated() -> Agent {
    let mut agent = relaying_agent(millis(0));
    agent.gather(&[at(BASE)], millis(0)).unwrap();
    let first = asked(&drain(&mut agent)).pop().unwrap();
    give(&mut agent, TURN, &refusal(&first, 401, "one"), millis(10)).unwrap();
    let second = asked(&drain(&mut agent)).pop().unwrap();
    give(&mut agent, TURN, &granted(&second), millis(20)).unwrap();
    agent.set_remote_credentials(peer_credentials(), millis(20)).unwrap();
    agent
}

/// The same with the channel to `PEER` bound.
fn bound() -> Agent {
    let mut agent = allocated();
    let _ = drain(&mut agent);
    agent.add_remote_candidate(host(PEER), millis(20)).unwrap();
    let bind = asked(&drain(&mut agent)).pop().unwrap();
    give(&mut agent, TURN, &granted(&bind), millis(40)).unwrap();
    agent
}

#[test]
fn an_allocation_tells_what_the_server_saw_and_the_relayed_address() {
    let drained = drain(&mut allocated());
    let told: Vec<_> = drained
        .events
        .iter()
        .filter_map(|event| if let Event::Candidate(c) = event { Some((c.kind, c.address)) } else { None })
        .collect();
    assert_eq!(told, [(Kind::ServerReflexive, at("192.0.2.9:9")), (Kind::Relayed, at(RELAYED))]);
    assert!(drained.events.contains(&Event::GatheringDone));
}

#[test]
fn a_relayed_pair_is_checked_by_channel_and_carries_media_in_four_bytes_more() {
    let mut agent = bound();
    let checks: Vec<_> = pass(&mut agent, millis(160)).sent;
    let (to, through) = checks.iter().find(|(to, bytes)| to.remote == at(TURN) && bytes[0] == 0x40).unwrap();
    assert_eq!((to.local, &through[..2]), (at(BASE), &[0x40, 0x00][..]));
    assert_eq!(usize::from(u16::from_be_bytes([through[2], through[3]])), through.len() - 4);
    let answer = in_channel(0x4000, &answer(&through[4..], RELAYED));
    give(&mut agent, TURN, &answer, millis(200)).unwrap();
    let route = *agent.route().unwrap();
    assert_eq!((route.local, route.remote, route.local_kind), (at(BASE), at(TURN), Kind::Relayed));
    let mut prefix = [0; 4];
    route.prefix.write(300, &mut prefix).unwrap();
    assert_eq!(prefix, [0x40, 0x00, 0x01, 0x2c]);
    assert!(agent.accepts_from(at(PEER)));
}

#[test]
fn a_check_from_a_new_port_of_the_peer_is_answered_in_an_indication_until_its_channel_is_bound() {
    let mut agent = bound();
    let _ = drain(&mut agent);
    let check = check(&agent, 1, |_| ());
    give(&mut agent, TURN, &passed_on("198.51.100.2:2777", &check), millis(60)).unwrap();
    let drained = pass(&mut agent, millis(60));
    let indications: Vec<_> =
        drained.sent.iter().filter(|(to, bytes)| to.remote == at(TURN) && bytes[..2] == [0, 0x16]).collect();
    assert!(!indications.is_empty());
    let bind = asked(&drained).pop().unwrap();
    give(&mut agent, TURN, &granted(&bind), millis(80)).unwrap();
    assert_eq!(agent.stats().channels, 2);
}

#[test]
fn what_comes_by_no_channel_or_without_permission_or_from_elsewhere_is_refused() {
    let mut agent = bound();
    let _ = drain(&mut agent);
    let stun = check(&agent, 1, |_| ());
    for (from, bytes, why) in [
        (TURN, in_channel(0x4001, &stun), Refused::Unexpected),
        (TURN, in_channel(0x5000, &stun), Refused::Malformed),
        (TURN, in_channel(0x4000, &stun)[..20].to_vec(), Refused::Malformed),
        (TURN, passed_on("198.51.100.99:1", &stun), Refused::Unexpected),
        (OTHER, in_channel(0x4000, &stun), Refused::Malformed),
        (OTHER, passed_on(PEER, &stun), Refused::Malformed),
        (TURN, in_channel(0x4000, &in_channel(0x4000, &stun)), Refused::Malformed),
        (TURN, in_channel(0x4000, b"\xc0media"), Refused::Malformed),
    ] {
        assert_eq!(give(&mut agent, from, &bytes, millis(60)), Err(why));
    }
    let inside = |bytes: &[u8]| {
        let datagram = Datagram { local: at(BASE), remote: at(TURN), bytes };
        agent.unwrap(datagram).map(|inner| inner.bytes.to_vec())
    };
    assert_eq!(inside(&in_channel(0x4000, b"\xc0media")).unwrap(), b"\xc0media");
    assert_eq!(inside(&in_channel(0x4001, b"\xc0media")), None);
    assert_eq!(inside(&stun), None);
}

#[test]
fn an_address_that_is_ours_or_nowhere_is_no_relayed_address() {
    for bad in [BASE, "0.0.0.0:5", "203.0.113.5:0", "127.0.0.1:5", "[2001:db8::5]:5"] {
        let mut agent = relaying_agent(millis(0));
        agent.gather(&[at(BASE)], millis(0)).unwrap();
        let first = asked(&drain(&mut agent)).pop().unwrap();
        give(&mut agent, TURN, &refusal(&first, 401, "one"), millis(10)).unwrap();
        let second = asked(&drain(&mut agent)).pop().unwrap();
        give(&mut agent, TURN, &allocated_at(&second, bad), millis(20)).unwrap();
        let events = drain(&mut agent).events;
        assert_eq!(events, [Event::RelayFailed(RelayFailure::Address), Event::GatheringDone], "{bad}");
    }
}

#[test]
fn a_server_that_finds_every_nonce_stale_is_given_up() {
    let mut agent = relaying_agent(millis(0));
    agent.gather(&[at(BASE)], millis(0)).unwrap();
    let mut drained = drain(&mut agent);
    let mut requests = 0;
    while let Some(request) = asked(&drained).pop() {
        requests += 1;
        let code = if requests == 1 { 401 } else { 438 };
        give(&mut agent, TURN, &refusal(&request, code, &format!("nonce{requests}")), millis(10)).unwrap();
        drained = drain(&mut agent);
    }
    assert_eq!(requests, 5);
    assert!(drained.events.contains(&Event::RelayFailed(RelayFailure::Unauthorized)));
}

#[test]
fn no_more_than_four_channels_are_asked_for_at_once_and_32_in_all() {
    let mut agent = allocated();
    let _ = drain(&mut agent);
    for port in 1..=24 {
        agent.add_remote_candidate(host(&format!("198.51.100.4:{port}")), millis(20)).unwrap();
    }
    let mut drained = drain(&mut agent);
    let mut all = 0;
    while let Some(request) = asked(&drained).pop() {
        all += asked(&drained).len();
        assert!(asked(&drained).len() <= 4);
        for request in asked(&drained) {
            give(&mut agent, TURN, &granted(&request), millis(30)).unwrap();
        }
        assert_eq!(method(&request), CHANNEL_BIND);
        drained = drain(&mut agent);
    }
    assert_eq!((all, agent.stats().channels), (24, 24));
    for port in 25..=33 {
        let check = check(&agent, port, |_| ());
        let given = give(&mut agent, TURN, &passed_on(&format!("198.51.100.4:{port}"), &check), millis(40));
        assert_eq!(given, if port == 33 { Err(Refused::Limit) } else { Ok(()) }, "{port}");
        for request in asked(&drain(&mut agent)) {
            give(&mut agent, TURN, &granted(&request), millis(40)).unwrap();
        }
    }
    assert_eq!(agent.stats().channels, 32);
}

#[test]
fn no_forged_challenge_ends_an_allocation_or_hides_the_genuine_answer() {
    let mut agent = allocated();
    let _ = drain(&mut agent);
    agent.add_remote_candidate(host(PEER), millis(20)).unwrap();
    let bind = asked(&drain(&mut agent)).pop().unwrap();
    give(&mut agent, TURN, &refusal(&bind, 401, "forged"), millis(30)).unwrap();
    let mut newest = bind.clone();
    for number in 1..=8 {
        give(&mut agent, TURN, &refusal(&newest, 438, &format!("forged{number}")), millis(30)).unwrap();
        newest = asked(&drain(&mut agent)).pop().unwrap_or(newest);
    }
    assert_ne!(newest, bind);
    give(&mut agent, TURN, &refusal(&newest, 401, "forged"), millis(30)).unwrap();
    assert_eq!(agent.stats().relays, 1);
    give(&mut agent, TURN, &granted(&bind), millis(40)).unwrap();
    assert_eq!((agent.stats().relays, agent.stats().channels), (1, 1));
    assert!(!drain(&mut agent).events.iter().any(|event| matches!(event, Event::RelayFailed(_))));
}

#[test]
fn a_relay_is_not_told_the_private_addresses_of_the_peer() {
    let mut agent = allocated();
    let _ = drain(&mut agent);
    for private in ["10.0.0.9:1", "192.168.1.2:1", "100.64.0.1:1"] {
        agent.add_remote_candidate(host(private), millis(20)).unwrap();
    }
    assert!(asked(&drain(&mut agent)).is_empty());
    agent.add_remote_candidate(host(PEER), millis(20)).unwrap();
    assert_eq!(asked(&drain(&mut agent)).len(), 1);
}

#[test]
fn of_sixteen_allocations_the_best_bases_have_eight_at_both_servers() {
    let server = |address: &str| TurnServer::new(at(address), "alice", Password::new("secret"));
    let servers = vec![server(TURN), server("203.0.113.6:3478")];
    let config = Config { turn_servers: servers, ..Config::default() };
    let mut agent = Agent::new(config, Role::Controlling, Seed::from_u64(7), millis(0)).unwrap();
    let bases: Vec<SocketAddr> = (1..=8).map(|host| at(&format!("10.0.0.{host}:1000"))).collect();
    agent.gather(&bases, millis(0)).unwrap();
    // All first requests are out by then, and none is repeated yet.
    let sent = pass(&mut agent, millis(450)).sent;
    let asked: Vec<_> = sent.iter().map(|(to, _)| (to.local, to.remote)).collect();
    let expected: Vec<_> =
        bases[..4].iter().flat_map(|base| [(*base, at(TURN)), (*base, at("203.0.113.6:3478"))]).collect();
    assert_eq!(asked, expected);
}

#[test]
fn a_direct_choice_needs_no_further_channels() {
    let mut agent = allocated();
    agent.add_remote_candidate(host(PEER), millis(20)).unwrap();
    let checks = pass(&mut agent, millis(80)).requests_to(PEER);
    give(&mut agent, PEER, &answer(checks.last().unwrap(), BASE), millis(90)).unwrap();
    let nomination = pass(&mut agent, millis(400)).requests_to(PEER).pop().unwrap();
    give(&mut agent, PEER, &answer(&nomination, BASE), millis(410)).unwrap();
    agent.add_remote_candidate(host(OTHER), millis(420)).unwrap();
    let drained = drain(&mut agent);
    assert!(asked(&drained).is_empty(), "{drained:?}");
}

#[test]
fn ipv6_asks_for_its_family_and_a_server_that_is_named_twice_is_asked_once() {
    let server = |address: &str| TurnServer::new(at(address), "alice", Password::new("secret"));
    let servers = vec![server(TURN), server(TURN), server("[2001:db8::9]:3478")];
    let config = Config { turn_servers: servers, ..Config::default() };
    let mut agent = Agent::new(config, Role::Controlling, Seed::from_u64(7), millis(0)).unwrap();
    agent.gather(&[at(BASE), at("[2001:db8::1]:1000")], millis(0)).unwrap();
    let sent = pass(&mut agent, millis(300)).sent;
    let asked: Vec<_> = sent.iter().map(|(to, bytes)| (to.remote, bytes[20..].to_vec())).collect();
    let [(first, plain), (second, six)] = &asked[..] else { panic!("{} requests", asked.len()) };
    assert_eq!((*first, *second), (at(TURN), at("[2001:db8::9]:3478")));
    // REQUESTED-TRANSPORT UDP, and for IPv6 REQUESTED-ADDRESS-FAMILY 2 behind it.
    assert_eq!(plain[..8], [0, 0x19, 0, 4, 17, 0, 0, 0]);
    assert_eq!(six[..16], [0, 0x19, 0, 4, 17, 0, 0, 0, 0, 0x17, 0, 4, 2, 0, 0, 0]);
}

type Owned = (SocketAddr, Vec<u8>);

fn lend(owned: &Owned) -> Datagram<'_> {
    Datagram { local: at(BASE), remote: owned.0, bytes: &owned.1 }
}

fn command<T>(result: &Result<T, CommandError>) -> Verdict {
    Verdict::of(result, |error| *error == CommandError::Full)
}

/// The last request of TURN with this method.
fn last(seen: &[SeenOf<Agent>], wanted: MessageMethod) -> Option<Vec<u8>> {
    seen.iter().rev().find_map(|seen| match seen {
        Seen::Transmit { to, bytes } if to.remote == at(TURN) && bytes[0] == 0 && bytes[1] < 0x10 => {
            (method(bytes) == wanted).then(|| bytes.clone())
        }
        Seen::Transmit { .. } | Seen::Event(_) => None,
    })
}

fn to_turn(bytes: Vec<u8>) -> Owned {
    (at(TURN), bytes)
}

fn up_to_the_channel() -> Laws<Agent> {
    let forged = in_channel(0x4000, b"\0\x01\0\0\x21\x12\xa4\x42 noise");
    Laws::new(relaying_agent)
        .full_when(|refused| *refused == Refused::Full)
        .hostile_input("forged channel data", (at(TURN), forged), lend)
        .hostile_input("a forged indication", (at(TURN), passed_on(OTHER, b"noise of a peer ")), lend)
        .hostile_input(
            "an answer to nothing",
            (
                at(TURN),
                refusal(&[0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 401, "x"),
            ),
            lend,
        )
        .command("gather", |agent: &mut Agent, now| command(&agent.gather(&[at(BASE)], now)))
        .wait(Duration::from_millis(600))
        .reply("the challenge", |seen| Some(to_turn(refusal(&last(seen, ALLOCATE)?, 401, "one"))), lend)
        .wait(Duration::from_millis(20))
        .reply("a stale nonce", |seen| Some(to_turn(refusal(&last(seen, ALLOCATE)?, 438, "two"))), lend)
        .wait(Duration::from_millis(20))
        .reply("the allocation", |seen| Some(to_turn(granted(&last(seen, ALLOCATE)?))), lend)
        .command("credentials", |agent: &mut Agent, now| {
            command(&agent.set_remote_credentials(peer_credentials(), now))
        })
        .command("a candidate", |agent: &mut Agent, now| {
            command(&agent.add_remote_candidate(host(PEER), now))
        })
        .wait(Duration::from_millis(100))
        .reply("the channel", |seen| Some(to_turn(granted(&last(seen, CHANNEL_BIND)?))), lend)
        .wait(Duration::from_millis(200))
}

#[test]
fn the_laws_hold_from_the_allocation_to_its_refresh_and_to_the_farewell() {
    let checked = |seen: &[SeenOf<Agent>]| {
        let through = seen.iter().rev().find_map(|seen| match seen {
            Seen::Transmit { bytes, .. } if bytes[0] == 0x40 => Some(bytes[4..].to_vec()),
            Seen::Transmit { .. } | Seen::Event(_) => None,
        })?;
        Some(to_turn(in_channel(0x4000, &answer(&through, RELAYED))))
    };
    let seen = up_to_the_channel()
        .reply("the answer of the peer", checked, lend)
        .wait(Duration::from_millis(300))
        .reply("the answer to the nomination", checked, lend)
        .wait(SECOND * 10)
        .command("close", |agent: &mut Agent, now| command(&agent.close(now)))
        .check();
    assert!(
        seen.iter()
            .any(|(_, seen)| matches!(seen, Seen::Event(Event::Route(r)) if r.local_kind == Kind::Relayed))
    );
    let sent: Vec<_> = seen.into_iter().map(|(_, seen)| seen).collect();
    assert!(last(&sent, REFRESH).is_some(), "the allocation is given back");
}

#[test]
fn the_laws_hold_while_a_server_is_silent_or_falls_silent() {
    let seen = Laws::new(relaying_agent)
        .full_when(|refused| *refused == Refused::Full)
        .command("gather", |agent: &mut Agent, now| command(&agent.gather(&[at(BASE)], now)))
        .wait(SECOND * 11)
        .check();
    let failed = Event::RelayFailed(RelayFailure::NoAnswer);
    assert!(seen.iter().any(|(_, seen)| matches!(seen, Seen::Event(event) if *event == failed)));
    let seen = up_to_the_channel().wait(SECOND * 60).check();
    assert!(seen.iter().any(|(_, seen)| matches!(seen, Seen::Event(Event::Failed(_)))));
}
