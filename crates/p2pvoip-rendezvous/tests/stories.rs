//! Two clients and a hub in memory: whichever frame a connection breaks at, nothing that was asked is lost.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_rendezvous::hub::{self, ConnectionId, Hub, Limits, mailbox_of, owned_mailbox_of, owned_slot_of};
use p2pvoip_signal::rendezvous::{Client, Event, Input, own_statement};
use p2pvoip_signal::{ENVELOPE_LEN, Envelope, OwnerKey, Token};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::collections::VecDeque;
use std::time::Duration;

const BOX: Token = Token::new([7; 32]);
const ALICE: usize = 0;
const BOB: usize = 1;

/// Bytes between a client and the hub.
enum Flight {
    ToHub(usize, Vec<u8>),
    ToClient(ConnectionId, Vec<u8>),
}

struct World {
    hub: Hub,
    clients: [Client; 2],
    connections: [Option<ConnectionId>; 2],
    events: [Vec<Event>; 2],
    flights: VecDeque<Flight>,
    now: Instant,
    opened: u64,
    /// Alice's key, shown whenever a connection is challenged.
    pair: Ed25519KeyPair,
    /// Frames until one is lost together with its connection.
    until_break: u32,
    broke: bool,
}

impl World {
    fn new(until_break: u32) -> Self {
        let now = Instant::from_millis(1_000);
        let client = |number| Client::new(&Seed::from_u64(number), now);
        Self {
            hub: Hub::new(Limits::default(), &Seed::from_u64(9), now),
            clients: [client(1), client(2)],
            connections: [None; 2],
            events: [Vec::new(), Vec::new()],
            flights: VecDeque::new(),
            now,
            opened: 0,
            pair: Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap(),
            until_break,
            broke: false,
        }
    }

    /// Delivers all that is on its way, and what follows from it.
    fn settle(&mut self) {
        loop {
            self.poll();
            let Some(flight) = self.flights.pop_front() else { return };
            let lost = self.until_break == 1;
            self.until_break = self.until_break.saturating_sub(1);
            self.broke |= lost;
            match flight {
                Flight::ToHub(who, _) if lost => self.cut(who),
                Flight::ToHub(who, bytes) => {
                    if let Some(id) = self.connections[who] {
                        self.hub.handle_input(hub::Input::Frame(id, &bytes), self.now).unwrap();
                    }
                }
                Flight::ToClient(id, bytes) => {
                    let Some(who) = self.connections.iter().position(|known| *known == Some(id)) else {
                        continue;
                    };
                    if lost {
                        self.cut(who);
                    } else {
                        self.clients[who].handle_input(Input::Frame(&bytes), self.now).unwrap();
                    }
                }
            }
        }
    }

    fn cut(&mut self, who: usize) {
        if let Some(id) = self.connections[who].take() {
            self.hub.handle_input(hub::Input::Closed(id), self.now).unwrap();
            self.clients[who].handle_input(Input::Disconnected, self.now).unwrap();
        }
    }

    fn poll(&mut self) {
        let mut buf = vec![0; Client::MAX_TRANSMIT.max(Hub::MAX_TRANSMIT)];
        for who in [ALICE, BOB] {
            loop {
                match self.clients[who].poll_output(&mut buf) {
                    Output::Wait(_) => break,
                    Output::Transmit { len, .. } => {
                        self.flights.push_back(Flight::ToHub(who, buf[..len].to_vec()));
                    }
                    Output::Event(Event::Connect) => self.connect(who),
                    Output::Event(Event::Challenge { challenge }) if who == ALICE => {
                        let signature = self.pair.sign(&own_statement(&challenge));
                        let signature = signature.as_ref().try_into().unwrap();
                        self.clients[who].own(self.key(), signature, self.now).unwrap();
                    }
                    Output::Event(event) => self.events[who].push(event),
                }
            }
        }
        while let Output::Transmit { to, len } = self.hub.poll_output(&mut buf) {
            self.flights.push_back(Flight::ToClient(to, buf[..len].to_vec()));
        }
    }

    fn key(&self) -> OwnerKey {
        OwnerKey::new(self.pair.public_key().as_ref().try_into().unwrap())
    }

    fn connect(&mut self, who: usize) {
        self.opened += 1;
        let id = ConnectionId(self.opened);
        self.connections[who] = Some(id);
        self.hub.handle_input(hub::Input::Opened(id), self.now).unwrap();
        self.clients[who].handle_input(Input::Connected, self.now).unwrap();
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.now += Duration::from_millis(100);
            self.hub.handle_timeout(self.now);
            for client in &mut self.clients {
                client.handle_timeout(self.now);
            }
            self.settle();
        }
    }

    fn count(&self, who: usize, is: impl Fn(&Event) -> bool) -> usize {
        self.events[who].iter().filter(|event| is(event)).count()
    }
}

#[test]
fn whichever_frame_a_connection_breaks_at_nothing_is_lost() {
    let mut twice = 0;
    for until_break in 1.. {
        let mut world = World::new(until_break);
        let (envelope, owned) = (Envelope::new([5; ENVELOPE_LEN]), Envelope::new([6; ENVELOPE_LEN]));
        let key = world.key();
        world.clients[ALICE].listen(BOX, world.now).unwrap();
        world.clients[ALICE].publish(key, 1, b"record", Duration::from_secs(600), world.now).unwrap();
        world.settle();
        world.wait(Duration::from_secs(3));
        let now = world.now;
        let put = world.clients[BOB].put(mailbox_of(&BOX), envelope.clone(), now).unwrap();
        let fetch = world.clients[BOB].fetch(owned_slot_of(&key), now).unwrap();
        let offer = world.clients[BOB].put(owned_mailbox_of(&key), owned.clone(), now).unwrap();
        world.settle();
        world.wait(Duration::from_secs(5));

        let fetched = Event::Fetched { id: fetch, bytes: Some(b"record".to_vec()) };
        assert_eq!(world.count(BOB, |event| *event == fetched), 1, "break at {until_break}");
        for (id, sent) in [(put, &envelope), (offer, &owned)] {
            let done = world.count(BOB, |event| *event == Event::Delivered { id });
            assert_eq!(done, 1, "break at {until_break}");
            let arrived = world.count(
                ALICE,
                |event| matches!(event, Event::Envelope { envelope: came, .. } if came == sent),
            );
            // Twice when only the acknowledgement was lost; what is sealed in it is refused then.
            assert!((1..=2).contains(&arrived), "break at {until_break}: it came {arrived} times");
            twice += u32::from(arrived == 2);
        }
        assert!(world.count(ALICE, |event| matches!(event, Event::Published { .. })) >= 1);
        if !world.broke {
            assert!(until_break > 14 && twice > 0, "{until_break} runs, {twice} of them delivered twice");
            return;
        }
    }
}
