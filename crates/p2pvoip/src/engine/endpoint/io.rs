//! What goes into an endpoint and what comes out of it.

use core::fmt;
use std::net::SocketAddr;

use p2pvoip_core::Ecn;
use p2pvoip_crypto::{Fingerprint, Prekeys};
use p2pvoip_dht::{Outcome, Record};
use p2pvoip_signal::rendezvous;

use super::{CallKey, QueryKey, ServerId};
use crate::engine::{Arrival, call};
use crate::event::CallEvent;
use crate::server_url::ServerUrl;

/// What comes from outside into an endpoint. Its `Debug` shows no address and no content.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// A datagram came to one of a call's sockets.
    Datagram {
        /// Whose socket it is.
        call: CallKey,
        /// The socket's address.
        local: SocketAddr,
        /// Where it comes from.
        remote: SocketAddr,
        /// How it arrived, as far as the system tells.
        arrival: Arrival,
        /// What.
        bytes: &'a [u8],
    },
    /// Something happened to the connection to a server.
    Server {
        /// Which.
        server: ServerId,
        /// What.
        input: rendezvous::Input<'a>,
    },
    /// What came of a question to the directory.
    Directory {
        /// That of [`Event::Publish`] or [`Event::Lookup`].
        query: QueryKey,
        /// What came of it.
        outcome: &'a Outcome,
    },
}

/// Where the bytes of an output go. Its `Debug` shows no address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transmit {
    /// From one of a call's sockets to the network.
    Datagram {
        /// Whose socket.
        call: CallKey,
        /// The socket's address.
        local: SocketAddr,
        /// Where to.
        remote: SocketAddr,
        /// The mark to send it with, where the system can.
        ecn: Ecn,
    },
    /// One binary message to a server.
    Server {
        /// Which.
        server: ServerId,
    },
}

/// What the owner of an endpoint is told.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Open a connection to this server now.
    Connect {
        /// By what name it is spoken of.
        server: ServerId,
        /// Where it is.
        url: ServerUrl,
    },
    /// Drop the connection to this server, or the attempt at one.
    Close {
        /// Which.
        server: ServerId,
    },
    /// This endpoint can be called now.
    Online,
    /// It cannot be called for the time being; it tries by itself to come back.
    Offline,
    /// On a linked device: what the identity's first device publishes, whose roster is to be taken (`Secret::refresh_roster`). It
    /// comes once a day; [`Endpoint::set_identity`](super::Endpoint::set_identity) follows when the roster is a newer one.
    Home(Box<Prekeys>),
    /// Publish this record in the directory; answered by [`Input::Directory`].
    Publish {
        /// The question's name.
        query: QueryKey,
        /// What to publish.
        record: Record,
    },
    /// Look this slot up in the directory; answered by [`Input::Directory`].
    Lookup {
        /// The question's name.
        query: QueryKey,
        /// Where to look.
        slot: p2pvoip_dht::Slot,
    },
    /// Whether contacts can find this endpoint through the directory now.
    Findable(bool),
    /// Somebody calls. [`Endpoint::gather`](super::Endpoint::gather) with the addresses of fresh sockets comes next, then accept or reject.
    Incoming {
        /// The call.
        call: CallKey,
        /// Who calls.
        peer: Fingerprint,
    },
    /// Something happened in a call.
    Call {
        /// Which.
        call: CallKey,
        /// What.
        event: CallEvent,
    },
    /// Nothing more will come of this call; its sockets can be closed.
    Finished {
        /// Which.
        call: CallKey,
    },
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datagram { call, bytes, .. } => write!(f, "Datagram({call:?}, {} bytes)", bytes.len()),
            Self::Server { server, input } => {
                let what = match input {
                    rendezvous::Input::Connected => "connected",
                    rendezvous::Input::Disconnected => "disconnected",
                    rendezvous::Input::Frame(_) => "frame",
                };
                write!(f, "Server({server:?}, {what})")
            }
            Self::Directory { query, .. } => write!(f, "Directory({query:?})"),
        }
    }
}

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datagram { call, .. } => write!(f, "Datagram({call:?})"),
            Self::Server { server } => write!(f, "Server({server:?})"),
        }
    }
}

/// Why an endpoint refused an input: it was dropped and counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Drain and offer again.
    #[error("the outbox is full; poll its outputs and offer the input again")]
    Full,
    /// The call or server is no longer there.
    #[error("there is no such call or server any more")]
    Gone,
    /// The peer's or the server's bytes are not what they should be.
    #[error("the input is malformed, forged, or does not belong here")]
    Invalid,
}

impl From<call::Refused> for Refused {
    fn from(refused: call::Refused) -> Self {
        if refused == call::Refused::Full { Self::Full } else { Self::Invalid }
    }
}
