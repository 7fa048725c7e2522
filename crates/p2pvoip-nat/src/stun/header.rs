//! The first 20 bytes of a STUN message (RFC 8489 section 5), read before anything is decoded.

use p2pvoip_core::wire::Reader;

/// Length of the header.
pub(crate) const LEN: usize = 20;
/// The magic cookie (RFC 8489 section 5).
pub(crate) const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// The only method of RFC 8489.
pub(crate) const BINDING: u16 = 0x001;
/// The methods of RFC 8656 section 17.
pub(crate) const ALLOCATE: u16 = 0x003;
pub(crate) const REFRESH: u16 = 0x004;
pub(crate) const SEND: u16 = 0x006;
pub(crate) const DATA: u16 = 0x007;
pub(crate) const CHANNEL_BIND: u16 = 0x009;
/// The bit of a message's type that makes an indication of a method.
pub(crate) const INDICATION: u16 = 0x0010;
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

impl Class {
    /// Whether it answers a request.
    pub(crate) const fn is_response(self) -> bool {
        matches!(self, Self::Success | Self::Error)
    }
}

/// The header of a whole message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) class: Class,
    pub(crate) id: TransactionId,
}

impl Header {
    /// Reads the header of a Binding message which fills `bytes` exactly; nothing else has one.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        Self::of_any(bytes).filter(|(method, _)| *method == BINDING).map(|(_, header)| header)
    }

    /// Reads the method and the header of a message which fills `bytes` exactly.
    pub(crate) fn of_any(bytes: &[u8]) -> Option<(u16, Self)> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u16().ok()?;
        let len = usize::from(reader.u16().ok()?);
        let cookie: [u8; 4] = reader.array().ok()?;
        let id = reader.array().ok()?;
        if kind & 0xc000 != 0 || cookie != COOKIE || len != reader.remaining() || len % 4 != 0 {
            return None;
        }
        let class = match (kind & 0x0100 != 0, kind & INDICATION != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        };
        Some((kind & !0x0110, Self { class, id }))
    }
}

/// Whether the message ends with a FINGERPRINT, as it must when it has one.
pub(super) fn ends_with_fingerprint(bytes: &[u8]) -> bool {
    bytes.len() >= LEN + 8 && bytes.get(bytes.len() - 8..bytes.len() - 4) == Some(&FINGERPRINT)
}
