//! Stories of whole calls over simulated networks.

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::{Codec, EndReason};
use p2pvoip_core::Seed;
use p2pvoip_sim::topology;
use story::{Counting, Outcome, Story};

fn codec() -> Arc<dyn Codec> {
    Arc::new(Counting)
}

fn public(seed: u64) -> Story {
    let seed = Seed::from_u64(seed);
    Story::new(topology::both_public(&seed), &codec(), &seed)
}

#[test]
fn two_people_on_the_public_network_hear_each_other() {
    let mut story = public(1);
    let (outcome, after) = story.call(Duration::from_secs(5));
    assert_eq!(outcome, Outcome::Talked);
    assert!(after.unwrap() < Duration::from_secs(2), "{after:?}");
    for host in [story.a, story.b] {
        let person = story.person(host);
        assert!(person.encrypted);
        assert!(person.heard.spoken > 470, "{:?}", person.heard);
        assert!(person.heard.concealed < 5, "{:?}", person.heard);
    }
}

#[test]
fn hanging_up_is_heard_at_the_other_end_at_once() {
    let mut story = public(2);
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_millis(100));
    assert_eq!(story.ends(), (Some(EndReason::HungUp), Some(EndReason::PeerHungUp)));
    story.world.run_for(Duration::from_secs(3));
    assert!(story.person(story.a).finished && story.person(story.b).finished);
}
