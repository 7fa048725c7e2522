//! Rules and limits of the hub, one by one.

mod floods;
mod owners;

use super::*;
use p2pvoip_signal::ENVELOPE_LEN;
use p2pvoip_signal::rendezvous::{MAX_CLIENT_FRAME, MAX_LIFETIME, own_statement};
use ring::signature::{Ed25519KeyPair, KeyPair};

const START: Instant = Instant::from_millis(1_000);
const ALICE: ConnectionId = ConnectionId(1);
const BOB: ConnectionId = ConnectionId(2);
const BOX: Token = Token::new([7; 32]);

/// A frame as a test reads it: who got it, and its first words.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Got {
    Welcome(ConnectionId, [u8; 32]),
    Done(ConnectionId, u64),
    Absent(ConnectionId, u64),
    Refused(ConnectionId, u64, Refusal),
    Envelope(ConnectionId, u8),
    Bundle(ConnectionId, u64, Vec<u8>),
    Pong(ConnectionId),
    Close(ConnectionId),
}

fn drain(hub: &mut Hub) -> Vec<Got> {
    let mut got = Vec::new();
    let mut buf = [0; Hub::MAX_TRANSMIT];
    loop {
        match hub.poll_output(&mut buf) {
            Output::Wait(_) => return got,
            Output::Event(Event::Close(id)) => got.push(Got::Close(id)),
            Output::Transmit { to, len } => got.push(match ServerFrame::parse(&buf[..len]).unwrap() {
                ServerFrame::Welcome { challenge, .. } => Got::Welcome(to, challenge),
                ServerFrame::Done { id } => Got::Done(to, id.0),
                ServerFrame::Absent { id } => Got::Absent(to, id.0),
                ServerFrame::Refused { id, why } => Got::Refused(to, id.0, why),
                ServerFrame::Envelope { envelope, .. } => Got::Envelope(to, envelope[0]),
                ServerFrame::Bundle { id, bytes } => Got::Bundle(to, id.0, bytes.to_vec()),
                ServerFrame::Pong { .. } => Got::Pong(to),
            }),
        }
    }
}

fn try_say(hub: &mut Hub, from: ConnectionId, frame: ClientFrame<'_>, now: Instant) -> Result<(), Refused> {
    let mut buf = [0; MAX_CLIENT_FRAME];
    let len = frame.emit(&mut buf).unwrap();
    hub.handle_input(Input::Frame(from, &buf[..len]), now)
}

fn say(hub: &mut Hub, from: ConnectionId, frame: ClientFrame<'_>, now: Instant) -> Vec<Got> {
    try_say(hub, from, frame, now).unwrap();
    drain(hub)
}

/// Greets, and gives the challenge of the welcome.
fn greet(hub: &mut Hub, id: ConnectionId, now: Instant) -> [u8; 32] {
    match say(hub, id, ClientFrame::Hello { version: 2 }, now)[..] {
        [Got::Welcome(to, challenge)] if to == id => challenge,
        ref other => panic!("{other:?}"),
    }
}

fn join(hub: &mut Hub, id: ConnectionId, now: Instant) -> [u8; 32] {
    hub.handle_input(Input::Opened(id), now).unwrap();
    greet(hub, id, now)
}

fn empty(limits: Limits) -> Hub {
    Hub::new(limits, &Seed::from_u64(1), START)
}

