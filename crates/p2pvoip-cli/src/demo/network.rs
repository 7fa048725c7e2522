//! The network of the demo, without IO: a NAT of two faces that loses, delays and reorders what passes.
//!
//! Each of two clients that ask the STUN server owns a face. What the owner of one face sends to the other face comes
//! to that face's owner, from the sender's own face. So each client sees of the other its face alone, and all that they
//! say to one another passes here. Strangers are dropped and counted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip::core::{Instant, Rng, Seed};
use p2pvoip::nat::is_stun;
use serde_json::{Value, json};

use crate::args::Impairment;

/// How many datagrams are under way at most; more are dropped and counted as overflow.
const MOST_WAITING: usize = 4_096;

/// What becomes of a datagram that is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// From which face it goes out.
    pub(super) face: usize,
    /// The owner of the other face.
    pub(super) to: SocketAddr,
    /// What was sent.
    pub(super) bytes: Vec<u8>,
}

/// What happened to datagrams of one kind of one client.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    arrived: u64,
    lost: u64,
    cut: u64,
    overflow: u64,
    delivered: u64,
}

impl Tally {
    /// As a JSON object; `arrived` is the sum of the others.
    fn report(&self) -> Value {
        let Self { arrived, lost, cut, overflow, delivered } = *self;
        let under_way = arrived - lost - cut - overflow - delivered;
        json!({
            "arrived": arrived, "delivered": delivered, "lost": lost, "cut": cut, "overflow": overflow,
            "under_way": under_way,
        })
    }
}

/// A client, its dice and its counters.
#[derive(Debug)]
struct Client {
    owner: Option<SocketAddr>,
    dice: Rng,
    at_stun: u64,
    packets: Tally,
    checks: Tally,
}

impl Client {
    /// The counters of the kind that a datagram is of: sealed packets of a call, or all else (RFC 7983).
    fn tally(&mut self, bytes: &[u8]) -> &mut Tally {
        if matches!(bytes.first(), Some(192..)) { &mut self.packets } else { &mut self.checks }
    }
}

/// A datagram under way; the order of arrival tells those of one moment apart.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UnderWay {
    due: Instant,
    order: u64,
    sender: usize,
    bytes: Vec<u8>,
}

/// Stage: what arrives at a face goes in, what is due at the other side comes out.
#[derive(Debug)]
pub(super) struct Network {
    clients: [Client; 2],
    impairment: Impairment,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    arrivals: u64,
    cut_at: Option<Instant>,
    strangers: u64,
}

impl Network {
    /// A network whose chance comes from the seed in `impairment`.
    pub(super) fn new(impairment: Impairment) -> Self {
        let seed = Seed::from_u64(impairment.seed);
        let client = |index| Client {
            owner: None,
            dice: seed.derive_index("demo direction", index).rng(),
            at_stun: 0,
            packets: Tally::default(),
            checks: Tally::default(),
        };
        Self {
            clients: [client(0), client(1)],
            impairment,
            under_way: BinaryHeap::new(),
            arrivals: 0,
            cut_at: None,
            strangers: 0,
        }
    }

    /// A datagram came to the STUN server: which face its sender owns. The first two senders get one each.
    pub(super) fn asked(&mut self, from: SocketAddr) -> Option<usize> {
        let known = self.clients.iter().position(|client| client.owner == Some(from));
        let face = known.or_else(|| self.clients.iter().position(|client| client.owner.is_none()));
        match face.and_then(|face| self.clients.get_mut(face)) {
            Some(client) => {
                client.owner = Some(from);
                client.at_stun += 1;
            }
            None => self.strangers += 1,
        }
        face
    }

