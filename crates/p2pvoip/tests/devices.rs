//! Stories of an identity with several devices, and of one that is given anew while its endpoint runs.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong fails its test")]

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::IdentityError;
use p2pvoip::crypto::{Identity, LinkError, PendingDevice, Secret};
use p2pvoip::engine::{Endpoint, Settings};
use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_sim::{HostId, START, World, topology};
use story::{Counting, DATE, Node, Person, Server};

const URL: &str = "ws://server.example";
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// An identity's first device, one that it has linked, and their server.
struct Devices {
    world: World<Node>,
    hosts: [(HostId, std::net::IpAddr); 2],
    server: HostId,
    home: Secret,
    linked: Secret,
    seed: Seed,
}

impl Devices {
    /// Neither device runs yet.
    fn new(seed: u64) -> Self {
        let seed = Seed::from_u64(seed);
        let topology = topology::both_public(&seed);
        let mut world = topology.world;
        world.set_trace_len(0);
        let server = topology.server.host;
        world.install(server, Node::Hub(Box::new(Server::new(START))));
        let hosts = [topology.a, topology.b].map(|place| (place.host, place.address));
        let mut home = Secret::generate(&seed.derive("home"));
        let linked = link(&mut home, &seed, DATE);
        Self { world, hosts, server, home, linked, seed }
    }

    /// Both run, the first one for a moment longer.
    fn online(seed: u64) -> Self {
        let mut devices = Self::new(seed);
        devices.start(0, &devices.home.clone());
        devices.start(1, &devices.linked.clone());
        assert!(devices.person(0).is_online && devices.person(1).is_online);
        devices
    }

    /// A device begins to listen.
    fn start(&mut self, which: usize, secret: &Secret) {
        let codec = Arc::new(Counting) as Arc<dyn p2pvoip::Codec>;
        let mut settings = Settings::new(Arc::new(Identity::from_secret(secret)), codec);
        settings.server = Some(URL.parse().unwrap());
        let (seed, now) = (self.seed.derive_index("endpoint", which as u64), self.world.now());
        let endpoint = Endpoint::new(settings, seed, self.unix(), now).unwrap();
        let (host, address) = self.hosts[which];
        self.world.install(host, Node::Person(Box::new(Person::new(endpoint, address, self.server))));
        self.run_for(Duration::from_secs(2));
    }

    fn unix(&self) -> UnixTime {
        DATE + self.world.now().saturating_since(START)
    }

    fn run_for(&mut self, time: Duration) {
        self.world.run_for(time);
    }

    fn person(&self, which: usize) -> &Person {
        match self.world.node(self.hosts[which].0) {
            Some(Node::Person(person)) => person,
            _ => panic!("the device does not run"),
        }
    }

    fn set_identity(&mut self, which: usize, secret: &Secret) -> Result<(), IdentityError> {
        let identity = Identity::from_secret(secret);
        let given = self.world.command(self.hosts[which].0, |node, now| match node {
            Node::Person(person) => person.set_identity(identity, now),
            Node::Hub(_) | Node::Relay(_) => panic!("no device is there"),
        });
        given.unwrap()
    }

    /// The linked device takes what it heard last of the first one.
    fn refresh(&mut self) -> Result<bool, LinkError> {
        let heard = self.person(1).home.last().cloned().unwrap();
        self.linked.refresh_roster(&heard)
    }
}

/// Links a new device; gives its secret.
fn link(home: &mut Secret, seed: &Seed, now: UnixTime) -> Secret {
    let pending = PendingDevice::generate(&seed.derive("device"));
    let grant = home.link(&pending.request(), seed.derive("grant"), now).unwrap();
    Secret::linked(&pending, &grant, now).unwrap()
}

