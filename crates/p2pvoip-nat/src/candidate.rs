//! Candidates: the addresses at which a peer may be found, and their form for signalling (RFC 8445 section 5.1).
//!
//! # Left out
//! - Related addresses: they tell a host address and serve only diagnosis.
//! - Component ids and transports: there is one component, over UDP.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use p2pvoip_core::Redacted;
use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// How a candidate was learnt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// An address of the host itself.
    Host,
    /// The address that a STUN server saw.
    ServerReflexive,
    /// The address that the peer saw in a connectivity check.
    PeerReflexive,
    /// An address of a relay.
    Relayed,
}

impl Kind {
    /// The type preference (RFC 8445 section 5.1.2.2).
    const fn preference(self) -> u32 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Host => 0,
            Self::ServerReflexive => 1,
            Self::PeerReflexive => 2,
            Self::Relayed => 3,
        }
    }
}

/// The component id of the only component (RFC 8445 section 5.1.2.1).
const COMPONENT: u32 = 1;

/// The priority of a candidate (RFC 8445 section 5.1.2.1).
pub(crate) const fn priority(kind: Kind, local_preference: u16) -> u32 {
    (kind.preference() << 24) | ((local_preference as u32) << 8) | (256 - COMPONENT)
}

/// One address at which a peer may be found.
///
/// Its `Debug` form hides the address.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// How it was learnt.
    pub kind: Kind,
    /// The address.
    pub address: SocketAddr,
    /// How much its owner prefers it: 1 to 2^31 - 1, more is better (RFC 8445 section 5.1.2).
    pub priority: u32,
    /// Equal for candidates of one kind from one base and server (RFC 8445 section 5.1.1.3).
    pub foundation: u32,
}

/// The bit of the first byte that says that the address is IPv6.
const IPV6_BIT: u8 = 0x04;
/// The bits of the first byte that hold the kind.
const KIND_BITS: u8 = 0x03;

impl Candidate {
    /// The longest form: kind, priority, foundation, port and an IPv6 address.
    pub const MAX_LEN: usize = 1 + 4 + 4 + 2 + 16;

    /// A candidate of these parts.
    pub const fn new(kind: Kind, address: SocketAddr, priority: u32, foundation: u32) -> Self {
        Self { kind, address, priority, foundation }
    }

    /// Writes the form for signalling to the front of `out` and returns its length.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when `out` is too short; [`Candidate::MAX_LEN`] always suffices.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        let mut writer = Writer::new(out);
        let family = if self.address.is_ipv6() { IPV6_BIT } else { 0 };
        writer.u8(self.kind.code() | family)?;
        writer.u32(self.priority)?;
        writer.u32(self.foundation)?;
        writer.u16(self.address.port())?;
        match self.address.ip() {
            IpAddr::V4(ip) => writer.bytes(&ip.octets())?,
            IpAddr::V6(ip) => writer.bytes(&ip.octets())?,
        }
        Ok(writer.len())
    }

    /// Reads the form for signalling, all of it.
    ///
    /// # Errors
    /// [`Malformed`] for a wrong length, an unknown bit or a priority out of range.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8()?;
        if first & !(KIND_BITS | IPV6_BIT) != 0 {
            return Err(Malformed::Invalid("candidate kind"));
        }
        let kind = match first & KIND_BITS {
            0 => Kind::Host,
            1 => Kind::ServerReflexive,
            2 => Kind::PeerReflexive,
            _ => Kind::Relayed,
        };
        let priority = reader.u32()?;
        if !is_priority(priority) {
            return Err(Malformed::Invalid("candidate priority"));
        }
        let foundation = reader.u32()?;
        let port = reader.u16()?;
        let ip = if first & IPV6_BIT == 0 {
            IpAddr::from(reader.array::<4>()?)
        } else {
            IpAddr::from(reader.array::<16>()?)
        };
        reader.finish()?;
        Ok(Self { kind, address: SocketAddr::new(ip, port), priority, foundation })
    }
}

/// Whether a number is a priority (RFC 8445 section 5.1.2: from 1 to 2^31 - 1).
pub(crate) const fn is_priority(number: u32) -> bool {
    number > 0 && number < 1 << 31
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("kind", &self.kind)
            .field("address", &Redacted(&self.address))
            .field("priority", &self.priority)
            .field("foundation", &self.foundation)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_candidate() -> impl Strategy<Value = Candidate> {
        let kind = prop_oneof![
            Just(Kind::Host),
            Just(Kind::ServerReflexive),
            Just(Kind::PeerReflexive),
            Just(Kind::Relayed)
        ];
        (kind, any::<IpAddr>(), any::<u16>(), 1..1u32 << 31, any::<u32>()).prop_map(
            |(kind, ip, port, priority, foundation)| {
                Candidate::new(kind, SocketAddr::new(ip, port), priority, foundation)
            },
        )
    }

    proptest! {
        #[test]
        fn parse_undoes_emit(candidate in any_candidate()) {
            let mut buf = [0; Candidate::MAX_LEN];
            let len = candidate.emit(&mut buf).unwrap();
            prop_assert_eq!(Candidate::parse(&buf[..len]), Ok(candidate));
            prop_assert!(Candidate::parse(&buf[..len - 1]).is_err());
        }

        #[test]
        fn what_parses_emits_the_same_bytes(bytes in prop::collection::vec(any::<u8>(), 0..32)) {
            if let Ok(candidate) = Candidate::parse(&bytes) {
                let mut buf = [0; Candidate::MAX_LEN];
                let len = candidate.emit(&mut buf).unwrap();
                prop_assert_eq!(&buf[..len], &bytes[..]);
            }
        }
    }

    #[test]
    fn the_wire_form_is_the_one_of_the_specification() {
        let candidate =
            Candidate::new(Kind::ServerReflexive, "192.0.2.1:32853".parse().unwrap(), 0x64ff_ffff, 2);
        let mut buf = [0; Candidate::MAX_LEN];
        let len = candidate.emit(&mut buf).unwrap();
        assert_eq!(buf[..len], [0x01, 0x64, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0x80, 0x55, 192, 0, 2, 1]);
    }

    #[test]
    fn priorities_are_those_of_the_example_in_rfc_8445_section_15_1() {
        assert_eq!(priority(Kind::Host, u16::MAX), 2_130_706_431);
        assert_eq!(priority(Kind::ServerReflexive, u16::MAX), 1_694_498_815);
        assert_eq!(priority(Kind::PeerReflexive, u16::MAX), 1_862_270_975);
    }

    #[test]
    fn debug_hides_the_address() {
        let candidate = Candidate::new(Kind::Host, "192.0.2.77:4".parse().unwrap(), 1, 1);
        assert!(!format!("{candidate:?}").contains("192.0.2.77"));
    }
}
