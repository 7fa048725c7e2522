//! Calls that go through a relay: where nothing else works, how fast, in spite of loss, and for how long.

use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_nat::{
    CandidatePolicy, Config, Event, Kind, Password, RelayFailure, Role, RouteKind, TurnServer,
};
use p2pvoip_sim::topology::{self, Side};
use p2pvoip_sim::{Cut, LinkConfig, Loss, NatConfig, PortAllocation, Scope, Topology, sweep};

use crate::caller::{Call, Caller, Station, turn_server};

const ROLES: [Role; 2] = [Role::Controlling, Role::Controlled];

/// The NAT that no hole can be punched in without guessing.
fn symmetric() -> NatConfig {
    let strict = Scope::AddressAndPortDependent;
    NatConfig::new(strict, strict, PortAllocation::Random)
}

/// Hosts behind these NATs with 20 ms to the public network: 50 ms to a server and back, as in the laboratory that
/// measured other agents.
fn laboratory(seed: u64, nat: &NatConfig, link: &LinkConfig) -> Topology<Station> {
    let side = || Side::behind(nat.clone()).with_links(link.clone(), link.clone());
    topology::two_sides(&Seed::from_u64(seed), side(), side())
}

fn plain() -> LinkConfig {
    LinkConfig::delay(Duration::from_millis(20))
}

fn place(nat: &NatConfig, cut: Cut, change: impl Fn(&mut Config)) -> Call {
    place_over(laboratory(1, nat, &plain()), cut, change)
}

fn place_over(topology: Topology<Station>, cut: Cut, change: impl Fn(&mut Config)) -> Call {
    let server = turn_server(&topology);
    Call::place_with(topology, 1, cut, ROLES, |config| {
        config.turn_servers.push(server.clone());
        change(config);
    })
}

#[test]
fn two_symmetric_nats_talk_through_the_relay() {
    let mut call = place(&symmetric(), Cut::Nothing, |_| ());
    assert!(call.connects());
    for caller in [call.a(), call.b()] {
        assert_eq!(caller.route().unwrap().kind, RouteKind::Relayed);
        assert_eq!(caller.relay_failures(), 0);
    }
    assert!(call.talk(b"\xc0hello", Duration::from_millis(200)));
    let after = call.both_routed_after().unwrap();
    assert!(after <= Duration::from_millis(400), "{after:?}");
}

#[test]
fn a_direct_path_is_taken_where_there_is_one_without_a_gap() {
    let mut call = place(&NatConfig::default(), Cut::Nothing, |_| ());
    assert!(call.connects());
    call.topology.world.run_for(Duration::from_secs(2));
    for caller in [call.a(), call.b()] {
        let route = caller.route().unwrap();
        assert_eq!((route.kind, route.prefix.len()), (RouteKind::Direct, 0));
    }
    assert!(call.talk(b"\xc0hello", Duration::from_millis(200)));
    let after = call.both_routed_after().unwrap();
    assert!(after <= Duration::from_millis(250), "a relay costs a direct call nothing: {after:?}");
}

#[test]
fn relay_only_shows_the_peer_no_address_and_talks() {
    let mut call =
        place(&NatConfig::default(), Cut::Nothing, |config| config.policy = CandidatePolicy::RelayOnly);
    assert!(call.connects());
    assert!(call.talk(b"\xc0hello", Duration::from_millis(300)));
    let relay = call.topology.relay.address;
    for caller in [call.a(), call.b()] {
        let told = caller.events.iter().filter_map(|(_, event)| {
            let Event::Candidate(candidate) = event else { return None };
            Some((candidate.kind, candidate.address.ip()))
        });
        assert_eq!(told.collect::<Vec<_>>(), [(Kind::Relayed, relay)]);
        let route = caller.route().unwrap();
        assert_eq!((route.local_kind, route.remote_kind), (Kind::Relayed, Kind::Relayed));
    }
    for host in [call.topology.a.address, call.topology.b.address] {
        let other = call.topology.world.trace().filter(|traced| traced.from.ip() == host).collect::<Vec<_>>();
        assert!(!other.is_empty());
        for traced in other {
            assert_eq!(traced.to.ip(), relay, "{traced:?}");
        }
    }
}

#[test]
fn one_side_with_a_relay_is_enough() {
    for index in 0..2 {
        let topology = laboratory(1, &symmetric(), &plain());
        let server = turn_server(&topology);
        let mut call = Call::place_each(topology, 1, Cut::Nothing, ROLES, |side, config| {
            if side == index {
                config.turn_servers.push(server.clone());
            }
        });
        assert!(call.connects(), "the relay of side {index}");
        assert!(call.talk(b"\xc0hello", Duration::from_millis(300)));
    }
}

/// Tells the story of a set-up through the relay with some packets lost, and when both sides had a route.
fn told(cut: Cut) -> sweep::Told<Duration> {
    let mut call = place(&symmetric(), cut, |_| ());
    assert!(call.connects(), "it does not connect");
    let sent = call.topology.world.counters().sent;
    let outcome = call.both_routed_after().unwrap();
    // A word may be what is lost: then the next one arrives.
    let talks = (0..5_u8).any(|word| call.talk(&[0xc0, word], Duration::from_millis(300)));
    assert!(talks, "it does not talk");
    sweep::Told { sent, outcome }
}

#[test]
fn any_one_packet_may_be_lost_on_the_way_to_the_relay() {
    let table = sweep::kth_packet(200, told);
    assert!(table.len() >= 20, "{}", table.len());
    for (cut, told) in table {
        assert!(told.outcome <= Duration::from_millis(1_100), "{cut:?}: {:?}", told.outcome);
    }
}

