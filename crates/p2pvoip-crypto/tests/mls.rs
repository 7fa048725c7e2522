//! Large groups: members agree by MLS, hear one another by the packets of a mesh, and whoever is removed hears nothing.
#![cfg(feature = "mls")]
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::time::Duration;

use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::group::mls::{Entrant, LargeGroup, MlsError};
use p2pvoip_crypto::group::{
    HEADER_LEN, MAX_PROOF_LEN, OLD_KEY_LIFE, OVERHEAD, Received, Refused, SealError,
};
use p2pvoip_crypto::{Aead, Identity};

const UNIX: UnixTime = UnixTime::from_secs(1_800_000_000);
const NOW: Instant = Instant::from_millis(1_000);

fn identity(index: u64) -> Identity {
    Identity::generate(&Seed::from_u64(index))
}

fn entrant(index: u64) -> Entrant {
    Entrant::new(&identity(index), &Seed::from_u64(1_000 + index), UNIX).unwrap()
}

/// A group of that many, whom its founder has let in at once.
fn group_of(members: u64) -> Vec<LargeGroup> {
    let mut founder = entrant(0).found(Aead::ChaCha20Poly1305, UNIX).unwrap();
    let entrants: Vec<Entrant> = (1..members).map(entrant).collect();
    let packages: Vec<Vec<u8>> = entrants.iter().map(|entrant| entrant.key_package().unwrap()).collect();
    let packages: Vec<&[u8]> = packages.iter().map(Vec::as_slice).collect();
    let change = founder.admit(&packages, UNIX).unwrap();
    founder.confirm(NOW).unwrap();
    let welcome = change.welcome.unwrap();
    let joined = entrants.into_iter().map(|entrant| entrant.join(&welcome, UNIX).unwrap());
    std::iter::once(founder).chain(joined).collect()
}

fn say(group: &mut LargeGroup, words: &[u8], now: Instant) -> Vec<u8> {
    let mut buf = vec![0; words.len() + OVERHEAD];
    buf[HEADER_LEN..][..words.len()].copy_from_slice(words);
    let _ = group.seal(&mut buf, words.len(), now).unwrap();
    buf
}

fn hear(group: &mut LargeGroup, packet: &[u8], now: Instant) -> Result<Option<(u8, Vec<u8>)>, Refused> {
    match group.open(&mut packet.to_vec(), now)? {
        Received::Voice(voice) => Ok(Some((voice.sender, voice.payload.to_vec()))),
        Received::Proof => Ok(None),
    }
}

fn all_hear_one_another(groups: &mut [LargeGroup], now: Instant) {
    for sender in 0..groups.len() {
        let (number, packet) = (groups[sender].number(), say(&mut groups[sender], b"words", now));
        for (listener, group) in groups.iter_mut().enumerate() {
            let expected = if listener == sender {
                Err(Refused::Stranger)
            } else {
                Ok(Some((number, b"words".to_vec())))
            };
            assert_eq!(hear(group, &packet, now), expected, "{listener} hears {sender}");
        }
    }
}

/// Gives a commit to all but one.
fn spread(groups: &mut [LargeGroup], from: usize, commit: &[u8]) {
    for (index, group) in groups.iter_mut().enumerate() {
        if index != from {
            assert_eq!(group.receive(commit, UNIX, NOW), Ok(true));
        }
    }
}

#[test]
fn three_members_agree_and_hear_one_another() {
    let mut groups = group_of(3);
    for group in &groups {
        let ids: Vec<_> = group.members().iter().map(|member| member.id).collect();
        assert_eq!(ids, [0, 1, 2].map(|index| identity(index).fingerprint()));
        assert_eq!(group.epoch(), 1);
    }
    all_hear_one_another(&mut groups, NOW);
}

#[test]
fn a_proof_of_a_leaf_proves_its_packets() {
    let mut groups = group_of(3);
    let packet = say(&mut groups[1], b"words", NOW);
    assert!(hear(&mut groups[2], &packet, NOW).is_ok());
    let at = groups[1].next_at().unwrap();
    let mut proof = [0; MAX_PROOF_LEN];
    let sealed = groups[1].pull(&mut proof, at).unwrap();
    assert_eq!(hear(&mut groups[2], &proof[..sealed.len], at), Ok(None));
    groups[2].on_time(at + Duration::from_secs(2));
    assert_eq!(groups[2].take_notice(), None, "it is proven");
    assert_eq!(groups[2].next_at(), None);
    // Who hears no proof holds the member.
    assert!(hear(&mut groups[0], &packet, NOW).is_ok());
    groups[0].on_time(NOW + Duration::from_secs(1));
    assert_eq!(groups[0].take_notice().map(|(number, _)| number), Some(1));
}

#[test]
fn keys_are_renewed_and_what_was_under_way_is_still_heard() {
    let mut groups = group_of(3);
    let old = [say(&mut groups[0], b"one", NOW), say(&mut groups[0], b"two", NOW)];
    let change = groups[2].renew().unwrap();
    assert_eq!(groups[2].renew(), Err(MlsError::Waiting));
    spread(&mut groups, 2, &change.commit);
    groups[2].confirm(NOW).unwrap();
    all_hear_one_another(&mut groups, NOW);
    assert!(hear(&mut groups[1], &old[0], NOW).is_ok());
    groups[1].on_time(NOW + OLD_KEY_LIFE);
    assert_eq!(hear(&mut groups[1], &old[1], NOW + OLD_KEY_LIFE), Err(Refused::NoKey));
    assert!(groups.iter().all(|group| group.epoch() == 2));
}

