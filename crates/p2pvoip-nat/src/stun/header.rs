//! The first 20 bytes of a STUN message (RFC 8489 section 5), read before anything is decoded.

use p2pvoip_core::wire::Reader;

/// Length of the header.
pub(super) const LEN: usize = 20;
/// The magic cookie (RFC 8489 section 5).
pub(super) const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// The only method of RFC 8489.
const BINDING: u16 = 0x001;
/// The type and length of a FINGERPRINT attribute, which is the last eight bytes of a message (RFC 8489 section 14.7).
const FINGERPRINT: [u8; 4] = [0x80, 0x28, 0x00, 0x04];

/// What tells one transaction from another (RFC 8489 section 5). Always drawn from the agent's seed.
pub(crate) type TransactionId = [u8; 12];

/// The class of a message (RFC 8489 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// The header of a whole message about Binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) class: Class,
    pub(crate) id: TransactionId,
}

impl Header {
    /// Reads the header of a Binding message which fills `bytes` exactly; nothing else has one.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u16().ok()?;
        let len = usize::from(reader.u16().ok()?);
        let cookie: [u8; 4] = reader.array().ok()?;
        let id = reader.array().ok()?;
        if kind & !0x0110 != BINDING || cookie != COOKIE || len != reader.remaining() || len % 4 != 0 {
            return None;
        }
        let class = match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        };
        Some(Self { class, id })
    }
}

/// Whether the message ends with a FINGERPRINT, as it must when it has one.
pub(super) fn ends_with_fingerprint(bytes: &[u8]) -> bool {
    bytes.len() >= LEN + 8 && bytes.get(bytes.len() - 8..bytes.len() - 4) == Some(&FINGERPRINT)
}
