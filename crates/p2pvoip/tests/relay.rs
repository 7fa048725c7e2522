//! Calls through a relay: where no direct path works, for whom shows no address, and in spite of loss.

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::{Codec, EndReason, RouteKind};
use p2pvoip_core::Seed;
use p2pvoip_sim::{Cut, Filtering, Mapping, NatConfig, PortAllocation, sweep, topology};
use story::{Counting, Outcome, Relays, Story};

/// The NAT that no hole can be punched in without guessing.
fn symmetric() -> NatConfig {
    let filtering = Filtering::AddressAndPortDependent;
    NatConfig::new(Mapping::AddressAndPortDependent, filtering, PortAllocation::Random)
}

fn between_symmetric_nats(relays: Relays) -> Story {
    let seed = Seed::from_u64(51);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let topology = topology::nat_to_nat(&seed, symmetric(), symmetric());
    Story::with_relays(topology, &codec, &seed, relays).untaped()
}

#[test]
fn two_people_behind_symmetric_nats_hear_each_other_through_the_relay() {
    assert_eq!(between_symmetric_nats(Relays::None).call(Duration::ZERO).0, Outcome::Failed("no-path"));
    let mut story = between_symmetric_nats(Relays::Fallback);
    let (outcome, after) = story.call(Duration::from_secs(5));
    assert_eq!(outcome, Outcome::Talked);
    assert!(after.unwrap() < Duration::from_secs(2), "{after:?}");
    for host in [story.a, story.b] {
        let person = story.person(host);
        assert_eq!(person.paths.last(), Some(&RouteKind::Relayed));
        assert!(person.heard.spoken > 470 && person.heard.concealed < 10, "{:?}", person.heard);
    }
    // Media passes the relay, not checks alone.
    assert!(story.relay(|relay| relay.passed_on) > 400);
}

#[test]
fn the_relay_is_given_back_when_the_call_is_over() {
    let mut story = between_symmetric_nats(Relays::Fallback);
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    assert_eq!(story.relay(|relay| relay.allocations()), 2);
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_secs(3));
    assert_eq!(story.ends(), (Some(EndReason::HungUp), Some(EndReason::PeerHungUp)));
    assert!(story.person(story.a).finished && story.person(story.b).finished);
    assert_eq!(story.relay(|relay| relay.allocations()), 0);
}

#[test]
fn who_talks_through_relays_alone_shows_the_peer_no_address() {
    let seed = Seed::from_u64(52);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let mut story = Story::with_relays(topology::both_public(&seed), &codec, &seed, Relays::Only);
    let (a, b) = (story.person(story.a).address(), story.person(story.b).address());
    story.world.set_trace_len(100_000);
    assert_eq!(story.call(Duration::from_secs(2)).0, Outcome::Talked);
    assert_eq!(story.person(story.a).paths, [RouteKind::Relayed]);
    for traced in story.world.trace() {
        let ends = [traced.from.ip(), traced.to.ip()];
        assert!(!(ends.contains(&a) && ends.contains(&b)), "{traced:?}");
    }
}

#[test]
fn a_call_between_homes_is_direct_in_spite_of_a_relay() {
    let seed = Seed::from_u64(53);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let topology = topology::nat_to_nat(&seed, NatConfig::default(), NatConfig::default());
    let mut story = Story::with_relays(topology, &codec, &seed, Relays::Fallback).untaped();
    assert_eq!(story.call(Duration::from_secs(5)).0, Outcome::Talked);
    for host in [story.a, story.b] {
        assert_eq!(story.person(host).paths.last(), Some(&RouteKind::Direct));
        assert!(story.person(host).heard.concealed < 10, "{:?}", story.person(host).heard);
    }
}

#[test]
fn any_one_datagram_of_a_relayed_call_may_be_lost() {
    let table = sweep::kth_packet(120, |cut: Cut| {
        let mut story = between_symmetric_nats(Relays::Fallback);
        story.world.tap(cut.tap());
        let before = story.world.counters().sent;
        let (outcome, after) = story.call(Duration::from_millis(300));
        assert_eq!(outcome, Outcome::Talked, "{cut:?}");
        sweep::Told { sent: story.world.counters().sent - before, outcome: after.unwrap() }
    });
    for (cut, told) in table {
        assert!(told.outcome < Duration::from_secs(3), "{cut:?}: {:?}", told.outcome);
    }
}
