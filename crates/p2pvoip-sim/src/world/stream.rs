//! Streams between hosts: reliable, ordered messages with a delay, which can be stalled and cut.
//!
//! A stream stands for a TCP or WebSocket connection to a server; it does not pass links or NATs.

use std::time::Duration;

use p2pvoip_core::Instant;

use super::{Happening, HostId, Node, StreamEvent, World};

/// A stream of a world; never used again for another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StreamId(pub(super) usize);

/// What a stream carries to one of its ends.
#[derive(Debug)]
pub(super) enum Carried {
    Opened,
    Message(Vec<u8>),
    /// The other end closed it.
    End,
}

/// A stream while it lives, and after.
#[derive(Debug)]
pub(super) struct Stream {
    ends: [HostId; 2],
    delay: Duration,
    state: State,
    /// What waits until the stream is not stalled any more: for which end, and what.
    held: Vec<(HostId, Carried)>,
    under_way: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    Stalled,
    /// One end closed it; it takes no messages any more, but still carries what is under way.
    Ending,
    Closed,
}

impl<N: Node> World<N> {
    /// Opens a stream between two hosts; both are told after `delay`, and each message takes as long.
    pub fn connect(&mut self, a: HostId, b: HostId, delay: Duration) -> StreamId {
        let id = StreamId(self.streams.len());
        let (state, held) = (State::Open, Vec::new());
        self.streams.push(Stream { ends: [a, b], delay, state, held, under_way: 0 });
        self.carry(id, b, Carried::Opened);
        self.carry(id, a, Carried::Opened);
        id
    }

    /// Cuts a stream: what is under way is lost, and both ends are told at once.
    pub fn cut(&mut self, stream: StreamId) {
        let Some(cut) = self.streams.get_mut(stream.0).filter(|cut| cut.state != State::Closed) else {
            return;
        };
        cut.state = State::Closed;
        self.counters.messages_lost += cut.under_way;
        cut.under_way = 0;
        cut.held.clear();
        for end in cut.ends {
            self.tell(end, stream, StreamEvent::Closed);
        }
    }

    /// Holds back what a stream carries, without telling anybody, or lets it go on.
    pub fn stall(&mut self, stream: StreamId, is_stalled: bool) {
        let Some(stalled) = self.streams.get_mut(stream.0) else { return };
        match (stalled.state, is_stalled) {
            (State::Open, true) => stalled.state = State::Stalled,
            (State::Stalled, false) => {
                stalled.state = State::Open;
                let (held, at) = (std::mem::take(&mut stalled.held), self.now + stalled.delay);
                for (to, carried) in held {
                    self.agenda.plan(at, Happening::Stream { stream, to, carried });
                }
            }
            (State::Open | State::Stalled | State::Ending | State::Closed, _) => {}
        }
    }

    /// The streams that are not closed and end at this host, the oldest first.
    pub fn streams_of(&self, host: HostId) -> Vec<StreamId> {
        let of = |(place, stream): (usize, &Stream)| {
            (stream.state != State::Closed && stream.ends.contains(&host)).then_some(StreamId(place))
        };
        self.streams.iter().enumerate().filter_map(of).collect()
    }

    /// Whether the host takes streams that others want to open; it does from the beginning.
    pub fn accept_streams(&mut self, host: HostId, accepts: bool) {
        if let Some(host) = self.hosts.get_mut(host.0) {
            host.accepts_streams = accepts;
        }
    }

    pub(super) fn open_stream(&mut self, from: HostId, to: HostId) {
        let delay = self.stream_delay;
        if self.hosts.get(to.0).is_some_and(|host| host.accepts_streams && host.node.is_some()) {
            self.connect(from, to, delay);
            return;
        }
        let stream = StreamId(self.streams.len());
        let (state, held) = (State::Ending, Vec::new());
        self.streams.push(Stream { ends: [from, to], delay, state, held, under_way: 0 });
        self.carry(stream, from, Carried::End);
    }

    pub(super) fn send_message(&mut self, from: HostId, stream: StreamId, bytes: &[u8]) {
        self.counters.messages_sent += 1;
        let open = self.streams.get_mut(stream.0).filter(|open| open.ends.contains(&from));
        let Some(open) = open.filter(|open| matches!(open.state, State::Open | State::Stalled)) else {
            self.counters.messages_lost += 1;
            return;
        };
        open.under_way += 1;
        let to = open.other(from);
        let bytes = self.buffers.copy(bytes);
        self.carry(stream, to, Carried::Message(bytes));
    }

    pub(super) fn close_stream(&mut self, from: HostId, stream: StreamId) {
        let Some(open) = self.streams.get_mut(stream.0).filter(|open| open.ends.contains(&from)) else {
            return;
        };
        if matches!(open.state, State::Open | State::Stalled) {
            let to = open.other(from);
            self.carry(stream, to, Carried::End);
            self.stall(stream, false);
            if let Some(open) = self.streams.get_mut(stream.0) {
                open.state = State::Ending;
            }
        }
    }

    /// What a stream carried arrives.
    pub(super) fn arrive(&mut self, stream: StreamId, to: HostId, carried: Carried) {
        let Some(open) = self.streams.get_mut(stream.0).filter(|open| open.state != State::Closed) else {
            return;
        };
        if open.state == State::Stalled {
            open.held.push((to, carried));
            return;
        }
        let peer = open.other(to);
        match carried {
            Carried::Opened => self.tell(to, stream, StreamEvent::Opened { peer }),
            Carried::Message(bytes) => {
                open.under_way -= 1;
                self.counters.messages_delivered += 1;
                self.tell(to, stream, StreamEvent::Message(&bytes));
                self.buffers.give_back(bytes);
            }
            Carried::End => {
                open.state = State::Closed;
                self.counters.messages_lost += open.under_way;
                open.under_way = 0;
                self.tell(to, stream, StreamEvent::Closed);
            }
        }
    }

    fn carry(&mut self, stream: StreamId, to: HostId, carried: Carried) {
        let Some(open) = self.streams.get_mut(stream.0) else { return };
        if open.state == State::Stalled {
            open.held.push((to, carried));
            return;
        }
        let at = self.now + open.delay;
        self.agenda.plan(at, Happening::Stream { stream, to, carried });
    }

    fn tell(&mut self, host: HostId, stream: StreamId, event: StreamEvent<'_>) {
        let now: Instant = self.now;
        if let Some(node) = self.hosts.get_mut(host.0).and_then(|host| host.node.as_mut()) {
            node.handle_stream(stream, event, now);
            self.drain(host);
        }
    }
}

impl Stream {
    fn other(&self, end: HostId) -> HostId {
        let [a, b] = self.ends;
        if end == a { b } else { a }
    }
}
