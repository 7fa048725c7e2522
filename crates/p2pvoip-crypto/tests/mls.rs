//! Large groups: members agree by MLS, hear one another by the packets of a mesh, and whoever is removed hears nothing.
#![cfg(feature = "mls")]
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::time::Duration;

use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::group::mls::{Entrant, LargeGroup, MlsError};
use p2pvoip_crypto::group::{
    HEADER_LEN, MAX_PROOF_LEN, OLD_KEY_LIFE, OVERHEAD, PROOF_DEADLINE, PROOF_INTERVAL, Received, Refused,
    SealError,
};
use p2pvoip_crypto::{Aead, Fingerprint, Identity, PeerIdentity, PendingDevice, Pin, Secret};

const UNIX: UnixTime = UnixTime::from_secs(1_800_000_000);
const NOW: Instant = Instant::from_millis(1_000);

fn identity(index: u64) -> Identity {
    Identity::generate(&Seed::from_u64(index))
}

fn entrant(index: u64) -> Entrant {
    Entrant::new(&identity(index), &Seed::from_u64(1_000 + index), UNIX).unwrap()
}

/// Who founds the groups.
fn boss() -> Fingerprint {
    identity(0).fingerprint()
}

/// Who has no pins wants everybody.
const fn anybody(_: &PeerIdentity) -> bool {
    true
}

/// A group of that many, whom its founder has let in at once.
fn group_of(members: u64) -> Vec<LargeGroup> {
    let mut founder = entrant(0).found(Aead::ChaCha20Poly1305, UNIX).unwrap();
    let entrants: Vec<Entrant> = (1..members).map(entrant).collect();
    let packages: Vec<Vec<u8>> = entrants.iter().map(|entrant| entrant.key_package().unwrap()).collect();
    let packages: Vec<&[u8]> = packages.iter().map(Vec::as_slice).collect();
    let change = founder.admit(&packages, anybody, UNIX).unwrap();
    founder.confirm(NOW).unwrap();
    let welcome = change.welcome.unwrap();
    let joined = entrants.into_iter().map(|entrant| entrant.join(&welcome, &boss(), anybody, UNIX).unwrap());
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
            assert_eq!(group.receive(commit, anybody, UNIX, NOW), Ok(true));
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
    assert_eq!(removed.receive(&change.commit, anybody, UNIX, NOW), Ok(false));
    assert_eq!(removed.seal(&mut [0; 40], 10, NOW), Err(SealError::Over));
    assert_eq!(removed.receive(&change.commit, anybody, UNIX, NOW), Err(MlsError::Over));
    all_hear_one_another(&mut groups, NOW);
}

#[test]
fn whoever_comes_in_later_hears_nothing_from_before() {
    let mut groups = group_of(3);
    let before = say(&mut groups[1], b"before", NOW);
    let newcomer = entrant(7);
    let package = newcomer.key_package().unwrap();
    let change = groups[0].admit(&[&package], anybody, UNIX).unwrap();
    spread(&mut groups, 0, &change.commit);
    groups[0].confirm(NOW).unwrap();
    groups.push(newcomer.join(&change.welcome.unwrap(), &boss(), anybody, UNIX).unwrap());
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
        assert_eq!(group.receive(&second.commit, anybody, UNIX, NOW), Err(wrong.clone()));
        assert_eq!(group.receive(&first.commit, anybody, UNIX, NOW), Err(wrong));
    }
    all_hear_one_another(&mut groups, NOW);
}

