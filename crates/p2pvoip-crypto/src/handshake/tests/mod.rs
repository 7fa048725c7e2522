//! Rules of the handshake that only its own parts can break: a peer who holds all keys and lies, and every flipped bit.

mod downgrade;
mod lies;
mod upgrade;

use core::time::Duration;

use p2pvoip_core::{Instant, Seed, UnixTime};

use super::block::{FirstBlock, SecondBlock};
use super::*;
use crate::bundle::Prekeys;
use crate::dates::{self, CLOCK_SKEW, OFFER_LIFE, PREKEY_GRACE, PREKEY_PERIOD};
use crate::gate::{Admitted, Gate, Gatekeeper};
use crate::identity::Identity;
use crate::suite::{Aead, VersionRange};

/// Two days into a period.
const NOW: UnixTime = UnixTime::from_secs(2_975 * 7 * 86_400 + 2 * 86_400);
const SECOND: Duration = Duration::from_secs(1);

/// Two identities, and what the caller has fetched of the callee.
struct World {
    alice: Identity,
    bob: Identity,
    prekeys: Prekeys,
}

impl World {
    fn new() -> Self {
        let (alice, bob) = (Identity::generate(&Seed::from_u64(1)), Identity::generate(&Seed::from_u64(2)));
        Self { prekeys: prekeys(&bob), alice, bob }
    }

    fn callee(&self) -> Callee<'_> {
        Callee { mailbox: self.bob.mailbox(), prekeys: &self.prekeys, known: false }
    }

    fn start(&self, body: &[u8]) -> (Initiator, Vec<u8>) {
        self.start_with(&Hello::default(), body).unwrap()
    }

    fn start_with(&self, hello: &Hello, body: &[u8]) -> Result<(Initiator, Vec<u8>), HandshakeError> {
        self.start_at(hello, body, NOW)
    }

    fn start_at(
        &self,
        hello: &Hello,
        body: &[u8],
        now: UnixTime,
    ) -> Result<(Initiator, Vec<u8>), HandshakeError> {
        Initiator::start(&self.alice, &self.callee(), hello, body, Seed::from_u64(3), now)
    }

    fn read(&self, offer: &[u8]) -> Result<Responder, HandshakeError> {
        self.read_at(offer, NOW)
    }

    fn read_at(&self, offer: &[u8], now: UnixTime) -> Result<Responder, HandshakeError> {
        Responder::read(&self.bob, admit(&self.bob, offer), now)
    }

    fn answer(&self, offer: &[u8]) -> (Session, Vec<u8>) {
        self.answer_with(offer, &Hello::default()).unwrap()
    }

    fn answer_with(&self, offer: &[u8], policy: &Hello) -> Result<(Session, Vec<u8>), HandshakeError> {
        self.read(offer).unwrap().answer(b"answer", policy, Seed::from_u64(4))
    }

    /// The offer with another interior, behind a gate that any holder of the card can make.
    fn regate(&self, interior: &[u8]) -> Vec<u8> {
        let gate = Gate::new(&self.bob.mailbox().gate_key()).seal([9; 12], [8; 8], interior);
        [&gate[..], interior].concat()
    }
}

fn prekeys(of: &Identity) -> Prekeys {
    let bundle = of.prekey_bundle(NOW.day(), NOW);
    of.mailbox().open_bundle(&bundle, of.index(), NOW.day(), &of.fingerprint(), NOW).unwrap()
}

/// An offer past a gatekeeper that has seen none before.
fn admit<'a>(identity: &Identity, offer: &'a [u8]) -> Admitted<'a> {
    Gatekeeper::new(identity).admit(offer, Instant::from_millis(0), NOW).unwrap()
}

fn refused(initiator: Initiator, message: &[u8]) -> (Initiator, HandshakeError) {
    initiator.finish(message).unwrap_err()
}

