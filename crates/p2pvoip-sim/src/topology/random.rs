//! Networks drawn from a seed, for a large sample of calls.
//!
//! The shares are chosen so that a few hundred draws meet every behaviour often; they are not a measurement of the world.

use std::time::Duration;

use p2pvoip_core::{Bitrate, Rng, Seed};

use super::{Side, Topology, same_carrier, same_lan, two_sides};
use crate::link::{LinkConfig, Loss, Queue};
use crate::nat::{NatConfig, PortAllocation, Scope};
use crate::world::Node;

/// A topology drawn from a seed: 5 % one local network, 5 % one carrier, else each side by itself 15 % public, 70 %
/// behind one NAT, 15 % behind two.
pub fn random<N: Node>(seed: &Seed) -> Topology<N> {
    let mut rng = seed.derive("topology").rng();
    match rng.below(100) {
        0..5 => same_lan(seed, random_nat(&mut rng)),
        5..10 => same_carrier(seed, &random_nat(&mut rng), random_nat(&mut rng)),
        _ => {
            let (a, b) = (random_side(&mut rng), random_side(&mut rng));
            two_sides(seed, a, b)
        }
    }
}

fn random_side(rng: &mut Rng) -> Side {
    let side = match rng.below(100) {
        0..15 => Side::public(),
        15..85 => Side::behind(random_nat(rng)),
        _ => Side::behind_two(random_nat(rng), random_nat(rng)),
    };
    side.with_links(random_link(rng), random_link(rng))
}

/// A NAT: mapping 70 % endpoint-independent, 10 % address-dependent, 20 % address-and-port-dependent; filtering 20, 20
/// and 60 %; ports 50 % preserving, 25 % sequential with up to 20 others a second, 25 % random; hairpin 60 %; lifetime
/// 30 to 300 s.
pub fn random_nat(rng: &mut Rng) -> NatConfig {
    let (independent, address, port) =
        (Scope::EndpointIndependent, Scope::AddressDependent, Scope::AddressAndPortDependent);
    NatConfig {
        mapping: match rng.below(10) {
            0..7 => independent,
            7 => address,
            _ => port,
        },
        filtering: match rng.below(10) {
            0..2 => independent,
            2..4 => address,
            _ => port,
        },
        ports: match rng.below(4) {
            0 | 1 => PortAllocation::Preserving,
            2 => PortAllocation::Sequential,
            _ => PortAllocation::Random,
        },
        hairpin: rng.below(10) < 6,
        lifetime: Duration::from_secs(30 + rng.below(271)),
        inbound_refreshes: rng.below(2) == 0,
        others: rng.unit() * 20.0,
        ..NatConfig::default()
    }
}

/// One direction of a link: delay 2 to 80 ms; jitter up to 20 ms, which reorders in 20 %; loss none in 40 %, independent
/// up to 5 % in 30 %, in bursts up to 5 % in 30 %; duplication of 0.1 % in 10 %; in half a rate of 100 to 5,000 kbit/s
/// with a queue of 50 to 400 ms.
pub fn random_link(rng: &mut Rng) -> LinkConfig {
    let millis = |rng: &mut Rng, from, to| Duration::from_millis(from + rng.below(to - from + 1));
    LinkConfig {
        delay: millis(rng, 2, 80),
        jitter: millis(rng, 0, 20),
        reorders: rng.below(5) == 0,
        loss: match rng.below(10) {
            0..4 => Loss::None,
            4..7 => Loss::Independent(rng.unit() * 0.05),
            _ => Loss::bursts(rng.unit() * 0.05, 1.0 + rng.unit() * 7.0),
        },
        duplication: if rng.below(10) == 0 { 0.001 } else { 0.0 },
        rate: (rng.below(2) == 0).then(|| Bitrate::from_kbps(100 + rng.below(4_901))),
        queue: Queue::Delay(millis(rng, 50, 400)),
        ..LinkConfig::default()
    }
}