    /// A datagram came to `face`.
    pub(super) fn arrive(&mut self, face: usize, from: SocketAddr, bytes: &[u8], now: Instant) {
        let sender = 1 - face.min(1);
        let full = self.under_way.len() >= MOST_WAITING;
        let cut = self.is_cut(now);
        self.open(sender, from, bytes);
        let Some(client) = self.clients.get_mut(sender).filter(|client| client.owner == Some(from)) else {
            self.strangers += 1;
            return;
        };
        // The dice are thrown for every datagram, so that the fate of one does not depend on what befell another.
        let lost = client.dice.chance(self.impairment.loss / 100.0);
        let delay = delay(&mut client.dice, &self.impairment);
        let tally = client.tally(bytes);
        tally.arrived += 1;
        if cut {
            tally.cut += 1;
        } else if lost {
            tally.lost += 1;
        } else if full {
            tally.overflow += 1;
        } else {
            self.arrivals += 1;
            let order = self.arrivals;
            self.under_way.push(Reverse(UnderWay { due: now + delay, order, sender, bytes: bytes.to_vec() }));
        }
    }

    /// Gives a face that is still free to who sends a check, as a NAT does: the two sides learn of each other in either
    /// order, and a check may come before its sender asked the STUN server.
    fn open(&mut self, sender: usize, from: SocketAddr, bytes: &[u8]) {
        let known = self.clients.iter().any(|client| client.owner == Some(from));
        if known || !is_stun(bytes) {
            return;
        }
        if let Some(client) = self.clients.get_mut(sender) {
            client.owner.get_or_insert(from);
        }
    }

    /// When the next datagram is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse(next)| next.due)
    }

    /// Takes a datagram that is due.
    pub(super) fn pull(&mut self, now: Instant) -> Option<Delivery> {
        if self.next_at()? > now {
            return None;
        }
        let Reverse(UnderWay { sender, bytes, .. }) = self.under_way.pop()?;
        let to = self.clients.get(1 - sender)?.owner?;
        self.clients.get_mut(sender)?.tally(&bytes).delivered += 1;
        Some(Delivery { face: sender, to, bytes })
    }

    /// All counters as one JSON object.
    pub(super) fn report(&self) -> Value {
        let clients = self.clients.iter().map(|client| {
            json!({
                "owner": client.owner.map(|owner| owner.to_string()),
                "at_stun": client.at_stun,
                "packets": client.packets.report(),
                "checks": client.checks.report(),
            })
        });
        json!({ "event": "counters", "clients": clients.collect::<Vec<_>>(), "strangers": self.strangers })
    }

    /// Whether the network is cut at `now`; the first datagram starts the time.
    fn is_cut(&mut self, now: Instant) -> bool {
        let Some(after) = self.impairment.cut_after else { return false };
        now >= *self.cut_at.get_or_insert(now + Duration::from_secs_f64(after))
    }
}

/// A delay of normal distribution, never less than none (Box and Muller, "A note on the generation of random normal
/// deviates", 1958).
fn delay(dice: &mut Rng, impairment: &Impairment) -> Duration {
    let radius = (-2.0 * (1.0 - dice.unit()).ln()).sqrt();
    let deviate = radius * (std::f64::consts::TAU * dice.unit()).cos();
    Duration::from_secs_f64((impairment.delay + impairment.jitter * deviate).max(0.0) / 1_000.0)
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "counts of a test are small")]
mod tests {
    use super::*;

    const GOOD: Impairment = Impairment { loss: 0.0, jitter: 0.0, delay: 20.0, cut_after: None, seed: 1 };

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn network(impairment: Impairment) -> Network {
        let mut network = Network::new(impairment);
        assert_eq!((network.asked(address(1)), network.asked(address(2))), (Some(0), Some(1)));
        network
    }

    fn all(network: &mut Network) -> Vec<Delivery> {
        std::iter::from_fn(|| network.pull(Instant::from_millis(1_000_000))).collect()
    }

    #[test]
    fn what_comes_to_the_face_of_one_leaves_from_the_face_of_the_other_after_the_delay() {
        let mut network = network(GOOD);
        network.arrive(1, address(1), b"\xc0hello", Instant::from_millis(5));
        assert_eq!(network.next_at(), Some(Instant::from_millis(25)));
        assert_eq!(network.pull(Instant::from_millis(24)), None);
        let delivery = network.pull(Instant::from_millis(25));
        assert_eq!(delivery, Some(Delivery { face: 0, to: address(2), bytes: b"\xc0hello".to_vec() }));
    }