#[test]
fn both_sides_have_the_same_suite_and_binding_and_know_each_other() {
    let world = World::new();
    let (initiator, offer) = world.start(b"offer");
    let responder = world.read(&offer).unwrap();
    assert_eq!((responder.payload(), responder.known()), (&b"offer"[..], false));
    assert_eq!((responder.made(), responder.hello()), (NOW, &Hello::default()));
    let (callee, answer) = responder.answer(b"answer", &Hello::default(), Seed::from_u64(4)).unwrap();
    assert_eq!((offer.len(), answer.len()), (FIRST_OVERHEAD + 5, SECOND_OVERHEAD + 6));
    let (caller, body) = initiator.finish(&answer).unwrap();
    assert_eq!((body, caller.suite, caller.binding), (b"answer".to_vec(), callee.suite, callee.binding));
    assert_eq!(caller.peer.fingerprint, world.bob.fingerprint());
    assert_eq!(callee.peer.fingerprint, world.alice.fingerprint());
    assert_eq!(caller.peer.device, *world.bob.device_public());
    assert_eq!(callee.peer.device, *world.alice.device_public());
    assert_eq!(caller.rekey.expose(), callee.rekey.expose());
}

#[test]
fn both_sides_export_the_same_keys_and_say_what_is_too_long() {
    let world = World::new();
    let (initiator, offer) = world.start(b"");
    let (callee, answer) = world.answer(&offer);
    let (caller, _) = initiator.finish(&answer).unwrap();
    let export = |session: &Session| {
        let mut key = [0; 48];
        session.export("recording", b"1", &mut key).unwrap();
        key
    };
    assert_eq!(export(&caller), export(&callee));
    let mut long = vec![5; crate::MAX_EXPORT_LEN + 1];
    assert_eq!(caller.export("recording", b"", &mut long), Err(ExportError(long.len())));
    assert!(long.iter().all(|byte| *byte == 5));
}

#[test]
fn people_compare_the_same_string_once_the_callers_nonce_is_shown() {
    let world = World::new();
    let (initiator, offer) = world.start(b"");
    let (mut callee, answer) = world.answer(&offer);
    let (mut caller, _) = initiator.finish(&answer).unwrap();
    assert!(callee.sas.sas().is_none() && callee.sas.to_reveal().is_none());
    let nonce = caller.sas.to_reveal().unwrap();
    let mut wrong = nonce;
    wrong[3] ^= 1;
    assert_eq!(callee.sas.reveal(&wrong), Err(SasError::Commitment));
    assert_eq!(callee.sas.reveal(&nonce).ok(), caller.sas.sas());
    assert_eq!(callee.sas.sas(), caller.sas.sas());
    assert_eq!(callee.sas.reveal(&nonce), Err(SasError::NotAwaited));
    assert_eq!(caller.sas.reveal(&nonce), Err(SasError::NotAwaited));
}

#[test]
fn a_known_device_is_known_to_who_was_told_of_it() {
    let world = World::new();
    let callee = Callee { known: true, ..world.callee() };
    let start = |now| {
        Initiator::start(&world.alice, &callee, &Hello::default(), b"", Seed::from_u64(3), now).unwrap().1
    };
    let mut keeper = Gatekeeper::new(&world.bob);
    assert_eq!(keeper.set_contacts(&world.bob, [*world.alice.device_public()]), 0);
    let offer = start(NOW);
    let admitted = keeper.admit(&offer, Instant::from_millis(0), NOW).unwrap();
    assert!(admitted.known() && Responder::read(&world.bob, admitted, NOW).unwrap().known());
    assert!(!admit(&world.bob, &offer).known(), "a gatekeeper who was not told takes it for a stranger's");
    let yesterday = start(NOW - Duration::from_secs(86_400));
    assert!(keeper.admit(&yesterday, Instant::from_millis(0), NOW).unwrap().known());
}

