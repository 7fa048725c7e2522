//! The way of a datagram without NATs, taps, traces and time.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Ecn, Instant, Seed};
use p2pvoip_sim::topology::{Topology, both_public};
use p2pvoip_sim::world::Fate;
use p2pvoip_sim::{Cause, Cut, LinkConfig, Lost, START, Tap, topology};

use crate::probe::{Got, Probe, on};

fn open() -> (Topology<Probe>, SocketAddr, SocketAddr) {
    let mut net = both_public(&Seed::from_u64(1));
    net.world.install(net.a.host, Probe::default());
    net.world.install(net.b.host, Probe::echo());
    let (a, b) = (SocketAddr::new(net.a.address, 1_000), SocketAddr::new(net.b.address, 2_000));
    (net, a, b)
}

#[test]
fn a_datagram_takes_the_delay_of_both_access_links_and_comes_back() {
    let (mut net, a, b) = open();
    net.world.command(net.a.host, |probe, _| probe.send(a, b, b"hello"));
    assert!(net.world.run_until_idle(Duration::from_secs(1)));
    let got = &on(&net.world, net.b.host).got;
    let datagram = |from, to| Got::Datagram { from, to, bytes: b"hello".to_vec() };
    assert_eq!(*got, [(START + Duration::from_millis(20), datagram(a, b))]);
    let back = &on(&net.world, net.a.host).got;
    assert_eq!(*back, [(START + Duration::from_millis(40), datagram(b, a))]);
    assert_eq!((net.world.counters().sent, net.world.counters().delivered), (2, 2));
}

#[test]
fn each_loss_is_counted_by_its_cause() {
    let (mut net, a, b) = open();
    let nobody: SocketAddr = "203.0.113.77:1".parse().unwrap();
    let relay = SocketAddr::new(net.relay.address, 3);
    net.world.command(net.a.host, |probe, _| {
        probe.send(a, nobody, b"to nobody");
        probe.send(nobody, b, b"from another's address");
        probe.send(a, relay, b"to a host without a node");
        probe.send(a, b, &[0; 1_473]);
    });
    net.world.run_for(Duration::from_secs(1));
    let counters = net.world.counters();
    for cause in [Cause::NoRoute, Cause::NotOwnAddress, Cause::NoNode, Cause::Link(Lost::TooBig)] {
        assert_eq!(counters.lost(cause), 1, "{cause:?}");
    }
    assert_eq!((counters.delivered, counters.lost_in_all(), counters.causes().count()), (0, 4, 4));
}

#[test]
fn a_link_that_marks_tells_only_who_takes_part() {
    let marked_of_ten = |ecn| {
        let seed = Seed::from_u64(2);
        let slow = LinkConfig {
            rate: Some(Bitrate::from_kbps(100)),
            mark_above: Some(Duration::from_millis(30)),
            ..LinkConfig::default()
        };
        let sides =
            (topology::Side::public().with_links(slow, LinkConfig::default()), topology::Side::public());
        let mut net: Topology<Probe> = topology::two_sides(&seed, sides.0, sides.1);
        net.world.install(net.a.host, Probe { ecn, ..Probe::default() });
        net.world.install(net.b.host, Probe::default());
        let (a, b) = (SocketAddr::new(net.a.address, 1_000), SocketAddr::new(net.b.address, 2_000));
        // Each takes 8 ms: the first four wait for at most 24 ms, the fifth for 32.
        net.world.command(net.a.host, |probe, _| (0..10).for_each(|_| probe.send(a, b, &[0; 72])));
        net.world.run_for(Duration::from_secs(1));
        on(&net.world, net.b.host).marks.clone()
    };
    for ecn in [Ecn::Ect0, Ecn::Ect1] {
        assert_eq!(marked_of_ten(ecn), [[ecn; 4].as_slice(), &[Ecn::Ce; 6]].concat());
    }
    assert_eq!(marked_of_ten(Ecn::NotEct), [Ecn::NotEct; 10]);
    assert_eq!(marked_of_ten(Ecn::Ce), [Ecn::Ce; 10]);
}

#[test]
fn a_datagram_of_just_the_mtu_passes() {
    let (mut net, a, b) = open();
    net.world.command(net.a.host, |probe, _| probe.send(a, b, &[0; 1_472]));
    net.world.run_for(Duration::from_millis(30));
    assert_eq!(net.world.counters().delivered, 1, "1,472 bytes and 28 of headers are 1,500");
}

#[test]
fn a_detached_address_loses_what_is_under_way_and_a_new_one_works() {
    let (mut net, a, b) = open();
    net.world.command(net.a.host, |probe, _| probe.send(a, b, b"too late"));
    net.world.run_for(Duration::from_millis(15));
    net.world.detach(net.b.host, net.b.address);
    let moved: SocketAddr = "198.51.100.9:2000".parse().unwrap();
    let link = LinkConfig::default();
    net.world.attach(net.b.host, p2pvoip_sim::world::PUBLIC, moved.ip(), link.clone(), link);
    net.world.run_for(Duration::from_secs(1));
    assert_eq!(net.world.counters().lost(Cause::NoRoute), 1);
    net.world.command(net.a.host, |probe, _| probe.send(a, moved, b"there"));
    net.world.run_for(Duration::from_secs(1));
    assert_eq!(on(&net.world, net.a.host).datagrams(), [(moved, b"there".to_vec())]);
}