    #[test]
    fn strangers_get_nothing_and_are_counted() {
        let mut network = network(GOOD);
        assert_eq!(network.asked(address(3)), None);
        network.arrive(0, address(3), b"?", Instant::from_millis(0));
        network.arrive(0, address(1), b"to its own face", Instant::from_millis(0));
        assert_eq!((all(&mut network).len(), &network.report()["strangers"]), (0, &json!(3)));
    }

    #[test]
    fn a_check_gives_a_free_face_to_its_sender_and_noise_does_not() {
        let check = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat();
        let mut network = Network::new(GOOD);
        assert_eq!(network.asked(address(1)), Some(0));
        network.arrive(0, address(3), b"\xc0noise", Instant::from_millis(0));
        network.arrive(1, address(1), &check, Instant::from_millis(0));
        network.arrive(0, address(2), &check, Instant::from_millis(0));
        assert_eq!(network.asked(address(2)), Some(1));
        let to: Vec<_> = all(&mut network).into_iter().map(|delivery| delivery.to).collect();
        assert_eq!((to, &network.report()["strangers"]), (vec![address(2), address(1)], &json!(1)));
    }

    #[test]
    fn every_datagram_is_accounted_for_by_its_kind() {
        let mut network = network(Impairment { loss: 30.0, jitter: 8.0, ..GOOD });
        for n in 0..1_000 {
            let bytes: &[u8] = if n % 10 == 0 { &[0, 1] } else { &[0xc0] };
            network.arrive(1, address(1), bytes, Instant::from_millis(n * 20));
            while network.pull(Instant::from_millis(n * 20)).is_some() {}
        }
        let client = network.report()["clients"][0].clone();
        let count = |kind: &str, name: &str| client[kind][name].as_u64().unwrap();
        assert_eq!((count("packets", "arrived"), count("checks", "arrived")), (900, 100));
        assert!((220..320).contains(&count("packets", "lost")), "{client}");
        assert!(
            count("packets", "delivered") + count("packets", "lost") + count("packets", "under_way") == 900
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_network() {
        let run = |seed| {
            let mut network = network(Impairment { loss: 50.0, jitter: 8.0, seed, ..GOOD });
            for n in 0..64 {
                network.arrive(1, address(1), &[n], Instant::from_millis(0));
            }
            all(&mut network).into_iter().map(|delivery| delivery.bytes).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn jitter_has_the_mean_and_deviation_that_were_asked_for() {
        let mut dice = Seed::from_u64(3).rng();
        let impairment = Impairment { jitter: 8.0, delay: 50.0, ..GOOD };
        let delays: Vec<f64> =
            (0..10_000).map(|_| delay(&mut dice, &impairment).as_secs_f64() * 1_000.0).collect();
        let mean = delays.iter().sum::<f64>() / delays.len() as f64;
        let variance = delays.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / delays.len() as f64;
        assert!((mean - 50.0).abs() < 0.5 && (variance.sqrt() - 8.0).abs() < 0.3, "{mean} {variance}");
    }

    #[test]
    fn a_cut_network_delivers_nothing_more() {
        let mut network = network(Impairment { cut_after: Some(1.0), ..GOOD });
        for (n, at) in [(1, 0), (2, 999), (3, 1_000), (4, 5_000)] {
            network.arrive(1, address(1), &[n], Instant::from_millis(at));
        }
        let bytes: Vec<u8> = all(&mut network).into_iter().flat_map(|delivery| delivery.bytes).collect();
        assert_eq!(bytes, [1, 2]);
        assert_eq!(network.report()["clients"][0]["checks"]["cut"], 2);
    }

    #[test]
    fn a_full_network_drops_and_counts() {
        let mut network = network(GOOD);
        for _ in 0..=MOST_WAITING {
            network.arrive(1, address(1), b"x", Instant::from_millis(0));
        }
        assert_eq!(network.report()["clients"][0]["checks"]["overflow"], 1);
        assert_eq!(all(&mut network).len(), MOST_WAITING);
    }
}