#[test]
fn every_flipped_bit_and_every_cut_of_the_offer_is_refused() {
    let world = World::new();
    let (_, offer) = world.start(b"offer");
    let mut keeper = Gatekeeper::new(&world.bob);
    for bit in 0..offer.len() * 8 {
        let mut wrong = offer.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert!(keeper.admit(&wrong, Instant::from_millis(0), NOW).is_err(), "bit {bit}");
    }
    for len in 0..offer.len() {
        assert!(keeper.admit(&offer[..len], Instant::from_millis(0), NOW).is_err());
    }
    assert!(keeper.admit(&[&offer[..], &[0]].concat(), Instant::from_millis(0), NOW).is_err());
}

#[test]
fn a_card_holder_who_makes_the_gate_anew_changes_nothing_behind_it() {
    let world = World::new();
    let (_, offer) = world.start(b"offer");
    let interior = &offer[crate::gate::GATE_LEN..];
    // One bit of each byte: the outer layer is one AEAD under a secret that depends on the ciphertext before it.
    for byte in 0..interior.len() {
        let mut wrong = interior.to_vec();
        wrong[byte] ^= 1 << (byte % 8);
        assert_eq!(world.read(&world.regate(&wrong)).err(), Some(HandshakeError::Forged), "byte {byte}");
    }
    assert!(world.read(&world.regate(interior)).is_ok(), "the same behind another gate is the same offer");
    let tag = admit(&world.bob, &offer).tag();
    assert_eq!(admit(&world.bob, &world.regate(interior)).tag(), tag, "and has the same tag");
}

#[test]
fn every_flipped_bit_and_every_cut_of_the_answer_is_refused_and_the_true_one_still_read() {
    let world = World::new();
    let (mut initiator, offer) = world.start(b"offer");
    let (callee, answer) = world.answer(&offer);
    for bit in 0..answer.len() * 8 {
        let mut wrong = answer.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let (back, why) = refused(initiator, &wrong);
        assert_eq!(why, HandshakeError::Forged);
        initiator = back;
    }
    for len in 0..answer.len() {
        initiator = refused(initiator, &answer[..len]).0;
    }
    assert_eq!(initiator.finish(&answer).unwrap().0.binding, callee.binding);
}

#[test]
fn a_message_for_somebody_else_is_not_read() {
    let world = World::new();
    let (_, offer) = world.start(b"offer");
    let carol = Identity::generate(&Seed::from_u64(5));
    for other in [&carol, &world.alice] {
        let refused = Gatekeeper::new(other).admit(&offer, Instant::from_millis(0), NOW).err();
        assert_eq!(refused, Some(crate::GateRefused::Forged));
        // And if the gate were opened to it, its prekeys would not.
        let read = Responder::read(other, admit(&world.bob, &offer), NOW);
        assert_eq!(read.err(), Some(HandshakeError::Forged));
    }
}

#[test]
fn a_prekey_that_somebody_publishes_as_his_own_reaches_nobody() {
    // Mallory signs Bob's prekeys, and passes on what is sent to him: Bob is not who was called.
    let mut world = World::new();
    world.prekeys.peer.fingerprint = Identity::generate(&Seed::from_u64(6)).fingerprint();
    let (_, offer) = world.start(b"");
    assert_eq!(world.read(&offer).err(), Some(HandshakeError::Forged));
    let mut other_device = World::new();
    other_device.prekeys.index = 1;
    let (_, offer) = other_device.start(b"");
    assert_eq!(other_device.read(&offer).err(), Some(HandshakeError::Forged));
}

#[test]
fn an_offer_is_answered_for_ten_minutes_and_the_skew() {
    let world = World::new();
    let (_, offer) = world.start(b"offer");
    let read = |now| world.read_at(&offer, now).err();
    assert_eq!(read(NOW + OFFER_LIFE + CLOCK_SKEW), None);
    assert_eq!(read(NOW + OFFER_LIFE + CLOCK_SKEW + SECOND), Some(HandshakeError::Stale));
    assert_eq!(read(NOW - CLOCK_SKEW), None);
    assert_eq!(read(NOW - CLOCK_SKEW - SECOND), Some(HandshakeError::Stale));
}

