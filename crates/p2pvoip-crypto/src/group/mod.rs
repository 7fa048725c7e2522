//! Groups: voice that is sealed once for all members, by a key of its sender which every member was given.
//!
//! A mesh of at most [`MAX_MEMBERS`] is a [`Group`]: each member hands its sender key to each other one through the
//! session that the two share, and takes theirs. Who is in is what the founder signs. Since all members hold a sender's
//! symmetric key, every 250 ms each sender signs the hashes of what it sent: what a member says in another's name is
//! played and noticed within a second. [`Sender`] and [`Listener`] are the packets alone, for groups whose keys come
//! from elsewhere.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-----+-----+---+---------------+-------------------------------+
//! |0 1 1|  E  |str| sender        | packet number, low 16 bits    |  stream and number are masked (RFC 9001 section 5.4)
//! +-----+-----+---+---------------+-------------------------------+
//! | ciphertext, 2 bytes at least ... | tag, 16 bytes              |
//! ```
//!
//! # Left out
//! - Another founder: when the founder is gone, members stay who they are, or found a new group.

mod error;
mod header;
mod keys;
mod ledger;
mod listener;
mod machine;
mod member;
mod membership;
mod message;
#[cfg(feature = "mls")]
pub mod mls;
mod proof;
mod receive;
mod roster;
mod sender;

use core::time::Duration;

pub use error::{MembershipError, MessageError, Refused, SealError};
pub use header::sender_of;
pub use keys::{SenderScope, SenderSecret};
pub use listener::{Counters, Flow, Listener, Notice, Opened, Received};
pub use machine::{Event, Group, Input, To};
pub use member::{GroupId, Member};
pub use message::Message;
pub use proof::Proof;
pub use roster::Roster;
pub use sender::Sender;

pub use crate::packet::Sealed;

/// The most members of a mesh, the founder included.
pub const MAX_MEMBERS: usize = 8;
/// Bytes of a group packet before its ciphertext.
pub const HEADER_LEN: usize = 4;
/// Bytes that a group packet has more than its plaintext: header and tag.
pub const OVERHEAD: usize = HEADER_LEN + crate::suite::TAG_LEN;
/// The longest proof, sealed: 192 packets' hashes.
pub const MAX_PROOF_LEN: usize = OVERHEAD + proof::MAX_LEN;
/// The longest message between two members.
pub const MAX_MESSAGE_LEN: usize = message::MAX_LEN;

/// How often a sender proves what it sent.
pub const PROOF_INTERVAL: Duration = Duration::from_millis(250);
/// How long a packet may be played without a proof of it.
pub const PROOF_DEADLINE: Duration = Duration::from_secs(1);
/// How often a sender key is ratcheted.
pub const STEP_INTERVAL: Duration = Duration::from_secs(60);
/// The longest time for which a sender goes on with the key that a removed member knows.
pub const SWITCH_DEADLINE: Duration = Duration::from_secs(1);
/// How long a key is kept after the next one is in use, or after a member that knows it was removed.
pub const OLD_KEY_LIFE: Duration = Duration::from_secs(3);
/// How soon a message is sent again when nobody acknowledges it.
pub const RESEND_INTERVAL: Duration = Duration::from_millis(200);
/// How many times it is sent so soon; then every [`SLOW_RESEND_INTERVAL`], as long as both are members.
pub const FAST_RESENDS: u32 = 10;
/// How often a message is sent to a member that has been silent for long.
pub const SLOW_RESEND_INTERVAL: Duration = Duration::from_secs(2);