#[test]
fn any_four_packets_in_a_row_may_be_lost_on_the_way_to_the_relay() {
    for (cut, told) in sweep::kth_and_next(200, 4, told) {
        assert!(told.outcome <= Duration::from_millis(3_500), "{cut:?}: {:?}", told.outcome);
    }
}

#[test]
fn heavy_loss_delays_a_relayed_call_and_does_not_prevent_it() {
    for seed in 0..20 {
        let link = LinkConfig { loss: Loss::Independent(0.1), jitter: Duration::from_millis(10), ..plain() };
        let mut call = place_over(laboratory(seed, &symmetric(), &link), Cut::Nothing, |_| ());
        assert!(call.connects(), "seed {seed}");
        assert!(call.both_routed_after().unwrap() <= Duration::from_secs(8), "seed {seed}");
    }
}

#[test]
fn an_hour_through_the_relay_keeps_allocation_permission_and_channel() {
    let mut call = place(&symmetric(), Cut::Nothing, |_| ());
    // Every nonce is stale before it is used twice.
    call.relay(|relay| {
        relay.nonce_lasts = Duration::from_secs(50);
        0
    });
    assert!(call.connects());
    // What came before its permission.
    let early = call.relay(|relay| usize::try_from(relay.dropped).unwrap());
    for minute in 0..60_u8 {
        call.topology.world.run_for(Duration::from_secs(60));
        assert!(call.talk(&[0xc0, minute], Duration::from_millis(300)), "minute {minute}");
    }
    assert_eq!(call.relay(|relay| usize::try_from(relay.dropped).unwrap()), early);
    // That of the side whose route does not go through it too: its NAT still knows the server.
    assert_eq!(call.relay(|relay| relay.allocations()), 2);
}

#[test]
fn short_allocations_are_refreshed_in_time() {
    let mut call = place(&symmetric(), Cut::Nothing, |_| ());
    call.relay(|relay| {
        relay.lifetime = Duration::from_secs(10);
        0
    });
    assert!(call.connects());
    call.topology.world.run_for(Duration::from_secs(300));
    assert!(call.talk(b"\xc0hello", Duration::from_millis(300)));
}

#[test]
fn a_relay_that_restarts_ends_the_call_that_needs_it() {
    let mut call = place(&symmetric(), Cut::Nothing, |_| ());
    assert!(call.connects());
    call.relay(|relay| {
        relay.forget();
        0
    });
    assert!(call.until(Duration::from_secs(40), Caller::has_lost_consent));
}

#[test]
fn the_allocation_is_given_back_when_the_agent_is_closed_or_ends() {
    let mut call = place(&symmetric(), Cut::Nothing, |_| ());
    assert!(call.connects());
    assert_eq!(call.relay(|relay| relay.allocations()), 2);
    let (a, b) = (call.topology.a.host, call.topology.b.host);
    call.topology.world.command(a, Station::close);
    call.topology.world.run_for(Duration::from_millis(100));
    assert_eq!(call.relay(|relay| relay.allocations()), 1);
    call.topology.world.run_for(Duration::from_secs(40));
    assert!(call.topology.world.node(b).unwrap().caller().has_lost_consent());
    assert_eq!(call.relay(|relay| relay.allocations()), 0);
}

#[test]
fn a_server_that_refuses_is_told_by_its_reason_and_costs_a_direct_call_nothing() {
    let failure = |call: &Call| {
        call.a().events.iter().find_map(|(_, event)| {
            let Event::RelayFailed(failure) = event else { return None };
            Some(*failure)
        })
    };
    for (code, expected) in [
        (403, RelayFailure::Forbidden),
        (486, RelayFailure::Quota),
        (508, RelayFailure::Capacity),
        (440, RelayFailure::Family),
        (500, RelayFailure::Refused(500)),
    ] {
        let mut call = place(&NatConfig::default(), Cut::Nothing, |_| ());
        call.relay(|relay| {
            relay.refuses = Some(code);
            0
        });
        assert!(call.connects());
        assert_eq!(failure(&call), Some(expected));
    }
    let topology = laboratory(1, &NatConfig::default(), &plain());
    let address = turn_server(&topology).address;
    let mut call = Call::place_with(topology, 1, Cut::Nothing, ROLES, |config| {
        config.turn_servers.push(TurnServer::new(address, crate::relay::USER, Password::new("wrong")));
    });
    assert!(call.connects());
    assert_eq!(failure(&call), Some(RelayFailure::Unauthorized));
}

#[test]
fn a_server_that_is_not_there_ends_gathering_after_ten_seconds() {
    let mut call =
        Call::place_with(laboratory(1, &NatConfig::default(), &plain()), 1, Cut::Nothing, ROLES, |config| {
            let nobody = "203.0.113.77:3478".parse().unwrap();
            config.turn_servers.push(TurnServer::new(nobody, "alice", Password::new("secret")));
        });
    assert!(call.connects());
    call.topology.world.run_for(Duration::from_secs(10));
    let events = &call.a().events;
    let at = |wanted: Event| {
        let found = events.iter().find(|(_, event)| *event == wanted);
        found.map(|(at, _)| at.saturating_since(call.start))
    };
    assert_eq!(at(Event::RelayFailed(RelayFailure::NoAnswer)), Some(Duration::from_secs(10)));
    assert_eq!(at(Event::GatheringDone), Some(Duration::from_secs(10)));
}
