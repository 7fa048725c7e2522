//! The NAT by itself: each behaviour of RFC 4787, with the numbers of its requirements.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_sim::nat::Refused;
use p2pvoip_sim::{Nat, NatConfig, PortAllocation, START, Scope};

const SCOPES: [Scope; 3] =
    [Scope::EndpointIndependent, Scope::AddressDependent, Scope::AddressAndPortDependent];

#[expect(clippy::unwrap_used, reason = "the text is written in this file")]
fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn nat(config: NatConfig) -> Nat {
    Nat::new(config, at("192.0.2.1:0").ip(), &Seed::from_u64(3), START)
}

fn inner() -> SocketAddr {
    at("192.168.1.10:5000")
}

/// A remote endpoint, the same address with another port, and another address.
fn remotes() -> [SocketAddr; 3] {
    [at("203.0.113.1:3478"), at("203.0.113.1:3479"), at("203.0.113.2:3478")]
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn a_mapping_depends_on_just_what_its_scope_says() {
    // REQ-1 asks for endpoint-independent mapping; section 4.1 defines all three.
    for (scope, ports) in SCOPES.into_iter().zip([[0, 0, 0], [0, 0, 1], [0, 1, 2]]) {
        let mut nat = nat(NatConfig::new(scope, scope, PortAllocation::Sequential));
        let seen = remotes().map(|remote| nat.outbound(inner(), remote, START).unwrap().port());
        assert_eq!(seen.map(|port| port - seen[0]), ports, "{scope:?}");
        assert_eq!(nat.config().is_symmetric(), scope != Scope::EndpointIndependent);
    }
}

#[test]
fn two_inner_endpoints_never_share_a_port() {
    // REQ-3: no port overloading.
    let mut nat = nat(NatConfig::default());
    let first = nat.outbound(inner(), remotes()[0], START).unwrap();
    let second = nat.outbound(at("192.168.1.11:5000"), remotes()[0], START).unwrap();
    assert_eq!((first.port(), second.port()), (5_000, 5_001));
}

#[test]
fn a_filter_admits_just_whom_its_scope_says() {
    // REQ-8 and section 5.
    let admitted = [[true, true, true], [true, true, false], [true, false, false]];
    for mapping in SCOPES {
        for (filtering, admitted) in SCOPES.into_iter().zip(admitted) {
            let mut nat = nat(NatConfig::new(mapping, filtering, PortAllocation::Random));
            let port = nat.outbound(inner(), remotes()[0], START).unwrap().port();
            for (remote, admitted) in remotes().into_iter().zip(admitted) {
                let expected = if admitted { Ok(inner()) } else { Err(Refused::Filtered) };
                assert_eq!(nat.inbound(remote, port, START), expected, "{mapping:?} {filtering:?}");
            }
            assert_eq!(nat.inbound(remotes()[0], port ^ 1, START), Err(Refused::NoBinding));
        }
    }
}

#[test]
fn random_ports_are_spread_and_sequential_ones_are_not() {
    let mut random = nat(NatConfig { ports: PortAllocation::Random, ..NatConfig::default() });
    let mut sequential = nat(NatConfig { ports: PortAllocation::Sequential, ..NatConfig::default() });
    let draw = |nat: &mut Nat| -> Vec<u16> {
        let one =
            |port| nat.outbound(SocketAddr::new(inner().ip(), port), remotes()[0], START).unwrap().port();
        (1..=200).map(one).collect()
    };
    let random = draw(&mut random);
    assert_eq!(random.iter().collect::<BTreeSet<_>>().len(), 200);
    assert!(random.iter().all(|port| *port >= 1_024));
    assert!(random.iter().filter(|port| **port > 33_000).count() > 60);
    let steps = |ports: &[u16]| ports.windows(2).filter(|two| two[1] == two[0] + 1).count();
    assert!(steps(&random) < 3);
    assert!(steps(&draw(&mut sequential)) >= 198, "it may turn round once");
}

#[test]
fn other_users_move_the_sequential_counter_at_their_rate() {
    let ports = PortAllocation::Sequential;
    let mut nat = nat(NatConfig { ports, others: 10.0, ..NatConfig::default() });
    let mut one =
        |port, now| nat.outbound(SocketAddr::new(inner().ip(), port), remotes()[0], now).unwrap().port();
    let first = one(1, START);
    let later = one(2, START + secs(100));
    let moved = (later.wrapping_sub(first) + if later < first { 1_024 } else { 0 }) - 1;
    assert!((900..=1_100).contains(&moved), "{moved} in 100 s at 10 a second");
}

#[test]
fn outbound_packets_refresh_and_inbound_ones_only_when_told() {
    // REQ-5: a lifetime of at least two minutes; REQ-6: outbound refresh must be, inbound may be.
    for inbound_refreshes in [false, true] {
        let mut nat = nat(NatConfig { inbound_refreshes, ..NatConfig::default() });
        let port = nat.outbound(inner(), remotes()[0], START).unwrap().port();
        assert!(nat.outbound(inner(), remotes()[0], START + secs(100)).is_ok());
        assert_eq!(nat.inbound(remotes()[0], port, START + secs(210)), Ok(inner()));
        let kept = nat.inbound(remotes()[0], port, START + secs(300)).is_ok();
        assert_eq!(kept, inbound_refreshes);
    }
}

#[test]
fn a_dead_binding_is_made_anew() {
    let ports = PortAllocation::Sequential;
    let mut nat = nat(NatConfig { ports, lifetime: secs(30), ..NatConfig::default() });
    let first = nat.outbound(inner(), remotes()[0], START).unwrap();
    assert_eq!(nat.outbound(inner(), remotes()[0], START + secs(29)), Ok(first));
    let second = nat.outbound(inner(), remotes()[0], START + secs(29 + 30)).unwrap();
    assert_eq!(second.port(), first.port() + 1);
    assert_eq!((nat.len(), nat.stats().bindings), (1, 2));
}

#[test]
fn a_filter_forgets_whom_the_inner_host_does_not_talk_to_any_more() {
    let mut nat = nat(NatConfig { lifetime: secs(30), ..NatConfig::default() });
    let port = nat.outbound(inner(), remotes()[0], START).unwrap().port();
    nat.outbound(inner(), remotes()[2], START + secs(20)).unwrap();
    assert_eq!(nat.inbound(remotes()[0], port, START + secs(31)), Err(Refused::Filtered));
    assert_eq!(nat.inbound(remotes()[2], port, START + secs(31)), Ok(inner()));
}

#[test]
fn a_hairpin_goes_in_with_the_external_source() {
    // REQ-9 a: "External source IP address and port".
    let mut nat = nat(NatConfig { filtering: Scope::EndpointIndependent, ..NatConfig::default() });
    let other = at("192.168.1.11:6000");
    let outside = nat.outbound(other, remotes()[0], START).unwrap();
    let (from, to) = nat.hairpin(inner(), outside.port(), START).unwrap();
    assert_eq!((from, to), (at("192.0.2.1:5000"), other));
    let mut without = Nat::new(
        NatConfig { hairpin: false, ..NatConfig::default() },
        outside.ip(),
        &Seed::from_u64(3),
        START,
    );
    assert_eq!(without.hairpin(inner(), outside.port(), START), Err(Refused::NoHairpin));
}

#[test]
fn a_full_table_refuses_until_a_binding_dies() {
    let mut nat = nat(NatConfig { capacity: 3, lifetime: secs(30), ..NatConfig::default() });
    let from = |port| SocketAddr::new(inner().ip(), port);
    for port in [5_000, 5_001, 5_002] {
        assert!(nat.outbound(from(port), remotes()[0], START + secs(u64::from(port) - 5_000)).is_ok());
    }
    assert_eq!(nat.outbound(from(5_003), remotes()[0], START + secs(29)), Err(Refused::Full));
    assert!(nat.outbound(from(5_003), remotes()[0], START + secs(30)).is_ok());
    assert_eq!(nat.len(), 3);
}

#[test]
fn the_ports_run_out_and_none_is_given_twice() {
    let (mapping, ports) = (Scope::AddressAndPortDependent, PortAllocation::Sequential);
    let mut nat = nat(NatConfig { mapping, ports, capacity: usize::MAX, ..NatConfig::default() });
    let remote = |number: u32| {
        let [_, high, middle, low] = number.to_be_bytes();
        SocketAddr::from(([203, high, middle, low], 1))
    };
    let all = u32::from(u16::MAX) - 1_023;
    let seen: BTreeSet<_> =
        (0..all).map(|i| nat.outbound(inner(), remote(i), START).unwrap().port()).collect();
    assert_eq!(seen.len(), all as usize);
    assert_eq!(nat.outbound(inner(), remote(all), START), Err(Refused::Full));
}

#[test]
fn a_preserved_port_that_is_taken_gives_the_next_free_one() {
    let mapping = Scope::AddressAndPortDependent;
    let mut nat = nat(NatConfig { mapping, ..NatConfig::default() });
    let one = |nat: &mut Nat, from: &str, to| nat.outbound(at(from), to, START).unwrap().port();
    assert_eq!(one(&mut nat, "192.168.1.10:65535", remotes()[0]), 65_535);
    assert_eq!(
        one(&mut nat, "192.168.1.10:65535", remotes()[1]),
        1_024,
        "after the highest comes the lowest"
    );
    assert_eq!(one(&mut nat, "192.168.1.10:22", remotes()[0]), 1_025, "a well-known port is not preserved");
}

#[test]
fn a_binding_remembers_so_many_remotes_and_forgets_the_idlest() {
    let mut nat = nat(NatConfig::default());
    let remote = |number: u16| SocketAddr::new(remotes()[0].ip(), number);
    let port = nat.outbound(inner(), remote(1), START).unwrap().port();
    for number in 2..=1_025 {
        nat.outbound(inner(), remote(number), START + Duration::from_millis(u64::from(number))).unwrap();
    }
    let now = START + secs(2);
    assert_eq!(nat.inbound(remote(1), port, now), Err(Refused::Filtered));
    assert_eq!(nat.inbound(remote(2), port, now), Ok(inner()));
    assert_eq!(nat.inbound(remote(1_025), port, now), Ok(inner()));
}
