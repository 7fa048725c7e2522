//! The way that media takes now: which addresses, what goes in front of each packet, and how good the claim is.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::Redacted;
use p2pvoip_core::wire::Malformed;

use crate::candidate::Kind;
use crate::turn::channel_data;

/// Whether packets pass a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouteKind {
    /// From host to host, through NATs at most.
    Direct,
    /// By a relay of at least one side.
    Relayed,
}

/// What goes in front of every packet on a route: nothing when direct, a channel header on a relay, which tells the
/// packet's length (RFC 8656 section 12.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prefix {
    channel: Option<u16>,
}

impl Prefix {
    /// The most bytes that a prefix has.
    pub const MAX_LEN: usize = channel_data::HEADER_LEN;

    /// Nothing at all.
    pub const EMPTY: Self = Self { channel: None };

    /// That of a channel.
    pub(crate) const fn channel(number: u16) -> Self {
        Self { channel: Some(number) }
    }

    /// How many bytes it has.
    pub const fn len(&self) -> usize {
        match self.channel {
            Some(_) => Self::MAX_LEN,
            None => 0,
        }
    }

    /// Whether nothing goes in front.
    pub const fn is_empty(&self) -> bool {
        self.channel.is_none()
    }

    /// Writes it for a packet of `packet_len` bytes, which it goes in front of; `out` is exactly [`Prefix::len`] long.
    ///
    /// # Errors
    /// [`Malformed`] when `out` has another length, or the packet is longer than any datagram.
    pub fn write(&self, packet_len: usize, out: &mut [u8]) -> Result<(), Malformed> {
        if out.len() != self.len() {
            return Err(Malformed::Truncated);
        }
        if let Some(channel) = self.channel {
            let header = channel_data::header(channel, packet_len);
            out.copy_from_slice(&header.ok_or(Malformed::Invalid("length"))?);
        }
        Ok(())
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
    /// The address to send to: the peer's, or on a relay of ours its server's.
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