fn pair(number: u64) -> Ed25519KeyPair {
    let mut seed = [0xff; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

/// The key of that owner.
fn key(number: u64) -> OwnerKey {
    OwnerKey::new(pair(number).public_key().as_ref().try_into().unwrap())
}

/// What that owner signs for a connection of this challenge.
fn proof(number: u64, challenge: &[u8; 32]) -> [u8; 64] {
    pair(number).sign(&own_statement(challenge)).as_ref().try_into().unwrap()
}

/// That owner proves its key to the connection.
fn own(hub: &mut Hub, from: ConnectionId, number: u64, now: Instant) -> Vec<Got> {
    let signature = proof(number, &hub.connections[&from].challenge);
    let frame = ClientFrame::Own { id: RequestId(number), key: key(number), signature: &signature };
    say(hub, from, frame, now)
}

fn hub_with(limits: Limits) -> Hub {
    let mut hub = empty(limits);
    join(&mut hub, ALICE, START);
    join(&mut hub, BOB, START);
    hub
}

fn hub() -> Hub {
    hub_with(Limits::default())
}

fn listen(id: u64, token: Token) -> ClientFrame<'static> {
    ClientFrame::Listen { id: RequestId(id), token }
}

fn put(id: u64) -> ClientFrame<'static> {
    const MARKED: [u8; ENVELOPE_LEN] = [9; ENVELOPE_LEN];
    ClientFrame::Put { id: RequestId(id), to: mailbox_of(&BOX), envelope: &MARKED }
}

fn publish(id: u64, owner: u64, sequence: u64, lifetime: u32) -> ClientFrame<'static> {
    ClientFrame::Publish { id: RequestId(id), key: key(owner), sequence, lifetime, bytes: b"record" }
}

fn fetch(id: u64, owner: u64) -> ClientFrame<'static> {
    ClientFrame::Fetch { id: RequestId(id), slot: owned_slot_of(&key(owner)) }
}

#[test]
fn a_mailbox_is_named_by_sha_256_of_its_token() {
    // FIPS 180-4, 32 zero bytes: 66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925.
    let expected = 0x6668_7aad_f862_bd77_6c8f_c18b_8e9f_8e20_u128.to_be_bytes();
    assert_eq!(mailbox_of(&Token::new([0; 32])).as_bytes(), &expected);
}

#[test]
fn an_envelope_reaches_every_listener_and_its_sender_hears_so() {
    let mut hub = hub();
    assert_eq!(say(&mut hub, ALICE, listen(1, BOX), START), [Got::Done(ALICE, 1)]);
    assert_eq!(say(&mut hub, BOB, listen(1, BOX), START), [Got::Done(BOB, 1)]);
    let got = say(&mut hub, BOB, put(2), START);
    assert_eq!(got, [Got::Envelope(ALICE, 9), Got::Envelope(BOB, 9), Got::Done(BOB, 2)]);
    assert_eq!(say(&mut hub, ALICE, ClientFrame::Forget { token: BOX }, START), []);
    assert_eq!(say(&mut hub, BOB, put(3), START), [Got::Envelope(BOB, 9), Got::Done(BOB, 3)]);
}

#[test]
fn a_put_that_is_sent_again_is_delivered_once() {
    let mut hub = hub_with(Limits { recent_puts: 2, ..Limits::default() });
    say(&mut hub, ALICE, listen(1, BOX), START);
    assert_eq!(say(&mut hub, BOB, put(2), START).len(), 2);
    assert_eq!(say(&mut hub, BOB, put(2), START), [Got::Done(BOB, 2)]);
    // The table holds two; the oldest is forgotten.
    say(&mut hub, BOB, put(3), START);
    say(&mut hub, BOB, put(4), START);
    assert_eq!(hub.recent.len(), 2);
    assert_eq!(say(&mut hub, BOB, put(2), START).len(), 2);
}

#[test]
fn an_envelope_waits_only_for_a_listener_who_is_expected_back() {
    let mut hub = hub();
    assert_eq!(say(&mut hub, BOB, put(1), START), [Got::Absent(BOB, 1)]);
    say(&mut hub, ALICE, listen(1, BOX), START);
    hub.handle_input(Input::Closed(ALICE), START).unwrap();
    assert_eq!(say(&mut hub, BOB, put(2), START), [Got::Done(BOB, 2)]);
    let back = START + Duration::from_millis(9_999);
    join(&mut hub, ConnectionId(3), back);
    let got = say(&mut hub, ConnectionId(3), listen(1, BOX), back);
    assert_eq!(got, [Got::Done(ConnectionId(3), 1), Got::Envelope(ConnectionId(3), 9)]);
    let third = ConnectionId(3);
    assert_eq!(say(&mut hub, third, ClientFrame::Received { serial: 1 }, back), []);
    hub.handle_input(Input::Closed(third), back).unwrap();
    say(&mut hub, BOB, put(3), back);
    let late = back + Duration::from_secs(10);
    join(&mut hub, ConnectionId(4), late);
    assert_eq!(say(&mut hub, ConnectionId(4), listen(1, BOX), late), [Got::Done(ConnectionId(4), 1)]);
    hub.handle_input(Input::Closed(ConnectionId(4)), late).unwrap();
    let given_up = late + Duration::from_secs(60);
    assert_eq!(say(&mut hub, BOB, put(4), given_up), [Got::Absent(BOB, 4)]);
}

