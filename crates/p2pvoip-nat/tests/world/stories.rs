//! Calls in networks that work: how fast, by which way, and at what price.

use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_nat::{CandidatePolicy, Event, Kind, Role, RouteKind};
use p2pvoip_sim::topology::{self, Side};
use p2pvoip_sim::{Cut, LinkConfig, NatConfig, Topology};

use crate::caller::{Call, Caller, Station};

/// The laboratory of the measurements of other agents: 20 ms from each host to the public network.
fn laboratory(a: Option<NatConfig>, b: Option<NatConfig>) -> Topology<Station> {
    far(Duration::from_millis(20), a, b)
}

/// The same with so much from each host to the public network: a quarter of the round trip.
fn far(delay: Duration, a: Option<NatConfig>, b: Option<NatConfig>) -> Topology<Station> {
    let link = || LinkConfig::delay(delay);
    let side = |nat: Option<NatConfig>| Side { nats: nat.into_iter().collect(), up: link(), down: link() };
    topology::two_sides(&Seed::from_u64(1), side(a), side(b))
}

#[test]
fn two_homes_have_a_route_in_the_least_time_that_there_is() {
    // One server round trip, one trip by signalling, one peer round trip: 50 + 50 + 80 ms.
    let mut call = Call::place(laboratory(Some(NatConfig::default()), Some(NatConfig::default())), 1);
    assert!(call.connects());
    assert_eq!(call.both_routed_after(), Some(Duration::from_millis(180)));
}

#[test]
fn two_open_hosts_need_no_server() {
    let mut call = Call::place(laboratory(None, None), 1);
    assert!(call.connects());
    assert_eq!(call.both_routed_after(), Some(Duration::from_millis(130)));
}

#[test]
fn slow_paths_connect_in_spite_of_repetitions() {
    for rtt in [1_200, 2_000] {
        let rtt = Duration::from_millis(rtt);
        for nat in [None, Some(NatConfig::default())] {
            for number in 0..8 {
                let mut call = Call::place(far(rtt / 4, nat.clone(), nat.clone()), number);
                assert!(call.connects(), "{rtt:?}, {nat:?}, seed {number}");
                let after = call.both_routed_after().unwrap();
                // One server round trip of the half, one trip by signalling, one peer round trip; then twice as much for what
                // comes too early for the other's NAT.
                assert!(after <= rtt * 2 + Duration::from_secs(1), "{rtt:?}, {nat:?}: {after:?}");
            }
        }
    }
}

#[test]
fn one_local_network_is_not_left() {
    let mut call = Call::place(topology::same_lan(&Seed::from_u64(1), NatConfig::default()), 1);
    assert!(call.connects());
    for caller in [call.a(), call.b()] {
        let route = caller.route().unwrap();
        assert_eq!(
            (route.kind, route.local_kind, route.remote_kind),
            (RouteKind::Direct, Kind::Host, Kind::Host)
        );
    }
    assert!(call.both_routed_after() <= Some(Duration::from_millis(51)), "{:?}", call.both_routed_after());
}

#[test]
fn one_local_network_works_by_hairpin_when_hosts_are_not_told() {
    let topology = topology::same_lan(&Seed::from_u64(1), NatConfig::default());
    let roles = [Role::Controlling, Role::Controlled];
    let mut call = Call::place_with(topology, 1, Cut::Nothing, roles, |config| {
        config.policy = CandidatePolicy::ReflexiveOnly;
    });
    assert!(call.connects());
    for caller in [call.a(), call.b()] {
        let told = caller.events.iter().filter_map(|(_, event)| {
            if let Event::Candidate(candidate) = event { Some(candidate.kind) } else { None }
        });
        assert_eq!(told.collect::<Vec<_>>(), [Kind::ServerReflexive]);
        assert_eq!(caller.route().unwrap().remote.ip().to_string(), "192.0.2.1");
    }
}

#[test]
fn reflexive_only_never_sends_to_or_from_a_private_address_as_the_peer_sees_it() {
    let roles = [Role::Controlling, Role::Controlled];
    let topology = laboratory(Some(NatConfig::default()), Some(NatConfig::default()));
    let mut call = Call::place_with(topology, 1, Cut::Nothing, roles, |config| {
        config.policy = CandidatePolicy::ReflexiveOnly;
    });
    assert!(call.connects());
    for traced in call.topology.world.trace() {
        let private = matches!(traced.to.ip(), std::net::IpAddr::V4(ip) if ip.is_private());
        let delivered = matches!(traced.fate, p2pvoip_sim::world::Fate::Delivered);
        assert!(delivered || !private, "{traced:?}");
    }
}

#[test]
fn homes_behind_one_carrier_and_behind_two_nats_connect() {
    let seed = Seed::from_u64(1);
    let nat = NatConfig::default;
    let mut call = Call::place(topology::same_carrier(&seed, &nat(), nat()), 1);
    assert!(call.connects());
    let mut call = Call::place(topology::double_nat(&seed, nat(), nat(), nat()), 1);
    assert!(call.connects());
}

#[test]
fn both_sides_agree_on_the_pair() {
    for number in 0..20 {
        let mut call = Call::place(topology::same_lan(&Seed::from_u64(number), NatConfig::default()), number);
        assert!(call.connects());
        call.topology.world.run_for(Duration::from_secs(3));
        let (a, b) = (call.a().route().unwrap(), call.b().route().unwrap());
        assert_eq!((a.local, a.remote), (b.remote, b.local));
    }
}

#[test]
fn equal_roles_are_sorted_out() {
    for role in [Role::Controlling, Role::Controlled] {
        for number in 0..8 {
            let topology = laboratory(Some(NatConfig::default()), Some(NatConfig::default()));
            let mut call = Call::place_with(topology, number, Cut::Nothing, [role; 2], |_| ());
            assert!(call.connects(), "{role:?}, seed {number}");
            assert_ne!(call.a().agent.role(), call.b().agent.role());
        }
    }
}

#[test]
fn a_call_costs_few_packets() {
    let mut call = Call::place(laboratory(Some(NatConfig::default()), Some(NatConfig::default())), 1);
    assert!(call.connects());
    call.topology.world.run_for(Duration::from_secs(2));
    let sent = call.topology.world.counters().sent;
    assert!(sent <= 40, "{sent} packets to connect and for two seconds more");
}

#[test]
fn an_hour_of_silence_keeps_consent() {
    let mut call = Call::place(laboratory(Some(NatConfig::default()), Some(NatConfig::default())), 1);
    assert!(call.connects());
    call.topology.world.run_for(Duration::from_secs(3_600));
    assert!(call.a().is_nominated() && call.b().is_nominated());
    assert!(!call.until(Duration::ZERO, Caller::has_lost_consent));
}
