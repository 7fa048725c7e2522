//! What the owner of a call is told: its state, how it is encrypted, the path it takes, how it fares.

use core::fmt;
use core::time::Duration;
use std::net::SocketAddr;

use p2pvoip_crypto::{Fingerprint, PeerIdentity, Sas, Trust};
use p2pvoip_nat::{RelayFailure, RouteKind};
use p2pvoip_signal::EndReason;
use p2pvoip_telemetry::{CallStats, Summary};

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CallState {
    /// The contact is being looked for.
    Dialing,
    /// Keys are agreed; the other side has not accepted yet.
    Ringing,
    /// Accepted; a path is being looked for.
    Connecting,
    /// Voice can travel.
    Connected,
    /// Over.
    Ended(EndReason),
}

impl CallState {
    /// A stable word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dialing => "dialing",
            Self::Ringing => "ringing",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Ended(_) => "ended",
        }
    }

    /// Whether the call is over.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

/// How a call is protected. There is no call of version 1.1 without it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encryption {
    /// The protocol version, major in the high four bits: 0x11 is 1.1.
    pub version: u8,
    /// The cipher of media and signalling.
    pub aead: &'static str,
    /// The key agreement.
    pub handshake: &'static str,
    /// Who is at the other end: the fingerprint of the root identity that the handshake proved.
    pub peer: Fingerprint,
    /// What else the handshake proved of them, for a contact book.
    pub identity: PeerIdentity,
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryption")
            .field("version", &self.version)
            .field("aead", &self.aead)
            .field("handshake", &self.handshake)
            .finish_non_exhaustive()
    }
}

/// The path that voice takes. Its `Debug` does not show the addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Path {
    /// Straight to the peer, or through a relay.
    pub kind: RouteKind,
    /// Our address.
    pub local: SocketAddr,
    /// Theirs, or that of the relay's server.
    pub remote: SocketAddr,
    /// The round trip that the connectivity check measured.
    pub rtt: Option<Duration>,
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Path").field("kind", &self.kind).field("rtt", &self.rtt).finish_non_exhaustive()
    }
}

/// How the search for a contact in a directory goes, when the server on its card is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Lookup {
    /// The directory is asked.
    Started,
    /// It tells of another server, which is tried now.
    Found,
    /// It knows no other server of the contact.
    NotFound,
    /// No node of it answered.
    NoAnswer,
}

impl Lookup {
    /// A stable word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Found => "found",
            Self::NotFound => "not-found",
            Self::NoAnswer => "no-answer",
        }
    }
}

/// What happened in a call.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum CallEvent {
    /// It stands elsewhere now.
    State(CallState),
    /// The contact is looked for in a directory.
    Lookup(Lookup),
    /// The contact publishes a newer list of its devices than was pinned: a device may have been struck off, and is refused from
    /// now on. Note it in the book on disk (`contacts::Book::note_devices`). [`CallEvent::Encrypted`] may bring a newer one as well.
    Devices(PeerIdentity),
    /// Keys are agreed, and this is who with.
    Encrypted(Encryption),
    /// How far the peer is known to be who it should be. Show it; it comes anew when it changes.
    Trust(Trust),
    /// It is less than it was when the contact was last seen, or earlier in this call: warn. [`CallEvent::Trust`] comes with it.
    TrustFell {
        /// What a person may have relied on.
        from: Trust,
        /// What it is.
        to: Trust,
    },
    /// The code of this call: when both people see the same one, nobody sits in between.
    Sas(Sas),
    /// Voice takes this path from now on.
    Path(Path),
    /// Fresh keys were agreed in mid-call, and the peer uses them: a theft of the earlier ones opens nothing from here on.
    Rekeyed,
    /// A TURN server relays nothing for us, or no longer. A call that needs none goes on.
    RelayFailed(RelayFailure),
    /// How it fares, five times a second while connected.
    Stats(Box<CallStats>),
    /// How it fared from beginning to end; comes once, before the end, for a call that was connected.
    Summary(Box<Summary>),
}
