//! A member who holds everybody's sender keys speaks as another, and is found out.

use std::time::Duration;

use p2pvoip_core::Instant;
use p2pvoip_crypto::Aead;
use p2pvoip_crypto::group::{
    Event, Flow, GroupId, HEADER_LEN, MAX_PROOF_LEN, Message, Notice, OLD_KEY_LIFE, OVERHEAD, PROOF_DEADLINE,
    PROOF_INTERVAL, Refused, Sender, SenderScope,
};

use crate::mesh::{BAD, CLEAN, Mesh, Network, person};

const SECOND: Duration = Duration::from_secs(1);

/// What the person `liar` can make with the key that the person `victim` has given it: a sender with another signature.
fn imitation(mesh: &Mesh, victim: usize, liar: usize, ahead: u64) -> Sender {
    let key = mesh.said.iter().rev().find_map(|(from, to, message)| match message {
        Message::Key { roster, sender, secret, .. } if (*from, *to) == (victim, liar) => {
            Some((roster.aead(), roster.group(), *sender, secret.clone()))
        }
        Message::Key { .. } | Message::Receipt { .. } | Message::Leaving { .. } => None,
    });
    let (aead, group, (member, since), secret): (Aead, GroupId, _, _) = key.unwrap();
    let voice = mesh.captured.iter().filter(|packet| packet.from == victim).count() as u64;
    Sender::new(SenderScope { aead, group, member, since }, secret, &[66; 32], voice + ahead)
}

fn say(sender: &mut Sender, words: &[u8], now: Instant) -> Vec<u8> {
    let mut buf = vec![0; words.len() + OVERHEAD];
    buf[HEADER_LEN..][..words.len()].copy_from_slice(words);
    let _ = sender.seal(&mut buf, words.len(), now).unwrap();
    buf
}

/// When the person 2 was told that somebody spoke as the member 1.
fn warned(mesh: &Mesh) -> Option<Instant> {
    mesh.told(2, |event| {
        let Event::Notice { number: 1, notice } = event else { return false };
        matches!(notice, Notice::Impersonated { .. } | Notice::Unproven)
    })
}

#[test]
fn what_a_member_says_as_another_is_played_and_noticed_within_a_second() {
    for network in [CLEAN, Network { repeat: 0.0, message_loss: 0.0, ..BAD }] {
        let mut mesh = Mesh::of(4, network, 20);
        mesh.pass(SECOND);
        // The liar takes the number that the victim will use next, and is faster.
        let mut liar = imitation(&mesh, 1, 3, 0);
        mesh.heard.clear();
        let mut forged = say(&mut liar, b"send the money", mesh.now);
        let at = mesh.now;
        mesh.open(2, &mut forged);
        assert_eq!(mesh.count(2, 1), 1, "nobody can tell yet");
        mesh.pass(2 * SECOND);
        let when = warned(&mesh).unwrap();
        assert!(when.saturating_since(at) <= PROOF_DEADLINE + Duration::from_millis(10), "{when:?}");
        assert!(mesh.groups[&2].flow(1) != Some(Flow::Open) || network.packet_loss > 0.0);
        assert_eq!(mesh.groups[&0].flow(1), Some(Flow::Open), "who was not lied to hears on");
    }
}

#[test]
fn the_victims_stream_is_cut_until_it_is_restored() {
    let mut mesh = Mesh::of(4, CLEAN, 21);
    mesh.pass(SECOND);
    let mut forged = say(&mut imitation(&mesh, 1, 3, 0), b"send the money", mesh.now);
    mesh.open(2, &mut forged);
    mesh.pass(SECOND);
    assert_eq!(mesh.groups[&2].flow(1), Some(Flow::Cut));
    mesh.heard.clear();
    mesh.pass(SECOND);
    assert_eq!(mesh.count(2, 1), 0);
    assert!(mesh.groups.get_mut(&2).unwrap().restore(1));
    mesh.pass(SECOND);
    assert!(mesh.count(2, 1) > 45);
    assert!(!mesh.groups.get_mut(&2).unwrap().restore(7), "nobody is 7");
}

#[test]
fn words_in_the_name_of_a_silent_member_are_noticed_and_it_is_heard_when_it_speaks() {
    let mut mesh = Mesh::of(4, CLEAN, 22);
    mesh.silent.push(1);
    mesh.pass(2 * SECOND);
    assert!(warned(&mesh).is_none(), "silence is no crime");
    let mut liar = imitation(&mesh, 1, 3, 0);
    let at = mesh.now;
    for _ in 0..10 {
        let mut forged = say(&mut liar, b"I am one", mesh.now);
        mesh.open(2, &mut forged);
        mesh.pass(Duration::from_millis(20));
    }
    mesh.pass(SECOND);
    let when = warned(&mesh).unwrap();
    assert!(when.saturating_since(at) <= PROOF_DEADLINE + Duration::from_millis(10));
    assert_eq!(mesh.groups[&2].flow(1), Some(Flow::Held));
    let mut more = say(&mut liar, b"more of it", mesh.now);
    mesh.heard.clear();
    mesh.open(2, &mut more);
    assert_eq!(mesh.count(2, 1), 0, "what is held is not played");
    mesh.silent.clear();
    mesh.pass(SECOND);
    assert_eq!(mesh.groups[&2].flow(1), Some(Flow::Open));
    assert!(mesh.count(2, 1) > 20, "the true member is heard once it has proven itself");
}

