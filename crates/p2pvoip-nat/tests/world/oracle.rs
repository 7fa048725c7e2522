//! What hole punching can do without a relay and without guessing ports: two hosts that know each other's reflexive
//! address, ask every address that they hear of again and again, and answer wherever they are asked from.
//!
//! It shares nothing with the agent, so that the agent can be measured by it.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::{Ecn, Instant};
use p2pvoip_sim::Topology;
use p2pvoip_sim::world::{Action, Datagram, Node};

const ASK: u8 = b'?';
const ANSWER: u8 = b'!';
const WHO_AM_I: u8 = b'W';
const AGAIN: Duration = Duration::from_millis(100);

/// A host that punches, or a server that says where it was asked from.
pub(crate) struct Puncher {
    own: SocketAddr,
    known: BTreeSet<SocketAddr>,
    reflexive: Option<SocketAddr>,
    pub(crate) connected: bool,
    outgoing: VecDeque<(SocketAddr, Vec<u8>)>,
    next: Instant,
    /// Whom to ask for the own reflexive address; the server asks nobody.
    server: Option<SocketAddr>,
}

impl Puncher {
    fn new(own: SocketAddr, server: Option<SocketAddr>, now: Instant) -> Self {
        let (known, outgoing) = (BTreeSet::new(), VecDeque::new());
        Self { own, known, reflexive: None, connected: false, outgoing, next: now, server }
    }
}

impl Node for Puncher {
    fn handle_datagram(&mut self, datagram: Datagram<'_>, _now: Instant) {
        let from = datagram.from;
        match datagram.bytes[0] {
            WHO_AM_I if self.server.is_none() => {
                self.outgoing.push_back((from, [&[WHO_AM_I], from.to_string().as_bytes()].concat()));
            }
            WHO_AM_I => {
                let text = std::str::from_utf8(&datagram.bytes[1..]).unwrap();
                self.reflexive = Some(text.parse().unwrap());
            }
            ASK => {
                self.known.insert(from);
                self.outgoing.push_back((from, [&[ANSWER], &datagram.bytes[1..]].concat()));
            }
            // Only a way that works in both directions counts, as in ICE: the answer comes from where was asked.
            _ => self.connected |= datagram.bytes[1..] == *from.to_string().as_bytes(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.next <= now && self.server.is_some() {
            let ask = |to: &SocketAddr| (*to, [&[ASK], to.to_string().as_bytes()].concat());
            self.outgoing.extend(self.known.iter().map(ask));
            if self.reflexive.is_none() {
                self.outgoing.extend(self.server.map(|server| (server, vec![WHO_AM_I])));
            }
            self.next = now + AGAIN;
        }
    }

    fn poll(&mut self, buf: &mut [u8], _now: Instant) -> Action {
        match self.outgoing.pop_front() {
            Some((to, bytes)) => {
                buf[..bytes.len()].copy_from_slice(&bytes);
                Action::Datagram { from: self.own, to, len: bytes.len(), ecn: Ecn::NotEct }
            }
            None => Action::Wait((self.server.is_some()).then_some(self.next)),
        }
    }
}

/// Whether two hosts that are where the topology says can talk without a relay.
pub(crate) fn can_connect(mut topology: Topology<Puncher>) -> bool {
    let world = &mut topology.world;
    let server = SocketAddr::new(topology.server.address, 3478);
    world.install(topology.server.host, Puncher::new(server, None, world.now()));
    for place in [&topology.a, &topology.b] {
        let own = SocketAddr::new(place.address, 40_000);
        world.install(place.host, Puncher::new(own, Some(server), world.now()));
    }
    world.run_for(Duration::from_secs(3));
    let (a, b) = (topology.a.host, topology.b.host);
    for (one, other) in [(a, b), (b, a)] {
        let (own, reflexive) = world.node(other).map(|node| (node.own, node.reflexive)).unwrap();
        world.command(one, |node, _| node.known.extend([own].into_iter().chain(reflexive)));
    }
    world.run_while(Duration::from_secs(10), |world| {
        [a, b].into_iter().all(|host| world.node(host).is_some_and(|node| node.connected))
    })
}
