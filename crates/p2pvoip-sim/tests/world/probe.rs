//! A node that sends what it is told and keeps what comes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::{Ecn, Instant};
use p2pvoip_sim::{Action, Datagram, HostId, Node, StreamEvent, StreamId, World};

/// What a probe was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Got {
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Opened(StreamId, HostId),
    Message(Vec<u8>),
    Closed,
    Timeout,
}

pub(crate) enum Todo {
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Message { stream: StreamId, bytes: Vec<u8> },
    Open(HostId),
    Close(StreamId),
}

#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) got: Vec<(Instant, Got)>,
    pub(crate) todo: VecDeque<Todo>,
    /// Sends every datagram back.
    pub(crate) echoes: bool,
    /// Sends this to there at every interval.
    pub(crate) every: Option<(Duration, SocketAddr, SocketAddr, Vec<u8>)>,
    pub(crate) wake: Option<Instant>,
    pub(crate) spins: bool,
    /// The mark of what it sends, and those of what came.
    pub(crate) ecn: Ecn,
    pub(crate) marks: Vec<Ecn>,
}

impl Probe {
    pub(crate) fn echo() -> Self {
        Self { echoes: true, ..Self::default() }
    }

    pub(crate) fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.todo.push_back(Todo::Datagram { from, to, bytes: bytes.to_vec() });
    }

    pub(crate) fn say(&mut self, stream: StreamId, bytes: &[u8]) {
        self.todo.push_back(Todo::Message { stream, bytes: bytes.to_vec() });
    }

    pub(crate) fn open(&mut self, to: HostId) {
        self.todo.push_back(Todo::Open(to));
    }

    pub(crate) fn close(&mut self, stream: StreamId) {
        self.todo.push_back(Todo::Close(stream));
    }

    /// The datagrams that came: from whom, and what.
    pub(crate) fn datagrams(&self) -> Vec<(SocketAddr, Vec<u8>)> {
        let datagram = |(_, got): &(Instant, Got)| match got {
            Got::Datagram { from, bytes, .. } => Some((*from, bytes.clone())),
            Got::Opened(..) | Got::Message(_) | Got::Closed | Got::Timeout => None,
        };
        self.got.iter().filter_map(datagram).collect()
    }
}

impl Node for Probe {
    fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant) {
        let Datagram { from, to, bytes, ecn } = datagram;
        self.marks.push(ecn);
        self.got.push((now, Got::Datagram { from, to, bytes: bytes.to_vec() }));
        if self.echoes {
            self.send(to, from, bytes);
        }
    }

    fn handle_stream(&mut self, stream: StreamId, event: StreamEvent<'_>, now: Instant) {
        let got = match event {
            StreamEvent::Opened { peer } => Got::Opened(stream, peer),
            StreamEvent::Message(bytes) => Got::Message(bytes.to_vec()),
            StreamEvent::Closed => Got::Closed,
        };
        self.got.push((now, got));
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.spins {
            return;
        }
        self.wake = None;
        match self.every.clone() {
            Some((interval, from, to, bytes)) => {
                self.send(from, to, &bytes);
                self.wake = Some(now + interval);
            }
            None => self.got.push((now, Got::Timeout)),
        }
    }

    fn poll(&mut self, buf: &mut [u8], _now: Instant) -> Action {
        match self.todo.pop_front() {
            Some(Todo::Datagram { from, to, bytes }) => {
                buf[..bytes.len()].copy_from_slice(&bytes);
                Action::Datagram { from, to, len: bytes.len(), ecn: self.ecn }
            }
            Some(Todo::Message { stream, bytes }) => {
                buf[..bytes.len()].copy_from_slice(&bytes);
                Action::Message { stream, len: bytes.len() }
            }
            Some(Todo::Open(to)) => Action::Open { to },
            Some(Todo::Close(stream)) => Action::Close { stream },
            None => Action::Wait(self.wake),
        }
    }
}

/// The probe on a host.
#[expect(clippy::unwrap_used, reason = "every test installs the probes that it asks")]
pub(crate) fn on(world: &World<Probe>, host: HostId) -> &Probe {
    world.node(host).unwrap()
}