#[test]
fn the_prekeys_of_last_week_are_accepted_in_their_grace_and_not_after() {
    let world = World::new();
    let call = |now| {
        let (_, offer) = world.start_at(&Hello::default(), b"", now).unwrap();
        world.read_at(&offer, now).err()
    };
    let end = dates::start_of(dates::period_of(NOW)) + PREKEY_PERIOD;
    assert_eq!(call(end), None);
    let last = end + PREKEY_GRACE + CLOCK_SKEW + CLOCK_SKEW;
    assert_eq!(call(last), None);
    assert_eq!(call(last + SECOND), Some(HandshakeError::Forged));
}

#[test]
fn messages_fill_an_envelope_and_no_more() {
    let world = World::new();
    let room = MAX_HANDSHAKE_LEN - FIRST_OVERHEAD;
    let (initiator, offer) = world.start(&vec![7; room]);
    assert_eq!((room, offer.len()), (524, MAX_HANDSHAKE_LEN));
    let too_long = world.start_with(&Hello::default(), &vec![7; room + 1]).err();
    assert_eq!(too_long, Some(HandshakeError::TooLong(MAX_HANDSHAKE_LEN + 1)));
    let read = || world.read(&offer).unwrap();
    assert_eq!(read().payload().len(), room);
    let room = MAX_HANDSHAKE_LEN - SECOND_OVERHEAD;
    let answer = |len| read().answer(&vec![0; len], &Hello::default(), Seed::from_u64(4));
    assert_eq!(answer(room + 1).err(), Some(HandshakeError::TooLong(MAX_HANDSHAKE_LEN + 1)));
    let (_, answer) = answer(room).unwrap();
    assert_eq!((room, answer.len()), (1_780, MAX_HANDSHAKE_LEN));
    let long = [&answer[..], &[0]].concat();
    let (initiator, why) = refused(initiator, &long);
    assert_eq!(why, HandshakeError::TooLong(MAX_HANDSHAKE_LEN + 1));
    assert!(initiator.finish(&answer).is_ok());
    let refused = Gatekeeper::new(&world.bob).admit(&long, Instant::from_millis(0), NOW).err();
    assert_eq!(refused, Some(crate::GateRefused::Length));
}

#[test]
fn public_keys_that_give_no_secret_are_refused_before_anything_is_sent() {
    let mut world = World::new();
    world.prekeys.prekey = [0; 32];
    assert_eq!(world.start_with(&Hello::default(), b"").err(), Some(HandshakeError::WeakKey));
    let mut world = World::new();
    world.prekeys.kem.fill(0xff);
    assert_eq!(world.start_with(&Hello::default(), b"").err(), Some(HandshakeError::WeakKey));
}

#[test]
fn a_seed_given_twice_still_gives_two_offers_that_share_nothing() {
    let world = World::new();
    let (a, b) = (world.start(b"one").1, world.start(b"two").1);
    assert_eq!(a, world.start(b"one").1, "and the same inputs give the same offer");
    for part in [0..12, 36..36 + 32, a.len() - 32..a.len()] {
        assert_ne!(a[part.clone()], b[part]);
    }
    assert_eq!(world.read(&a).unwrap().tag(), admit(&world.bob, &a).tag());
    assert_ne!(admit(&world.bob, &a).tag(), admit(&world.bob, &b).tag());
}

#[test]
fn nothing_secret_is_shown() {
    let world = World::new();
    let (initiator, offer) = world.start(b"offer");
    assert_eq!(format!("{initiator:?}"), "Initiator([redacted])");
    let responder = world.read(&offer).unwrap();
    let shown = format!("{responder:?} {:?} {:?}", responder.peer(), admit(&world.bob, &offer));
    assert_eq!(shown, "Responder([redacted]) PeerIdentity([redacted]) Admitted([redacted])");
    let (session, _) = world.answer(&offer);
    let shown = format!("{session:?} {:?} {:?}", session.sas, session.rekey);
    assert_eq!(shown.matches("redacted").count(), 2);
    assert!(!shown.contains("binding"));
}
