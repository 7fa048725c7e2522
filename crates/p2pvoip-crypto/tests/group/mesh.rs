//! A mesh in virtual time: members, the sessions between each two of them, and a network that loses, delays and repeats.

use std::collections::BTreeMap;
use std::time::Duration;

use p2pvoip_core::{Instant, Machine, Output, Rng, Seed};
use p2pvoip_crypto::group::{
    Event, Group, HEADER_LEN, Input, MAX_PROOF_LEN, Message, OVERHEAD, Received, To, sender_of,
};
use p2pvoip_crypto::{Aead, Fingerprint};

/// How often everybody speaks.
pub(crate) const PTIME: Duration = Duration::from_millis(20);
const TICK: Duration = Duration::from_millis(10);

/// Who a person is.
pub(crate) fn person(index: usize) -> Fingerprint {
    Fingerprint::new([u8::try_from(index).unwrap() + 1; 24])
}

/// What is under way.
#[derive(Clone)]
enum Parcel {
    Message { from: usize, to: usize, bytes: Vec<u8> },
    Packet { to: usize, bytes: Vec<u8> },
}

/// How the network treats what it carries; probabilities from 0 to 1.
#[derive(Clone, Copy)]
pub(crate) struct Network {
    pub(crate) message_loss: f64,
    pub(crate) packet_loss: f64,
    pub(crate) repeat: f64,
    /// The longest delay; the shortest is a tenth of it.
    pub(crate) delay: Duration,
}

pub(crate) const CLEAN: Network =
    Network { message_loss: 0.0, packet_loss: 0.0, repeat: 0.0, delay: Duration::from_millis(20) };
pub(crate) const BAD: Network =
    Network { message_loss: 0.3, packet_loss: 0.1, repeat: 0.05, delay: Duration::from_millis(200) };

/// A packet as somebody on the network has seen it.
#[derive(Clone)]
pub(crate) struct Captured {
    pub(crate) at: Instant,
    pub(crate) from: usize,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Mesh {
    pub(crate) now: Instant,
    pub(crate) network: Network,
    pub(crate) groups: BTreeMap<usize, Group>,
    pub(crate) events: Vec<(Instant, usize, Event)>,
    /// Who heard which words of whom.
    pub(crate) heard: BTreeMap<(usize, u8), Vec<Vec<u8>>>,
    pub(crate) captured: Vec<Captured>,
    /// Every message, opened: who said what to whom.
    pub(crate) said: Vec<(usize, usize, Message)>,
    /// Messages between these two do not arrive.
    pub(crate) cut: Vec<(usize, usize)>,
    /// These people keep their old state: no message reaches them.
    pub(crate) deaf: Vec<usize>,
    pub(crate) silent: Vec<usize>,
    under_way: BTreeMap<(Instant, u64), Parcel>,
    sent: u64,
    words: u64,
    next_words: Instant,
    rng: Rng,
}

impl Mesh {
    /// A group that person 0 founds.
    pub(crate) fn new(network: Network, seed: u64) -> Self {
        let now = Instant::from_millis(1_000);
        let founder = Group::found(person(0), Aead::ChaCha20Poly1305, &Seed::from_u64(seed << 8), now);
        Self {
            now,
            network,
            groups: BTreeMap::from([(0, founder)]),
            events: Vec::new(),
            heard: BTreeMap::new(),
            captured: Vec::new(),
            said: Vec::new(),
            cut: Vec::new(),
            deaf: Vec::new(),
            silent: Vec::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            words: 0,
            next_words: now,
            rng: Seed::from_u64(seed).rng(),
        }
    }

    /// A group of that many, after two seconds.
    pub(crate) fn of(members: usize, network: Network, seed: u64) -> Self {
        let mut mesh = Self::new(network, seed);
        for index in 1..members {
            mesh.admit(index);
        }
        mesh.pass(Duration::from_secs(2));
        mesh
    }

    pub(crate) fn founder(&mut self) -> &mut Group {
        self.groups.get_mut(&0).unwrap()
    }

    pub(crate) fn admit(&mut self, index: usize) {
        let now = self.now;
        let number = self.founder().admit(person(index), now).unwrap();
        self.drain(0);
        assert!(number > 0);
    }

    pub(crate) fn remove(&mut self, number: u8) {
        let now = self.now;
        self.founder().remove(number, now).unwrap();
        self.drain(0);
    }

