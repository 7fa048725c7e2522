//! Peers who hold all the keys, and lie inside well-sealed messages.

use super::*;
use crate::credential::CredentialError;
use crate::handshake::block::BLOCK_LEN;
use crate::handshake::forge;

/// An answer of a callee who has all the right keys and puts `change`d bytes into its payload.
pub(super) fn lie_bytes(world: &World, offer: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let responder = world.read(offer).unwrap();
    let block = SecondBlock {
        front: super::super::block::Front { hello: Hello::default(), made: NOW },
        nonce: [7; 16],
        chosen: super::super::hello::agree(responder.hello(), &Hello::default()).unwrap(),
    };
    let mut plain = [&block.emit().unwrap()[..], b"lie"].concat();
    change(&mut plain);
    forge::answer(responder, &plain, &Seed::from_u64(9)).unwrap()
}

/// The same, with another block.
pub(super) fn lie(world: &World, offer: &[u8], change: impl FnOnce(&mut SecondBlock)) -> Vec<u8> {
    lie_bytes(world, offer, |plain| {
        let mut block = SecondBlock::parse(plain.first_chunk().unwrap()).unwrap();
        change(&mut block);
        plain[..BLOCK_LEN].copy_from_slice(&block.emit().unwrap());
    })
}

/// An offer of Alice with another block and whatever else.
pub(super) fn lying_offer(world: &World, change: impl FnOnce(&mut FirstBlock, &mut Vec<u8>)) -> Vec<u8> {
    let mut block = FirstBlock {
        front: super::super::block::Front { hello: Hello::default(), made: NOW },
        commitment: [1; 32],
        credential: world.alice.credential(NOW),
    };
    let ephemeral = crate::kem::KemPair::from_seed(&[5; 64].into());
    let mut rest = [ephemeral.public(), &b"lie"[..]].concat();
    change(&mut block, &mut rest);
    let plain = [&block.emit().unwrap()[..], &rest].concat();
    forge::offer(&world.alice, &world.callee(), &plain, &Seed::from_u64(9), NOW).unwrap()
}

#[test]
fn an_authentic_answer_of_no_use_leaves_room_for_the_true_one() {
    let world = World::new();
    let (initiator, offer) = world.start(b"offer");
    let lies = [
        (
            lie_bytes(&world, &offer, |plain| plain.truncate(100)),
            HandshakeError::Malformed(Malformed::Truncated),
        ),
        (
            lie_bytes(&world, &offer, |plain| plain[0] = 0),
            HandshakeError::Malformed(Malformed::Invalid("versions")),
        ),
        (lie(&world, &offer, |block| block.chosen.features = 1), HandshakeError::Choice),
    ];
    let mut initiator = initiator;
    for (message, error) in lies {
        let (back, why) = refused(initiator, &message);
        assert_eq!(why, error);
        initiator = back;
    }
    let (callee, answer) = world.answer(&offer);
    assert_eq!(initiator.finish(&answer).unwrap().0.binding, callee.binding);
}

#[test]
fn an_answer_with_another_ephemeral_secret_is_refused_and_the_true_one_still_read() {
    // Who holds the callee's prekeys, but not the caller's ephemeral key, makes up a ciphertext: Noise's key differs.
    let world = World::new();
    let (initiator, offer) = world.start(b"offer");
    let (callee, answer) = world.answer(&offer);
    let admitted = admit(&world.bob, &offer);
    let (ciphertext, _) = admitted.interior.split_first_chunk().unwrap();
    let prekeys = world.bob.prekeys(dates::period_of(NOW)).unwrap();
    let outer = crate::envelope::Outer::new(&prekeys.kem.decapsulate(ciphertext));
    let mut plain = outer.open_answer(&admitted.hash, &answer).unwrap().to_vec();
    let mut initiator = initiator;
    for byte in 0..plain.len() {
        plain[byte] ^= 1;
        let forged = outer.seal_answer(&admitted.hash, [3; 12], &plain);
        plain[byte] ^= 1;
        let (back, why) = refused(initiator, &forged);
        assert_eq!(why, HandshakeError::Forged, "byte {byte}");
        initiator = back;
    }
    let resealed = outer.seal_answer(&admitted.hash, [3; 12], &plain);
    assert_eq!(initiator.finish(&resealed).unwrap().0.binding, callee.binding);
}

#[test]
fn who_breaks_the_outer_layer_changes_nothing_inside_an_offer() {
    let world = World::new();
    let (_, offer) = world.start(b"offer");
    let admitted = admit(&world.bob, &offer);
    let (ciphertext, sealed) = admitted.interior.split_first_chunk().unwrap();
    let prekeys = world.bob.prekeys(dates::period_of(NOW)).unwrap();
    let outer = crate::envelope::Outer::new(&prekeys.kem.decapsulate(ciphertext));
    let plain = outer.open_offer(ciphertext, sealed).unwrap();
    for byte in 0..plain.len() {
        let mut wrong = plain.to_vec();
        wrong[byte] ^= 1;
        let offer = world.regate(&outer.seal_offer(ciphertext, &wrong));
        assert_eq!(world.read(&offer).err(), Some(HandshakeError::Forged), "byte {byte}");
    }
    let mut zero = plain.to_vec();
    zero[..32].fill(0);
    let offer = world.regate(&outer.seal_offer(ciphertext, &zero));
    assert_eq!(world.read(&offer).err(), Some(HandshakeError::WeakKey), "an ephemeral key of zeros");
}

