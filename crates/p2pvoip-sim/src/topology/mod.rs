//! Ready worlds: two callers, each on a network of some kind, a public server and a public relay.
//!
//! Addresses are those of documentation (RFC 5737), of homes (RFC 1918) and of carriers (RFC 6598). Two homes use the same
//! private network, as they often do.

mod random;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use p2pvoip_core::Seed;

use crate::link::LinkConfig;
use crate::nat::NatConfig;
use crate::world::{Access, HostId, NatId, Node, PUBLIC, RealmId, World};
pub use random::{random, random_link, random_nat};

/// The one-way delay of an access link unless told otherwise; two of them are between two callers.
const ACCESS_DELAY: Duration = Duration::from_millis(10);
/// The one-way delay of a server's access link.
const SERVER_DELAY: Duration = Duration::from_millis(5);

/// Where a caller is in the network.
#[derive(Clone, Debug)]
pub struct Side {
    /// The NATs between it and the public network, the innermost first.
    pub nats: Vec<NatConfig>,
    /// The link from the outermost NAT, or from the host when there is none, to the public network.
    pub up: LinkConfig,
    /// The link from there.
    pub down: LinkConfig,
}

impl Side {
    /// On the public network, 10 ms from it.
    #[must_use]
    pub fn public() -> Self {
        Self { nats: Vec::new(), up: LinkConfig::delay(ACCESS_DELAY), down: LinkConfig::delay(ACCESS_DELAY) }
    }

    /// Behind one NAT.
    #[must_use]
    pub fn behind(nat: NatConfig) -> Self {
        Self { nats: vec![nat], ..Self::public() }
    }

    /// Behind the NAT of a home, which is behind that of a carrier.
    #[must_use]
    pub fn behind_two(home: NatConfig, carrier: NatConfig) -> Self {
        Self { nats: vec![home, carrier], ..Self::public() }
    }

    /// The same place with these links.
    #[must_use]
    pub fn with_links(self, up: LinkConfig, down: LinkConfig) -> Self {
        Self { up, down, ..self }
    }
}

/// A host that is ready to run a node.
#[derive(Clone, Debug)]
pub struct Place {
    /// The host.
    pub host: HostId,
    /// Its own address.
    pub address: IpAddr,
    /// The NATs between it and the public network, the innermost first.
    pub nats: Vec<NatId>,
    /// Its way to the public network: that of its outermost NAT, or its own.
    pub access: Access,
}

/// A world with two callers and two public hosts, on which nothing runs yet.
#[derive(Debug)]
pub struct Topology<N> {
    /// The world.
    pub world: World<N>,
    /// One caller.
    pub a: Place,
    /// The other.
    pub b: Place,
    /// A public host.
    pub server: Place,
    /// Another public host, at another address.
    pub relay: Place,
    /// What it is, in words, for the message of a test that fails.
    pub what: String,
}

fn ip(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// Both callers are on one local network behind one NAT.
pub fn same_lan<N: Node>(seed: &Seed, nat: NatConfig) -> Topology<N> {
    let side = Side::behind(nat);
    let what = format!("one local network behind {:?}", side.nats);
    let mut world = World::new(seed);
    let (id, realm, access) = world.add_nat(PUBLIC, ip(192, 0, 2, 1), first_nat(&side), side.up, side.down);
    let mut place = |last| {
        let (host, address) = (world.add_host(), ip(192, 168, 1, last));
        world.attach(host, realm, address, LinkConfig::default(), LinkConfig::default());
        Place { host, address, nats: vec![id], access }
    };
    let (a, b) = (place(10), place(20));
    with_servers(world, a, b, what)
}

/// Both callers have public addresses.
pub fn both_public<N: Node>(seed: &Seed) -> Topology<N> {
    two_sides(seed, Side::public(), Side::public())
}

/// Each caller is behind a NAT of its own.
pub fn nat_to_nat<N: Node>(seed: &Seed, a: NatConfig, b: NatConfig) -> Topology<N> {
    two_sides(seed, Side::behind(a), Side::behind(b))
}

/// One caller is behind the NAT of a home and that of a carrier, the other behind one NAT.
pub fn double_nat<N: Node>(
    seed: &Seed,
    home: NatConfig,
    carrier: NatConfig,
    other: NatConfig,
) -> Topology<N> {
    two_sides(seed, Side::behind_two(home, carrier), Side::behind(other))
}

/// Each caller is behind the NAT of a home, and both homes are behind one carrier's NAT.
pub fn same_carrier<N: Node>(seed: &Seed, home: &NatConfig, carrier: NatConfig) -> Topology<N> {
    let what = format!("homes behind {home:?}, both behind the carrier's {carrier:?}");
    let mut world = World::new(seed);
    let side = Side::behind(carrier);
    let (id, realm, access) = world.add_nat(PUBLIC, ip(192, 0, 2, 1), first_nat(&side), side.up, side.down);
    let mut place = |number| {
        let perfect = LinkConfig::default;
        let outside = ip(100, 64, number, 2);
        let (inner, lan, _) = world.add_nat(realm, outside, home.clone(), perfect(), perfect());
        let (host, address) = (world.add_host(), ip(192, 168, 1, 10 * number));
        world.attach(host, lan, address, perfect(), perfect());
        Place { host, address, nats: vec![inner, id], access }
    };
    let (a, b) = (place(1), place(2));
    with_servers(world, a, b, what)
}

/// Each caller is where its side says.
pub fn two_sides<N: Node>(seed: &Seed, a: Side, b: Side) -> Topology<N> {
    let what = format!("a: {a:?}; b: {b:?}");
    let mut world = World::new(seed);
    let a = place(&mut world, a, 1);
    let b = place(&mut world, b, 2);
    with_servers(world, a, b, what)
}

fn first_nat(side: &Side) -> NatConfig {
    side.nats.first().cloned().unwrap_or_default()
}

/// Builds a side from the outside in; `number` tells its addresses from those of the other.
fn place<N: Node>(world: &mut World<N>, side: Side, number: u8) -> Place {
    let mut realm: RealmId = PUBLIC;
    let mut outside = if number == 1 { ip(192, 0, 2, 1) } else { ip(198, 51, 100, 1) };
    let mut links = Some((side.up, side.down));
    let mut access = None;
    let mut nats = Vec::new();
    for (depth, nat) in (0u8..).zip(side.nats.into_iter().rev()) {
        let (up, down) = links.take().unwrap_or_default();
        let (id, inner, way) = world.add_nat(realm, outside, nat, up, down);
        access.get_or_insert(way);
        nats.insert(0, id);
        realm = inner;
        outside = ip(100, 64 + depth, number, 2);
    }
    let host = world.add_host();
    let address = if nats.is_empty() { outside } else { ip(192, 168, 1, 10 * number) };
    let (up, down) = links.take().unwrap_or_default();
    let own = world.attach(host, realm, address, up, down);
    Place { host, address, nats, access: access.unwrap_or(own) }
}

fn with_servers<N: Node>(mut world: World<N>, a: Place, b: Place, what: String) -> Topology<N> {
    let mut public = |last| {
        let (host, address) = (world.add_host(), ip(203, 0, 113, last));
        let link = LinkConfig::delay(SERVER_DELAY);
        let access = world.attach(host, PUBLIC, address, link.clone(), link);
        Place { host, address, nats: Vec::new(), access }
    };
    let (server, relay) = (public(1), public(2));
    Topology { world, a, b, server, relay, what }
}
