//! Rules of the handshake that only its own parts can break: a peer who holds all keys and lies, and every flipped bit.

use core::time::Duration;

use p2pvoip_core::{Seed, UnixTime};

use super::certificate::{Certificate, Purpose};
use super::hello::{Block, Hello, agree};
use super::resolver::{Chance, public_key};
use super::*;
use crate::bundle::Prekeys;
use crate::dates::{self, CLOCK_SKEW, OFFER_LIFE, PREKEY_GRACE, PREKEY_PERIOD};
use crate::identity::Identity;
use crate::suite::{Aead, VersionRange};

/// Two days and a half into a period.
const NOW: UnixTime = UnixTime::from_secs(2_975 * 7 * 86_400 + 5 * 43_200);

fn alice() -> Identity {
    Identity::generate(&Seed::from_u64(1))
}

fn bob() -> Identity {
    Identity::generate(&Seed::from_u64(2))
}

fn prekeys(of: &Identity) -> Prekeys {
    of.mailbox().open_bundle(&of.prekey_bundle(7, NOW), 0, 7, &of.fingerprint(), NOW).unwrap()
}

fn start(payload: &[u8]) -> (Initiator, Vec<u8>) {
    start_with(&Hello::default(), payload)
}

fn start_with(hello: &Hello, payload: &[u8]) -> (Initiator, Vec<u8>) {
    Initiator::start(&alice(), &prekeys(&bob()), hello, payload, Seed::from_u64(3), NOW).unwrap()
}

fn answer(first: &[u8]) -> (Session, Vec<u8>) {
    let responder = Responder::read(&bob(), first, NOW).unwrap();
    responder.answer(b"answer", &Hello::default(), Seed::from_u64(4)).unwrap()
}

/// An answer of a callee who has all the right keys and puts `block` and whatever else into it.
fn lie(first: &[u8], change: impl FnOnce(&mut Block)) -> Vec<u8> {
    lie_bytes(first, |block| {
        let mut parsed = Block::parse_second(block).unwrap();
        change(&mut parsed);
        *block = parsed.emit().unwrap();
    })
}

fn lie_bytes(first: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let bob = bob();
    let prekey = bob.prekeys(dates::period_of(NOW)).unwrap().x25519;
    let chance = Chance::default();
    chance.set(Seed::from_u64(9));
    let mut state =
        state(&Side::Responder, &prekey, &prologue(first[1], &bob.fingerprint()), &chance).unwrap();
    let plain = read(&mut state, &first[2..]).unwrap();
    let hello = Block::parse_first(split(&plain).unwrap().0).unwrap().hello;
    let honest = Block {
        chosen: Some(agree(&hello, &Hello::default()).unwrap()),
        hello: Hello::default(),
        made: NOW,
        certificate: Certificate::issue(&bob, Purpose::Prekey, &public_key(&prekey), NOW),
    };
    let mut block = honest.emit().unwrap();
    change(&mut block);
    write(&mut state, &[FORM], &join(&block, b"lie").unwrap()).unwrap()
}

fn refused(initiator: Initiator, message: &[u8]) -> (Initiator, HandshakeError) {
    initiator.finish(message).unwrap_err()
}

#[test]
fn both_sides_have_the_same_suite_and_binding_and_know_each_other() {
    let (initiator, first) = start(b"offer");
    let (callee, second) = answer(&first);
    let (caller, payload) = initiator.finish(&second).unwrap();
    assert_eq!((payload, caller.suite, caller.binding), (b"answer".to_vec(), callee.suite, callee.binding));
    assert_eq!(caller.peer.fingerprint, bob().fingerprint());
    assert_eq!(callee.peer.fingerprint, alice().fingerprint());
    assert_eq!(caller.peer.device, *bob().device_public());
    assert_eq!(callee.peer.device, *alice().device_public());
}

#[test]
fn every_flipped_bit_and_every_cut_of_the_first_message_is_refused() {
    let (_, first) = start(b"offer");
    for bit in 0..first.len() * 8 {
        let mut wrong = first.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert!(Responder::read(&bob(), &wrong, NOW).is_err(), "bit {bit}");
    }
    for len in 0..first.len() {
        assert!(Responder::read(&bob(), &first[..len], NOW).is_err());
    }
    assert!(Responder::read(&bob(), &[&first[..], &[0]].concat(), NOW).is_err());
}

#[test]
fn every_flipped_bit_and_every_cut_of_the_second_message_is_refused_and_the_true_one_still_read() {
    let (mut initiator, first) = start(b"offer");
    let (callee, second) = answer(&first);
    for bit in 0..second.len() * 8 {
        let mut wrong = second.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        initiator = refused(initiator, &wrong).0;
    }
    for len in 0..second.len() {
        initiator = refused(initiator, &second[..len]).0;
    }
    assert_eq!(initiator.finish(&second).unwrap().0.binding, callee.binding);
}

