//! The laws of machines, and the limits of the group's outbox.

use std::time::Duration;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_crypto::group::{Event, Group, Input, MAX_PROOF_LEN, MembershipError, MessageError, To};
use p2pvoip_crypto::{Aead, Fingerprint};
use p2pvoip_sim::laws::{Laws, START, Seen, SeenOf};

use crate::mesh::person;

/// All that a group has to say to one member; the rest is dropped.
pub(crate) fn messages(group: &mut Group, to: Fingerprint) -> Vec<Vec<u8>> {
    let (mut buf, mut messages) = ([0; MAX_PROOF_LEN], Vec::new());
    loop {
        match group.poll_output(&mut buf) {
            Output::Transmit { to: whom, len } if whom == To::Member(to) => {
                messages.push(buf[..len].to_vec());
            }
            Output::Transmit { .. } | Output::Event(_) => {}
            Output::Wait(_) => return messages,
        }
    }
}

/// All events of a group; the rest is dropped.
pub(crate) fn events(group: &mut Group) -> Vec<Event> {
    let (mut buf, mut events) = ([0; MAX_PROOF_LEN], Vec::new());
    loop {
        match group.poll_output(&mut buf) {
            Output::Event(event) => events.push(event),
            Output::Transmit { .. } => {}
            Output::Wait(_) => return events,
        }
    }
}

fn founder(now: Instant) -> Group {
    Group::found(person(0), Aead::Aes256Gcm, &Seed::from_u64(1), now)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the harness asks so")]
fn is_full(error: &MessageError) -> bool {
    matches!(error, MessageError::Busy(_))
}

/// What person 1 answers to its invitation: a key, and a receipt.
fn answers(seen: &[SeenOf<Group>]) -> Vec<Vec<u8>> {
    let invitation = seen.iter().rev().find_map(|seen| match seen {
        Seen::Transmit { to: To::Member(to), bytes } if *to == person(1) => Some(bytes.clone()),
        Seen::Transmit { .. } | Seen::Event(_) => None,
    });
    let input = invitation.unwrap();
    let mut bob =
        Group::join(person(1), Input { from: person(0), message: &input }, &Seed::from_u64(2), START)
            .unwrap();
    messages(&mut bob, person(0))
}

fn lend(bytes: &Vec<u8>) -> Input<'_> {
    Input { from: person(1), message: bytes }
}

fn say(group: &mut Group, now: Instant) {
    let mut buf = [7; 100];
    let _ = group.seal(&mut buf, 40, now).unwrap();
}

#[test]
fn a_group_keeps_the_laws_of_machines() {
    let seen = Laws::new(founder)
        .full_when(is_full)
        .command("admit", |group: &mut Group, now| Verdict(group.admit(person(1), now).map(drop)))
        .reply("the newcomer's receipt", |seen| answers(seen).into_iter().next(), lend)
        .reply("the newcomer's key", |seen| answers(seen).into_iter().nth(1), lend)
        .command("speak", say)
        .wait(Duration::from_secs(1))
        .command("admit another, who is silent", |group: &mut Group, now| {
            Verdict(group.admit(person(2), now).map(drop))
        })
        .wait(Duration::from_secs(5))
        .command("remove", |group: &mut Group, now| Verdict(group.remove(1, now)))
        .refused_command("remove again", |group: &mut Group, now| Verdict(group.remove(1, now)))
        .command("speak on", say)
        .wait(Duration::from_secs(70))
        .hostile_input("garbage", vec![1_u8; 50], lend)
        .hostile_input("nothing", Vec::new(), lend)
        .command("leave", |group: &mut Group, now| Verdict(group.leave(now)))
        .refused_command("leave again", |group: &mut Group, now| Verdict(group.leave(now)))
        .wait(Duration::from_secs(5))
        .check();
    assert!(seen.len() > 40, "{}", seen.len());
}

/// What the owner was answered.
struct Verdict(Result<(), MembershipError>);

impl From<Verdict> for p2pvoip_sim::laws::Verdict {
    fn from(verdict: Verdict) -> Self {
        Self::of(&verdict.0, |error| matches!(error, MembershipError::Busy(_)))
    }
}

#[test]
fn an_outbox_without_room_refuses_and_nothing_is_lost() {
    let now = START;
    let mut group = founder(now);
    let mut admitted = 0;
    while group.admit(person(1 + admitted), now).is_ok() {
        admitted += 1;
    }
    assert!(matches!(group.admit(person(20), now), Err(MembershipError::Busy(_))));
    assert!((1..8).contains(&admitted));
    let joined = events(&mut group).into_iter().filter(|event| matches!(event, Event::Joined(_)));
    assert_eq!(joined.count(), admitted);
    assert!(group.admit(person(20), now).is_ok());
}
