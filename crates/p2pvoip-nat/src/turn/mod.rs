//! TURN over UDP (RFC 8656): relays that pass datagrams on between peers that cannot reach each other.
//!
//! Each base allocates at each server of its family. A channel is bound for every address of the peer, which is the
//! permission for that address as well (RFC 8656 section 12): one round trip instead of two, and four bytes a packet.
//!
//! # Left out
//! - TURN over TCP and TLS, TCP allocations (RFC 6062), EVEN-PORT and reservations, DONT-FRAGMENT, mobility (RFC 8016),
//!   SHA-256 and anonymous user names (RFC 8489 section 9.2), servers without authentication.

mod server;

pub use server::{Password, TurnServer};
