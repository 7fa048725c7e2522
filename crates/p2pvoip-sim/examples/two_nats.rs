//! A datagram through two NATs: what a symmetric one refuses, an endpoint-independent one lets through once its host has spoken.

use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::{Ecn, Instant, Seed};
use p2pvoip_sim::{Action, Datagram, NatConfig, Node, PortAllocation, Scope, Topology, topology};

/// A host that sends what it is told and keeps who sent to it.
#[derive(Default)]
struct Host {
    send: Vec<(SocketAddr, SocketAddr)>,
    seen: Vec<SocketAddr>,
}

impl Node for Host {
    fn handle_datagram(&mut self, datagram: Datagram<'_>, _now: Instant) {
        self.seen.push(datagram.from);
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll(&mut self, buf: &mut [u8], _now: Instant) -> Action {
        let Some((from, to)) = self.send.pop() else { return Action::Wait(None) };
        buf.fill(0);
        Action::Datagram { from, to, len: 1, ecn: Ecn::NotEct }
    }
}

/// Both hosts learn their outside address from a server, and send to what the other one learnt; how many arrive at `b`?
fn punched(theirs: NatConfig) -> Option<usize> {
    let mut net: Topology<Host> = topology::nat_to_nat(&Seed::from_u64(1), NatConfig::default(), theirs);
    let hosts = [net.a.host, net.b.host, net.server.host];
    for host in hosts {
        net.world.install(host, Host::default());
    }
    let inside = [net.a.address, net.b.address].map(|address| SocketAddr::new(address, 5_000));
    let server = SocketAddr::new(net.server.address, 3_478);
    for (host, inside) in hosts.into_iter().zip(inside) {
        net.world.command(host, |node, _now| node.send.push((inside, server)));
        net.world.run_for(Duration::from_millis(200));
    }
    let [a, b] = net.world.node(net.server.host)?.seen.as_slice() else { return None };
    let outside = [*b, *a];
    for _ in 0..2 {
        for ((host, inside), outside) in hosts.into_iter().zip(inside).zip(outside) {
            net.world.command(host, |node, _now| node.send.push((inside, outside)));
        }
        net.world.run_for(Duration::from_millis(500));
    }
    Some(net.world.node(net.b.host)?.seen.len())
}

fn main() {
    let symmetric = NatConfig::new(
        Scope::AddressAndPortDependent,
        Scope::AddressAndPortDependent,
        PortAllocation::Random,
    );
    let (open, closed) = (punched(NatConfig::default()), punched(symmetric));
    println!(
        "datagrams that came through: {open:?}; with a symmetric NAT before the one who waits: {closed:?}"
    );
    assert!(open.is_some_and(|count| count > 0), "a hole is punched");
    assert_eq!(closed, Some(0), "the symmetric one has another port for each");
}