#[test]
fn whoever_is_removed_hears_nothing_and_cannot_speak() {
    let mut groups = group_of(4);
    let change = groups[0].remove(2).unwrap();
    groups[0].confirm(NOW).unwrap();
    let mut removed = groups.remove(2);
    spread(&mut groups, 0, &change.commit);
    let packet = say(&mut groups[1], b"words", NOW);
    assert!(hear(&mut removed, &packet, NOW).is_err(), "it was not told yet");
    let late = say(&mut removed, b"I am still here", NOW);
    assert!(hear(&mut groups[0], &late, NOW).is_ok(), "what it said before is still under way");
    groups[0].on_time(NOW + OLD_KEY_LIFE);
    let later = say(&mut removed, b"and here", NOW);
    assert_eq!(hear(&mut groups[0], &later, NOW + OLD_KEY_LIFE), Err(Refused::NoKey));
    assert_eq!(removed.receive(&change.commit, UNIX, NOW), Ok(false));
    assert_eq!(removed.seal(&mut [0; 40], 10, NOW), Err(SealError::Over));
    assert_eq!(removed.receive(&change.commit, UNIX, NOW), Err(MlsError::Over));
    all_hear_one_another(&mut groups, NOW);
}

#[test]
fn whoever_comes_in_later_hears_nothing_from_before() {
    let mut groups = group_of(3);
    let before = say(&mut groups[1], b"before", NOW);
    let newcomer = entrant(7);
    let package = newcomer.key_package().unwrap();
    let change = groups[0].admit(&[&package], UNIX).unwrap();
    spread(&mut groups, 0, &change.commit);
    groups[0].confirm(NOW).unwrap();
    groups.push(newcomer.join(&change.welcome.unwrap(), UNIX).unwrap());
    assert!(hear(&mut groups[3], &before, NOW).is_err());
    all_hear_one_another(&mut groups, NOW);
}

#[test]
fn a_commit_of_another_epoch_is_refused_and_changes_nothing() {
    let mut groups = group_of(3);
    let first = groups[0].renew().unwrap();
    let second = groups[1].renew().unwrap();
    // The relay has put the founder's first.
    groups[1].discard().unwrap();
    spread(&mut groups, 0, &first.commit);
    groups[0].confirm(NOW).unwrap();
    for group in &mut groups {
        let wrong = MlsError::WrongEpoch { theirs: 1, ours: 2 };
        assert_eq!(group.receive(&second.commit, UNIX, NOW), Err(wrong.clone()));
        assert_eq!(group.receive(&first.commit, UNIX, NOW), Err(wrong));
    }
    all_hear_one_another(&mut groups, NOW);
}

#[test]
fn only_the_founder_admits_and_removes() {
    let mut groups = group_of(3);
    let package = entrant(7).key_package().unwrap();
    assert_eq!(groups[1].admit(&[&package], UNIX), Err(MlsError::NotAllowed));
    assert_eq!(groups[1].remove(2), Err(MlsError::NotAllowed));
    assert_eq!(groups[0].remove(0), Err(MlsError::Unknown));
    assert_eq!(groups[0].remove(9), Err(MlsError::Unknown));
    let again = entrant(1).key_package().unwrap();
    assert_eq!(groups[0].admit(&[&again], UNIX), Err(MlsError::NotAllowed), "it is in");
    let expired = UNIX + Duration::from_secs(40 * 86_400);
    assert_eq!(groups[0].admit(&[&package], expired), Err(MlsError::Credential));
}

#[test]
fn changed_bytes_are_refused_without_a_panic() {
    let mut groups = group_of(3);
    let package = entrant(7).key_package().unwrap();
    let commit = groups[1].renew().unwrap().commit;
    let mut rng = Seed::from_u64(1).rng();
    for bytes in [&package, &commit] {
        for _ in 0..300 {
            let mut wrong = bytes.clone();
            let at = usize::try_from(rng.below(wrong.len() as u64)).unwrap();
            wrong[at] ^= 1 << rng.below(8);
            assert!(groups[0].admit(&[&wrong], UNIX).is_err(), "byte {at}");
            assert!(groups[2].receive(&wrong, UNIX, NOW).is_err(), "byte {at}");
            assert!(groups[2].receive(&bytes[..at], UNIX, NOW).is_err());
        }
    }
    assert_eq!(groups[2].receive(&vec![0; (1 << 20) + 1], UNIX, NOW), Err(MlsError::TooLong));
    // The true one is taken all the same.
    assert_eq!(groups[2].receive(&commit, UNIX, NOW), Ok(true));
}

#[test]
fn thirty_two_members_hear_one_another_and_one_is_removed() {
    let mut groups = group_of(32);
    let packet = say(&mut groups[31], b"words", NOW);
    for group in groups.iter_mut().take(31) {
        assert_eq!(hear(group, &packet, NOW), Ok(Some((31, b"words".to_vec()))));
    }
    let change = groups[0].remove(5).unwrap();
    groups[0].confirm(NOW).unwrap();
    groups.remove(5);
    spread(&mut groups, 0, &change.commit);
    let packet = say(&mut groups[30], b"words", NOW);
    assert!(groups.iter_mut().take(30).all(|group| hear(group, &packet, NOW).is_ok()));
}
