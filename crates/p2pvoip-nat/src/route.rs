//! The way that media takes now: which addresses, what goes in front of each packet, and how good the claim is.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::Redacted;

use crate::candidate::Kind;

/// Whether packets pass a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouteKind {
    /// From host to host, through NATs at most.
    Direct,
    /// By a relay of at least one side.
    Relayed,
}

/// The bytes that go in front of every packet on a route: none when direct, a channel header on a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prefix {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl Prefix {
    /// The most bytes that a prefix has: a TURN channel header (RFC 8656 section 12.4).
    pub const MAX_LEN: usize = 4;

    /// No bytes at all.
    pub const EMPTY: Self = Self { bytes: [0; Self::MAX_LEN], len: 0 };

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// The pair of candidates that media uses now. It has answered an authenticated check, so the peer is really there.
///
/// Its `Debug` form hides the addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// A number below 8 that names this path: each pair keeps the one that it got when it first became the route.
    pub path: u8,
    /// The address of the local socket to send from.
    pub local: SocketAddr,
    /// The address to send to.
    pub remote: SocketAddr,
    /// Whether packets pass a relay.
    pub kind: RouteKind,
    /// How the local end of the pair was learnt.
    pub local_kind: Kind,
    /// How the remote end of the pair was learnt.
    pub remote_kind: Kind,
    /// Whether the controlling agent has chosen this pair.
    pub nominated: bool,
    /// The round trip time that a check measured last, when one could be measured.
    pub rtt: Option<Duration>,
    /// What goes in front of every packet.
    pub prefix: Prefix,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("path", &self.path)
            .field("local", &Redacted(&self.local))
            .field("remote", &Redacted(&self.remote))
            .field("kind", &self.kind)
            .field("local_kind", &self.local_kind)
            .field("remote_kind", &self.remote_kind)
            .field("nominated", &self.nominated)
            .field("rtt", &self.rtt)
            .field("prefix", &self.prefix)
            .finish()
    }
}
