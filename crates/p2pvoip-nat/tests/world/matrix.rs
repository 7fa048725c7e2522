//! Every NAT against every other: the agents connect exactly where hole punching without guessing can.

use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_sim::topology::{self, Side};
use p2pvoip_sim::{LinkConfig, Loss, NatConfig, Node, PortAllocation, Scope, Topology};

use crate::caller::Call;
use crate::oracle;

const SCOPES: [Scope; 3] =
    [Scope::EndpointIndependent, Scope::AddressDependent, Scope::AddressAndPortDependent];

/// The nine NATs of mapping and filtering. Ports that depend on the remote are drawn, so that none is met by luck.
fn nats() -> Vec<NatConfig> {
    let all = SCOPES.into_iter().flat_map(|mapping| SCOPES.map(|filtering| (mapping, filtering)));
    all.map(|(mapping, filtering)| {
        let preserving = mapping == Scope::EndpointIndependent;
        let ports = if preserving { PortAllocation::Preserving } else { PortAllocation::Random };
        NatConfig::new(mapping, filtering, ports)
    })
    .collect()
}

/// What theory says where at least one mapping is endpoint-independent.
fn by_theory(a: &NatConfig, b: &NatConfig) -> Option<bool> {
    match (a.is_symmetric(), b.is_symmetric()) {
        (false, false) => Some(true),
        // The other side comes from a port that nobody was told of.
        (false, true) => Some(a.filtering != Scope::AddressAndPortDependent),
        (true, false) => Some(b.filtering != Scope::AddressAndPortDependent),
        (true, true) => None,
    }
}

#[test]
fn two_agents_connect_exactly_where_hole_punching_can() {
    let (nats, mut direct) = (nats(), 0);
    for (i, a) in nats.iter().enumerate() {
        for b in nats.iter().skip(i) {
            let seed = Seed::from_u64(i as u64);
            let possible = oracle::can_connect(topology::nat_to_nat(&seed, a.clone(), b.clone()));
            if let Some(expected) = by_theory(a, b) {
                assert_eq!(possible, expected, "the oracle is wrong about {a:?} and {b:?}");
            }
            let mut call = Call::place(topology::nat_to_nat(&seed, a.clone(), b.clone()), 1);
            assert_eq!(call.connects(), possible, "{a:?} and {b:?}");
            if !possible {
                let failed = call.until(Duration::from_secs(40), crate::caller::Caller::has_failed);
                assert!(failed, "it neither connects nor fails: {a:?} and {b:?}");
            }
            direct += u32::from(possible);
        }
    }
    // Six pairs without a symmetric NAT, twelve with one whose peer does not filter by port, and five of symmetric NATs
    // that filter by nothing and of which one keeps its port for an address.
    assert_eq!(direct, 6 + 12 + 5);
}

/// A network drawn from a seed, with everything that networks do but loss: what five lost answers in a row of the only
/// STUN server do to an agent is no question of NATs.
fn drawn<N: Node>(number: u64) -> Topology<N> {
    let seed = Seed::from_u64(number);
    let mut rng = seed.derive("networks").rng();
    let mut side = || {
        let nats = (0..rng.below(3)).map(|_| topology::random_nat(&mut rng)).collect();
        let mut link = || LinkConfig { loss: Loss::None, ..topology::random_link(&mut rng) };
        let (up, down) = (link(), link());
        Side { nats, up, down }
    };
    let (a, b) = (side(), side());
    topology::two_sides(&seed, a, b)
}

#[test]
fn random_networks_connect_exactly_where_hole_punching_can() {
    let mut direct = 0;
    for number in 0..120 {
        let possible = oracle::can_connect(drawn(number));
        let mut call = Call::place(drawn(number), number);
        let what = call.topology.what.clone();
        assert_eq!(call.connects(), possible, "network {number}: {what}");
        direct += u32::from(possible);
    }
    assert!((60..115).contains(&direct), "{direct} of 120 networks are direct: they teach too little");
}
