//! Owners and strangers: nobody but who holds the private key listens or publishes at a key's address.

use super::*;

/// Whose address the tests are about.
const OWNER: u64 = 7;

fn own_frame(id: u64, key: OwnerKey, signature: &[u8; 64]) -> ClientFrame<'_> {
    ClientFrame::Own { id: RequestId(id), key, signature }
}

fn put_to(id: u64, to: MailboxId) -> ClientFrame<'static> {
    const MARKED: [u8; ENVELOPE_LEN] = [9; ENVELOPE_LEN];
    ClientFrame::Put { id: RequestId(id), to, envelope: &MARKED }
}

#[test]
fn an_address_is_a_hash_of_a_name_and_the_key() {
    // SHA-256 of "p2pvoip owned" and 32 zero bytes, by another program:
    // e6a08ae23c6f9eecbd1484c5b87c1126c054f8b98077049f41fede87e2785abf.
    let expected = 0xe6a0_8ae2_3c6f_9eec_bd14_84c5_b87c_1126_u128.to_be_bytes();
    assert_eq!(owned_mailbox_of(&OwnerKey::new([0; 32])).as_bytes(), &expected);
    assert_eq!(owned_slot_of(&key(1)).as_bytes(), owned_mailbox_of(&key(1)).as_bytes());
}

/// `N` bytes of hexadecimal digits.
fn hex<const N: usize>(digits: &str) -> [u8; N] {
    std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
}