#[test]
fn no_member_can_lead_the_numbers_or_the_keys_of_another_astray() {
    let mut mesh = Mesh::of(4, CLEAN, 23);
    mesh.pass(SECOND);
    // Far ahead: refused. Near ahead, under later keys: played, and the victim is heard all the same.
    let far = say(&mut imitation(&mesh, 1, 3, 300), b"far ahead", mesh.now);
    let group = mesh.groups.get_mut(&2).unwrap();
    assert_eq!(group.open(person(1), &mut far.clone(), mesh.now), Err(Refused::OutOfRange));
    for steps in 1..=3 {
        let mut liar = imitation(&mesh, 1, 3, 200 + steps);
        for _ in 0..steps {
            liar.install(liar.secret().next().unwrap());
        }
        let mut forged = say(&mut liar, b"in a later epoch", mesh.now);
        mesh.open(2, &mut forged);
    }
    mesh.heard.clear();
    mesh.pass(SECOND / 2);
    assert!(mesh.count(2, 1) >= 24, "the victim is heard");
    mesh.pass(SECOND);
    assert!(warned(&mesh).is_some());
}

#[test]
fn a_proof_that_a_member_made_is_no_proof() {
    let mut mesh = Mesh::of(4, CLEAN, 24);
    mesh.pass(SECOND);
    let mut liar = imitation(&mesh, 1, 3, 0);
    let mut forged = say(&mut liar, b"send the money", mesh.now);
    let mut proof = [0; MAX_PROOF_LEN];
    let sealed = liar.pull(&mut proof, mesh.now + PROOF_INTERVAL).unwrap();
    mesh.open(2, &mut forged);
    let group = mesh.groups.get_mut(&2).unwrap();
    assert_eq!(group.open(person(1), &mut proof[..sealed.len], mesh.now), Err(Refused::BadProof));
    assert_eq!(group.listener(1).unwrap().counters().impersonated, 1);
    mesh.pass(SECOND);
    assert!(warned(&mesh).is_some());
}

#[test]
fn a_packet_that_came_by_another_path_than_that_of_the_member_it_names_is_refused() {
    let mut mesh = Mesh::of(4, CLEAN, 25);
    mesh.pass(SECOND);
    let forged = say(&mut imitation(&mesh, 1, 3, 0), b"send the money", mesh.now);
    let group = mesh.groups.get_mut(&2).unwrap();
    let before = *group.listener(1).unwrap().counters();
    for from in [0, 3, 7] {
        assert_eq!(group.open(person(from), &mut forged.clone(), mesh.now), Err(Refused::OtherPath));
    }
    assert_eq!(*group.listener(1).unwrap().counters(), before);
    mesh.pass(2 * SECOND);
    assert!(warned(&mesh).is_none(), "nothing was played");
    assert_eq!(mesh.groups[&2].flow(1), Some(Flow::Open), "and no member can mute another");
}

#[test]
fn a_key_that_a_removed_member_knows_opens_nothing_after_three_seconds_though_the_timer_is_late() {
    let mut mesh = Mesh::of(4, CLEAN, 26);
    mesh.pass(SECOND);
    mesh.remove(3);
    mesh.pass(SECOND / 10);
    let mut liar = imitation(&mesh, 1, 3, 0);
    let forged = [0, 1].map(|_| say(&mut liar, b"I am one", mesh.now));
    let now = mesh.now;
    let group = mesh.groups.get_mut(&2).unwrap();
    assert!(group.roster().member(3).is_none(), "it has learnt of the removal");
    assert!(group.open(person(1), &mut forged[0].clone(), now).is_ok(), "what was under way is heard");
    // The machine sleeps: nobody calls its timer.
    let later = now + OLD_KEY_LIFE;
    assert_eq!(group.open(person(1), &mut forged[1].clone(), later), Err(Refused::NoKey));
}

#[test]
fn honest_members_are_never_accused() {
    for seed in 0..2 {
        let network = Network { packet_loss: 0.02, ..BAD };
        let mut mesh = Mesh::of(4, network, 30 + seed);
        mesh.pass(20 * SECOND);
        let accused = mesh
            .events
            .iter()
            .filter(|(.., event)| matches!(event, Event::Notice { notice: Notice::Impersonated { .. }, .. }));
        assert_eq!(accused.count(), 0);
    }
}
