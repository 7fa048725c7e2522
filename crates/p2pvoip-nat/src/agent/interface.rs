//! The words that an agent and its owner speak: roles, datagrams in and out, events.

use core::fmt;
use core::net::SocketAddr;

use p2pvoip_core::Redacted;

use crate::candidate::Candidate;
use crate::error::{Failure, RelayFailure};
use crate::route::Route;

/// Which side chooses the pair (RFC 8445 section 6.1.1). The caller controls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// This side nominates.
    Controlling,
    /// The peer nominates.
    Controlled,
}

/// A datagram that came in: all of them that [`is_stun`](crate::is_stun) holds for go to the agent, and those by which a
/// relay passes STUN on, see [`Agent::unwrap`](crate::Agent::unwrap).
#[derive(Clone, Copy)]
pub struct Datagram<'a> {
    /// The address of the socket that it came in on, as given to [`gather`](crate::Agent::gather).
    pub local: SocketAddr,
    /// Where it came from.
    pub remote: SocketAddr,
    /// What it says.
    pub bytes: &'a [u8],
}

impl fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagram").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Where a datagram goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// The address of the socket to send it from.
    pub local: SocketAddr,
    /// Where to.
    pub remote: SocketAddr,
}

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit").field("remote", &Redacted(&self.remote)).finish_non_exhaustive()
    }
}

/// What the owner of an agent is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An own candidate, to be told to the peer.
    Candidate(Candidate),
    /// No further own candidate will come.
    GatheringDone,
    /// A TURN server relays nothing for us, or no longer; calls that need no relay go on.
    RelayFailed(RelayFailure),
    /// Media takes this route from now on.
    Route(Route),
    /// The peer has been silent for too long: nothing may be sent to it any more. The agent has ended.
    ConsentLost,
    /// No path was found. The agent has ended.
    Failed(Failure),
}