#[test]
fn the_proof_of_the_specification_is_good() {
    // The key of RFC 8032 section 7.1, test 1; the signature was made by another program.
    let key = OwnerKey::new(hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
    let signature = hex("de8c6c775214852c990d8370ed6dbcb8629a53937cf94fed55c14fac8f157499\
         f30e3086df52c0316455b4e50c7d208f8a9af2ef52612c0b00f5e2d71da42b00");
    let mut hub = hub();
    let connection = hub.connections.get_mut(&ALICE).unwrap();
    connection.challenge = std::array::from_fn(|at| u8::try_from(at).unwrap());
    assert_eq!(say(&mut hub, ALICE, own_frame(1, key, &signature), START), [Got::Done(ALICE, 1)]);
    assert_eq!(owned_mailbox_of(&key).as_bytes(), &hex("8765759e88bb4ed199a4605d6885a495"));
}

#[test]
fn who_signs_the_challenge_listens_and_publishes_at_the_address_of_its_key() {
    let mut hub = hub();
    let mailbox = owned_mailbox_of(&key(OWNER));
    assert_eq!(say(&mut hub, BOB, put_to(1, mailbox), START), [Got::Absent(BOB, 1)]);
    let early = [Got::Refused(ALICE, 2, Refusal::NotOwner)];
    assert_eq!(say(&mut hub, ALICE, publish(2, OWNER, 1, 60), START), early, "before the proof");
    assert_eq!(own(&mut hub, ALICE, OWNER, START), [Got::Done(ALICE, OWNER)]);
    assert_eq!(own(&mut hub, ALICE, OWNER, START), [Got::Done(ALICE, OWNER)], "the same again");
    let got = say(&mut hub, BOB, put_to(3, mailbox), START);
    assert_eq!(got, [Got::Envelope(ALICE, 9), Got::Done(BOB, 3)], "once");
    assert_eq!(say(&mut hub, ALICE, publish(4, OWNER, 1, 60), START), [Got::Done(ALICE, 4)]);
    assert_eq!(say(&mut hub, BOB, fetch(5, OWNER), START), [Got::Bundle(BOB, 5, b"record".to_vec())]);
}

#[test]
fn who_knows_the_address_or_the_key_and_cannot_sign_is_refused() {
    let mut hub = hub();
    let challenge = hub.connections[&BOB].challenge;
    own(&mut hub, ALICE, OWNER, START);
    say(&mut hub, ALICE, publish(1, OWNER, 1, 60), START);
    let not_owner = |id| vec![Got::Refused(BOB, id, Refusal::NotOwner)];
    for (id, signature) in (2..).zip([[0; 64], proof(OWNER + 1, &challenge)]) {
        assert_eq!(say(&mut hub, BOB, own_frame(id, key(OWNER), &signature), START), not_owner(id));
    }
    assert_eq!(say(&mut hub, BOB, publish(4, OWNER, 9, 60), START), not_owner(4), "nor publish");
    // The address itself, and the key, as a token: other mailboxes.
    let address = *owned_mailbox_of(&key(OWNER)).as_bytes();
    let mut padded = [0; 32];
    padded[..16].copy_from_slice(&address);
    for (id, token) in (5..).zip([padded, *key(OWNER).as_bytes()]) {
        assert_ne!(mailbox_of(&Token::new(token)), owned_mailbox_of(&key(OWNER)));
        assert_eq!(say(&mut hub, BOB, listen(id, Token::new(token)), START), [Got::Done(BOB, id)]);
    }
    let got = say(&mut hub, BOB, put_to(7, owned_mailbox_of(&key(OWNER))), START);
    assert_eq!(got, [Got::Envelope(ALICE, 9), Got::Done(BOB, 7)], "the owner alone gets it");
    assert_eq!(say(&mut hub, BOB, fetch(8, OWNER), START), [Got::Bundle(BOB, 8, b"record".to_vec())]);
}

#[test]
fn a_signature_of_another_connection_proves_nothing() {
    let mut hub = hub();
    let (alices, bobs) = (hub.connections[&ALICE].challenge, hub.connections[&BOB].challenge);
    assert_ne!(alices, bobs);
    let signature = proof(OWNER, &alices);
    assert_eq!(say(&mut hub, ALICE, own_frame(1, key(OWNER), &signature), START), [Got::Done(ALICE, 1)]);
    let refused = [Got::Refused(BOB, 2, Refusal::NotOwner)];
    assert_eq!(say(&mut hub, BOB, own_frame(2, key(OWNER), &signature), START), refused);
    // Nor on a later connection of the same name, though its owner should not use one again.
    hub.handle_input(Input::Closed(ALICE), START).unwrap();
    let again = join(&mut hub, ALICE, START);
    assert_ne!(again, alices);
    let refused = [Got::Refused(ALICE, 3, Refusal::NotOwner)];
    assert_eq!(say(&mut hub, ALICE, own_frame(3, key(OWNER), &signature), START), refused);
}

#[test]
fn every_flipped_bit_of_key_signature_and_challenge_is_refused() {
    let mut hub = hub_with(Limits {
        failed_proofs: u32::MAX,
        ownership_checks: Rate { burst: u32::MAX, per_second: 0 },
        frames: Rate { burst: u32::MAX, per_second: 0 },
        ..Limits::default()
    });
    let challenge = hub.connections[&ALICE].challenge;
    let good = proof(OWNER, &challenge);
    let refused = [Got::Refused(ALICE, 1, Refusal::NotOwner)];
    for bit in 0..512 {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(say(&mut hub, ALICE, own_frame(1, key(OWNER), &bad), START), refused, "signature {bit}");
    }
    for bit in 0..256 {
        let mut bad = *key(OWNER).as_bytes();
        bad[bit / 8] ^= 1 << (bit % 8);
        let frame = own_frame(1, OwnerKey::new(bad), &good);
        assert_eq!(say(&mut hub, ALICE, frame, START), refused, "key {bit}");
        let mut other = challenge;
        other[bit / 8] ^= 1 << (bit % 8);
        let signature = proof(OWNER, &other);
        let frame = own_frame(1, key(OWNER), &signature);
        assert_eq!(say(&mut hub, ALICE, frame, START), refused, "challenge {bit}");
    }
    assert_eq!(say(&mut hub, ALICE, own_frame(1, key(OWNER), &good), START), [Got::Done(ALICE, 1)]);
}

#[test]
fn a_key_of_small_order_owns_no_address_but_its_own() {
    // The neutral point: with it the signature (R, s) = (neutral, 0) fits every statement, as RFC 8032 has it.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let weak = OwnerKey::new(neutral);
    let mut hub = hub();
    own(&mut hub, ALICE, OWNER, START);
    assert_eq!(say(&mut hub, BOB, own_frame(1, weak, &signature), START), [Got::Done(BOB, 1)]);
    let got = say(&mut hub, BOB, put_to(2, owned_mailbox_of(&key(OWNER))), START);
    assert_eq!(got, [Got::Envelope(ALICE, 9), Got::Done(BOB, 2)]);
    let refused = [Got::Refused(BOB, 3, Refusal::NotOwner)];
    assert_eq!(say(&mut hub, BOB, publish(3, OWNER, 9, 60), START), refused);
}

#[test]
fn who_disowns_listens_and_publishes_no_longer() {
    let mut hub = hub();
    own(&mut hub, ALICE, OWNER, START);
    say(&mut hub, ALICE, publish(1, OWNER, 1, 60), START);
    assert_eq!(say(&mut hub, BOB, ClientFrame::Disown { key: key(OWNER) }, START), [], "a stranger's word");
    assert_eq!(hub.stats().mailboxes, 1);
    assert_eq!(say(&mut hub, ALICE, ClientFrame::Disown { key: key(OWNER) }, START), []);
    assert_eq!(hub.stats().mailboxes, 0);
    let mailbox = owned_mailbox_of(&key(OWNER));
    assert_eq!(say(&mut hub, BOB, put_to(2, mailbox), START), [Got::Absent(BOB, 2)]);
    let refused = [Got::Refused(ALICE, 3, Refusal::NotOwner)];
    assert_eq!(say(&mut hub, ALICE, publish(3, OWNER, 2, 60), START), refused);
    assert_eq!(say(&mut hub, BOB, fetch(4, OWNER), START), [Got::Bundle(BOB, 4, b"record".to_vec())]);
}

#[test]
fn an_owner_is_expected_back_and_given_what_waits() {
    let mut hub = hub();
    own(&mut hub, ALICE, OWNER, START);
    hub.handle_input(Input::Closed(ALICE), START).unwrap();
    let mailbox = owned_mailbox_of(&key(OWNER));
    assert_eq!(say(&mut hub, BOB, put_to(1, mailbox), START), [Got::Done(BOB, 1)]);
    let third = ConnectionId(3);
    join(&mut hub, third, START);
    assert_eq!(own(&mut hub, third, OWNER, START), [Got::Done(third, OWNER), Got::Envelope(third, 9)]);
}

#[test]
fn keys_of_a_connection_and_signatures_that_are_checked_are_limited() {
    let checks = Rate { burst: 3, per_second: 1 };
    let mut hub = hub_with(Limits { keys_per_connection: 2, ..Limits::default() });
    own(&mut hub, ALICE, 1, START);
    own(&mut hub, ALICE, 2, START);
    assert_eq!(own(&mut hub, ALICE, 3, START), [Got::Refused(ALICE, 3, Refusal::Limit)]);
    assert_eq!(own(&mut hub, ALICE, 2, START), [Got::Done(ALICE, 2)]);
    say(&mut hub, ALICE, ClientFrame::Disown { key: key(1) }, START);
    assert_eq!(own(&mut hub, ALICE, 3, START), [Got::Done(ALICE, 3)]);

    let mut hub = hub_with(Limits { ownership_checks: checks, ..Limits::default() });
    for number in 1..=3 {
        assert_eq!(own(&mut hub, ALICE, number, START), [Got::Done(ALICE, number)]);
    }
    assert_eq!(own(&mut hub, ALICE, 4, START), [Got::Refused(ALICE, 4, Refusal::TooFast)]);
    let later = START + Duration::from_secs(1);
    assert_eq!(own(&mut hub, ALICE, 4, later), [Got::Done(ALICE, 4)]);
    assert_eq!(own(&mut hub, BOB, 4, later), [Got::Done(BOB, 4)], "each connection has its own rate");
}

#[test]
fn mailboxes_of_tokens_and_of_keys_are_counted_apart() {
    let mut hub = hub_with(Limits { listens_per_connection: 1, keys_per_connection: 1, ..Limits::default() });
    assert_eq!(say(&mut hub, ALICE, listen(1, BOX), START), [Got::Done(ALICE, 1)]);
    assert_eq!(own(&mut hub, ALICE, OWNER, START), [Got::Done(ALICE, OWNER)]);
    // Both are left when the connection closes.
    hub.handle_input(Input::Closed(ALICE), START).unwrap();
    let over = START + Duration::from_secs(60) + SWEEP;
    hub.handle_timeout(over);
    assert_eq!(hub.stats().mailboxes, 0);
}

#[test]
fn a_key_whose_mailbox_has_no_room_is_not_owned() {
    let mut hub = hub_with(Limits { mailboxes: 1, ..Limits::default() });
    say(&mut hub, BOB, listen(1, BOX), START);
    assert_eq!(own(&mut hub, ALICE, OWNER, START), [Got::Refused(ALICE, OWNER, Refusal::Limit)]);
    let refused = [Got::Refused(ALICE, 2, Refusal::NotOwner)];
    assert_eq!(say(&mut hub, ALICE, publish(2, OWNER, 1, 60), START), refused);
    say(&mut hub, BOB, ClientFrame::Forget { token: BOX }, START);
    assert_eq!(own(&mut hub, ALICE, OWNER, START), [Got::Done(ALICE, OWNER)]);
}

#[test]
fn who_goes_on_showing_false_proofs_is_closed() {
    let mut hub = hub_with(Limits { failed_proofs: 2, ..Limits::default() });
    for id in 1..=2 {
        let refused = [Got::Refused(ALICE, id, Refusal::NotOwner)];
        assert_eq!(say(&mut hub, ALICE, own_frame(id, key(OWNER), &[1; 64]), START), refused);
    }
    let signature = proof(OWNER, &hub.connections[&ALICE].challenge);
    let more = try_say(&mut hub, ALICE, own_frame(3, key(OWNER), &signature), START);
    assert_eq!(more, Err(Refused::Flood));
}

#[test]
fn an_owner_whose_connections_died_unnoticed_is_let_in_and_the_one_silent_longest_goes() {
    let mut hub = hub_with(Limits { listeners_per_mailbox: 2, ..Limits::default() });
    own(&mut hub, ALICE, OWNER, START);
    own(&mut hub, BOB, OWNER, START);
    let later = START + Duration::from_secs(1);
    say(&mut hub, ALICE, ClientFrame::Ping { nonce: 1 }, later);
    let third = ConnectionId(3);
    join(&mut hub, third, later);
    assert_eq!(own(&mut hub, third, OWNER, later), [Got::Close(BOB), Got::Done(third, OWNER)]);
    assert_eq!(hub.stats().connections, 2);
    let fourth = ConnectionId(4);
    join(&mut hub, fourth, later);
    let refused = [Got::Refused(fourth, 1, Refusal::NotOwner)];
    assert_eq!(say(&mut hub, fourth, own_frame(1, key(OWNER), &[1; 64]), later), refused);
    let got = say(&mut hub, fourth, put_to(2, owned_mailbox_of(&key(OWNER))), later);
    assert_eq!(got.len(), 3, "a stranger displaces nobody");
}

#[test]
fn challenges_follow_from_the_seed_and_tell_nothing_of_each_other() {
    let challenges = |seed| {
        let mut hub = Hub::new(Limits::default(), &Seed::from_u64(seed), START);
        [1, 2].map(|number| join(&mut hub, ConnectionId(number), START))
    };
    assert_eq!(challenges(1), challenges(1));
    let [one, two] = challenges(1);
    let [three, _] = challenges(2);
    assert!(one != two && one != three && one != [0; 32]);
}
