//! STUN as ICE and TURN use it (RFC 8489): telling it from the rest, and a tiny server's answer.
//!
//! # Left out
//! - SHA-256 integrity and STUN over TCP.

pub(crate) mod behaviour;
mod codec;
pub(crate) mod header;
pub(crate) mod turn;

use core::net::SocketAddr;

pub(crate) use codec::{
    Request, Response, emit_answer, emit_check, emit_conflict, emit_keep, emit_query, parse_answer,
    parse_query_answer, parse_request,
};
pub(crate) use header::{Class, Header, TransactionId};

/// Whether a datagram is STUN: the first byte is 0 to 3 (RFC 7983) and the magic cookie is there (RFC 8489 section 5).
///
/// It says nothing of the rest; what claims to be STUN and is not is refused by the agent.
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0..=3))
        && datagram.len() >= header::LEN
        && datagram.get(4..8) == Some(&header::COOKIE)
}

/// The length that always suffices for an answer of [`answer_binding`].
pub const ANSWER_LEN: usize = header::LEN + 24 + 8;

/// What a STUN server answers to a Binding request from `source`: the address that it came from.
///
/// Stateless and pure, for tests and small servers. The answer has a FINGERPRINT when the request has one. `None` when
/// the request is not one that an open server answers: broken, authenticated, or demanding an unknown attribute.
pub fn answer_binding(request: &[u8], source: SocketAddr, out: &mut [u8]) -> Option<usize> {
    codec::answer_binding(request, source, out)
}

#[cfg(test)]
mod tests;
