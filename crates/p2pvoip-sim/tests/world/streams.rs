//! Streams: reliable and ordered until they are cut.

use std::time::Duration;

use p2pvoip_core::Seed;
use p2pvoip_sim::topology::{Topology, both_public};
use p2pvoip_sim::{START, StreamId};

use crate::probe::{Got, Probe, on};

fn two() -> Topology<Probe> {
    let mut net = both_public(&Seed::from_u64(1));
    for host in [net.a.host, net.server.host] {
        net.world.install(host, Probe::default());
    }
    net
}

fn got(net: &Topology<Probe>, at_server: bool) -> Vec<Got> {
    let host = if at_server { net.server.host } else { net.a.host };
    on(&net.world, host).got.iter().map(|(_, got)| got.clone()).collect()
}

fn stream_of(net: &Topology<Probe>) -> StreamId {
    net.world.streams_of(net.a.host)[0]
}

#[test]
fn messages_come_whole_and_in_order_after_the_delay() {
    let mut net = two();
    let stream = net.world.connect(net.a.host, net.server.host, Duration::from_millis(30));
    net.world.command(net.a.host, |probe, _| {
        probe.say(stream, b"one");
        probe.say(stream, &[2; 5_000]);
    });
    net.world.run_for(Duration::from_secs(1));
    let opened = |peer| Got::Opened(stream, peer);
    let messages = [opened(net.a.host), Got::Message(b"one".to_vec()), Got::Message(vec![2; 5_000])];
    assert_eq!(got(&net, true), messages);
    assert_eq!(got(&net, false), [opened(net.server.host)]);
    let at = on(&net.world, net.server.host).got[2].0;
    assert_eq!(at, START + Duration::from_millis(30));
    assert_eq!(net.world.counters().messages_delivered, 2);
}

#[test]
fn a_cut_loses_what_is_under_way_and_tells_both() {
    let mut net = two();
    let stream = net.world.connect(net.a.host, net.server.host, Duration::from_millis(30));
    net.world.run_for(Duration::from_millis(100));
    net.world.command(net.a.host, |probe, _| probe.say(stream, b"lost"));
    net.world.cut(stream);
    net.world.command(net.a.host, |probe, _| probe.say(stream, b"into the void"));
    net.world.run_for(Duration::from_secs(1));
    for at_server in [true, false] {
        let got = got(&net, at_server);
        assert_eq!((got.len(), &got[1]), (2, &Got::Closed));
    }
    let counters = net.world.counters();
    assert_eq!((counters.messages_sent, counters.messages_delivered, counters.messages_lost), (2, 0, 2));
    assert!(net.world.streams_of(net.a.host).is_empty());
}

#[test]
fn a_stalled_stream_holds_what_it_carries_and_gives_it_in_order_later() {
    let mut net = two();
    let stream = net.world.connect(net.a.host, net.server.host, Duration::from_millis(30));
    net.world.run_for(Duration::from_millis(100));
    net.world.command(net.a.host, |probe, _| probe.say(stream, b"1"));
    net.world.stall(stream, true);
    net.world.command(net.a.host, |probe, _| probe.say(stream, b"2"));
    net.world.run_for(Duration::from_secs(10));
    assert_eq!(got(&net, true).len(), 1, "opened, and nothing else");
    net.world.stall(stream, false);
    net.world.command(net.a.host, |probe, _| probe.say(stream, b"3"));
    net.world.run_for(Duration::from_secs(1));
    assert_eq!(got(&net, true)[1..], [b"1", b"2", b"3"].map(|text| Got::Message(text.to_vec())));
}

#[test]
fn a_node_opens_and_closes_and_what_it_said_before_still_comes() {
    let mut net = two();
    let server = net.server.host;
    net.world.command(net.a.host, |probe, _| probe.open(server));
    net.world.run_for(Duration::from_secs(1));
    let stream = stream_of(&net);
    net.world.command(net.a.host, |probe, _| {
        probe.say(stream, b"bye");
        probe.close(stream);
        probe.say(stream, b"after the end");
    });
    net.world.run_for(Duration::from_secs(1));
    assert_eq!(got(&net, true)[1..], [Got::Message(b"bye".to_vec()), Got::Closed]);
    assert_eq!(net.world.counters().messages_lost, 1);
}

#[test]
fn a_host_that_accepts_no_streams_refuses_after_the_delay() {
    let mut net = two();
    let server = net.server.host;
    net.world.set_stream_delay(Duration::from_millis(40));
    net.world.accept_streams(server, false);
    net.world.command(net.a.host, |probe, _| probe.open(server));
    net.world.run_for(Duration::from_secs(1));
    let refused = (START + Duration::from_millis(40), Got::Closed);
    assert_eq!(on(&net.world, net.a.host).got, [refused]);
    assert!(got(&net, true).is_empty());
}

#[test]
fn a_process_that_dies_cuts_its_streams() {
    let mut net = two();
    net.world.connect(net.a.host, net.server.host, Duration::from_millis(30));
    net.world.run_for(Duration::from_millis(100));
    net.world.uninstall(net.server.host).unwrap();
    net.world.run_for(Duration::from_secs(1));
    assert_eq!(got(&net, false)[1..], [Got::Closed]);
}