    /// Time passes: everybody speaks, and what is under way arrives.
    pub(crate) fn pass(&mut self, by: Duration) {
        let until = self.now + by;
        while self.now < until {
            if self.next_words <= self.now {
                self.speak();
                self.next_words = self.now + PTIME;
            }
            self.arrive();
            let people: Vec<usize> = self.groups.keys().copied().collect();
            for index in people {
                let now = self.now;
                self.groups.get_mut(&index).unwrap().handle_timeout(now);
                self.drain(index);
            }
            self.now += TICK;
        }
    }

    fn speak(&mut self) {
        self.words += 1;
        let people: Vec<usize> = self.groups.keys().copied().collect();
        for index in people {
            if self.silent.contains(&index) {
                continue;
            }
            let words = format!("{index} says {}", self.words);
            let now = self.now;
            let mut buf = vec![0; words.len() + OVERHEAD];
            buf[HEADER_LEN..][..words.len()].copy_from_slice(words.as_bytes());
            if self.groups.get_mut(&index).unwrap().seal(&mut buf, words.len(), now).is_ok() {
                self.broadcast(index, &buf);
            }
        }
    }

    /// Sends a packet to all others.
    pub(crate) fn broadcast(&mut self, from: usize, bytes: &[u8]) {
        self.captured.push(Captured { at: self.now, from, bytes: bytes.to_vec() });
        let people: Vec<usize> = self.groups.keys().copied().filter(|to| *to != from).collect();
        for to in people {
            let loss = self.network.packet_loss;
            self.put(loss, &Parcel::Packet { to, bytes: bytes.to_vec() });
        }
    }

    fn put(&mut self, loss: f64, parcel: &Parcel) {
        let copies =
            if self.rng.chance(loss) { 0 } else { 1 + usize::from(self.rng.chance(self.network.repeat)) };
        for _ in 0..copies {
            let most = u64::try_from(self.network.delay.as_micros()).unwrap();
            let at = self.now + Duration::from_micros(most / 10 + self.rng.below(most));
            self.sent += 1;
            self.under_way.insert((at, self.sent), parcel.clone());
        }
    }

    fn arrive(&mut self) {
        while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
            match entry.remove() {
                Parcel::Message { from, to, bytes } => self.deliver(from, to, &bytes),
                Parcel::Packet { to, mut bytes } => self.open(to, &mut bytes),
            }
        }
    }

    fn deliver(&mut self, from: usize, to: usize, message: &[u8]) {
        if self.deaf.contains(&to) || self.cut.contains(&(from, to)) || self.cut.contains(&(to, from)) {
            return;
        }
        let input = Input { from: person(from), message };
        if let Some(group) = self.groups.get_mut(&to) {
            // What is refused comes again when it matters.
            let _ = group.handle_input(input, self.now);
        } else if let Ok(group) = Group::join(person(to), input, &Seed::from_u64(1_000 + to as u64), self.now)
        {
            self.groups.insert(to, group);
        }
        self.drain(to);
    }

    /// Gives a packet to somebody, by the path of the member that it names: who forges it has forged the address too.
    pub(crate) fn open(&mut self, to: usize, packet: &mut [u8]) {
        let Some(group) = self.groups.get_mut(&to) else { return };
        let row = sender_of(packet).and_then(|number| group.roster().member(number));
        let Some(from) = row.map(|row| row.id) else { return };
        if let Ok(Received::Voice(voice)) = group.open(from, packet, self.now) {
            self.heard.entry((to, voice.sender)).or_default().push(voice.payload.to_vec());
        }
        self.drain(to);
    }

    /// Takes all that somebody has to say.
    pub(crate) fn drain(&mut self, index: usize) {
        let mut buf = [0; MAX_PROOF_LEN];
        while let Some(group) = self.groups.get_mut(&index) {
            match group.poll_output(&mut buf) {
                Output::Event(event) => self.events.push((self.now, index, event)),
                Output::Transmit { to: To::All, len } => self.broadcast(index, &buf[..len]),
                Output::Transmit { to: To::Member(id), len } => {
                    let to = usize::from(id.as_bytes()[0]) - 1;
                    self.said.push((index, to, Message::parse(&buf[..len]).unwrap()));
                    let loss = self.network.message_loss;
                    self.put(loss, &Parcel::Message { from: index, to, bytes: buf[..len].to_vec() });
                }
                Output::Wait(_) => break,
            }
        }
    }

    /// How many packets somebody heard of a member since `heard` was last emptied.
    pub(crate) fn count(&self, to: usize, sender: u8) -> usize {
        self.heard.get(&(to, sender)).map_or(0, Vec::len)
    }

    /// What somebody was told.
    pub(crate) fn told(&self, index: usize, is: impl Fn(&Event) -> bool) -> Option<Instant> {
        self.events.iter().find(|(_, who, event)| *who == index && is(event)).map(|(at, ..)| *at)
    }
}
