//! Whole calls in the simulated network: two people, a rendezvous server, and a STUN and TURN server, on virtual time.
//!
//! Used by the tests beside it and by the example `sim`; each uses a part of it.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test and the example use their own part of the story"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story that goes wrong fails its test"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::struct_excessive_bools,
    reason = "a story looks at what it is about"
)]

mod codec;
mod direct;
mod moved;
mod person;
#[path = "../../../p2pvoip-nat/tests/world/relay.rs"]
pub mod relay;
pub mod sample;
mod servers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::crypto::{ContactCard, Identity};
use p2pvoip::engine::{Endpoint, Settings};
use p2pvoip::{CallState, CandidatePolicy, Codec, EndReason, nat};
use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_sim::{HostId, START, Topology, World};

pub use codec::Counting;
pub use direct::Direct;
pub use moved::Moved;
pub use person::{Deed, Heard, Person, SharedDirectory};
pub use servers::{Node, Server};

/// The date when every story begins.
pub const DATE: UnixTime = UnixTime::from_secs(1_800_000_000);
/// Calls that one person takes part in at once.
const MAX_CALLS: usize = 2;
/// How long a call may take from dialling until it is connected or has ended: all of signal's waits, one after another.
const SETTLE: Duration = Duration::from_secs(150);

/// How a call went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// It was connected, and lasted.
    Talked,
    /// It was connected, and then ended by itself.
    Broke(&'static str),
    /// It never was connected, and ended with this reason.
    Failed(&'static str),
    /// It neither ended nor was connected: a bug.
    Stuck,
}

/// A world with two people in it, of whom `a` can call `b`.
pub struct Story {
    pub world: World<Node>,
    pub a: HostId,
    pub b: HostId,
    pub server: HostId,
    pub relay: HostId,
    pub card: ContactCard,
    /// The caller's.
    pub other_card: ContactCard,
    remake: Remake,
}

/// What an endpoint is made of.
#[derive(Clone)]
struct Remake {
    codec: Arc<dyn Codec>,
    url: String,
    stun: SocketAddr,
    relays: Relays,
}

/// What relays are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relays {
    /// There is none.
    None,
    /// Where nothing else works.
    Fallback,
    /// For everything.
    Only,
}

fn endpoint(seed: &Seed, remake: &Remake) -> Endpoint {
    let identity = Arc::new(Identity::generate(&seed.derive("identity")));
    let mut settings = Settings::new(identity, Arc::clone(&remake.codec));
    settings.server = Some(remake.url.parse().unwrap());
    settings.nat.stun_servers = vec![remake.stun];
    if remake.relays != Relays::None {
        let password = nat::Password::new(relay::PASSWORD);
        settings.nat.turn_servers = vec![nat::TurnServer::new(remake.stun, relay::USER, password)];
    }
    if remake.relays == Relays::Only {
        settings.nat.policy = CandidatePolicy::RelayOnly;
    }
    settings.max_calls = MAX_CALLS;
    Endpoint::new(settings, seed.clone(), DATE, START).unwrap()
}

impl Story {
    /// Two people in this topology; both are online when it returns.
    pub fn new(topology: Topology<Node>, codec: &Arc<dyn Codec>, seed: &Seed) -> Self {
        Self::with_relays(topology, codec, seed, Relays::None)
    }

    /// The same, with relays for this.
    pub fn with_relays(
        topology: Topology<Node>,
        codec: &Arc<dyn Codec>,
        seed: &Seed,
        relays: Relays,
    ) -> Self {
        let Topology { mut world, a, b, server, relay, .. } = topology;
        world.set_trace_len(0);
        world.install(server.host, Node::Hub(Box::new(Server::new(START))));
        world.install(relay.host, Node::Relay(Box::new(relay::Relay::new(relay.address))));
        let stun = SocketAddr::new(relay.address, relay::PORT);
        let url = format!("ws://{}:7000", server.address);
        let remake = Remake { codec: Arc::clone(codec), url, stun, relays };
        let mut cards = Vec::new();
        for (place, name, phase) in [(&a, "a", 3_100), (&b, "b", 7_300)] {
            let endpoint = endpoint(&seed.derive(name), &remake);
            cards.extend(endpoint.card().unwrap());
            let mut person = Person::new(endpoint, place.address, server.host);
            person.tape = Some(Vec::new());
            person.phase = Duration::from_micros(phase);
            world.install(place.host, Node::Person(Box::new(person)));
        }
        let (a, b, server, relay) = (a.host, b.host, server.host, relay.host);
        let card = cards.pop().unwrap();
        let other_card = cards.pop().unwrap();
        let mut story = Self { world, a, b, server, relay, card, other_card, remake };
        story.come_online();
        story
    }

