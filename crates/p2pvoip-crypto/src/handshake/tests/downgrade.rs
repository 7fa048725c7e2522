//! Downgrades: every strip, reordering and replay of versions, features and algorithms, by who is in between and by who answers.
//!
//! Who is in between, even with the card (gate) and with ML-KEM broken (outer layer), cannot change a byte of a block: see
//! `lies`. What is left is a responder that lies, an old bundle, and messages of one handshake put into another.

use super::lies::{lie, lying_offer};
use super::*;
use crate::suite::Suite;

const VERSIONS: [u8; 3] = [0x10, 0x11, 0x12];

fn ranges() -> Vec<VersionRange> {
    VERSIONS
        .iter()
        .flat_map(|least| VERSIONS.iter().filter_map(|greatest| VersionRange::new(*least, *greatest)))
        .collect()
}

/// All lists without repetition, none aside.
fn lists() -> Vec<Vec<Aead>> {
    let [aes, chacha] = Aead::ALL;
    vec![vec![aes], vec![chacha], vec![aes, chacha], vec![chacha, aes]]
}

fn hellos() -> Vec<Hello> {
    let mut all = Vec::new();
    for versions in ranges() {
        for features in 0..4 {
            for aeads in lists() {
                all.push(Hello { versions, features, aeads });
            }
        }
    }
    all
}

/// A callee that has signed version 1.2 and two features.
fn advanced() -> World {
    let mut world = World::new();
    world.prekeys.versions = VersionRange::new(0x11, 0x12).unwrap();
    world.prekeys.features = 3;
    world
}

fn caller_hello() -> Hello {
    Hello { versions: VersionRange::new(0x11, 0x12).unwrap(), features: 3, ..Hello::default() }
}

#[test]
fn whatever_a_responder_says_and_chooses_the_result_is_the_best_of_both_or_none() {
    let world = advanced();
    let (mut initiator, offer) = world.start_with(&caller_hello(), b"").unwrap();
    let best = Suite { version: 0x12, features: 3, aead: Aead::Aes256Gcm };
    let mut accepted = 0;
    for said in hellos() {
        for version in VERSIONS {
            for features in 0..4 {
                for aead in Aead::ALL {
                    let chosen = Suite { version, features, aead };
                    let block = lie_block(&said, chosen);
                    match initiator.0.judge(&block) {
                        Ok(suite) => {
                            accepted += 1;
                            // The algorithm alone is the responder's to narrow: both are as strong.
                            assert_eq!((suite.version, suite.features), (best.version, best.features));
                            assert_eq!(suite, chosen);
                            assert!(said.aeads.contains(&suite.aead));
                        }
                        Err(why) => assert!(
                            matches!(
                                why,
                                HandshakeError::Choice
                                    | HandshakeError::Downgrade
                                    | HandshakeError::NoCommonVersion
                            ),
                            "{why:?}"
                        ),
                    }
                }
            }
        }
    }
    assert_eq!(
        accepted,
        3 * 4,
        "three ranges that reach 1.2, four lists, all features, the one right choice"
    );
    // And through the whole of the handshake, for a few of them.
    let whole = [
        (Hello { features: 1, ..caller_hello() }, HandshakeError::Downgrade),
        (Hello { versions: VersionRange::CURRENT, ..caller_hello() }, HandshakeError::Downgrade),
        (
            Hello { versions: VersionRange::new(0x10, 0x10).unwrap(), ..caller_hello() },
            HandshakeError::NoCommonVersion,
        ),
    ];
    for (policy, expected) in whole {
        let answer = lie(&world, &offer, |block| {
            block.front.hello = policy.clone();
            block.chosen = super::super::hello::agree(&caller_hello(), &policy).unwrap_or(block.chosen);
        });
        let (back, why) = refused(initiator, &answer);
        assert_eq!(why, expected);
        initiator = back;
    }
    let (session, answer) = world.answer_with(&offer, &caller_hello()).unwrap();
    assert_eq!((initiator.finish(&answer).unwrap().0.suite, session.suite), (best, best));
}

