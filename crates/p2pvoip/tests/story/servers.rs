//! What runs on the hosts of a story.

use std::collections::BTreeMap;

use p2pvoip_core::{Ecn, Instant, Machine, Output, Seed};
use p2pvoip_rendezvous::hub::{Event, Input};
use p2pvoip_rendezvous::{ConnectionId, Hub, Limits};
use p2pvoip_sim::{self as sim, Action, Datagram, StreamEvent, StreamId};

use super::Person;
use super::relay::Relay;

/// One host's program.
pub enum Node {
    Person(Box<Person>),
    Hub(Box<Server>),
    Relay(Box<Relay>),
}

impl sim::Node for Node {
    fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant) {
        match self {
            Self::Person(person) => person.handle_datagram(datagram, now),
            Self::Relay(relay) => relay.handle(datagram.from, datagram.to, datagram.bytes, now),
            Self::Hub(_) => {}
        }
    }

    fn handle_stream(&mut self, stream: StreamId, event: StreamEvent<'_>, now: Instant) {
        match self {
            Self::Person(person) => person.handle_stream(stream, event, now),
            Self::Hub(server) => server.handle_stream(stream, event, now),
            Self::Relay(_) => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Person(person) => person.handle_timeout(now),
            Self::Hub(server) => server.hub.handle_timeout(now),
            Self::Relay(_) => {}
        }
    }

    fn poll(&mut self, buf: &mut [u8], _now: Instant) -> Action {
        match self {
            Self::Person(person) => person.poll(buf),
            Self::Hub(server) => server.poll(buf),
            Self::Relay(relay) => match relay.poll() {
                Some((from, to, bytes)) => {
                    buf[..bytes.len()].copy_from_slice(&bytes);
                    Action::Datagram { from, to, len: bytes.len(), ecn: Ecn::NotEct }
                }
                None => Action::Wait(None),
            },
        }
    }
}

/// The rendezvous server on simulated streams.
pub struct Server {
    hub: Hub,
    streams: BTreeMap<ConnectionId, StreamId>,
    next: u64,
    closing: Vec<StreamId>,
}

impl Server {
    pub fn new(now: Instant) -> Self {
        Self {
            hub: Hub::new(Limits::default(), &Seed::from_u64(99), now),
            streams: BTreeMap::new(),
            next: 1,
            closing: Vec::new(),
        }
    }

    fn handle_stream(&mut self, stream: StreamId, event: StreamEvent<'_>, now: Instant) {
        let known = self.streams.iter().find(|(_, known)| **known == stream).map(|(id, _)| *id);
        let id = known.unwrap_or(ConnectionId(self.next));
        let input = match event {
            StreamEvent::Opened { .. } => {
                self.streams.insert(id, stream);
                self.next += 1;
                Input::Opened(id)
            }
            StreamEvent::Message(bytes) => Input::Frame(id, bytes),
            StreamEvent::Closed => {
                self.streams.remove(&id);
                Input::Closed(id)
            }
        };
        if let Err(refused) = self.hub.handle_input(input, now) {
            panic!("the server refuses what an honest client says: {refused}");
        }
    }

    fn poll(&mut self, buf: &mut [u8]) -> Action {
        loop {
            if let Some(stream) = self.closing.pop() {
                return Action::Close { stream };
            }
            match self.hub.poll_output(buf) {
                Output::Transmit { to, len } => {
                    if let Some(stream) = self.streams.get(&to) {
                        return Action::Message { stream: *stream, len };
                    }
                }
                Output::Event(Event::Close(id)) => self.closing.extend(self.streams.remove(&id)),
                Output::Wait(wake) => return Action::Wait(wake.map(|wake| wake.at)),
            }
        }
    }
}
