//! What comes from the network is hostile: it is dropped and counted, and the call goes on as if it had not come.
#![expect(clippy::unwrap_used, reason = "a story that goes wrong fails its test")]

mod story;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::Codec;
use p2pvoip::engine::{Input, Refused};
use p2pvoip_core::{Ecn, Rng, Seed};
use p2pvoip_sim::{Tap, topology};
use story::{Counting, Outcome, Story};

type Captured = Vec<(SocketAddr, SocketAddr, Vec<u8>)>;

/// A call that has run for a second, and every datagram that the other side sent until then.
fn talking(seed: u64) -> (Story, Captured) {
    let seed = Seed::from_u64(seed);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let mut story = Story::new(topology::both_public(&seed), &codec, &seed).untaped();
    let (b, captured) = (story.b, Rc::new(RefCell::new(Captured::new())));
    let seen = Rc::clone(&captured);
    story.world.tap(move |datagram| {
        if datagram.host == b {
            seen.borrow_mut().push((datagram.from, datagram.to, datagram.bytes.clone()));
        }
        Tap::Pass
    });
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    let captured = captured.borrow().clone();
    // Until the last of them has arrived: before, its copy would be the first to come.
    story.world.run_for(Duration::from_millis(200));
    (story, captured)
}

/// Ways to spoil a datagram.
fn spoil(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
    let mut spoilt = bytes.to_vec();
    match rng.below(4) {
        0 => spoilt[at] ^= 1 << rng.below(8),
        1 => spoilt.truncate(at),
        2 => spoilt.push(0),
        _ => rng.fill(&mut spoilt),
    }
    spoilt
}

#[test]
fn forged_replayed_and_broken_datagrams_change_nothing() {
    let (mut story, captured) = talking(21);
    let mut rng = Seed::from_u64(22).rng();
    let before = *story.person(story.a).stats.as_deref().unwrap();
    let own = captured.iter().find(|(_, _, bytes)| bytes[0] >= 192).unwrap().1.ip();
    let mut accepted = 0;
    for round in 0..20_000 {
        let (from, to, bytes) = &captured[round % captured.len()];
        if to.ip() != own {
            continue;
        }
        // A sealed packet itself again, or any datagram spoilt; from its sender or from a stranger. (A STUN request that
        // comes again between the same addresses is a retransmission, and answered.)
        let bytes = if round % 5 == 0 && bytes[0] >= 192 { bytes.clone() } else { spoil(bytes, &mut rng) };
        let remote = if round % 3 == 0 { "203.0.113.66:666".parse().unwrap() } else { *from };
        let result = story.person_mut(story.a, |person, now| person.offer(*to, remote, &bytes, now));
        accepted += u64::from(result.is_ok());
        assert_ne!(result, Err(Refused::Full));
    }
    assert_eq!(accepted, 0, "a datagram that was not new and whole was taken");
    story.world.run_for(Duration::from_secs(2));
    let (after, heard) = (*story.person(story.a).stats.as_deref().unwrap(), story.person(story.a).heard);
    assert_eq!(story.ends(), (None, None));
    assert!(after.refused.total() > before.refused.total() + 5_000, "{:?}", after.refused);
    // One in three came from a stranger; those that are told apart are those whose seal is wrong.
    assert!(
        after.refused.unknown_source > 500 && after.refused.unauthenticated > 1_000,
        "{:?}",
        after.refused
    );
    assert!(after.inbound.packets_received - before.inbound.packets_received > 90);
    assert!(heard.concealed < 5, "{heard:?}");
}

#[test]
fn a_server_that_talks_nonsense_harms_no_call() {
    let (mut story, _) = talking(23);
    let mut rng = Seed::from_u64(24).rng();
    for _ in 0..2_000 {
        let len = usize::try_from(rng.below(200)).unwrap();
        let mut frame = vec![0; len];
        rng.fill(&mut frame);
        story.person_mut(story.a, |person, now| person.server_says(&frame, now));
    }
    story.world.run_for(Duration::from_secs(1));
    assert_eq!(story.ends(), (None, None));
}

#[test]
fn an_input_for_a_call_that_is_gone_is_refused() {
    let (mut story, captured) = talking(25);
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_secs(5));
    let (from, to, bytes) = captured[0].clone();
    let result = story.person_mut(story.a, |person, now| {
        let call = person.call.unwrap();
        person.input(
            Input::Datagram { call, local: to, remote: from, arrival: Ecn::NotEct.into(), bytes: &bytes },
            now,
        )
    });
    assert_eq!(result, Err(Refused::Gone));
}
