//! Fresh keys in mid-call: nobody hears that they are agreed, and no packet is lost by it.

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_sim::{LinkConfig, Loss, topology};
use story::{Counting, Outcome, Story};

/// The first offer comes after two minutes, and is answered within half a minute.
const TALK: Duration = Duration::from_secs(150);

fn talk(link: &LinkConfig) -> Story {
    let seed = Seed::from_u64(51);
    let side = || topology::Side::public().with_links(link.clone(), LinkConfig::delay(Duration::ZERO));
    let codec = Arc::new(Counting) as Arc<dyn p2pvoip::Codec>;
    let mut story = Story::new(topology::two_sides(&seed, side(), side()), &codec, &seed).untaped();
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
