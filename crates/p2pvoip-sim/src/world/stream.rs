//! Streams between hosts: reliable, ordered messages with a delay, which can be stalled and cut.
//!
//! A stream stands for a TCP or WebSocket connection to a server; it does not pass links or NATs.

use std::collections::VecDeque;
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
    is_stalled: bool,
    /// What is under way: for which end, and what. The agenda says when the front arrives.
    under_way: VecDeque<(HostId, Carried)>,
    /// How many arrivals were due while it was stalled.
    overdue: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    /// It takes no messages any more, but still carries what is under way.
    Ending,
    Closed,
}

impl<N: Node> World<N> {
    /// Opens a stream between two hosts; both are told after `delay`, and each message takes as long.
    pub fn connect(&mut self, a: HostId, b: HostId, delay: Duration) -> StreamId {
        let id = self.add_stream(a, b, delay, State::Open);
        self.carry(id, b, Carried::Opened);
        self.carry(id, a, Carried::Opened);
        id
    }

    /// Cuts a stream: what is under way is lost, and both ends are told at once.
    pub fn cut(&mut self, stream: StreamId) {
        let Some(cut) = self.streams.get_mut(stream.0).filter(|cut| cut.state != State::Closed) else {
            return;
        };
        self.counters.messages_lost += cut.close();
        for end in cut.ends {
            self.tell(end, stream, StreamEvent::Closed);
        }
    }

    /// Holds back what a stream carries, without telling anybody, or lets it go on; what was held takes the delay again.
    pub fn stall(&mut self, stream: StreamId, is_stalled: bool) {
        let Some(stalled) = self.streams.get_mut(stream.0) else { return };
        stalled.is_stalled = is_stalled;
        if !is_stalled {
            let at = self.now + stalled.delay;
            for _ in 0..std::mem::take(&mut stalled.overdue) {
                self.agenda.plan(at, Happening::Stream { stream });
            }
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
        let stream = self.add_stream(from, to, delay, State::Ending);
        self.carry(stream, from, Carried::End);
    }

    pub(super) fn send_message(&mut self, from: HostId, stream: StreamId, bytes: &[u8]) {
        self.counters.messages_sent += 1;
        match self.other_end(from, stream) {
            Some(to) => {
                let bytes = self.buffers.copy(bytes);
                self.carry(stream, to, Carried::Message(bytes));
            }
            None => self.counters.messages_lost += 1,
        }
    }

    pub(super) fn close_stream(&mut self, from: HostId, stream: StreamId) {
        if let Some(to) = self.other_end(from, stream) {
            self.carry(stream, to, Carried::End);
            if let Some(open) = self.streams.get_mut(stream.0) {
                open.state = State::Ending;
            }
        }
    }

    /// The next that a stream carries arrives.
    pub(super) fn arrive(&mut self, stream: StreamId) {
        let Some(open) = self.streams.get_mut(stream.0) else { return };
        if open.is_stalled {
            open.overdue += 1;
            return;
        }
        let Some((to, carried)) = open.under_way.pop_front() else { return };
        match carried {
            Carried::Opened => {
                let peer = open.other(to);
                self.tell(to, stream, StreamEvent::Opened { peer });
            }
            Carried::Message(bytes) => {
                self.counters.messages_delivered += 1;
                self.tell(to, stream, StreamEvent::Message(&bytes));
                self.buffers.give_back(bytes);
            }
            Carried::End => {
                self.counters.messages_lost += open.close();
                self.tell(to, stream, StreamEvent::Closed);
            }
        }
    }

    fn add_stream(&mut self, a: HostId, b: HostId, delay: Duration, state: State) -> StreamId {
        let under_way = VecDeque::new();
        self.streams.push(Stream { ends: [a, b], delay, state, is_stalled: false, under_way, overdue: 0 });
        StreamId(self.streams.len() - 1)
    }

    /// The end opposite to `from` of an open stream that is its own.
    fn other_end(&self, from: HostId, stream: StreamId) -> Option<HostId> {
        let open = self.streams.get(stream.0)?;
        (open.state == State::Open && open.ends.contains(&from)).then(|| open.other(from))
    }

    fn carry(&mut self, stream: StreamId, to: HostId, carried: Carried) {
        if let Some(open) = self.streams.get_mut(stream.0) {
            open.under_way.push_back((to, carried));
            self.agenda.plan(self.now + open.delay, Happening::Stream { stream });
        }
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

    /// Ends it; how many messages are lost by that.
    fn close(&mut self) -> u64 {
        self.state = State::Closed;
        let lost = self.under_way.drain(..).filter(|(_, carried)| matches!(carried, Carried::Message(_)));
        lost.count() as u64
    }
}