#[test]
fn a_linked_device_hears_daily_of_home_and_takes_the_list_with_a_device_that_was_added() {
    let mut devices = Devices::online(1);
    assert_eq!(devices.person(1).home.len(), 1, "it asks as soon as its server welcomes it");
    assert_eq!(devices.refresh(), Ok(false), "the list is the one with which it was linked");
    let (unix, seed) = (devices.unix(), devices.seed.derive("third"));
    let before = devices.linked.roster().unwrap();
    link(&mut devices.home, &seed, unix);
    devices.set_identity(0, &devices.home.clone()).unwrap();
    devices.run_for(DAY + HOUR);
    let heard = &devices.person(1).home;
    assert_eq!(heard.len(), 2);
    assert_eq!(heard.last().unwrap().device_indices().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(devices.refresh(), Ok(true));
    let after = devices.linked.roster().unwrap();
    assert!(before.is_older_than(&after) && after.expires > before.expires);
    assert_eq!(devices.set_identity(1, &devices.linked.clone()), Ok(()));
    assert!(devices.person(0).home.is_empty(), "the first device asks nobody");
}

#[test]
fn a_linked_device_that_was_revoked_hears_so() {
    let mut devices = Devices::online(2);
    let unix = devices.unix();
    devices.home.revoke(1, unix).unwrap();
    devices.set_identity(0, &devices.home.clone()).unwrap();
    devices.run_for(DAY + HOUR);
    assert_eq!(devices.refresh(), Err(LinkError::Revoked));
}

#[test]
fn a_home_that_is_not_there_is_asked_again_after_an_hour() {
    let mut devices = Devices::new(3);
    devices.start(1, &devices.linked.clone());
    devices.run_for(HOUR / 2);
    devices.start(0, &devices.home.clone());
    devices.run_for(HOUR / 4);
    assert!(devices.person(1).home.is_empty());
    devices.run_for(HOUR / 2);
    assert_eq!(devices.person(1).home.len(), 1);
}

#[test]
fn a_connection_that_comes_back_does_not_ask_home_more_often() {
    let mut devices = Devices::online(4);
    for stream in devices.world.streams_of(devices.server) {
        devices.world.cut(stream);
    }
    devices.run_for(HOUR);
    assert!(devices.person(1).is_online);
    assert_eq!(devices.person(1).home.len(), 1);
    // Without a connection it waits for one.
    devices.world.uninstall(devices.server);
    for stream in devices.world.streams_of(devices.server) {
        devices.world.cut(stream);
    }
    devices.run_for(DAY);
    devices.world.install(devices.server, Node::Hub(Box::new(Server::new(devices.world.now()))));
    devices.run_for(3 * HOUR);
    assert_eq!(devices.person(1).home.len(), 2);
}

#[test]
fn an_endpoint_takes_its_own_identity_alone() {
    let mut devices = Devices::online(5);
    let stranger = Secret::generate(&Seed::from_u64(50));
    assert_eq!(devices.set_identity(0, &stranger), Err(IdentityError::Other));
    assert_eq!(devices.set_identity(0, &devices.linked.clone()), Err(IdentityError::Other));
    let mut advanced = devices.home.clone();
    assert!(advanced.advance(devices.unix()));
    assert_eq!(devices.set_identity(0, &advanced), Ok(()));
    devices.run_for(HOUR);
    assert!(devices.person(0).is_online);
}

#[test]
fn without_prekeys_for_the_date_nobody_is_told_that_we_can_be_called() {
    let mut devices = Devices::new(6);
    let mut worn = devices.home.clone();
    assert!(worn.advance(DATE + 90 * DAY) && worn.needs_renewal(DATE));
    devices.start(0, &worn);
    devices.run_for(HOUR);
    assert!(!devices.person(0).is_online);
    devices.start(1, &devices.linked.clone());
    assert!(devices.person(1).home.is_empty(), "nothing was published as if it were a bundle");
    worn.renew(&Seed::from_u64(60));
    devices.set_identity(0, &worn).unwrap();
    devices.run_for(Duration::from_secs(2));
    assert!(devices.person(0).is_online);
}

#[test]
fn a_device_that_was_there_a_moment_ago_makes_room_for_the_next_one() {
    let mut devices = Devices::online(9);
    let card = Identity::from_secret(&devices.home).card(URL).unwrap();
    // The server does not know yet that the first device is gone, and keeps the offer for it.
    devices.world.uninstall(devices.hosts[0].0);
    let caller = devices.world.add_host();
    let address = "203.0.113.78".parse().unwrap();
    let link = p2pvoip_sim::LinkConfig::default;
    devices.world.attach(caller, p2pvoip_sim::world::PUBLIC, address, link(), link());
    devices.hosts[0] = (caller, address);
    let secret = Secret::generate(&devices.seed.derive("caller"));
    devices.start(0, &secret);
    devices
        .world
        .command(caller, |node, now| match node {
            Node::Person(person) => person.dial(&card, now),
            Node::Hub(_) | Node::Relay(_) => panic!("no caller is there"),
        })
        .unwrap();
    devices.run_for(Duration::from_secs(3));
    assert_eq!(devices.person(0).state, Some(p2pvoip::CallState::Dialing), "the first device has its time");
    devices.run_for(Duration::from_secs(12));
    assert_eq!(devices.person(1).state, Some(p2pvoip::CallState::Connected));
    assert_eq!(devices.person(0).state, Some(p2pvoip::CallState::Connected));
}