#[test]
fn only_the_founder_admits_and_removes() {
    let mut groups = group_of(3);
    let package = entrant(7).key_package().unwrap();
    assert_eq!(groups[1].admit(&[&package], anybody, UNIX), Err(MlsError::NotAllowed));
    assert_eq!(groups[1].remove(2), Err(MlsError::NotAllowed));
    assert_eq!(groups[0].remove(0), Err(MlsError::Unknown));
    assert_eq!(groups[0].remove(9), Err(MlsError::Unknown));
    let again = entrant(1).key_package().unwrap();
    assert_eq!(groups[0].admit(&[&again], anybody, UNIX), Err(MlsError::NotAllowed), "it is in");
    let expired = UNIX + Duration::from_secs(40 * 86_400);
    assert_eq!(groups[0].admit(&[&package], anybody, expired), Err(MlsError::Credential));
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
            assert!(groups[0].admit(&[&wrong], anybody, UNIX).is_err(), "byte {at}");
            assert!(groups[2].receive(&wrong, anybody, UNIX, NOW).is_err(), "byte {at}");
            assert!(groups[2].receive(&bytes[..at], anybody, UNIX, NOW).is_err());
        }
    }
    assert_eq!(groups[2].receive(&vec![0; (1 << 20) + 1], anybody, UNIX, NOW), Err(MlsError::TooLong));
    // The true one is taken all the same.
    assert_eq!(groups[2].receive(&commit, anybody, UNIX, NOW), Ok(true));
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

/// Everybody has the next epoch: the member 2 has renewed its keys.
fn advance(groups: &mut [LargeGroup]) {
    let change = groups[2].renew().unwrap();
    spread(groups, 2, &change.commit);
    groups[2].confirm(NOW).unwrap();
}

#[test]
fn what_was_said_in_the_last_three_epochs_is_heard_and_proven_and_before_them_not() {
    let mut groups = group_of(3);
    let mut said = Vec::new();
    for _ in 0..3 {
        said.push([say(&mut groups[0], b"one", NOW), say(&mut groups[0], b"two", NOW)]);
        advance(&mut groups);
    }
    for words in &said {
        assert_eq!(hear(&mut groups[1], &words[0], NOW), Ok(Some((0, b"one".to_vec()))));
    }
    let at = NOW + PROOF_INTERVAL;
    let mut proofs = Vec::new();
    let mut buf = [0; MAX_PROOF_LEN];
    while let Some(sealed) = groups[0].pull(&mut buf, at) {
        proofs.push(buf[..sealed.len].to_vec());
    }
    assert_eq!(proofs.len(), 3, "each epoch's words are proven");
    assert!(proofs.iter().all(|proof| hear(&mut groups[1], proof, at) == Ok(None)));
    groups[1].on_time(NOW + PROOF_DEADLINE);
    assert_eq!(groups[1].take_notice(), None, "nothing is unproven");
    advance(&mut groups);
    assert_eq!(hear(&mut groups[1], &said[0][1], at), Err(Refused::NoKey));
    assert!(hear(&mut groups[1], &said[1][1], at).is_ok());
}

#[test]
fn an_epoch_that_is_over_is_erased_after_three_seconds_though_the_timer_is_late() {
    let mut groups = group_of(3);
    let old = [say(&mut groups[0], b"one", NOW), say(&mut groups[0], b"two", NOW)];
    advance(&mut groups);
    assert!(hear(&mut groups[1], &old[0], NOW + OLD_KEY_LIFE - Duration::from_millis(1)).is_ok());
    assert_eq!(hear(&mut groups[1], &old[1], NOW + OLD_KEY_LIFE), Err(Refused::NoKey));
}

/// The home device of a person and one that it has revoked, which shows the list in which it stood.
fn home_and_revoked() -> (Identity, Identity) {
    let mut home = Secret::generate(&Seed::from_u64(50));
    let pending = PendingDevice::generate(&Seed::from_u64(51));
    let request = pending.request().to_string().parse().unwrap();
    let grant = home.link(&request, Seed::from_u64(52), UNIX).unwrap();
    let linked = Secret::linked(&pending, &grant.to_string().parse().unwrap(), UNIX).unwrap();
    let linked = Identity::from_secret(&linked);
    home.revoke(1, UNIX).unwrap();
    (Identity::from_secret(&home), linked)
}

