//! What a datagram is, told by its first byte (RFC 7983, and the range 192-255 for 1.1 packets).

/// The protocol of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// STUN, 0 to 3: for the ICE agent.
    Stun,
    /// TURN channel data, 64 to 79: for the ICE agent.
    TurnChannel,
    /// RTP or RTCP, 128 to 191: media of version 1.0.
    Rtp,
    /// A sealed packet of version 1.1, 192 to 255.
    Sealed,
    /// Nothing that we speak.
    Unknown,
}

/// Tells the protocol of a datagram without looking further than its first byte.
pub(crate) fn classify(datagram: &[u8]) -> Protocol {
    match datagram.first() {
        Some(0..=3) => Protocol::Stun,
        Some(64..=79) => Protocol::TurnChannel,
        Some(128..=191) => Protocol::Rtp,
        Some(192..=255) => Protocol::Sealed,
        Some(_) | None => Protocol::Unknown,
    }
}

/// Whether a STUN message is a response, by its class (RFC 8489 section 5).
pub(crate) fn is_stun_response(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|byte| byte & 0x01 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte_has_one_protocol() {
        assert_eq!(classify(&[]), Protocol::Unknown);
        for byte in 0..=255u8 {
            let expected = match byte {
                0..=3 => Protocol::Stun,
                64..=79 => Protocol::TurnChannel,
                128..=191 => Protocol::Rtp,
                192.. => Protocol::Sealed,
                _ => Protocol::Unknown,
            };
            assert_eq!(classify(&[byte, 0]), expected);
        }
    }
}