    /// The same endpoint again, as it was before anything happened to it.
    pub fn remake(&self, seed: &Seed) -> impl Fn(Instant) -> Endpoint + 'static {
        let (remake, seed) = (self.remake.clone(), seed.clone());
        move |_now| endpoint(&seed, &remake)
    }

    /// No longer keeps tapes.
    pub fn untaped(mut self) -> Self {
        for host in [self.a, self.b] {
            self.person_mut(host, |person, _| person.tape = None);
        }
        self
    }

    fn come_online(&mut self) {
        let (a, b) = (self.a, self.b);
        let online = self.world.run_while(Duration::from_secs(10), |world| {
            [a, b].iter().all(|host| person_of(world, *host).is_online)
        });
        assert!(online, "both people come online");
    }

    pub fn now(&self) -> Instant {
        self.world.now()
    }

    pub fn person(&self, host: HostId) -> &Person {
        person_of(&self.world, host)
    }

    pub fn person_mut<R>(&mut self, host: HostId, command: impl FnOnce(&mut Person, Instant) -> R) -> R {
        self::command(&mut self.world, host, command)
    }

    /// The STUN and TURN server.
    pub fn relay<R>(&mut self, command: impl FnOnce(&mut relay::Relay) -> R) -> R {
        let relay = self.relay;
        self.world
            .command(relay, |node, _| match node {
                Node::Relay(relay) => command(relay),
                Node::Hub(_) | Node::Person(_) => panic!("no relay is there"),
            })
            .unwrap()
    }

    /// Both dial each other at the same moment.
    pub fn dial_both(&mut self) {
        let (theirs, ours) = (self.card.clone(), self.other_card.clone());
        self.person_mut(self.a, |person, now| person.dial(&theirs, now));
        self.person_mut(self.b, |person, now| person.dial(&ours, now));
    }

    /// `a` dials `b`.
    pub fn dial(&mut self) {
        let card = self.card.clone();
        self.person_mut(self.a, |person, now| person.dial(&card, now));
    }

    /// Lets time pass until both are connected, or the caller's call has ended; tells how long it took.
    pub fn settle(&mut self) -> Option<Duration> {
        let from = self.now();
        let (a, b) = (self.a, self.b);
        let settled = self.world.run_while(SETTLE, |world| {
            let (a, b) = (person_of(world, a), person_of(world, b));
            let both = a.state == Some(CallState::Connected) && b.state == Some(CallState::Connected);
            both || a.state.is_some_and(CallState::is_ended)
        });
        settled.then(|| self.now().saturating_since(from))
    }

    /// Dials, lets them talk for a while, and tells how it went and after how long they could talk.
    pub fn call(&mut self, talk: Duration) -> (Outcome, Option<Duration>) {
        self.dial();
        let settled = self.settle();
        match (settled, self.person(self.a).end()) {
            (None, _) => (Outcome::Stuck, None),
            (Some(_), Some(reason)) => (Outcome::Failed(reason.as_str()), None),
            (Some(after), None) => {
                self.world.run_for(talk);
                let ends = [self.a, self.b].into_iter().find_map(|host| self.person(host).end());
                (ends.map_or(Outcome::Talked, |reason| Outcome::Broke(reason.as_str())), Some(after))
            }
        }
    }

    /// The server ends and another one starts in its place, which knows nothing.
    pub fn restart_server(&mut self) {
        for stream in self.world.streams_of(self.server) {
            self.world.cut(stream);
        }
        self.world.install(self.server, Node::Hub(Box::new(Server::new(self.world.now()))));
    }

    /// `a` dials, and hears within two seconds how that ended.
    pub fn call_person_who_left(&mut self) -> Option<EndReason> {
        self.dial();
        self.world.run_for(Duration::from_secs(2));
        self.person(self.a).end()
    }

    /// Takes both endpoints out of the world, in mid-call.
    pub fn take_apart(mut self) -> Direct {
        let now = self.now();
        let ends = [self.a, self.b].map(|host| match self.world.uninstall(host) {
            Some(Node::Person(person)) => person.into_call(),
            _ => panic!("no person lives there"),
        });
        Direct::new(ends, now)
    }

    /// How the call ended, at each side.
    pub fn ends(&self) -> (Option<EndReason>, Option<EndReason>) {
        (self.person(self.a).end(), self.person(self.b).end())
    }
}

fn command<R>(world: &mut World<Node>, host: HostId, command: impl FnOnce(&mut Person, Instant) -> R) -> R {
    let done = world.command(host, |node, now| match node {
        Node::Person(person) => command(person, now),
        Node::Hub(_) | Node::Relay(_) => panic!("no person lives there"),
    });
    done.unwrap()
}

fn person_of(world: &World<Node>, host: HostId) -> &Person {
    match world.node(host) {
        Some(Node::Person(person)) => person,
        _ => panic!("no person lives there"),
    }
}
