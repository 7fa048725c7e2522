//! Coming, going, and keys that change.

use std::time::Duration;

use p2pvoip_core::{Instant, Machine, Seed};
use p2pvoip_crypto::Aead;
use p2pvoip_crypto::group::{
    Event, Group, Input, MAX_MEMBERS, MembershipError, Message, MessageError, OLD_KEY_LIFE, STEP_INTERVAL,
    SWITCH_DEADLINE,
};

use crate::mesh::{BAD, CLEAN, Mesh, person};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn eight_hear_one_another_and_a_ninth_does_not_come_in() {
    let mut mesh = Mesh::of(MAX_MEMBERS, CLEAN, 1);
    mesh.heard.clear();
    mesh.pass(SECOND);
    for to in 0..8 {
        for sender in (0..8).filter(|sender| usize::from(*sender) != to) {
            assert!(mesh.count(to, sender) >= 49, "{to} hears {sender}");
        }
    }
    let now = mesh.now;
    assert_eq!(mesh.founder().admit(person(8), now), Err(MembershipError::TooMany));
    assert_eq!(mesh.founder().admit(person(3), now), Err(MembershipError::Already));
}

#[test]
fn only_the_founder_changes_who_is_in() {
    let mut mesh = Mesh::of(3, CLEAN, 2);
    let now = mesh.now;
    let member = mesh.groups.get_mut(&1).unwrap();
    assert_eq!(member.admit(person(5), now), Err(MembershipError::NotFounder));
    assert_eq!(member.remove(2, now), Err(MembershipError::NotFounder));
    assert_eq!(mesh.founder().remove(0, now), Err(MembershipError::Founder));
    assert_eq!(mesh.founder().remove(7, now), Err(MembershipError::Unknown));
}

#[test]
fn whoever_comes_in_opens_nothing_from_before() {
    for network in [CLEAN, BAD] {
        let mut mesh = Mesh::of(4, network, 3);
        let admitted = mesh.now;
        mesh.admit(4);
        mesh.pass(3 * SECOND);
        for sender in 0..4 {
            assert!(mesh.count(4, sender) > 50, "the newcomer hears {sender}");
        }
        mesh.heard.clear();
        let before: Vec<_> = mesh.captured.iter().filter(|packet| packet.at < admitted).cloned().collect();
        assert!(before.len() > 100);
        for mut packet in before {
            mesh.open(4, &mut packet.bytes);
        }
        assert!((0..4).all(|sender| mesh.count(4, sender) == 0));
    }
}

#[test]
fn whoever_is_removed_opens_nothing_after_three_seconds_though_messages_are_lost() {
    for seed in 0..2 {
        let mut mesh = Mesh::of(8, BAD, 100 + seed);
        mesh.pass(2 * SECOND);
        mesh.heard.clear();
        let removed = mesh.now;
        // The one who is removed keeps its keys and listens on.
        mesh.deaf.push(5);
        mesh.remove(5);
        mesh.pass(8 * SECOND);
        let lately =
            mesh.captured.iter().filter(|packet| packet.at >= removed + OLD_KEY_LIFE && packet.from != 5);
        let lately: Vec<_> = lately.cloned().collect();
        assert!(lately.len() > 7 * 200);
        mesh.heard.clear();
        for mut packet in lately {
            mesh.open(5, &mut packet.bytes);
        }
        assert!((0..8).all(|sender| mesh.count(5, sender) == 0), "seed {seed}");
        // All others go on.
        mesh.heard.clear();
        mesh.pass(SECOND);
        for to in (0..8).filter(|to| *to != 5) {
            for sender in (0..8).filter(|sender| *sender != 5 && usize::from(*sender) != to) {
                // Of 50, less what is lost, and what is held where three proofs in a row were.
                assert!(mesh.count(to, sender) > 15, "{to} hears {sender}");
            }
            assert_eq!(mesh.count(to, 5), 0, "nobody hears who is out");
        }
    }
}

#[test]
fn nobody_misses_a_word_while_a_member_is_removed_from_a_clean_network() {
    let mut mesh = Mesh::of(4, CLEAN, 4);
    mesh.heard.clear();
    mesh.remove(3);
    mesh.pass(4 * SECOND);
    for to in 0..3 {
        for sender in (0..3).filter(|sender| usize::from(*sender) != to) {
            assert!(mesh.count(to, sender) >= 198, "{to} hears {sender}: {}", mesh.count(to, sender));
        }
    }
}

