//! Why something of a large group failed.

use thiserror::Error;

use super::{MAX_LARGE_MEMBERS, MAX_MLS_MESSAGE_LEN};

/// Why something of a large group failed; the group is as it was before.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum MlsError {
    /// The message is longer than [`MAX_MLS_MESSAGE_LEN`].
    #[error("the message is longer than {MAX_MLS_MESSAGE_LEN} bytes; drop it")]
    TooLong,
    /// It is not what the format says, or not of the kind that is needed.
    #[error("these bytes are not the message that is needed here; drop them")]
    Malformed,
    /// It is of another epoch: a commit was missed, or comes late.
    #[error(
        "the message is of epoch {theirs}, and the group is in epoch {ours}; fetch what was missed, or join again"
    )]
    WrongEpoch {
        /// Its epoch.
        theirs: u64,
        /// The group's epoch here.
        ours: u64,
    },
    /// A member's credential does not show who it is.
    #[error("a member cannot show who it is; do not let it in")]
    Credential,
    /// The application does not want a member that has shown who it is.
    #[error(
        "a member is not wanted here, or was revoked by its owner; tell the founder, and leave when it stays in"
    )]
    Unwanted,
    /// The group is not that of the founder who was expected.
    #[error(
        "the group is not the expected founder's; do not join it, and ask the founder for another welcome"
    )]
    OtherFounder,
    /// The commit does what its sender may not.
    #[error("only the founder admits and removes members, and others only renew their keys; drop the commit")]
    NotAllowed,
    /// There is no room for another one.
    #[error("a large group has at most {MAX_LARGE_MEMBERS} members; remove one first")]
    TooMany,
    /// Nobody has that number.
    #[error("no member has that number; look at the list of members")]
    Unknown,
    /// An own commit waits for the relay.
    #[error("a commit of one's own waits; confirm or discard it first")]
    Waiting,
    /// The owner was removed.
    #[error("the group is over; join or found another")]
    Over,
    /// openmls has refused it; the text is for a log.
    #[error("the group refused the message: {0}; drop it, or join again when it was the relay's latest")]
    Refused(String),
}

impl MlsError {
    pub(super) fn refused(error: impl core::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }
}
