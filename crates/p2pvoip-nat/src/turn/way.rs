//! The way of a STUN message of ours to the peer: straight from a base, or through a relay in its short or long form.

use core::net::SocketAddr;

use super::{channel_data, indication};
use crate::stun::TransactionId;

/// How a message gets to the peer. Frozen when the message is queued, so that polling later changes nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the base to the peer.
    Direct { base: SocketAddr, peer: SocketAddr },
    /// Through the relay, by a channel.
    Channel { base: SocketAddr, server: SocketAddr, channel: u16 },
    /// Through the relay, in a Send indication.
    Send { base: SocketAddr, server: SocketAddr, peer: SocketAddr },
}

impl Way {
    /// From which socket to where.
    pub(crate) const fn ends(&self) -> (SocketAddr, SocketAddr) {
        match *self {
            Self::Direct { base, peer } => (base, peer),
            Self::Channel { base, server, .. } | Self::Send { base, server, .. } => (base, server),
        }
    }

    /// Writes a message with what goes around it to the front of `out`; gives the whole length.
    ///
    /// A Send indication has the id of the message in it: it is random, and nobody answers an indication.
    pub(crate) fn write(
        &self,
        id: TransactionId,
        out: &mut [u8],
        message: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Option<usize> {
        let before = match self {
            Self::Direct { .. } => 0,
            Self::Channel { .. } => channel_data::HEADER_LEN,
            Self::Send { peer, .. } => indication::around(*peer),
        };
        let (front, rest) = out.split_at_mut_checked(before)?;
        let len = message(rest)?;
        match self {
            Self::Direct { .. } => {}
            Self::Channel { channel, .. } => front.copy_from_slice(&channel_data::header(*channel, len)?),
            Self::Send { peer, .. } => indication::write(*peer, id, len, front).ok()?,
        }
        Some(before + len)
    }
}
