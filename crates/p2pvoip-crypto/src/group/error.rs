//! Why a packet, a message or a wish of the owner was refused.

use p2pvoip_core::Full;
use thiserror::Error;

use super::MAX_MEMBERS;

/// Why a group packet was dropped. It is counted, and ends nothing by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Refused {
    /// Its length or first byte is not that of a group packet, or its stream has no use.
    #[error("these bytes are not a packet of a group; drop them")]
    Malformed,
    /// Nobody in the group has that number.
    #[error("the packet names no member of the group; drop it")]
    Stranger,
    /// It names another member than the one whose path it came by.
    #[error(
        "the packet names another member than the one that sent it; drop it, since a member may have made it"
    )]
    OtherPath,
    /// The key of its epoch has not come yet, or is gone.
    #[error("the packet's key is not here; drop it, and wait for its sender's key")]
    NoKey,
    /// It does not decrypt.
    #[error("the packet is not authentic; drop it")]
    Forged,
    /// It was received before.
    #[error("the packet was received before; drop it")]
    Replayed,
    /// It is so late that no proof will cover it, or too far above what its sender has proven.
    #[error("the packet is too late, or too far ahead of what its sender has proven; drop it")]
    OutOfRange,
    /// A proof is not signed by the sender: a member made it.
    #[error("the proof is not signed by the member it names; drop it")]
    BadProof,
    /// What this sender sent is not played, since too much of it is unproven.
    #[error("the sender's packets are held until it proves what it sent")]
    Held,
    /// What comes from this sender is not played, since a member spoke in its name.
    #[error("the sender is cut off, since a member spoke in its name; call `restore` to hear it again")]
    Cut,
    /// So many were forged that the key may not be tried any further.
    #[error("too many packets were forged; leave the group and found a new one")]
    Worn,
    /// There is no room for the events that might follow.
    #[error("the outbox is full; poll its outputs first")]
    Busy,
}

/// Why nothing was sealed; no number was spent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// Too short for a sample of its ciphertext.
    #[error("a plaintext of {0} bytes is too short; pad it to 2")]
    TooShort(usize),
    /// Longer than a packet may be.
    #[error("a plaintext of {len} bytes is too long; send at most {most}")]
    TooLong {
        /// How many bytes it has.
        len: usize,
        /// How many it may have.
        most: usize,
    },
    /// The plaintext, the header and the tag do not fit.
    #[error("the buffer is too short; give one of {0} bytes")]
    Buffer(usize),
    /// More packets than a proof can hold were sealed since the last one.
    #[error("a proof of what was sent is due; let the group's time pass and send it first")]
    ProofDue,
    /// The key has sealed as many packets as it may, or there are no more numbers.
    #[error("the keys of this group are used up; found a new one")]
    Exhausted,
    /// The group is left, or its owner was removed from it.
    #[error("the group is over; join or found another")]
    Over,
}

/// Why a message of a member was refused; the group is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The outbox has no room.
    #[error(transparent)]
    Busy(#[from] Full),
    /// It is not what the format says.
    #[error("these bytes are not a message of a group; drop them")]
    Malformed,
    /// It is of another group.
    #[error("the message is of another group; give it to that one")]
    OtherGroup,
    /// Who sent it is not a member, as far as is known here.
    #[error("the message is not from a member; drop it, since a member repeats what matters")]
    Stranger,
    /// Its roster is not signed by the founder, or breaks a rule.
    #[error("the roster is not the founder's; drop the message and warn the person")]
    BadRoster,
    /// Its sender does not know yet who was removed.
    #[error("the member does not know yet who was removed; it will send another key")]
    OldRoster,
    /// Its key contradicts the one that the member gave before.
    #[error("the member gave another key before; drop the message and warn the person")]
    Inconsistent,
    /// The message does not invite its reader, or not from the founder.
    #[error("this is no invitation from the founder; ask the founder for a new one")]
    NotInvited,
    /// The group is left, or its owner was removed from it.
    #[error("the group is over; join or found another")]
    Over,
}

/// Why the group was not changed as its owner wished.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum MembershipError {
    /// The outbox has no room.
    #[error(transparent)]
    Busy(#[from] Full),
    /// Only the founder may.
    #[error("only the founder admits and removes members; ask the founder")]
    NotFounder,
    /// There is no room for another one.
    #[error("a group has at most {MAX_MEMBERS} members; remove one first")]
    TooMany,
    /// Who should come in is in.
    #[error("that person is a member already")]
    Already,
    /// Nobody has that number.
    #[error("no member has that number; look at the list of members")]
    Unknown,
    /// The founder cannot be removed.
    #[error("the founder cannot be removed; leave the group instead")]
    Founder,
    /// There are no more epochs or sequences.
    #[error("the group has changed too often; found a new one")]
    Exhausted,
    /// The group is left, or its owner was removed from it.
    #[error("the group is over; join or found another")]
    Over,
}