#[test]
fn what_was_not_read_is_sent_again_after_the_connection_broke() {
    let mut hub = hub();
    say(&mut hub, ALICE, listen(1, BOX), START);
    say(&mut hub, BOB, put(1), START);
    say(&mut hub, BOB, put(2), START);
    say(&mut hub, ALICE, ClientFrame::Received { serial: 1 }, START);
    hub.handle_input(Input::Closed(ALICE), START).unwrap();
    let back = START + Duration::from_millis(19_999);
    let third = ConnectionId(3);
    join(&mut hub, third, back);
    let got = say(&mut hub, third, listen(1, BOX), back);
    assert_eq!(got, [Got::Done(third, 1), Got::Envelope(third, 9)]);
    // The same, for a connection that is dead without anyone having noticed.
    let fourth = ConnectionId(4);
    join(&mut hub, fourth, back);
    let got = say(&mut hub, fourth, listen(1, BOX), back);
    assert_eq!(got, [Got::Done(fourth, 1), Got::Envelope(fourth, 9)]);
    let late = back + Duration::from_secs(20);
    let fifth = ConnectionId(5);
    join(&mut hub, fifth, late);
    assert_eq!(say(&mut hub, fifth, listen(1, BOX), late), [Got::Done(fifth, 1)]);
}

#[test]
fn unread_envelopes_of_a_connection_are_limited() {
    let mut hub = hub_with(Limits { unread: 2, ..Limits::default() });
    say(&mut hub, ALICE, listen(1, BOX), START);
    for id in 1..=3 {
        say(&mut hub, BOB, put(id), START);
    }
    hub.handle_input(Input::Closed(ALICE), START).unwrap();
    join(&mut hub, ConnectionId(3), START);
    assert_eq!(say(&mut hub, ConnectionId(3), listen(1, BOX), START).len(), 1 + 2);
}

#[test]
fn who_forgets_its_mailbox_is_not_expected_back() {
    let mut hub = hub();
    say(&mut hub, ALICE, listen(1, BOX), START);
    say(&mut hub, ALICE, ClientFrame::Forget { token: BOX }, START);
    assert_eq!(say(&mut hub, BOB, put(1), START), [Got::Absent(BOB, 1)]);
    assert_eq!(hub.stats().mailboxes, 0);
}

#[test]
fn waiting_envelopes_are_limited_for_a_mailbox_and_in_all() {
    for limits in
        [Limits { waiting_per_mailbox: 2, ..Limits::default() }, Limits { waiting: 2, ..Limits::default() }]
    {
        let mut hub = hub_with(limits);
        say(&mut hub, ALICE, listen(1, BOX), START);
        hub.handle_input(Input::Closed(ALICE), START).unwrap();
        say(&mut hub, BOB, put(1), START);
        assert_eq!(say(&mut hub, BOB, put(2), START), [Got::Done(BOB, 2)]);
        assert_eq!(say(&mut hub, BOB, put(3), START), [Got::Absent(BOB, 3)]);
        let later = START + Duration::from_secs(20);
        hub.handle_timeout(later);
        drain(&mut hub);
        assert_eq!(say(&mut hub, BOB, put(4), later), [Got::Done(BOB, 4)], "what is over makes room");
    }
}