#[test]
fn the_removed_is_told_and_can_come_back_under_the_same_number() {
    let mut mesh = Mesh::of(4, CLEAN, 5);
    mesh.remove(2);
    mesh.pass(SECOND);
    let (now, roster) = (mesh.now, mesh.groups[&2].roster().clone());
    assert!(mesh.told(1, |event| matches!(event, Event::Left(member) if member.number == 2)).is_some());
    // It was no longer in what it could have been told, so that it learns by silence alone.
    assert!(roster.member(2).is_some());
    mesh.groups.remove(&2);
    mesh.admit(2);
    mesh.pass(2 * SECOND);
    assert_eq!(mesh.groups[&2].me().number, 2);
    assert!(mesh.groups[&2].me().since > roster.sequence());
    mesh.heard.clear();
    mesh.pass(SECOND);
    assert!(mesh.count(0, 2) > 45 && mesh.count(2, 0) > 45, "at {now:?}");
}

#[test]
fn a_new_key_that_is_due_is_sealed_with_though_the_timer_is_late() {
    let now = Instant::from_millis(1_000);
    let mut group = Group::found(person(0), Aead::Aes256Gcm, &Seed::from_u64(1), now);
    group.admit(person(1), now).unwrap();
    let _ = crate::laws::messages(&mut group, person(1));
    let removed = group.admit(person(2), now).unwrap();
    let _ = crate::laws::messages(&mut group, person(1));
    group.remove(removed, now).unwrap();
    let _ = crate::laws::messages(&mut group, person(1));
    let before = group.epoch();
    let mut say = |at| {
        let _ = group.seal(&mut [7; 60], 40, at).unwrap();
        group.epoch()
    };
    assert_eq!(say(now + SWITCH_DEADLINE - Duration::from_millis(1)), before, "nobody has the new one yet");
    assert_eq!(say(now + SWITCH_DEADLINE), before + 1);
}

#[test]
fn fresh_chance_makes_the_key_after_a_removal_one_that_nobody_could_foretell() {
    let now = Instant::from_millis(1_000);
    let key_after_a_removal = |fresh: Option<[u8; 32]>| {
        let mut group = Group::found(person(0), Aead::Aes256Gcm, &Seed::from_u64(1), now);
        group.admit(person(1), now).unwrap();
        let _ = crate::laws::messages(&mut group, person(1));
        let removed = group.admit(person(2), now).unwrap();
        let _ = crate::laws::messages(&mut group, person(1));
        if let Some(fresh) = fresh {
            group.stir(&fresh);
        }
        group.remove(removed, now).unwrap();
        let told = crate::laws::messages(&mut group, person(1));
        let Message::Key { secret, .. } = Message::parse(told.last().unwrap()).unwrap() else { panic!() };
        *secret.expose()
    };
    assert_eq!(key_after_a_removal(None), key_after_a_removal(None), "who has read the memory can draw it");
    assert_ne!(key_after_a_removal(None), key_after_a_removal(Some([1; 32])));
    assert_ne!(key_after_a_removal(Some([2; 32])), key_after_a_removal(Some([1; 32])));
}

#[test]
fn who_leaves_is_removed_by_the_founder() {
    let mut mesh = Mesh::of(4, CLEAN, 6);
    let now = mesh.now;
    mesh.groups.get_mut(&1).unwrap().leave(now).unwrap();
    mesh.drain(1);
    mesh.pass(SECOND);
    assert!(mesh.groups[&1].is_over());
    for index in [0, 2, 3] {
        assert!(mesh.told(index, |event| *event == Event::Leaving { number: 1 }).is_some());
        assert!(mesh.groups[&index].roster().member(1).is_none());
    }
    assert_eq!(mesh.groups.get_mut(&1).unwrap().leave(now), Err(MembershipError::Over));
}

#[test]
fn keys_are_ratcheted_every_minute_and_no_packet_is_lost_by_it() {
    let mut mesh = Mesh::of(3, CLEAN, 7);
    let before: Vec<u32> = mesh.groups.values().map(Group::epoch).collect();
    mesh.heard.clear();
    mesh.pass(3 * STEP_INTERVAL + SECOND);
    for (index, group) in &mesh.groups {
        assert_eq!(group.epoch(), before[*index] + 3);
    }
    for to in 0..3 {
        for sender in (0..3).filter(|sender| usize::from(*sender) != to) {
            assert!(mesh.count(to, sender) >= 181 * 50 - 2, "{to} hears {sender}");
        }
    }
    assert!(mesh.events.iter().all(|(.., event)| !matches!(event, Event::Notice { .. })));
}

