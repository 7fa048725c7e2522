//! What runs on a host, and what it says to the world.

use std::fmt;
use std::net::SocketAddr;

use p2pvoip_core::{Ecn, Instant, Redacted};

use super::{HostId, StreamId};

/// A datagram as a socket sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The address and port that it seems to come from.
    pub from: SocketAddr,
    /// The host's own address and port.
    pub to: SocketAddr,
    /// What it carries.
    pub bytes: &'a [u8],
    /// Its mark, as the network left it.
    pub ecn: Ecn,
}

impl fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, bytes, ecn } = self;
        let (from, to) = (Redacted(from), Redacted(to));
        let mut shown = f.debug_struct("Datagram");
        shown.field("from", &from).field("to", &to).field("len", &bytes.len()).field("ecn", ecn).finish()
    }
}

/// What happens on a stream: a reliable, ordered connection that carries messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamEvent<'a> {
    /// It is open; both sides are told.
    Opened {
        /// Who is at the other end.
        peer: HostId,
    },
    /// A whole message came.
    Message(&'a [u8]),
    /// It is gone, and with it what was under way. Nothing follows.
    Closed,
}

/// What a node wants done.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send the first `len` bytes of the buffer as a datagram.
    Datagram {
        /// One of the host's own addresses, and a port.
        from: SocketAddr,
        /// Where to.
        to: SocketAddr,
        /// How many bytes of the buffer.
        len: usize,
        /// With this mark.
        ecn: Ecn,
    },
    /// Send the first `len` bytes of the buffer as a message.
    Message {
        /// On which stream.
        stream: StreamId,
        /// How many bytes of the buffer.
        len: usize,
    },
    /// Open a stream to another host; [`StreamEvent::Opened`] or [`StreamEvent::Closed`] follows.
    Open {
        /// To whom.
        to: HostId,
    },
    /// Close a stream; the other end is told after the stream's delay, behind what is under way.
    Close {
        /// Which.
        stream: StreamId,
    },
    /// Nothing more until the given moment, or until the next call.
    Wait(Option<Instant>),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datagram { len, .. } => {
                f.debug_struct("Datagram").field("len", len).finish_non_exhaustive()
            }
            Self::Message { stream, len } => write!(f, "Message({stream:?}, {len} bytes)"),
            Self::Open { to } => write!(f, "Open({to:?})"),
            Self::Close { stream } => write!(f, "Close({stream:?})"),
            Self::Wait(until) => write!(f, "Wait({until:?})"),
        }
    }
}

/// What runs on a host: it has all the ports of the host's addresses, does no IO, and is asked for its actions after
/// every call until it waits.
pub trait Node {
    /// A datagram came.
    fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant);

    /// Something happened on a stream.
    fn handle_stream(&mut self, stream: StreamId, event: StreamEvent<'_>, now: Instant) {
        let _ = (stream, event, now);
    }

    /// The moment for which it waited has come.
    fn handle_timeout(&mut self, now: Instant);

    /// The next action; bytes are written to the front of `buf`, which holds [`MAX_BYTES`](super::MAX_BYTES).
    fn poll(&mut self, buf: &mut [u8], now: Instant) -> Action;
}

impl<N: Node + ?Sized> Node for Box<N> {
    fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant) {
        (**self).handle_datagram(datagram, now);
    }

    fn handle_stream(&mut self, stream: StreamId, event: StreamEvent<'_>, now: Instant) {
        (**self).handle_stream(stream, event, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        (**self).handle_timeout(now);
    }

    fn poll(&mut self, buf: &mut [u8], now: Instant) -> Action {
        (**self).poll(buf, now)
    }
}
