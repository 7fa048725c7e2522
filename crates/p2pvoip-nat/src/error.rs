//! What can go wrong, told by whose fault it is.

use core::fmt;
use core::net::SocketAddr;

use p2pvoip_core::Full;

/// Why a datagram was not taken: the sender's fault, except for [`Refused::Full`]. The agent is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The outbox has no room.
    #[error("the outbox is full; poll its outputs and offer the datagram again")]
    Full,
    /// The agent has failed or lost consent.
    #[error("the agent has ended; start a new one with new credentials")]
    Ended,
    /// The datagram came in on an address that was never gathered from.
    #[error("no base has this local address; offer only datagrams of the sockets given to `gather`")]
    UnknownBase,
    /// The datagram came from an address that nothing is ever sent to.
    #[error("the source address is not one that is ever answered")]
    Source,
    /// It is no STUN message, or a broken one, or it has bytes left over.
    #[error("the datagram is no whole STUN message")]
    Malformed,
    /// The message is of a kind that means nothing here.
    #[error("the STUN message is of a kind that is not expected here")]
    Unexpected,
    /// The message demands something unknown.
    #[error("the STUN message demands that an unknown attribute is understood")]
    Unsupported,
    /// User name, integrity or fingerprint are absent or wrong.
    #[error("the STUN message is not authentic")]
    Unauthentic,
    /// A check that was heard before from another address.
    #[error("the check was heard before between other addresses; somebody sends it again")]
    Replayed,
    /// A response to no request that is still open.
    #[error("the STUN response answers no open request")]
    NoRequest,
    /// A response to an open request, but not between the addresses of the request (RFC 8445 section 7.2.5.2.1).
    #[error("the STUN response comes from another address than the one asked")]
    Asymmetric,
    /// A table is full, for good.
    #[error("too many candidates or pairs are known already")]
    Limit,
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// Why a command of the owner was not carried out. The agent is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The outbox has no room.
    #[error("the outbox is full; poll its outputs and give the command again")]
    Full,
    /// The agent has failed or lost consent.
    #[error("the agent has ended; start a new one with new credentials")]
    Ended,
    /// An agent gathers once.
    #[error("this agent gathers already; start a new one to gather from other addresses")]
    AlreadyGathering,
    /// None of the addresses can be a base.
    #[error("none of the addresses can be sent from; give addresses of bound sockets, not the wildcard")]
    NoBase,
    /// More bases or remote candidates than are kept.
    #[error("there are more addresses than an agent keeps; give fewer")]
    Limit,
    /// The peer's credentials cannot change.
    #[error("the peer's credentials are set already; start a new agent for new ones")]
    OtherCredentials,
    /// Peer-reflexive candidates are learnt from checks, never told.
    #[error("a peer-reflexive candidate cannot be told; drop it")]
    NotTellable,
    /// The credentials could not be made into a key.
    #[error("the peer's credentials could not be made into a key; ask for other ones")]
    Key,
}

impl From<Full> for CommandError {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// Why an agent has failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No pair of candidates worked in time.
    #[error("no path to the peer works; try a relay or another network")]
    NoPath,
}

/// Why a TURN server relays nothing for us, or does so no longer.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelayFailure {
    /// It does not answer.
    #[error("the TURN server does not answer; check its address, and that UDP reaches it")]
    NoAnswer,
    /// User name or password are wrong (401, 441).
    #[error("the TURN server refuses the user name or the password; correct them")]
    Unauthorized,
    /// The server forbids relaying for this user (403).
    #[error("the TURN server forbids this user to use it; ask its operator")]
    Forbidden,
    /// Another server is named (300).
    #[error("the TURN server wants another one to be used; ask its operator which")]
    TryAlternate(SocketAddr),
    /// The user has too many allocations (486).
    #[error("the TURN server grants this user no further allocation; end other calls or ask its operator")]
    Quota,
    /// The server has no room (508).
    #[error("the TURN server has no room; try another one or later")]
    Capacity,
    /// The server and this side disagree on what is allocated (437).
    #[error("the TURN server does not know our allocation; start a new call")]
    Mismatch,
    /// The server has no address of the family that was asked for (440).
    #[error("the TURN server has no address of this family; try another one")]
    Family,
    /// It answered with something else that it should not.
    #[error("the TURN server refuses with the code {0}; ask its operator")]
    Refused(u16),
    /// It gave an address that nothing can be sent to or that is taken.
    #[error("the TURN server gave an address that cannot be used; try another one")]
    Address,
}

impl fmt::Debug for RelayFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::NoAnswer => "NoAnswer",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::TryAlternate(_) => "TryAlternate",
            Self::Quota => "Quota",
            Self::Capacity => "Capacity",
            Self::Mismatch => "Mismatch",
            Self::Family => "Family",
            Self::Refused(code) => return f.debug_tuple("Refused").field(code).finish(),
            Self::Address => "Address",
        };
        f.write_str(name)
    }
}