#[test]
fn an_authentic_answer_of_no_use_leaves_room_for_the_true_one() {
    let (initiator, first) = start(b"offer");
    let lies: [(Vec<u8>, HandshakeError); 7] = [
        // The second of the list, though the first is allowed.
        (lie(&first, |b| choose(b, |s| s.aead = Aead::ChaCha20Poly1305)), HandshakeError::Choice),
        (lie(&first, |b| choose(b, |s| s.version = 0x10)), HandshakeError::Choice),
        (lie(&first, |b| choose(b, |s| s.features = 1)), HandshakeError::Choice),
        (lie(&first, |b| b.hello.aeads = vec![Aead::ChaCha20Poly1305]), HandshakeError::Choice),
        (lie(&first, |b| b.certificate = of_device(&bob())), HandshakeError::Certificate),
        (lie(&first, |b| b.certificate = of_device(&alice())), HandshakeError::WrongPeer),
        (lie_bytes(&first, |b| b.truncate(100)), HandshakeError::Malformed(Malformed::Truncated)),
    ];
    let mut initiator = initiator;
    for (message, error) in lies {
        let (back, why) = refused(initiator, &message);
        assert_eq!(why, error);
        initiator = back;
    }
    let (callee, second) = answer(&first);
    assert_eq!(initiator.finish(&second).unwrap().0.binding, callee.binding);
}

fn choose(block: &mut Block, change: impl FnOnce(&mut Suite)) {
    change(block.chosen.as_mut().unwrap());
}

fn of_device(identity: &Identity) -> Certificate {
    Certificate::issue(identity, Purpose::Device, identity.device_public(), NOW)
}

#[test]
fn a_choice_outside_the_initiators_list_is_refused() {
    let hello = Hello { aeads: vec![Aead::ChaCha20Poly1305], ..Hello::default() };
    let (initiator, first) = start_with(&hello, b"");
    let message = lie(&first, |block| choose(block, |suite| suite.aead = Aead::Aes256Gcm));
    let (initiator, why) = refused(initiator, &message);
    assert_eq!(why, HandshakeError::Choice);
    let (session, _) = initiator.finish(&answer(&first).1).unwrap();
    assert_eq!(session.suite.aead, Aead::ChaCha20Poly1305);
}

#[test]
fn stripped_and_reordered_fields_give_other_blocks_and_so_other_keys() {
    // Noise refuses a changed block; if it did not, these keys would differ (see `schedule`).
    let certificate = of_device(&alice());
    let block = |hello: Hello| {
        Block { hello, made: NOW, certificate: certificate.clone(), chosen: None }.emit().unwrap()
    };
    let full = Hello { features: 3, versions: VersionRange::new(0x10, 0x11).unwrap(), ..Hello::default() };
    let mut reordered = full.clone();
    reordered.aeads.reverse();
    let changed = [
        Hello { features: 1, ..full.clone() },
        Hello { versions: VersionRange::new(0x10, 0x10).unwrap(), ..full.clone() },
        Hello { aeads: vec![Aead::ChaCha20Poly1305], ..full.clone() },
        reordered,
    ];
    for hello in changed {
        assert_ne!(block(hello), block(full.clone()));
    }
}

#[test]
fn a_message_for_somebody_else_is_not_read() {
    let (_, first) = start(b"offer");
    let carol = Identity::generate(&Seed::from_u64(5));
    assert_eq!(Responder::read(&carol, &first, NOW).unwrap_err(), HandshakeError::Forged);
    assert_eq!(Responder::read(&alice(), &first, NOW).unwrap_err(), HandshakeError::Forged);
}

#[test]
fn a_prekey_that_somebody_publishes_as_his_own_reaches_nobody() {
    // Mallory signs Bob's prekey, and passes on what is sent to him: Bob is not who was called.
    let mut stolen = prekeys(&bob());
    stolen.peer.fingerprint = Identity::generate(&Seed::from_u64(6)).fingerprint();
    let start = Initiator::start(&alice(), &stolen, &Hello::default(), b"", Seed::from_u64(3), NOW);
    let (_, first) = start.unwrap();
    assert_eq!(Responder::read(&bob(), &first, NOW).unwrap_err(), HandshakeError::Forged);
}

#[test]
fn public_keys_that_give_no_secret_are_refused_on_both_sides() {
    let mut zero = prekeys(&bob());
    zero.prekey = [0; 32];
    let start_zero = Initiator::start(&alice(), &zero, &Hello::default(), b"", Seed::from_u64(3), NOW);
    assert_eq!(start_zero.unwrap_err(), HandshakeError::WeakKey);
    let (initiator, mut first) = start(b"offer");
    let mut second = answer(&first).1;
    first[2..34].fill(0);
    assert_eq!(Responder::read(&bob(), &first, NOW).unwrap_err(), HandshakeError::WeakKey);
    second[1..33].fill(0);
    assert_eq!(refused(initiator, &second).1, HandshakeError::WeakKey);
}

