//! Large groups: MLS (RFC 9420) agrees on who is in and on a secret, from which packets are sealed as in a mesh.
//!
//! openmls is the protocol; what it needs of primitives, chance and storage is given here. A relay hands commits to all
//! members in one order, and knows neither keys nor who commits. From each epoch of MLS every member derives the sender secret of
//! every other one (RFC 9420 section 8.5); packets and proofs are those of [`Sender`](super::Sender) and
//! [`Listener`](super::Listener), signed by the member's leaf.
//!
//! # Left out
//! - Proposals by themselves, external joins and psks: the founder admits and removes, each member renews its own keys.
//! - Keeping a group in a file: a call ends with its program.

mod entrant;
mod era;
mod error;
mod hpke;
mod large;
mod leaf;
mod provider;

pub use entrant::Entrant;
pub use error::MlsError;
pub use large::{Change, LargeGroup, LargeMember};

/// The most members of a large group: a packet names its sender by one byte.
pub const MAX_LARGE_MEMBERS: usize = 256;
/// The longest message of MLS that is read; a welcome to 256 members has less.
pub const MAX_MLS_MESSAGE_LEN: usize = 1 << 20;
