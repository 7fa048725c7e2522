//! NATs in their place: both directions, hairpins, two in a row.

use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_sim::nat::Refused;
use p2pvoip_sim::topology::{Topology, double_nat, nat_to_nat, same_carrier, same_lan};
use p2pvoip_sim::{Cause, NatConfig, PortAllocation, Scope};

use crate::probe::{Probe, on};

const WAIT: Duration = Duration::from_millis(500);

fn install(net: &mut Topology<Probe>) -> (SocketAddr, SocketAddr, SocketAddr) {
    net.world.install(net.a.host, Probe::default());
    net.world.install(net.b.host, Probe::default());
    net.world.install(net.server.host, Probe::echo());
    let at = |address| SocketAddr::new(address, 5_000);
    (at(net.a.address), at(net.b.address), at(net.server.address))
}

/// Each caller asks the server; returns how it sees them.
fn seen_by_server(net: &mut Topology<Probe>) -> (SocketAddr, SocketAddr) {
    let (a, b, server) = install(net);
    net.world.command(net.a.host, |probe, _| probe.send(a, server, b"a"));
    net.world.run_for(WAIT);
    net.world.command(net.b.host, |probe, _| probe.send(b, server, b"b"));
    net.world.run_for(WAIT);
    let seen = on(&net.world, net.server.host).datagrams();
    (seen[0].0, seen[1].0)
}

#[test]
fn the_server_sees_the_outside_and_its_answer_comes_in() {
    let mut net = nat_to_nat(&Seed::from_u64(1), NatConfig::default(), NatConfig::default());
    let (a, b) = seen_by_server(&mut net);
    assert_eq!((a, b), ("192.0.2.1:5000".parse().unwrap(), "198.51.100.1:5000".parse().unwrap()));
    for host in [net.a.host, net.b.host] {
        assert_eq!(on(&net.world, host).datagrams().len(), 1);
    }
}

#[test]
fn what_no_binding_admits_is_dropped_and_counted() {
    let mut net = nat_to_nat(&Seed::from_u64(1), NatConfig::default(), NatConfig::default());
    let (a_seen, _) = seen_by_server(&mut net);
    let b = SocketAddr::new(net.b.address, 5_000);
    let unbound = SocketAddr::new(a_seen.ip(), 9);
    net.world.command(net.b.host, |probe, _| {
        probe.send(b, a_seen, b"filtered");
        probe.send(b, unbound, b"no such binding");
    });
    net.world.run_for(WAIT);
    assert_eq!(net.world.counters().lost(Cause::Nat(Refused::Filtered)), 1);
    assert_eq!(net.world.counters().lost(Cause::Nat(Refused::NoBinding)), 1);
}

/// Each sends to how the server saw the other, twice; returns whether both got something from the other.
fn punches(a: NatConfig, b: NatConfig) -> bool {
    let mut net = nat_to_nat(&Seed::from_u64(1), a, b);
    let (a_seen, b_seen) = seen_by_server(&mut net);
    let (a, b) = (SocketAddr::new(net.a.address, 5_000), SocketAddr::new(net.b.address, 5_000));
    for _ in 0..2 {
        net.world.command(net.a.host, |probe, _| probe.send(a, b_seen, b"punch"));
        net.world.command(net.b.host, |probe, _| probe.send(b, a_seen, b"punch"));
        net.world.run_for(WAIT);
    }
    [net.a.host, net.b.host].iter().all(|host| on(&net.world, *host).datagrams().len() > 1)
}

#[test]
fn holes_are_punched_just_where_rfc_5128_says() {
    use Scope::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
    let nat = |mapping, filtering| NatConfig::new(mapping, filtering, PortAllocation::Random);
    let (full, restricted) =
        (nat(EndpointIndependent, EndpointIndependent), nat(EndpointIndependent, AddressDependent));
    let port_restricted = nat(EndpointIndependent, AddressAndPortDependent);
    let symmetric = nat(AddressAndPortDependent, AddressAndPortDependent);
    assert!(punches(full.clone(), full.clone()));
    assert!(punches(port_restricted.clone(), port_restricted.clone()));
    assert!(punches(restricted.clone(), port_restricted.clone()));
    // The address-restricted side admits the symmetric side's new port, and could answer to what it then sees; sending
    // only to what the server saw, it does not reach it.
    assert!(!punches(restricted, symmetric.clone()));
    assert!(!punches(port_restricted, symmetric.clone()));
    assert!(!punches(symmetric.clone(), symmetric));
}

