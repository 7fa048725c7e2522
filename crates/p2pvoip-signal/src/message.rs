//! What the two sides of a call tell each other once both hold keys; these bytes are sealed before they are sent.

use crate::{HangUpReason, RejectReason};
use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// The most candidates in one message; more go in further messages.
pub const MAX_CANDIDATES: usize = 32;
/// The longest candidate in bytes.
pub const MAX_CANDIDATE_LEN: usize = 64;
/// The longest message in bytes, before it is sealed.
pub const MAX_MESSAGE_LEN: usize = 3 + MAX_CANDIDATES * (1 + MAX_CANDIDATE_LEN);

/// One message within a call. It names no call: the key that it is sealed with does.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// Callee: it rings. The answer says so already; this is for a callee that could not ring at once.
    Ringing,
    /// Callee: accepted; paths may be tried.
    Accept,
    /// Either: addresses where it may be reached, as opaque bytes.
    Candidates {
        /// At most [`MAX_CANDIDATES`], of 1 to [`MAX_CANDIDATE_LEN`] bytes each.
        list: Vec<Vec<u8>>,
        /// Whether no more will follow.
        last: bool,
    },
    /// Callee: it will not take the call.
    Reject {
        /// Why.
        reason: RejectReason,
    },
    /// Either: the accepted call is over.
    HangUp {
        /// Why.
        reason: HangUpReason,
    },
    /// Caller: it no longer wants the call that rings.
    Cancel,
}

impl Message {
    /// A word for logs, which tells no content.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Accept => "accept",
            Self::Candidates { .. } => "candidates",
            Self::Reject { .. } => "reject",
            Self::HangUp { .. } => "hang-up",
            Self::Cancel => "cancel",
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// [`Malformed::Invalid`] when there are too many candidates, or one is empty or too long.
    pub fn emit(&self) -> Result<Vec<u8>, Malformed> {
        let mut buf = vec![0; MAX_MESSAGE_LEN];
        let mut writer = Writer::new(&mut buf);
        match self {
            Self::Ringing => writer.u8(1)?,
            Self::Accept => writer.u8(2)?,
            Self::Candidates { list, last } => {
                writer.u8(3)?;
                emit_candidates(&mut writer, list, *last)?;
            }
            Self::Reject { reason } => writer.bytes(&[4, reason.code()])?,
            Self::HangUp { reason } => writer.bytes(&[5, reason.code()])?,
            Self::Cancel => writer.u8(6)?,
        }
        let len = writer.len();
        buf.truncate(len);
        Ok(buf)
    }

    /// Reads what [`emit`](Self::emit) wrote.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no message that this version knows.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let message = match reader.u8()? {
            1 => Self::Ringing,
            2 => Self::Accept,
            3 => parse_candidates(&mut reader)?,
            4 => Self::Reject { reason: RejectReason::from_code(reader.u8()?) },
            5 => Self::HangUp { reason: HangUpReason::from_code(reader.u8()?) },
            6 => Self::Cancel,
            _ => return Err(Malformed::Invalid("message kind")),
        };
        reader.finish()?;
        Ok(message)
    }
}

impl core::fmt::Debug for Message {
    /// Candidates are addresses: only their number is shown.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Candidates { list, last } => {
                write!(f, "candidates({}{})", list.len(), if *last { ", last" } else { "" })
            }
            Self::Reject { reason } => write!(f, "reject({reason:?})"),
            Self::HangUp { reason } => write!(f, "hang-up({reason:?})"),
            Self::Ringing | Self::Accept | Self::Cancel => f.write_str(self.name()),
        }
    }
}

fn emit_candidates(writer: &mut Writer<'_>, list: &[Vec<u8>], last: bool) -> Result<(), Malformed> {
    let count = u8::try_from(list.len()).map_err(|_| Malformed::Invalid("number of candidates"))?;
    if usize::from(count) > MAX_CANDIDATES {
        return Err(Malformed::Invalid("number of candidates"));
    }
    writer.bytes(&[u8::from(last), count])?;
    for candidate in list {
        writer.block8(candidate_within(candidate)?)?;
    }
    Ok(())
}

fn parse_candidates(reader: &mut Reader<'_>) -> Result<Message, Malformed> {
    let last = match reader.u8()? {
        0 => false,
        1 => true,
        _ => return Err(Malformed::Invalid("last")),
    };
    let count = usize::from(reader.u8()?);
    if count > MAX_CANDIDATES {
        return Err(Malformed::Invalid("number of candidates"));
    }
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        list.push(candidate_within(reader.block8()?)?.to_vec());
    }
    Ok(Message::Candidates { list, last })
}

const fn candidate_within(candidate: &[u8]) -> Result<&[u8], Malformed> {
    if candidate.is_empty() || candidate.len() > MAX_CANDIDATE_LEN {
        return Err(Malformed::Invalid("candidate"));
    }
    Ok(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_message() -> impl Strategy<Value = Message> {
        let candidate = prop::collection::vec(any::<u8>(), 1..=MAX_CANDIDATE_LEN);
        prop_oneof![
            Just(Message::Ringing),
            Just(Message::Accept),
            Just(Message::Cancel),
            (prop::collection::vec(candidate, 0..=MAX_CANDIDATES), any::<bool>())
                .prop_map(|(list, last)| Message::Candidates { list, last }),
            any::<u8>().prop_map(|code| Message::Reject { reason: RejectReason::from_code(code) }),
            any::<u8>().prop_map(|code| Message::HangUp { reason: HangUpReason::from_code(code) }),
        ]
    }

    proptest! {
        #[test]
        fn parse_of_emit_gives_the_same(message in any_message()) {
            let bytes = message.emit().unwrap();
            prop_assert!(bytes.len() <= MAX_MESSAGE_LEN);
            prop_assert_eq!(Message::parse(&bytes), Ok(message));
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_what_parses_emits_again(
            kind in 0..8u8, rest in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            if let Ok(message) = Message::parse(&[&[kind], &rest[..]].concat()) {
                prop_assert!(message.emit().is_ok());
            }
        }
    }

    #[test]
    fn the_limits_are_allowed_and_one_more_is_not() {
        let full = |count, len| Message::Candidates { list: vec![vec![1; len]; count], last: true };
        assert_eq!(full(MAX_CANDIDATES, MAX_CANDIDATE_LEN).emit().unwrap().len(), MAX_MESSAGE_LEN);
        for (count, len) in [(MAX_CANDIDATES + 1, 1), (256, 1), (1, MAX_CANDIDATE_LEN + 1), (1, 0)] {
            assert!(full(count, len).emit().is_err(), "{count} candidates of {len} bytes");
        }
        assert!(Message::parse(&[3, 0, 33]).is_err());
        assert!(Message::parse(&[3, 2, 0]).is_err());
        assert_eq!(Message::parse(&[2, 0]), Err(Malformed::Trailing));
    }

    #[test]
    fn a_log_shows_no_candidate() {
        let message = Message::Candidates { list: vec![b"192.0.2.1".to_vec()], last: true };
        assert_eq!(format!("{message:?}"), "candidates(1, last)");
    }

    #[test]
    fn the_longest_message_fits_an_envelope_with_room_for_the_seal() {
        const { assert!(MAX_MESSAGE_LEN + 256 <= crate::MAX_ENVELOPE_BODY) };
    }
}