#[test]
fn a_first_message_is_answered_for_ten_minutes_and_the_skew() {
    let (_, first) = start(b"offer");
    let read = |now| Responder::read(&bob(), &first, now).map(|_| ());
    let second = Duration::from_secs(1);
    assert_eq!(read(NOW + OFFER_LIFE + CLOCK_SKEW), Ok(()));
    assert_eq!(read(NOW + OFFER_LIFE + CLOCK_SKEW + second), Err(HandshakeError::Stale));
    assert_eq!(read(NOW - CLOCK_SKEW), Ok(()));
    assert_eq!(read(NOW - CLOCK_SKEW - second), Err(HandshakeError::Stale));
}

#[test]
fn the_prekey_of_last_week_is_accepted_in_its_grace_and_not_after() {
    let old = prekeys(&bob());
    let call = |now| {
        let started = Initiator::start(&alice(), &old, &Hello::default(), b"", Seed::from_u64(3), now);
        Responder::read(&bob(), &started.unwrap().1, now).map(|_| ())
    };
    let end = dates::start_of(dates::period_of(NOW)) + PREKEY_PERIOD;
    assert_eq!(call(end), Ok(()));
    assert_eq!(call(end + PREKEY_GRACE + CLOCK_SKEW + CLOCK_SKEW), Ok(()));
    let late = end + PREKEY_GRACE + CLOCK_SKEW + CLOCK_SKEW + Duration::from_secs(1);
    assert_eq!(call(late), Err(HandshakeError::UnknownPrekey));
}

#[test]
fn messages_are_at_most_1600_bytes() {
    let overhead = start(b"").1.len();
    let try_start = |len| {
        let payload = vec![7; len];
        Initiator::start(&alice(), &prekeys(&bob()), &Hello::default(), &payload, Seed::from_u64(3), NOW)
    };
    let room = MAX_HANDSHAKE_LEN - overhead;
    let (initiator, first) = try_start(room).unwrap();
    assert_eq!(first.len(), MAX_HANDSHAKE_LEN);
    assert_eq!(try_start(room + 1).unwrap_err(), HandshakeError::TooLong(MAX_HANDSHAKE_LEN + 1));
    assert!(matches!(try_start(1 << 20), Err(HandshakeError::TooLong(_))));
    let responder = Responder::read(&bob(), &first, NOW).unwrap();
    assert_eq!(responder.payload().len(), room);
    let too_long = vec![0; MAX_HANDSHAKE_LEN];
    let answered = responder.answer(&too_long, &Hello::default(), Seed::from_u64(4));
    assert!(matches!(answered, Err(HandshakeError::TooLong(_))));
    assert_eq!(refused(initiator, &[1; 1_601]).1, HandshakeError::TooLong(1_601));
}

#[test]
fn sides_without_a_common_version_or_algorithm_do_not_come_together() {
    let old = Hello { versions: VersionRange::new(0x10, 0x10).unwrap(), ..Hello::default() };
    let start_old = Initiator::start(&alice(), &prekeys(&bob()), &old, b"", Seed::from_u64(3), NOW);
    assert_eq!(start_old.unwrap_err(), HandshakeError::NoCommonVersion);
    let (_, first) = start_with(&Hello { aeads: vec![Aead::Aes256Gcm], ..Hello::default() }, b"");
    let policy = Hello { aeads: vec![Aead::ChaCha20Poly1305], ..Hello::default() };
    let answer = Responder::read(&bob(), &first, NOW).unwrap().answer(b"", &policy, Seed::from_u64(4));
    assert_eq!(answer.unwrap_err(), HandshakeError::NoCommonAead);
}

#[test]
fn an_unknown_form_asks_for_an_update() {
    let (initiator, mut first) = start(b"");
    first[0] = 2;
    assert_eq!(Responder::read(&bob(), &first, NOW).unwrap_err(), HandshakeError::UnknownForm(2));
    assert_eq!(refused(initiator, &[2, 0]).1, HandshakeError::UnknownForm(2));
}

#[test]
fn a_seed_given_twice_still_gives_two_ephemeral_keys() {
    let (a, b) = (start(b"one").1, start(b"two").1);
    assert_ne!(a[2..34], b[2..34]);
    assert_eq!(a, start(b"one").1, "and the same inputs give the same message");
    assert_eq!(Responder::read(&bob(), &a, NOW).unwrap().tag(), message_tag(&a));
    assert_ne!(message_tag(&a), message_tag(&b));
}

#[test]
fn nothing_secret_is_shown() {
    let (initiator, first) = start(b"offer");
    assert_eq!(format!("{initiator:?}"), "Initiator([redacted])");
    let responder = Responder::read(&bob(), &first, NOW).unwrap();
    assert_eq!(
        format!("{responder:?} {:?}", responder.peer()),
        "Responder([redacted]) PeerIdentity([redacted])"
    );
}