#[test]
fn a_group_that_was_split_agrees_again() {
    let mut mesh = Mesh::of(6, CLEAN, 8);
    for a in 0..3 {
        mesh.cut.extend((3..6).map(|b| (a, b)));
    }
    mesh.cut.extend((3..6).map(|b| (b, 6)));
    mesh.remove(2);
    mesh.admit(6);
    mesh.pass(10 * SECOND);
    assert!(mesh.groups[&4].roster().sequence() < mesh.groups[&0].roster().sequence());
    mesh.cut.clear();
    mesh.pass(5 * SECOND);
    mesh.heard.clear();
    mesh.pass(SECOND);
    let members = [0, 1, 3, 4, 5, 6];
    for to in members {
        assert_eq!(mesh.groups[&to].roster(), mesh.groups[&0].roster());
        let numbers = mesh.groups[&to].roster().members().iter().map(|member| member.number);
        for number in numbers.filter(|number| *number != mesh.groups[&to].me().number) {
            assert!(mesh.count(to, number) > 45, "{to} hears {number}");
        }
    }
}

#[test]
fn a_change_reaches_those_whom_the_founder_cannot_reach() {
    let mut mesh = Mesh::of(5, CLEAN, 9);
    mesh.cut.push((0, 4));
    mesh.remove(1);
    mesh.pass(SECOND);
    assert!(mesh.groups[&4].roster().member(1).is_none(), "the others have passed it on");
}

#[test]
fn a_founder_who_says_different_things_to_different_members_is_found_out() {
    let now = Instant::from_millis(1_000);
    let twins = || Group::found(person(0), Aead::Aes256Gcm, &Seed::from_u64(9), now);
    let (mut one, mut two) = (twins(), twins());
    for founder in [&mut one, &mut two] {
        founder.admit(person(1), now).unwrap();
        founder.admit(person(2), now).unwrap();
    }
    one.admit(person(3), now).unwrap();
    two.admit(person(4), now).unwrap();
    let invitation = |founder: &mut Group, to: usize| {
        let messages = crate::laws::messages(founder, person(to));
        messages.last().unwrap().clone()
    };
    let join = |founder: &mut Group, to: usize| {
        let bytes = invitation(founder, to);
        let input = Input { from: person(0), message: &bytes };
        Group::join(person(to), input, &Seed::from_u64(to as u64), now).unwrap()
    };
    let (mut bob, mut carol) = (join(&mut one, 1), join(&mut two, 2));
    let told = crate::laws::messages(&mut bob, person(2));
    carol.handle_input(Input { from: person(1), message: told.last().unwrap() }, now).unwrap();
    assert!(crate::laws::events(&mut carol).contains(&Event::Disagreement { number: 1 }));
}

#[test]
fn strangers_forged_rosters_and_other_keys_are_refused() {
    let mut mesh = Mesh::of(3, CLEAN, 10);
    let now = mesh.now;
    let key = mesh
        .said
        .iter()
        .rev()
        .find(|(from, to, message)| (*from, *to) == (1, 2) && matches!(message, Message::Key { .. }));
    let Some((.., Message::Key { roster, sender, secret, next, verifying })) = key.cloned() else { panic!() };
    let carol = mesh.groups.get_mut(&2).unwrap();
    let mut refused = |from: usize, message: &Message| {
        carol.handle_input(Input { from: person(from), message: &message.emit() }, now).unwrap_err()
    };
    let good = Message::Key { roster: roster.clone(), sender, secret: secret.clone(), next, verifying };
    assert_eq!(refused(7, &good), MessageError::Stranger);
    assert_eq!(refused(0, &good), MessageError::Stranger, "the founder is not number 1");
    let other = Message::Key { roster: roster.clone(), sender, secret, next, verifying: [9; 32] };
    assert_eq!(refused(1, &other), MessageError::Inconsistent);
    let mut bytes = roster.emit();
    bytes[18] ^= 1;
    let forged = p2pvoip_crypto::group::Roster::parse(&bytes).unwrap();
    let Message::Key { secret, .. } = good else { panic!() };
    let forged = Message::Key { roster: forged, sender, secret, next, verifying };
    assert_eq!(refused(1, &forged), MessageError::BadRoster);
}
