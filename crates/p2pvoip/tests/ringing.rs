//! When a call rings: not for an offer alone, and not so that strangers keep friends out.
#![expect(clippy::unwrap_used, reason = "a story that goes wrong fails its test")]

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::signal::ENVELOPE_LEN;
use p2pvoip::{CallState, Codec};
use p2pvoip_core::Seed;
use p2pvoip_sim::topology;
use story::{Counting, Deed, Story};

fn story() -> Story {
    let seed = Seed::from_u64(71);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    Story::new(topology::both_public(&seed), &codec, &seed)
}

/// Whether an envelope has come to the callee.
fn has_an_envelope(story: &mut Story) -> bool {
    let tape = story.person_mut(story.b, |person, _| person.tape.clone()).unwrap();
    tape.iter().any(|(_, deed)| matches!(deed, Deed::Frame(_, bytes) if bytes.len() > ENVELOPE_LEN))
}

#[test]
fn an_offer_whose_caller_does_not_write_again_never_rings() {
    let mut story = story();
    story.dial();
    while !has_an_envelope(&mut story) {
        story.world.run_for(Duration::from_millis(1));
    }
    // As if somebody had sent a copy of an old offer, or one in another's name: the answer is of no use to him.
    story.world.uninstall(story.a);
    story.world.run_for(Duration::from_secs(40));
    let callee = story.person(story.b);
    assert_eq!((callee.call, callee.state, callee.finished), (None, None, false));
}

#[test]
fn a_caller_who_writes_rings_with_all_that_was_told_before() {
    let mut story = story();
    story.person_mut(story.b, |person, _| person.answers = false);
    story.dial();
    story.world.run_for(Duration::from_secs(2));
    let callee = story.person(story.b);
    assert_eq!(callee.state, Some(CallState::Ringing));
    assert!(callee.encrypted && !callee.trust.is_empty() && callee.sas.is_some());
}