#[test]
fn listens_are_limited_by_connection_mailbox_and_in_all_while_somebody_listens_to_each() {
    for limits in [
        Limits { listens_per_connection: 1, ..Limits::default() },
        Limits { mailboxes: 1, ..Limits::default() },
    ] {
        let mut hub = hub_with(limits);
        say(&mut hub, ALICE, listen(1, BOX), START);
        assert_eq!(say(&mut hub, ALICE, listen(2, BOX), START), [Got::Done(ALICE, 2)], "the same again");
        let refused = [Got::Refused(ALICE, 3, Refusal::Limit)];
        assert_eq!(say(&mut hub, ALICE, listen(3, Token::new([1; 32])), START), refused);
    }
    let mut hub = hub_with(Limits { listeners_per_mailbox: 1, ..Limits::default() });
    say(&mut hub, ALICE, listen(1, BOX), START);
    assert_eq!(say(&mut hub, BOB, listen(2, BOX), START), [Got::Refused(BOB, 2, Refusal::Limit)]);
}

#[test]
fn the_fan_out_is_bounded_whatever_the_limits_say() {
    let mut hub = empty(Limits { listeners_per_mailbox: 1_000, ..Limits::default() });
    for number in 0..=MAX_FAN_OUT as u64 {
        join(&mut hub, ConnectionId(number), START);
        let got = say(&mut hub, ConnectionId(number), listen(1, BOX), START);
        assert_eq!(matches!(got[..], [Got::Done(..)]), number < MAX_FAN_OUT as u64);
    }
    assert_eq!(say(&mut hub, ConnectionId(0), put(2), START).len(), MAX_FAN_OUT + 1);
}

#[test]
fn a_record_is_given_until_it_ends_and_never_replaced_by_an_older_one() {
    let mut hub = hub();
    own(&mut hub, ALICE, 1, START);
    assert_eq!(say(&mut hub, BOB, fetch(1, 1), START), [Got::Absent(BOB, 1)]);
    assert_eq!(say(&mut hub, ALICE, publish(1, 1, 5, 60), START), [Got::Done(ALICE, 1)]);
    assert_eq!(say(&mut hub, ALICE, publish(2, 1, 5, 60), START), [Got::Done(ALICE, 2)], "the same again");
    let older = [Got::Refused(ALICE, 3, Refusal::Older)];
    assert_eq!(say(&mut hub, ALICE, publish(3, 1, 4, 60), START), older);
    let bundle = Got::Bundle(BOB, 2, b"record".to_vec());
    assert_eq!(say(&mut hub, BOB, fetch(2, 1), START + Duration::from_secs(59)), [bundle]);
    let over = START + Duration::from_secs(60);
    assert_eq!(say(&mut hub, BOB, fetch(3, 1), over), [Got::Absent(BOB, 3)]);
    assert_eq!(say(&mut hub, ALICE, publish(4, 1, 4, 60), over), [Got::Done(ALICE, 4)]);
}

#[test]
fn a_record_may_last_as_long_as_the_protocol_says() {
    let longest = u32::try_from(MAX_LIFETIME.as_secs()).unwrap();
    let mut hub = hub();
    own(&mut hub, ALICE, 1, START);
    assert_eq!(say(&mut hub, ALICE, publish(2, 1, 1, longest), START), [Got::Done(ALICE, 2)]);
}

#[test]
fn a_client_that_is_too_fast_is_told_and_one_that_goes_on_is_refused() {
    let frames = Rate { burst: 3, per_second: 1 };
    let mut hub = hub_with(Limits { frames, excess_frames: 2, ..Limits::default() });
    for id in 1..=2 {
        assert_eq!(say(&mut hub, BOB, put(id), START), [Got::Absent(BOB, id)]);
    }
    for id in 3..=4 {
        assert_eq!(say(&mut hub, BOB, put(id), START), [Got::Refused(BOB, id, Refusal::TooFast)]);
    }
    assert_eq!(try_say(&mut hub, BOB, put(5), START), Err(Refused::Flood));
    let later = START + Duration::from_secs(1);
    assert_eq!(say(&mut hub, BOB, put(6), later), [Got::Absent(BOB, 6)], "a second gives one more");
}

