//! A callee who is no longer at the server on its card: it listens at another one, and a directory knows where.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::crypto::{ContactCard, Identity};
use p2pvoip::dht::MemoryDirectory;
use p2pvoip::engine::{Endpoint, Settings};
use p2pvoip::{CallState, Codec, EndReason};
use p2pvoip_core::{Instant, Seed};
use p2pvoip_sim::world::PUBLIC;
use p2pvoip_sim::{HostId, LinkConfig, START, World, topology};

use super::person::{Person, SharedDirectory};
use super::servers::{Node, Server};
use super::{DATE, SETTLE};

const OLD: &str = "ws://old.example";
const NEW: &str = "ws://new.example";
/// How long the directory takes for each question.
const TAKES: Duration = Duration::from_millis(400);

/// Two people, two servers, and a directory.
pub struct Moved {
    pub world: World<Node>,
    pub a: HostId,
    pub b: HostId,
    pub old: HostId,
    pub new: HostId,
    pub card: ContactCard,
    pub directory: SharedDirectory,
}

/// The caller's endpoint or the callee's, which listens at `server`.
pub fn endpoint(seed: &Seed, codec: &Arc<dyn Codec>, server: Option<&str>, directory: bool) -> Endpoint {
    let identity = Arc::new(Identity::generate(&seed.derive("identity")));
    let mut settings = Settings::new(identity, Arc::clone(codec));
    settings.server = server.map(|url| url.parse().unwrap());
    settings.directory = directory;
    Endpoint::new(settings, seed.clone(), DATE, START).unwrap()
}

impl Moved {
    /// Both use the directory, and all that is done to them is kept.
    pub fn taped(codec: &Arc<dyn Codec>, seed: &Seed) -> Self {
        Self::make(codec, seed, [true, true], true)
    }

    /// The callee's card names the old server; it listens at the new one. Both use the directory when told so.
    pub fn new(codec: &Arc<dyn Codec>, seed: &Seed, uses: [bool; 2]) -> Self {
        Self::make(codec, seed, uses, false)
    }

    fn make(codec: &Arc<dyn Codec>, seed: &Seed, uses: [bool; 2], taped: bool) -> Self {
        let topology = topology::both_public(seed);
        let mut world = topology.world;
        world.set_trace_len(0);
        let (old, new) = (topology.server.host, topology.relay.host);
        for server in [old, new] {
            world.install(server, Node::Hub(Box::new(Server::new(START))));
        }
        let directory: SharedDirectory = Rc::new(RefCell::new(MemoryDirectory::new()));
        let ends = [(&topology.a, "a", None, 3_100), (&topology.b, "b", Some(NEW), 7_300)];
        for ((place, name, server, phase), uses) in ends.into_iter().zip(uses) {
            let endpoint = endpoint(&seed.derive(name), codec, server, uses);
            let mut person = Person::new(endpoint, place.address, old);
            person.other_servers = vec![(NEW.to_owned(), new)];
            person.directory = Some((Rc::clone(&directory), TAKES));
            person.phase = Duration::from_micros(phase);
            person.tape = taped.then(Vec::new);
            world.install(place.host, Node::Person(Box::new(person)));
        }
        let card = Identity::generate(&seed.derive("b").derive("identity")).card(OLD).unwrap();
        let (a, b) = (topology.a.host, topology.b.host);
        let mut moved = Self { world, a, b, old, new, card, directory };
        moved.world.run_for(Duration::from_secs(2));
        assert!(moved.person(moved.b).is_online, "the callee is at the new server");
        moved
    }

    /// The same endpoint again, as it was before anything happened to it.
    pub fn remake(
        &self,
        host: HostId,
        codec: &Arc<dyn Codec>,
        seed: &Seed,
    ) -> impl Fn(Instant) -> Endpoint + 'static {
        let (name, server) = if host == self.a { ("a", None) } else { ("b", Some(NEW)) };
        let (codec, seed) = (Arc::clone(codec), seed.derive(name));
        move |_now| endpoint(&seed, &codec, server, true)
    }

    /// The callee is at the old server too, by another device.
    pub fn is_at_the_old_server(&mut self, codec: &Arc<dyn Codec>, seed: &Seed) -> HostId {
        let before = endpoint(&seed.derive("b"), codec, Some(OLD), false);
        let visitor = self.world.add_host();
        let address = "203.0.113.77".parse().unwrap();
        self.world.attach(visitor, PUBLIC, address, LinkConfig::default(), LinkConfig::default());
        self.world.install(visitor, Node::Person(Box::new(Person::new(before, address, self.old))));
        self.world.run_for(Duration::from_secs(1));
        assert!(self.person(visitor).is_online, "it is at the old server");
        visitor
    }

    /// The callee was at the old server until a moment ago: its record is still there, and nobody listens.
    pub fn leaves_a_record_behind(&mut self, codec: &Arc<dyn Codec>, seed: &Seed) {
        let visitor = self.is_at_the_old_server(codec, seed);
        super::command(&mut self.world, visitor, Person::close);
        self.world.run_for(Duration::from_secs(1));
        self.world.uninstall(visitor);
    }

    /// The old server is gone: a connection to it fails at once.
    pub fn end_old_server(&mut self) {
        self.world.uninstall(self.old);
    }

    pub fn person(&self, host: HostId) -> &Person {
        super::person_of(&self.world, host)
    }

    pub fn person_mut<R>(&mut self, host: HostId, command: impl FnOnce(&mut Person, Instant) -> R) -> R {
        super::command(&mut self.world, host, command)
    }

    pub fn dial(&mut self) {
        let card = self.card.clone();
        self.person_mut(self.a, |person, now| person.dial(&card, now));
    }

    /// Dials, and lets time pass until both are connected (`Ok`, after how long) or the call has ended (`Err`).
    pub fn call(&mut self) -> Result<Duration, EndReason> {
        let from = self.world.now();
        self.dial();
        self.settle().map(|()| self.world.now().saturating_since(from))
    }

    pub fn settle(&mut self) -> Result<(), EndReason> {
        let (a, b) = (self.a, self.b);
        let settled = self.world.run_while(SETTLE, |world| {
            let (a, b) = (super::person_of(world, a), super::person_of(world, b));
            let both = a.state == Some(CallState::Connected) && b.state == Some(CallState::Connected);
            both || a.state.is_some_and(CallState::is_ended)
        });
        assert!(settled, "the call neither ended nor was connected");
        self.person(self.a).end().map_or(Ok(()), Err)
    }
}