fn lie_block(said: &Hello, chosen: Suite) -> SecondBlock {
    SecondBlock {
        front: super::super::block::Front { hello: said.clone(), made: NOW },
        nonce: [7; 16],
        chosen,
    }
}

#[test]
fn a_caller_who_knows_better_demands_a_least_version_whatever_the_bundle_says() {
    let mut world = World::new();
    world.prekeys.versions = VersionRange::new(0x10, 0x10).unwrap();
    let pinned = Hello::default();
    assert_eq!(world.start_with(&pinned, b"").err(), Some(HandshakeError::NoCommonVersion));
    world.prekeys.versions = VersionRange::new(0x10, 0x11).unwrap();
    assert!(world.start_with(&pinned, b"").is_ok());
}

#[test]
fn a_roster_that_demands_a_version_is_heeded_on_both_sides() {
    let mut world = World::new();
    let wide = Hello { versions: VersionRange::new(0x10, 0x11).unwrap(), ..Hello::default() };
    world.prekeys.versions = VersionRange::new(0x10, 0x11).unwrap();
    world.prekeys.peer.roster.least_version = 0x12;
    assert_eq!(world.start_with(&wide, b"").err(), Some(HandshakeError::NoCommonVersion));
    // A caller whose roster demands 1.1 and whose offer says 1.0 alone.
    let world = World::new();
    let old = VersionRange::new(0x10, 0x10).unwrap();
    let offer = lying_offer(&world, |block, _| block.front.hello.versions = old);
    let answered = world.answer_with(&offer, &wide);
    assert_eq!(answered.err(), Some(HandshakeError::NoCommonVersion));
}

#[test]
fn an_answer_to_another_offer_of_the_same_caller_is_refused() {
    // A replay, and a splice of a weaker handshake into a stronger one.
    let world = World::new();
    let weak = Hello { aeads: vec![Aead::ChaCha20Poly1305], ..Hello::default() };
    let (_, weak_offer) = world.start_with(&weak, b"weak").unwrap();
    let (_, weak_answer) = world.answer(&weak_offer);
    let (initiator, offer) = world.start(b"strong");
    let (initiator, why) = refused(initiator, &weak_answer);
    assert_eq!(why, HandshakeError::Forged);
    assert_eq!(initiator.finish(&world.answer(&offer).1).unwrap().0.suite.aead, Aead::Aes256Gcm);
}

#[test]
fn sides_without_a_common_version_or_algorithm_do_not_come_together() {
    let world = World::new();
    let old = Hello { versions: VersionRange::new(0x10, 0x10).unwrap(), ..Hello::default() };
    assert_eq!(world.start_with(&old, b"").err(), Some(HandshakeError::NoCommonVersion));
    let (_, offer) =
        world.start_with(&Hello { aeads: vec![Aead::Aes256Gcm], ..Hello::default() }, b"").unwrap();
    let policy = Hello { aeads: vec![Aead::ChaCha20Poly1305], ..Hello::default() };
    assert_eq!(world.answer_with(&offer, &policy).err(), Some(HandshakeError::NoCommonAead));
}

#[test]
fn every_pair_of_honest_sides_comes_to_the_best_of_both_or_to_a_named_error() {
    for a in hellos() {
        for b in hellos() {
            let suite = super::super::hello::agree(&a, &b);
            let common: Vec<u8> = VERSIONS
                .into_iter()
                .filter(|v| [a.versions, b.versions].iter().all(|r| (r.least()..=r.greatest()).contains(v)))
                .collect();
            let aead = a.aeads.iter().find(|aead| b.aeads.contains(aead));
            let expected = match (common.last(), aead) {
                (None, _) => Err(HandshakeError::NoCommonVersion),
                (_, None) => Err(HandshakeError::NoCommonAead),
                (Some(version), Some(aead)) => {
                    Ok(Suite { version: *version, features: a.features & b.features, aead: *aead })
                }
            };
            assert_eq!(suite, expected);
        }
    }
}
