//! Ready and random topologies.

use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_sim::topology::{Topology, random};

use crate::probe::{Probe, on};

/// Each caller sends 20 packets to the server, which echoes; returns how many came back to each.
fn echoes(mut net: Topology<Probe>) -> (usize, usize, String) {
    net.world.install(net.server.host, Probe::echo());
    let server = SocketAddr::new(net.server.address, 3_478);
    for place in [&net.a, &net.b] {
        net.world.install(place.host, Probe::default());
        let from = SocketAddr::new(place.address, 6_000);
        net.world.command(place.host, |probe, _| (0..20).for_each(|byte| probe.send(from, server, &[byte])));
    }
    assert!(net.world.run_until_idle(Duration::from_secs(10)), "{}", net.what);
    let came = |host| on(&net.world, host).datagrams().len();
    (came(net.a.host), came(net.b.host), net.what.clone())
}

#[test]
fn every_caller_of_every_random_topology_reaches_the_server() {
    for seed in 0..300 {
        let (a, b, what) = echoes(random(&Seed::from_u64(seed)));
        assert!(a > 5 && b > 5, "seed {seed}: {a} and {b} of 20 came back; {what}");
    }
}

#[test]
fn random_topologies_are_the_same_for_a_seed_and_of_every_depth() {
    let mut depths = [0; 3];
    for seed in 0..100 {
        let (one, two) = (random::<Probe>(&Seed::from_u64(seed)), random::<Probe>(&Seed::from_u64(seed)));
        assert_eq!(one.what, two.what);
        depths[one.a.nats.len()] += 1;
    }
    assert!(depths.iter().all(|count| *count > 3), "{depths:?}");
}

/// How many calls the sample below has; a thousand are wanted of a release build now and then.
const CALLS: u64 = 20;

#[test]
fn ten_seconds_of_packets_both_ways_pass_random_topologies() {
    let (mut sent, mut delivered) = (0, 0);
    for seed in 0..CALLS {
        let mut net: Topology<Probe> = random(&Seed::from_u64(seed));
        let server = SocketAddr::new(net.server.address, 3_478);
        net.world.install(net.server.host, Probe::echo());
        for place in [&net.a, &net.b] {
            let from = SocketAddr::new(place.address, 6_000);
            let every = Some((Duration::from_millis(20), from, server, vec![0; 120]));
            let wake = Some(net.world.now());
            net.world.install(place.host, Probe { every, wake, ..Probe::default() });
        }
        net.world.run_for(Duration::from_secs(10));
        sent += net.world.counters().sent;
        delivered += net.world.counters().delivered;
    }
    assert!(sent > CALLS * 1_800, "{sent}");
    assert!(delivered * 10 > sent * 9, "{delivered} of {sent}");
}