#[test]
fn a_tap_sees_counts_drops_and_changes_datagrams() {
    let (mut net, a, b) = open();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let captured = Rc::clone(&seen);
    net.world.tap(move |tapped| {
        captured.borrow_mut().push((tapped.number, tapped.host, tapped.bytes.clone()));
        tapped.bytes[0] ^= 1;
        Tap::Pass
    });
    net.world.tap(Cut::One(2).tap());
    net.world.command(net.a.host, |probe, _| {
        for byte in [10, 20, 30] {
            probe.send(a, b, &[byte]);
        }
    });
    net.world.run_for(Duration::from_millis(30));
    let got: Vec<_> = on(&net.world, net.b.host).datagrams().into_iter().map(|got| got.1[0]).collect();
    assert_eq!(got, [11, 31]);
    assert_eq!(net.world.counters().lost(Cause::Tap), 1);
    assert_eq!(seen.borrow()[1], (2, net.a.host, vec![20]));
}

#[test]
fn the_trace_keeps_the_newest_lines_only() {
    let (mut net, a, b) = open();
    net.world.set_trace_len(3);
    net.world.command(net.a.host, |probe, _| (0..5).for_each(|byte| probe.send(a, b, &[byte])));
    assert_eq!(net.world.trace().map(|line| line.number).collect::<Vec<_>>(), [3, 4, 5]);
    net.world.run_for(Duration::from_secs(1));
    assert!(net.world.trace().all(|line| line.fate == Fate::Delivered), "the echoes came last");
    net.world.set_trace_len(0);
    net.world.command(net.a.host, |probe, _| probe.send(a, b, &[0]));
    assert_eq!(net.world.trace().count(), 0);
}

#[test]
fn a_node_is_woken_at_its_moment_and_not_at_those_it_gave_up() {
    let (mut net, ..) = open();
    let at = |millis| START + Duration::from_millis(millis);
    net.world.command(net.a.host, |probe, _| probe.wake = Some(at(50)));
    net.world.command(net.a.host, |probe, _| probe.wake = Some(at(20)));
    net.world.run_for(Duration::from_millis(30));
    net.world.command(net.a.host, |probe, _| probe.wake = Some(at(80)));
    net.world.run_for(Duration::from_millis(100));
    let got = &on(&net.world, net.a.host).got;
    assert_eq!(*got, [(at(20), Got::Timeout), (at(80), Got::Timeout)]);
}

#[test]
#[should_panic(expected = "spins at")]
fn a_node_that_spins_is_found() {
    let (mut net, ..) = open();
    net.world.command(net.a.host, |probe, now| (probe.spins, probe.wake) = (true, Some(now)));
    net.world.run_for(Duration::from_secs(1));
}

#[test]
fn a_run_ends_when_its_wish_comes_true() {
    let (mut net, a, b) = open();
    net.world.command(net.a.host, |probe, _| probe.send(a, b, b"x"));
    let host = net.b.host;
    let came = |world: &mut p2pvoip_sim::World<Probe>| !on(world, host).got.is_empty();
    assert!(net.world.run_while(Duration::from_secs(9), came));
    assert_eq!(net.world.now(), START + Duration::from_millis(20));
    assert!(!net.world.run_while(Duration::from_millis(5), |_| false));
    assert_eq!(net.world.now(), START + Duration::from_millis(25));
}

/// Two probes that each send 50 packets a second to the other for two seconds, over bad links.
fn story(seed: u64) -> ([Vec<(Instant, Got)>; 2], String) {
    let seed = Seed::from_u64(seed);
    let mut rng = seed.rng();
    let link = p2pvoip_sim::topology::random_link(&mut rng);
    let side = || p2pvoip_sim::topology::Side::public().with_links(link.clone(), link.clone());
    let mut net: Topology<Probe> = p2pvoip_sim::topology::two_sides(&seed, side(), side());
    let (a, b) = (SocketAddr::new(net.a.address, 1), SocketAddr::new(net.b.address, 2));
    for (host, from, to) in [(net.a.host, a, b), (net.b.host, b, a)] {
        let every = Some((Duration::from_millis(20), from, to, vec![7; 100]));
        net.world.install(host, Probe { every, wake: Some(START), ..Probe::default() });
    }
    net.world.run_for(Duration::from_secs(2));
    let got = |host| on(&net.world, host).got.clone();
    ([got(net.a.host), got(net.b.host)], format!("{:?}", net.world.counters()))
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_one_another() {
    for seed in 0..20 {
        assert_eq!(story(seed), story(seed));
    }
    assert_ne!(story(1), story(2));
}

#[test]
fn more_under_way_than_the_limit_is_lost_as_overload() {
    let (mut net, a, b) = open();
    net.world.set_trace_len(0);
    net.world.link_mut(net.a.access.up).unwrap().set_delay(Duration::from_secs(60));
    let most = p2pvoip_sim::world::MOST_PLANNED;
    for _ in 0..=most / 1_024 {
        net.world.command(net.a.host, |probe, _| (0..1_024).for_each(|_| probe.send(a, b, b"")));
    }
    let lost = net.world.counters().lost(Cause::Overload);
    assert_eq!(lost, 1_024);
    assert_eq!(
        net.world.link(net.a.access.up).unwrap().stats().delivered_size,
        DataSize::from_bytes(28 * (most as u64 + 1_024))
    );
}
