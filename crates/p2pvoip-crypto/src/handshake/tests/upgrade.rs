//! The upgrade: two who know nothing of one another prove who they are, and every lie is refused.

use super::*;
use crate::credential::{CREDENTIAL_LEN, CredentialError};
use crate::handshake::upgrade::UPGRADE_LENS;

const CALL: &[u8] = b"a call of 1.0";

fn start(world: &World) -> (UpgradeInitiator, Vec<u8>) {
    UpgradeInitiator::start(&world.alice, CALL, &Hello::default(), Seed::from_u64(3), NOW).unwrap()
}

fn read(world: &World, first: &[u8]) -> Result<(UpgradeResponder, Vec<u8>), HandshakeError> {
    UpgradeResponder::read(&world.bob, CALL, first, &Hello::default(), Seed::from_u64(4), NOW)
}

#[test]
fn both_have_the_same_keys_and_string_and_know_each_other() {
    let world = World::new();
    let (initiator, first) = start(&world);
    let (responder, second) = read(&world, &first).unwrap();
    let (mut caller, third) = initiator.finish(&second, NOW).unwrap();
    let callee = responder.finish(&third, NOW).unwrap();
    assert_eq!([first.len(), second.len(), third.len()], UPGRADE_LENS);
    assert_eq!((caller.binding, caller.suite), (callee.binding, callee.suite));
    assert_eq!(caller.sas.sas(), callee.sas.sas());
    assert!(callee.sas.sas().is_some(), "the nonce came in message 3");
    assert_eq!(caller.peer.fingerprint, world.bob.fingerprint());
    assert_eq!(callee.peer.fingerprint, world.alice.fingerprint());
    assert_eq!(callee.peer.device, *world.alice.device_public());
    let mut callee = callee;
    let letter = caller.signal.seal(b"upgraded").unwrap();
    assert_eq!(callee.signal.open(&letter), Ok(b"upgraded".to_vec()));
}

#[test]
fn every_changed_byte_and_every_cut_is_refused_and_the_true_message_still_read() {
    let world = World::new();
    let (mut initiator, first) = start(&world);
    // The block and the key of message 1 are seen by everybody; what was changed there makes keys that differ.
    for byte in 0..first.len() {
        let mut wrong = first.clone();
        wrong[byte] ^= 1;
        assert!(read(&world, &wrong).is_err(), "message 1, byte {byte}");
    }
    let (mut responder, second) = read(&world, &first).unwrap();
    for byte in 0..second.len() {
        let mut wrong = second.clone();
        wrong[byte] ^= 1;
        initiator = initiator.finish(&wrong, NOW).unwrap_err().0;
    }
    for len in 0..second.len() {
        initiator = initiator.finish(&second[..len], NOW).unwrap_err().0;
    }
    let (caller, third) = initiator.finish(&second, NOW).unwrap();
    for byte in 0..third.len() {
        let mut wrong = third.clone();
        wrong[byte] ^= 1;
        responder = responder.finish(&wrong, NOW).unwrap_err().0;
    }
    assert_eq!(responder.finish(&third, NOW).unwrap().binding, caller.binding);
}

#[test]
fn nobody_sees_who_the_two_are() {
    let world = World::new();
    let (initiator, first) = start(&world);
    let (_, second) = read(&world, &first).unwrap();
    let (_, third) = initiator.finish(&second, NOW).unwrap();
    for identity in [&world.alice, &world.bob] {
        for secret in [&identity.credential(NOW)[..32], identity.device_public()] {
            for message in [&first, &second, &third] {
                assert!(!message.windows(secret.len()).any(|window| window == secret));
            }
        }
    }
}

#[test]
fn the_upgrade_of_another_call_does_not_come_about() {
    let world = World::new();
    let (_, first) = start(&world);
    let other =
        UpgradeResponder::read(&world.bob, b"another", &first, &Hello::default(), Seed::from_u64(4), NOW);
    assert_eq!(other.err(), Some(HandshakeError::Forged));
}

#[test]
fn who_shows_the_credential_of_somebody_else_is_refused_and_the_true_one_still_read() {
    // Bob answers with Alice's credential, and Alice with Bob's; then both tell the truth.
    let world = World::new();
    let (initiator, first) = start(&world);
    let (mut lying, _) = read(&world, &first).unwrap();
    lying.0.lie(&world.alice.credential(NOW), &first);
    let second = lying.0.again().unwrap();
    let not_listed = HandshakeError::Credential(CredentialError::NotListed);
    let (mut initiator, why) = initiator.finish(&second, NOW).unwrap_err();
    assert_eq!(why, not_listed);
    let (responder, second) = read(&world, &first).unwrap();
    let truth = initiator.0.show(&world.bob.credential(NOW));
    let (_, third) = initiator.finish(&second, NOW).unwrap();
    let (responder, why) = responder.finish(&third, NOW).unwrap_err();
    assert_eq!(why, not_listed);
    let (mut initiator, again) = start(&world);
    assert_eq!(again, first, "the same seed");
    initiator.0.show(&truth);
    let (caller, third) = initiator.finish(&second, NOW).unwrap();
    assert_eq!(responder.finish(&third, NOW).unwrap().binding, caller.binding);
}

#[test]
fn a_nonce_that_was_not_promised_is_refused() {
    let world = World::new();
    let (mut initiator, first) = start(&world);
    let (responder, second) = read(&world, &first).unwrap();
    initiator.0.forget_promise();
    let (_, third) = initiator.finish(&second, NOW).unwrap();
    assert_eq!(responder.finish(&third, NOW).err().map(|(_, why)| why), Some(HandshakeError::Commitment));
}

#[test]
fn nothing_that_the_initiator_puts_into_message_3_changes_the_string() {
    let world = World::new();
    let day = Duration::from_secs(86_400);
    let strings = [NOW, NOW - day, NOW - 2 * day].map(|signed| {
        let (mut initiator, first) = start(&world);
        let (responder, second) = read(&world, &first).unwrap();
        initiator.0.show(&world.alice.credential(signed));
        let (caller, third) = initiator.finish(&second, NOW).unwrap();
        let callee = responder.finish(&third, NOW).unwrap();
        assert_eq!((caller.binding, caller.sas.sas()), (callee.binding, callee.sas.sas()));
        (third, caller.binding, caller.sas.sas().unwrap())
    });
    let [first, rest @ ..] = strings;
    for other in rest {
        assert!(other.0 != first.0 && other.1 != first.1, "another message 3 is another session");
        assert_eq!(other.2, first.2);
    }
}

#[test]
fn old_messages_and_sides_without_a_common_algorithm_are_refused() {
    let world = World::new();
    let (initiator, first) = start(&world);
    let late = NOW + OFFER_LIFE + CLOCK_SKEW + SECOND;
    let read_at = |now, policy: &Hello| {
        UpgradeResponder::read(&world.bob, CALL, &first, policy, Seed::from_u64(4), now)
    };
    assert_eq!(read_at(late, &Hello::default()).err(), Some(HandshakeError::Stale));
    let (_, second) = read_at(NOW, &Hello::default()).unwrap();
    assert_eq!(initiator.finish(&second, late).err().map(|(_, why)| why), Some(HandshakeError::Stale));
    let only_new = Hello { versions: VersionRange::new(0x12, 0x12).unwrap(), ..Hello::default() };
    assert_eq!(read_at(NOW, &only_new).err(), Some(HandshakeError::NoCommonVersion));
    assert_eq!(CREDENTIAL_LEN, 275);
}
