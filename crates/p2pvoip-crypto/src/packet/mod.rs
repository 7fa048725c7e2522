//! Packet protection: voice and what shares its slots, from a plaintext to 19 bytes more, and back.
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+---+-------+-------------------------------+
//! |1 1| E | strm  | packet number, low 16 bits    |  the low 22 bits are masked (RFC 9001 section 5.4)
//! +-+-+---+-------+-------------------------------+
//! | ciphertext, 2 bytes at least ... | tag, 16 bytes |
//! ```
//! Each direction has its own epochs, which its sender steps: by time, so that a stolen key opens little of the past, and with the
//! outcome of a [re-key](crate::RekeyInitiator) mixed in, so that it opens nothing of the future. The receiver follows.

mod ahead;
mod header;
mod number;
mod opener;
mod protection;
mod sealer;
mod window;

pub(crate) use number::recover;
pub use opener::{Counters, Opened, Opener, Refused};
pub(crate) use protection::nonce;
pub use sealer::{SealError, Sealed, Sealer};
pub(crate) use window::{Verdict, Window};

use core::time::Duration;

/// How long a sender stays in one epoch when nothing is mixed in before.
pub const EPOCH_LIFE: Duration = Duration::from_secs(60);
/// How long a receiver keeps the keys of an epoch after its successor began. A sender leaves at least this time between two
/// steps, so that a late packet is never more than one epoch old.
pub const OLD_EPOCH_LIFE: Duration = Duration::from_secs(3);
/// Bytes before the ciphertext.
pub const HEADER_LEN: usize = 3;
/// Bytes that a packet has more than its plaintext: header and tag.
pub const OVERHEAD: usize = HEADER_LEN + crate::suite::TAG_LEN;
/// The longest packet: the limit under which AES-256-GCM seals 2^28 packets (RFC 9001 appendix B.1.1).
pub const MAX_PACKET_LEN: usize = 1 << 11;
/// The shortest plaintext: fewer bytes leave no sample for the mask.
pub const MIN_PLAINTEXT_LEN: usize = 2;
/// The greatest stream.
pub const MAX_STREAM: u8 = 15;
/// The last packet number, which is never sent: a sealer that has come to it is exhausted.
pub const LAST_NUMBER: u64 = (1 << 48) - 1;
