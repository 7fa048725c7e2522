//! What a flood from one address, over many connections, does to the tables: it displaces itself.

use super::*;
use std::net::{IpAddr, Ipv4Addr};

const LONGEST: u32 = 604_800;

fn join_from(hub: &mut Hub, number: u64, host: u8) -> ConnectionId {
    let id = ConnectionId(number);
    let prefix = Prefix::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)));
    hub.handle_input(Input::OpenedFrom(id, prefix), START).unwrap();
    greet(hub, id, START);
    id
}

fn token(number: u64) -> Token {
    let mut token = [0xff; 32];
    token[..8].copy_from_slice(&number.to_be_bytes());
    Token::new(token)
}

/// Opens connections one after another from host 66; each does this for as many names as one connection may.
fn flood(hub: &mut Hub, connections: u64, each: u64, mut act: impl FnMut(&mut Hub, ConnectionId, u64)) {
    for connection in 0..connections {
        let id = join_from(hub, 1_000 + connection, 66);
        for place in 0..each {
            act(hub, id, connection * each + place);
        }
        hub.handle_input(Input::Closed(id), START).unwrap();
    }
}

/// Publishes with as many keys of its own, for as long as may be, the owners being numbered from the first.
fn flood_of_records(hub: &mut Hub, connections: u64, first: u64) {
    flood(hub, connections, 16, |hub, id, number| {
        let owner = first + number;
        assert_eq!(own(hub, id, owner, START), [Got::Done(id, owner)]);
        assert_eq!(say(hub, id, publish(number, owner, 1, LONGEST), START), [Got::Done(id, number)]);
    });
}

/// Proves a key and publishes with it.
fn own_and_publish(hub: &mut Hub, id: ConnectionId, owner: u64) {
    own(hub, id, owner, START);
    assert_eq!(say(hub, id, publish(1, owner, 1, 60), START), [Got::Done(id, 1)]);
}

#[test]
fn a_flood_of_publishers_displaces_itself_and_no_honest_record() {
    let mut hub = empty(Limits { records: 64, ..Limits::default() });
    let (alice, bob) = (join_from(&mut hub, 1, 1), join_from(&mut hub, 2, 2));
    // The shortest lifetime and the greatest age of all do not make it the one that goes.
    own_and_publish(&mut hub, alice, 1);
    flood_of_records(&mut hub, 20, 1_000);
    assert_eq!(hub.stats().records, 64);
    own_and_publish(&mut hub, bob, 2);
    flood_of_records(&mut hub, 20, 2_000);
    assert_eq!(say(&mut hub, bob, fetch(3, 1), START), [Got::Bundle(bob, 3, b"record".to_vec())]);
    assert_eq!(say(&mut hub, alice, fetch(4, 2), START), [Got::Bundle(alice, 4, b"record".to_vec())]);
    assert_eq!(hub.stats().records, 64);
}

#[test]
fn a_publisher_behind_the_address_of_a_flood_has_room_too() {
    let mut hub = empty(Limits { records: 64, ..Limits::default() });
    flood_of_records(&mut hub, 5, 1_000);
    let neighbour = join_from(&mut hub, 1, 66);
    own_and_publish(&mut hub, neighbour, 1);
    flood_of_records(&mut hub, 3, 2_000);
    let found = say(&mut hub, neighbour, fetch(2, 1), START);
    assert_eq!(found, [Got::Bundle(neighbour, 2, b"record".to_vec())], "it goes in its turn, not at once");
}

#[test]
fn among_equal_shares_the_record_published_longest_ago_makes_room() {
    let mut hub = empty(Limits { records: 3, ..Limits::default() });
    for host in 1..=3 {
        let id = join_from(&mut hub, u64::from(host), host);
        own_and_publish(&mut hub, id, u64::from(host));
    }
    // Published again, as every owner does each hour.
    say(&mut hub, ConnectionId(1), publish(2, 1, 2, 60), START);
    let fourth = join_from(&mut hub, 4, 4);
    own_and_publish(&mut hub, fourth, 4);
    let gone: Vec<_> = (1..=4)
        .filter(|slot| say(&mut hub, fourth, fetch(9, *slot), START) == [Got::Absent(fourth, 9)])
        .collect();
    assert_eq!(gone, [2]);
}

#[test]
fn a_record_that_ended_holds_no_share() {
    let mut hub = empty(Limits { records: 2, ..Limits::default() });
    let alice = join_from(&mut hub, 1, 1);
    own(&mut hub, alice, 1, START);
    say(&mut hub, alice, publish(1, 1, 1, 1), START);
    let later = START + SWEEP;
    hub.handle_timeout(later);
    for owner in 2..=4 {
        own(&mut hub, alice, owner, later);
        assert_eq!(say(&mut hub, alice, publish(2, owner, 1, 60), later), [Got::Done(alice, 2)]);
    }
    assert_eq!(hub.stats().records, 2);
}

#[test]
fn a_table_of_no_records_refuses() {
    let mut hub = hub_with(Limits { records: 0, ..Limits::default() });
    own(&mut hub, ALICE, 1, START);
    assert_eq!(say(&mut hub, ALICE, publish(1, 1, 1, 60), START), [Got::Refused(ALICE, 1, Refusal::Limit)]);
}