#[test]
fn keys_that_give_no_secret_are_refused_in_every_agreement() {
    // The ephemeral key of an offer and the prekey of a bundle (es) are tried elsewhere; here are a static key in an offer
    // (ss, and se behind it) and the ephemeral key of an answer (ee, and se behind it).
    use crate::handshake::{noise, resolver::Chance};
    let world = World::new();
    let randomness = crate::kdf::Key::new([4; 32]);
    let (ciphertext, secret) = crate::kem::encapsulate(&world.prekeys.kem, &randomness).unwrap();
    let (period, index) = (dates::period_of(NOW), world.bob.index());
    let prologue = noise::prologue(period, index, &world.bob.fingerprint(), &ciphertext);
    let chance = Chance::default();
    chance.set(Seed::from_u64(5));
    let own = (world.alice.device(), [0; 32]);
    let mut state =
        noise::state(noise::IK, own, Some(&world.prekeys.prekey), true, &prologue, &chance).unwrap();
    let message = noise::write(&mut state, b"", noise::NOISE_FIRST_OVERHEAD).unwrap();
    let interior = crate::envelope::Outer::new(&secret).seal_offer(&ciphertext, &message);
    assert_eq!(world.read(&world.regate(&interior)).err(), Some(HandshakeError::WeakKey), "ss");

    let (initiator, offer) = world.start(b"offer");
    let (_, answer) = world.answer(&offer);
    let admitted = admit(&world.bob, &offer);
    let (ciphertext, _) = admitted.interior.split_first_chunk().unwrap();
    let prekeys = world.bob.prekeys(period).unwrap();
    let outer = crate::envelope::Outer::new(&prekeys.kem.decapsulate(ciphertext));
    let mut plain = outer.open_answer(&admitted.hash, &answer).unwrap().to_vec();
    plain[crate::kem::KEM_CIPHERTEXT_LEN..][..32].fill(0);
    let zero = outer.seal_answer(&admitted.hash, [3; 12], &plain);
    let (initiator, why) = refused(initiator, &zero);
    assert_eq!(why, HandshakeError::WeakKey, "ee");
    assert!(initiator.finish(&answer).is_ok());
}

#[test]
fn a_lying_offer_is_refused_for_what_is_wrong_with_it() {
    let world = World::new();
    let mallory = Identity::generate(&Seed::from_u64(6));
    let read = |offer: Vec<u8>| world.read(&offer).err();
    assert_eq!(read(lying_offer(&world, |_, _| {})), None);
    let stolen = mallory.credential(NOW);
    let not_listed = HandshakeError::Credential(CredentialError::NotListed);
    assert_eq!(read(lying_offer(&world, |block, _| block.credential = stolen)), Some(not_listed));
    let old = world.alice.credential(NOW - Duration::from_secs(20 * 86_400));
    let expired = HandshakeError::Credential(CredentialError::Expired);
    assert_eq!(read(lying_offer(&world, |block, _| block.credential = old)), Some(expired));
    let unsigned = HandshakeError::Credential(CredentialError::Signature);
    assert_eq!(
        read(lying_offer(&world, |block, _| block.credential[32 + 200] ^= 1)),
        Some(unsigned),
        "a bit of the root's signature"
    );
    assert_eq!(read(lying_offer(&world, |_, rest| rest[..40].fill(0xff))), Some(HandshakeError::WeakKey));
    let truncated = Some(HandshakeError::Malformed(Malformed::Truncated));
    assert_eq!(read(lying_offer(&world, |_, rest| rest.truncate(1_183))), truncated);
    assert_eq!(
        read(lying_offer(&world, |block, _| block.front.made = UnixTime::from_secs(0))),
        Some(HandshakeError::Stale)
    );
}

#[test]
fn the_hint_of_another_contact_is_refused() {
    // Mallory has learnt, from a server that shows it offers, the hint that Alice uses today: the card is enough to read it.
    let world = World::new();
    let mut keeper = Gatekeeper::new(&world.bob);
    keeper.set_contacts(&world.bob, [*world.alice.device_public()]);
    let pairwise = crate::gate::Pairwise::new(world.alice.device(), world.bob.device_public()).unwrap();
    let hint = pairwise.hint(NOW.day(), world.bob.device_public());
    let mallory = Identity::generate(&Seed::from_u64(6));
    let (_, offer) =
        Initiator::start(&mallory, &world.callee(), &Hello::default(), b"", Seed::from_u64(3), NOW).unwrap();
    let interior = &offer[crate::gate::GATE_LEN..];
    let gate = Gate::new(&world.bob.mailbox().gate_key()).seal([9; 12], hint, interior);
    let offer = [&gate[..], interior].concat();
    let admitted = keeper.admit(&offer, Instant::from_millis(0), NOW).unwrap();
    assert_eq!(Responder::read(&world.bob, admitted, NOW).err(), Some(HandshakeError::WrongHint));
}