#[test]
fn acknowledgements_cost_no_permit_unless_they_are_made_up() {
    let frames = Rate { burst: 4, per_second: 1 };
    let mut hub = hub_with(Limits { frames, excess_frames: 0, ..Limits::default() });
    say(&mut hub, ALICE, listen(1, BOX), START);
    say(&mut hub, BOB, put(1), START);
    say(&mut hub, BOB, put(2), START);
    say(&mut hub, BOB, put(3), START);
    for serial in 1..=3 {
        say(&mut hub, ALICE, ClientFrame::Received { serial }, START);
    }
    let made_up = ClientFrame::Received { serial: 1 };
    assert_eq!(say(&mut hub, ALICE, made_up, START), []);
    assert_eq!(say(&mut hub, ALICE, made_up, START), []);
    assert_eq!(try_say(&mut hub, ALICE, made_up, START), Err(Refused::Flood));
}

#[test]
fn one_mailbox_takes_a_burst_and_then_a_rate() {
    let puts_per_mailbox = Rate { burst: 2, per_second: 1 };
    let mut hub = hub_with(Limits { puts_per_mailbox, kept_puts: 0, ..Limits::default() });
    say(&mut hub, ALICE, listen(1, BOX), START);
    say(&mut hub, BOB, put(1), START);
    say(&mut hub, BOB, put(2), START);
    assert_eq!(say(&mut hub, BOB, put(3), START), [Got::Refused(BOB, 3, Refusal::TooFast)]);
    assert_eq!(hub.stats().limited, 1);
}

#[test]
fn connections_are_limited() {
    let mut hub = hub_with(Limits { connections: 2, ..Limits::default() });
    assert_eq!(hub.handle_input(Input::Opened(ConnectionId(3)), START), Err(Refused::TooManyConnections));
    hub.handle_input(Input::Closed(BOB), START).unwrap();
    join(&mut hub, ConnectionId(3), START);
}

#[test]
fn who_does_not_greet_or_falls_silent_is_closed() {
    let mut hub = empty(Limits::default());
    join(&mut hub, ALICE, START);
    hub.handle_input(Input::Opened(BOB), START).unwrap();
    let mut now = START;
    let mut closed = Vec::new();
    while closed.len() < 2 {
        now += SWEEP;
        hub.handle_timeout(now);
        closed.extend(drain(&mut hub).into_iter().map(|got| (got, now)));
    }
    let (greeting, silence) = (START + Duration::from_secs(10), START + Duration::from_secs(90));
    assert_eq!(closed, [(Got::Close(BOB), greeting), (Got::Close(ALICE), silence)]);
    assert_eq!(hub.handle_input(Input::Closed(BOB), now), Ok(()), "told again by its owner");
}

#[test]
fn misplaced_and_malformed_frames_are_refused() {
    let mut hub = hub();
    assert_eq!(try_say(&mut hub, ALICE, ClientFrame::Hello { version: 2 }, START), Err(Refused::Unexpected));
    assert_eq!(try_say(&mut hub, ConnectionId(9), put(1), START), Err(Refused::Unexpected));
    hub.handle_input(Input::Opened(ConnectionId(9)), START).unwrap();
    assert_eq!(try_say(&mut hub, ConnectionId(9), put(1), START), Err(Refused::Unexpected));
    assert!(matches!(hub.handle_input(Input::Frame(ALICE, &[99]), START), Err(Refused::Malformed(_))));
    assert_eq!(say(&mut hub, ALICE, ClientFrame::Ping { nonce: 1 }, START), [Got::Pong(ALICE)]);
    assert_eq!(hub.stats().refused, 4);
    let early = try_say(&mut hub, ConnectionId(9), ClientFrame::Hello { version: 1 }, START);
    assert_eq!(early, Err(Refused::Version(1)), "the first version is no longer spoken");
    greet(&mut hub, ConnectionId(9), START);
}
