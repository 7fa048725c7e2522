//! Calls in networks that lose, reorder and fall silent.

use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_nat::Role;
use p2pvoip_sim::topology::{self, Side};
use p2pvoip_sim::{Cut, LinkConfig, Loss, NatConfig, Topology, sweep};

use crate::caller::{Call, Caller, Station};

const ROLES: [Role; 2] = [Role::Controlling, Role::Controlled];

/// Two homes whose links are like this, in each direction.
fn homes(seed: u64, link: &LinkConfig) -> Topology<Station> {
    let side = || Side::behind(NatConfig::default()).with_links(link.clone(), link.clone());
    topology::two_sides(&Seed::from_u64(seed), side(), side())
}

fn plain() -> LinkConfig {
    LinkConfig::delay(Duration::from_millis(20))
}

/// Tells the story of a set-up with some packets lost, and when both sides had a route.
fn told(cut: Cut) -> sweep::Told<Duration> {
    let mut call = Call::place_with(homes(1, &plain()), 1, cut, ROLES, |_| ());
    assert!(call.connects(), "it does not connect");
    sweep::Told { sent: call.topology.world.counters().sent, outcome: call.both_routed_after().unwrap() }
}

#[test]
fn any_one_packet_may_be_lost() {
    let table = sweep::kth_packet(100, told);
    assert!(table.len() >= 10, "{}", table.len());
    for (cut, told) in table {
        assert!(told.outcome <= Duration::from_millis(800), "{cut:?}: {:?}", told.outcome);
    }
}

#[test]
fn any_four_packets_in_a_row_may_be_lost() {
    for (cut, told) in sweep::kth_and_next(100, 4, told) {
        assert!(told.outcome <= Duration::from_secs(2), "{cut:?}: {:?}", told.outcome);
    }
}

#[test]
fn heavy_loss_delays_and_does_not_prevent() {
    for (share, limit) in [(0.05, 2_000), (0.2, 8_000)] {
        let mut slowest = Duration::ZERO;
        for number in 0..40 {
            let link =
                LinkConfig { loss: Loss::Independent(share), jitter: Duration::from_millis(10), ..plain() };
            let mut call = Call::place(homes(number, &link), number);
            assert!(call.connects(), "seed {number} at {share}");
            slowest = slowest.max(call.both_routed_after().unwrap());
        }
        assert!(slowest <= Duration::from_millis(limit), "{share}: {slowest:?}");
    }
}

#[test]
fn duplicates_and_reordering_change_nothing() {
    for number in 0..20 {
        let jitter = Duration::from_millis(60);
        let link = LinkConfig { jitter, reorders: true, duplication: 0.3, ..plain() };
        let mut call = Call::place(homes(number, &link), number);
        assert!(call.connects(), "seed {number}");
        call.topology.world.run_for(Duration::from_secs(60));
        assert!(call.a().is_nominated() && call.b().is_nominated());
    }
}

/// A link that is down for a while from 5 s after the start of the world.
fn dark(for_secs: u64) -> LinkConfig {
    let from = Duration::from_secs(5);
    LinkConfig { outages: vec![(from, from + Duration::from_secs(for_secs))], ..plain() }
}

#[test]
fn a_call_survives_eight_dark_seconds() {
    let mut call = Call::place(homes(1, &dark(8)), 1);
    assert!(call.connects());
    let before = call.a().route();
    call.topology.world.run_for(Duration::from_secs(60));
    assert!(!call.a().has_lost_consent() && !call.b().has_lost_consent());
    assert_eq!(call.a().route().map(|route| route.remote), before.map(|route| route.remote));
}

#[test]
fn consent_is_lost_when_the_peer_stays_dark_and_nothing_is_sent_after() {
    let mut call = Call::place(homes(1, &dark(4_000)), 1);
    assert!(call.connects());
    assert!(call.until(Duration::from_secs(40), Caller::has_lost_consent));
    let sent = call.topology.world.counters().sent;
    call.topology.world.run_for(Duration::from_secs(60));
    assert_eq!(call.topology.world.counters().sent, sent);
    assert!(call.a().route().is_none());
}

#[test]
fn a_peer_that_vanishes_at_any_moment_ends_the_call() {
    for (cut, told) in sweep::kth_and_all_later(40, |cut| {
        let mut call = Call::place_with(homes(1, &plain()), 1, cut, ROLES, |_| ());
        let ended = |caller: &Caller| caller.has_failed() || caller.has_lost_consent();
        let outcome = call.until(Duration::from_secs(70), ended);
        sweep::Told { sent: call.topology.world.counters().sent, outcome }
    }) {
        assert_eq!(told.outcome, cut != Cut::Nothing, "{cut:?}");
    }
}