#[test]
fn a_device_that_its_owner_has_revoked_does_not_come_into_a_group_of_who_knows_it() {
    let (home, revoked) = home_and_revoked();
    let mut groups = group_of(2);
    let entrant_of = |identity: &Identity| Entrant::new(identity, &Seed::from_u64(60), UNIX).unwrap();
    // What the members have pinned of the person in an earlier call.
    let mut shown = None;
    let package = entrant_of(&home).key_package().unwrap();
    let wanted = groups[0].admit(
        &[&package],
        |peer| {
            shown = Some(*peer);
            false
        },
        UNIX,
    );
    assert_eq!(wanted, Err(MlsError::Unwanted));
    let pin = Pin::first(&shown.unwrap(), 1, UNIX).unwrap();
    let knows = |peer: &PeerIdentity| peer.fingerprint != pin.fingerprint() || pin.judge(peer).is_ok();

    let package = entrant_of(&revoked).key_package().unwrap();
    assert_eq!(groups[0].admit(&[&package], knows, UNIX), Err(MlsError::Unwanted));
    assert!(!groups[0].is_waiting(), "nothing has changed");
    // A founder who does not know lets it in: others who do refuse, and so does who comes later.
    let change = groups[0].admit(&[&package], anybody, UNIX).unwrap();
    assert_eq!(groups[1].receive(&change.commit, knows, UNIX, NOW), Err(MlsError::Unwanted));
    assert_eq!(groups[1].epoch(), 1, "nothing has changed");
    groups[0].confirm(NOW).unwrap();
    let package = entrant(7).key_package().unwrap();
    let change = groups[0].admit(&[&package], anybody, UNIX).unwrap();
    let newcomer = || {
        let newcomer = entrant(7);
        let _ = newcomer.key_package().unwrap();
        newcomer
    };
    let welcome = change.welcome.unwrap();
    assert_eq!(newcomer().join(&welcome, &boss(), knows, UNIX).err(), Some(MlsError::Unwanted));
    let own = identity(7).fingerprint();
    let others = |peer: &PeerIdentity| peer.fingerprint != own;
    assert!(newcomer().join(&welcome, &boss(), others, UNIX).is_ok(), "nobody is asked of oneself");
}

#[test]
fn a_welcome_to_a_group_of_somebody_else_than_the_expected_founder_is_refused() {
    let mut founder = entrant(0).found(Aead::ChaCha20Poly1305, UNIX).unwrap();
    let package = entrant(1).key_package().unwrap();
    let welcome = founder.admit(&[&package], anybody, UNIX).unwrap().welcome.unwrap();
    let join = |expected: &Fingerprint| {
        let entrant = entrant(1);
        let _ = entrant.key_package().unwrap();
        entrant.join(&welcome, expected, anybody, UNIX).err()
    };
    assert_eq!(join(&identity(2).fingerprint()), Some(MlsError::OtherFounder));
    assert_eq!(join(&identity(1).fingerprint()), Some(MlsError::OtherFounder));
    assert_eq!(join(&boss()), None);
}

/// Whether a thief, who has once read all that the member 1 has in memory, hears the founder after that member has
/// renewed its keys.
fn a_thief_hears_on(stirred: Option<[u8; 32]>) -> bool {
    let mut groups = group_of(2);
    // All follows from seeds, so that the same story gives the same memory.
    let mut thief = group_of(2).remove(1);
    if let Some(fresh) = stirred {
        groups[1].stir(&fresh);
    }
    let change = groups[1].renew().unwrap();
    spread(&mut groups, 1, &change.commit);
    groups[1].confirm(NOW).unwrap();
    let _ = thief.renew().unwrap();
    thief.confirm(NOW).unwrap();
    let packet = say(&mut groups[0], b"words", NOW);
    assert!(hear(&mut groups[1], &packet, NOW).is_ok());
    hear(&mut thief, &packet, NOW).is_ok()
}

#[test]
fn keys_that_are_renewed_after_stirring_are_not_those_that_a_thief_of_the_memory_makes() {
    assert!(a_thief_hears_on(None), "without fresh chance renewing does not heal");
    assert!(!a_thief_hears_on(Some([1; 32])));
}
