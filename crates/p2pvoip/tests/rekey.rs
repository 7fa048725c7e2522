//! Fresh keys in mid-call: nobody hears that they are agreed, and no packet is lost by it.

mod story;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::media::LADDER;
use p2pvoip_core::{Bitrate, Seed};
use p2pvoip_sim::{LinkConfig, Loss, Tap, topology};
use story::{Counting, Outcome, Story};

/// The first offer comes after two minutes, and is answered within half a minute.
const TALK: Duration = Duration::from_secs(150);

/// Bytes of a packet beside the codec's: chunk header 5, seal 19, room for feedback and control 20 (docs/spec/media.md, crypto.md).
const BESIDE: usize = 44;

fn story(link: &LinkConfig) -> Story {
    let seed = Seed::from_u64(51);
    let side = || topology::Side::public().with_links(link.clone(), LinkConfig::delay(Duration::ZERO));
    let codec = Arc::new(Counting) as Arc<dyn p2pvoip::Codec>;
    Story::new(topology::two_sides(&seed, side(), side()), &codec, &seed).untaped()
}

fn talk(link: &LinkConfig) -> Story {
    let mut story = story(link);
    assert_eq!(story.call(TALK).0, Outcome::Talked);
    story
}

#[test]
fn both_sides_use_fresh_keys_after_two_minutes_and_lose_nothing() {
    let story = talk(&LinkConfig::delay(Duration::from_millis(20)));
    for host in [story.a, story.b] {
        let person = story.person(host);
        assert_eq!(person.rekeys, 1);
        let stats = person.stats.as_ref().unwrap();
        assert_eq!((stats.inbound.packets_lost, stats.refused.unauthenticated), (0, 0));
        assert!(person.heard.concealed < 5, "{:?}", person.heard);
    }
}

#[test]
fn fresh_chance_every_30_seconds_disturbs_neither_the_call_nor_its_fresh_keys() {
    let mut story = story(&LinkConfig::delay(Duration::from_millis(20)));
    assert_eq!(story.call(Duration::from_secs(15)).0, Outcome::Talked);
    for round in 1..=5 {
        for (host, side) in [(story.a, 0), (story.b, 100)] {
            story.person_mut(host, |person, _| person.stir(&[side + round; 32]));
        }
        story.world.run_for(Duration::from_secs(30));
    }
    for host in [story.a, story.b] {
        let person = story.person(host);
        assert_eq!((person.rekeys, person.end()), (1, None));
        let stats = person.stats.as_ref().unwrap();
        assert_eq!((stats.inbound.packets_lost, stats.refused.unauthenticated), (0, 0));
    }
}

#[test]
fn loss_and_jitter_delay_fresh_keys_and_forge_nothing() {
    let link = LinkConfig {
        loss: Loss::Independent(0.1),
        jitter: Duration::from_millis(200),
        reorders: true,
        ..LinkConfig::delay(Duration::from_millis(20))
    };
    let story = talk(&link);
    for host in [story.a, story.b] {
        let person = story.person(host);
        assert_eq!(person.rekeys, 1);
        assert_eq!(person.stats.as_ref().unwrap().refused.unauthenticated, 0);
    }
}

#[test]
fn no_packet_is_sent_for_fresh_keys_and_none_is_larger() {
    // A link so narrow that a packet lasts 60 ms: the slots of a second are few.
    let mut story = story(&LinkConfig {
        rate: Some(Bitrate::from_kbps(22)),
        ..LinkConfig::delay(Duration::from_millis(20))
    });
    let (a, seen) = (story.a, Rc::new(RefCell::new(Vec::new())));
    let counted = Rc::clone(&seen);
    story.world.tap(move |datagram| {
        if datagram.host == a && datagram.bytes[0] >= 192 {
            // A twin leaves at the moment of its first and is sent for the rate's sake.
            let mut counted = counted.borrow_mut();
            let packet = (datagram.now, datagram.bytes.len());
            if counted.last() != Some(&packet) {
                counted.push(packet);
            }
        }
        Tap::Pass
    });
    assert_eq!(story.call(Duration::from_secs(90)).0, Outcome::Talked);
    let window = |story: &mut Story| {
        seen.borrow_mut().clear();
        story.world.run_for(Duration::from_secs(25));
        let sizes = seen.take();
        (sizes.len(), sizes)
    };
    let before = window(&mut story);
    story.world.run_for(Duration::from_secs(5));
    let during = window(&mut story);
    assert_eq!(story.person(story.a).rekeys, 1);
    assert_eq!(story.person(story.a).stats.as_ref().unwrap().outbound.ptime, Duration::from_millis(60));
    assert!(before.0.abs_diff(during.0) <= 3, "{} packets, then {}", before.0, during.0);
    // What rides along finds room: a size is that of a rung, whichever the rate allows at the moment.
    let alien = during.1.iter().find(|(_, size)| LADDER.iter().all(|rung| rung.payload + BESIDE != *size));
    assert_eq!(alien, None, "no rung makes a packet of this size");
}