#[test]
fn a_flood_of_left_mailboxes_displaces_itself_and_none_that_is_listened_to_or_expected_back() {
    let mut hub = empty(Limits { mailboxes: 128, ..Limits::default() });
    let (alice, bob) = (join_from(&mut hub, 1, 1), join_from(&mut hub, 2, 2));
    assert_eq!(say(&mut hub, alice, listen(1, BOX), START), [Got::Done(alice, 1)]);
    let steady = token(u64::MAX);
    assert_eq!(say(&mut hub, bob, listen(1, steady), START), [Got::Done(bob, 1)]);
    hub.handle_input(Input::Closed(alice), START).unwrap();
    assert_eq!(say(&mut hub, bob, put(2), START), [Got::Done(bob, 2)], "it waits for alice");

    flood(&mut hub, 20, 32, |hub, id, number| {
        assert_eq!(say(hub, id, listen(number, token(number)), START), [Got::Done(id, number)]);
    });
    assert_eq!(hub.stats().mailboxes, 128);
    let newcomer = join_from(&mut hub, 3, 3);
    let own = token(u64::MAX - 1);
    assert_eq!(say(&mut hub, newcomer, listen(1, own), START), [Got::Done(newcomer, 1)]);

    let back = join_from(&mut hub, 4, 1);
    assert_eq!(say(&mut hub, back, listen(1, BOX), START), [Got::Done(back, 1), Got::Envelope(back, 9)]);
    let to = mailbox_of(&steady);
    let steady_put = ClientFrame::Put { id: RequestId(3), to, envelope: &[8; ENVELOPE_LEN] };
    assert_eq!(say(&mut hub, newcomer, steady_put, START).len(), 2, "bob still listens");
    assert_eq!(hub.stats().mailboxes, 128);
}

#[test]
fn envelopes_that_waited_in_a_mailbox_which_made_room_are_not_counted_any_more() {
    let mut hub = hub_with(Limits { mailboxes: 1, waiting: 1, ..Limits::default() });
    say(&mut hub, ALICE, listen(1, BOX), START);
    hub.handle_input(Input::Closed(ALICE), START).unwrap();
    assert_eq!(say(&mut hub, BOB, put(2), START), [Got::Done(BOB, 2)]);
    let third = ConnectionId(3);
    join(&mut hub, third, START);
    assert_eq!(say(&mut hub, third, listen(3, token(3)), START), [Got::Done(third, 3)]);
    assert_eq!(say(&mut hub, BOB, put(4), START), [Got::Absent(BOB, 4)], "the first made room");
    hub.handle_input(Input::Closed(third), START).unwrap();
    let to = mailbox_of(&token(3));
    let kept = ClientFrame::Put { id: RequestId(5), to, envelope: &[8; ENVELOPE_LEN] };
    assert_eq!(say(&mut hub, BOB, kept, START), [Got::Done(BOB, 5)]);
}

/// Rings at a mailbox from that connection, again and again, and gives how many envelopes it took.
fn ring(hub: &mut Hub, from: ConnectionId, ids: core::ops::Range<u64>, now: Instant) -> usize {
    ids.filter(|id| say(hub, from, put(from.0 << 32 | id), now).contains(&Got::Envelope(ALICE, 9))).count()
}

/// A hub where Alice is called at her mailbox, and no other limit is looked at.
fn hub_with_alice() -> Hub {
    let frames = Rate { burst: 100_000, per_second: 100_000 };
    let mut hub = empty(Limits { frames, silence: Duration::from_secs(3_600), ..Limits::default() });
    join(&mut hub, ALICE, START);
    say(&mut hub, ALICE, listen(1, BOX), START);
    hub
}

/// Each half second of two minutes, and its number.
fn half_seconds() -> impl Iterator<Item = (u64, Instant)> {
    (0..240).map(|tick| (tick, START + Duration::from_millis(500 * tick)))
}

#[test]
fn a_flood_of_envelopes_from_one_prefix_does_not_keep_another_caller_out() {
    let mut hub = hub_with_alice();
    let junk = join_from(&mut hub, 66, 66);
    let caller = join_from(&mut hub, 3, 3);
    let mut taken = 0;
    for (tick, now) in half_seconds() {
        taken += ring(&mut hub, junk, tick * 50..tick * 50 + 50, now);
        // Two envelopes at once in each half minute, in the midst of it.
        if tick % 60 == 30 {
            assert_eq!(ring(&mut hub, caller, tick..tick + 2, now), 2, "at {now:?}");
        }
    }
    assert!((400..510).contains(&taken), "the flood is held to the mailbox's rate: {taken}");
}

/// How many of a caller's offers, one in each 20 s, reach Alice while as many prefixes flood her mailbox for two minutes.
fn offers_through_a_flood_from(prefixes: u16) -> usize {
    let mut hub = hub_with_alice();
    let join_from_network = |number: u16| {
        let id = ConnectionId(1_000 + u64::from(number));
        let prefix = Prefix::of(IpAddr::V6([0x2001, 0xdb8, 0, number, 0, 0, 0, 1].into()));
        hub.handle_input(Input::OpenedFrom(id, prefix), START).unwrap();
        greet(&mut hub, id, START);
        id
    };
    let junk: Vec<_> = (0..prefixes).map(join_from_network).collect();
    let caller = join_from(&mut hub, 3, 3);
    let mut reached = 0;
    for (tick, now) in half_seconds() {
        for id in &junk {
            ring(&mut hub, *id, tick..tick + 1, now);
        }
        if tick % 40 == 39 {
            reached += ring(&mut hub, caller, tick..tick + 1, now);
        }
    }
    reached
}

#[test]
fn a_flood_from_many_prefixes_leaves_callers_their_turns_and_one_from_very_many_does_not() {
    assert_eq!(offers_through_a_flood_from(0), 6);
    assert_eq!(offers_through_a_flood_from(32), 6);
    // Each is a newcomer once a minute: with more of them than the mailbox takes in that time they never run out.
    assert!(offers_through_a_flood_from(400) < 6);
}