#[test]
fn a_hairpin_shows_the_external_source_and_without_it_nothing_comes() {
    for hairpin in [true, false] {
        let mut net = same_lan(&Seed::from_u64(1), NatConfig { hairpin, ..NatConfig::default() });
        let (a_seen, b_seen) = seen_by_server(&mut net);
        let (a, b) = (SocketAddr::new(net.a.address, 5_000), SocketAddr::new(net.b.address, 5_000));
        for _ in 0..2 {
            net.world.command(net.a.host, |probe, _| probe.send(a, b_seen, b"round the corner"));
            net.world.command(net.b.host, |probe, _| probe.send(b, a_seen, b"and back"));
            net.world.run_for(WAIT);
        }
        let from_a: Vec<_> = net
            .world
            .node(net.b.host)
            .unwrap()
            .datagrams()
            .into_iter()
            .filter(|got| got.0 == a_seen)
            .collect();
        if hairpin {
            assert!(!from_a.is_empty(), "RFC 4787 REQ-9: external source address and port");
        } else {
            assert!(from_a.is_empty());
            assert_eq!(net.world.counters().lost(Cause::Nat(Refused::NoHairpin)), 4);
        }
    }
}

#[test]
fn hosts_of_one_lan_reach_each_other_without_the_nat() {
    let mut net = same_lan(&Seed::from_u64(1), NatConfig::default());
    let (a, b, _) = install(&mut net);
    net.world.command(net.a.host, |probe, _| probe.send(a, b, b"neighbour"));
    net.world.run_for(Duration::ZERO);
    assert_eq!(on(&net.world, net.b.host).datagrams(), [(a, b"neighbour".to_vec())]);
    assert!(net.world.nat(net.a.nats[0]).unwrap().is_empty());
}

#[test]
fn two_nats_in_a_row_translate_twice() {
    let random = || NatConfig { ports: PortAllocation::Random, ..NatConfig::default() };
    let mut net = double_nat(&Seed::from_u64(1), random(), random(), NatConfig::default());
    let (a_seen, _) = seen_by_server(&mut net);
    assert_eq!(a_seen.ip(), "192.0.2.1".parse::<std::net::IpAddr>().unwrap());
    assert_ne!(a_seen.port(), 5_000);
    assert_eq!(on(&net.world, net.a.host).datagrams().len(), 1, "the answer came through both");
    for nat in &net.a.nats {
        let stats = net.world.nat(*nat).unwrap().stats();
        assert_eq!((stats.outbound, stats.inbound), (1, 1));
    }
}

#[test]
fn homes_of_one_carrier_need_its_hairpin() {
    for hairpin in [true, false] {
        let home = NatConfig { filtering: Scope::EndpointIndependent, ..NatConfig::default() };
        let carrier = NatConfig { hairpin, ..home.clone() };
        let mut net = same_carrier(&Seed::from_u64(1), &home, carrier);
        let (_, b_seen) = seen_by_server(&mut net);
        let a = SocketAddr::new(net.a.address, 5_000);
        net.world.command(net.a.host, |probe, _| probe.send(a, b_seen, b"x"));
        net.world.run_for(WAIT);
        assert_eq!(on(&net.world, net.b.host).datagrams().len(), if hairpin { 2 } else { 1 });
    }
}

#[test]
fn a_nat_that_restarts_forgets_its_bindings() {
    let open = NatConfig { filtering: Scope::EndpointIndependent, ..NatConfig::default() };
    let mut net = nat_to_nat(&Seed::from_u64(1), open.clone(), open);
    let (a_seen, _) = seen_by_server(&mut net);
    net.world.nat_mut(net.a.nats[0]).unwrap().forget();
    let b = SocketAddr::new(net.b.address, 5_000);
    net.world.command(net.b.host, |probe, _| probe.send(b, a_seen, b"x"));
    net.world.run_for(WAIT);
    assert_eq!(net.world.counters().lost(Cause::Nat(Refused::NoBinding)), 1);
}
