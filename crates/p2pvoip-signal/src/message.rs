//! What the two sides of a call tell each other once both hold keys; these bytes are sealed before they are sent.

use crate::{HangUpReason, RejectReason};
use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// The most candidates in one message; more go in further messages.
pub const MAX_CANDIDATES: usize = 32;
/// The longest candidate in bytes.
pub const MAX_CANDIDATE_LEN: usize = 64;
/// The longest introduction in bytes.
pub const MAX_INTRODUCTION_LEN: usize = 512;
/// The longest attestation in bytes.
pub const MAX_ATTESTATION_LEN: usize = 2_048;
/// The longest message in bytes, before it is padded and sealed: one full of candidates.
pub const MAX_MESSAGE_LEN: usize = 3 + MAX_CANDIDATES * (1 + MAX_CANDIDATE_LEN);
const _: () = assert!(3 + MAX_ATTESTATION_LEN <= MAX_MESSAGE_LEN && 2 + MAX_MESSAGE_LEN <= crate::LETTER_LEN);

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
    /// Caller, once and in its first letter: what it committed to for the short authentication string. The receiver
    /// checks it against the commitment, and takes no second one.
    Reveal {
        /// The nonce behind the commitment.
        nonce: [u8; 16],
    },
    /// Either: a contact is introduced, as opaque bytes.
    Introduction {
        /// At most [`MAX_INTRODUCTION_LEN`] bytes.
        bytes: Vec<u8>,
    },
    /// Either: somebody else vouches for the sender, as opaque bytes.
    Attestation {
        /// At most [`MAX_ATTESTATION_LEN`] bytes.
        bytes: Vec<u8>,
    },
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
            Self::Reveal { .. } => "reveal",
            Self::Introduction { .. } => "introduction",
            Self::Attestation { .. } => "attestation",
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// [`Malformed::Invalid`] when there are too many candidates, one is empty, or something is too long.
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
            Self::Reveal { nonce } => {
                writer.u8(7)?;
                writer.bytes(nonce)?;
            }
            Self::Introduction { bytes } => {
                writer.u8(8)?;
                writer.block16(within(bytes, MAX_INTRODUCTION_LEN, "introduction")?)?;
            }
            Self::Attestation { bytes } => {
                writer.u8(9)?;
                writer.block16(within(bytes, MAX_ATTESTATION_LEN, "attestation")?)?;
            }
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
            7 => Self::Reveal { nonce: reader.array()? },
            8 => Self::Introduction {
                bytes: within(reader.block16()?, MAX_INTRODUCTION_LEN, "introduction")?.to_vec(),
            },
            9 => Self::Attestation {
                bytes: within(reader.block16()?, MAX_ATTESTATION_LEN, "attestation")?.to_vec(),
            },
            _ => return Err(Malformed::Invalid("message kind")),
        };
        reader.finish()?;
        Ok(message)
    }
}

impl core::fmt::Debug for Message {
    /// Candidates are addresses, and the last kinds name people or hold a secret: only numbers are shown.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Candidates { list, last } => {
                write!(f, "candidates({}{})", list.len(), if *last { ", last" } else { "" })
            }
            Self::Reject { reason } => write!(f, "reject({reason:?})"),
            Self::HangUp { reason } => write!(f, "hang-up({reason:?})"),
            Self::Introduction { bytes } | Self::Attestation { bytes } => {
                write!(f, "{}({} bytes)", self.name(), bytes.len())
            }
            Self::Ringing | Self::Accept | Self::Cancel | Self::Reveal { .. } => f.write_str(self.name()),
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

const fn within<'a>(bytes: &'a [u8], most: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
    if bytes.len() <= most { Ok(bytes) } else { Err(Malformed::Invalid(field)) }
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
            any::<[u8; 16]>().prop_map(|nonce| Message::Reveal { nonce }),
            prop::collection::vec(any::<u8>(), 0..=MAX_INTRODUCTION_LEN)
                .prop_map(|bytes| Message::Introduction { bytes }),
            prop::collection::vec(any::<u8>(), 0..=MAX_ATTESTATION_LEN)
                .prop_map(|bytes| Message::Attestation { bytes }),
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
            kind in 0..11u8, rest in prop::collection::vec(any::<u8>(), 0..80),
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
    fn opaque_kinds_may_be_empty_or_as_long_as_their_limit_and_not_longer() {
        let introduction = |len| Message::Introduction { bytes: vec![1; len] };
        let attestation = |len| Message::Attestation { bytes: vec![1; len] };
        for message in [
            introduction(0),
            introduction(MAX_INTRODUCTION_LEN),
            attestation(0),
            attestation(MAX_ATTESTATION_LEN),
        ] {
            assert_eq!(Message::parse(&message.emit().unwrap()), Ok(message));
        }
        for (kind, most, long) in [
            (8, MAX_INTRODUCTION_LEN, introduction(MAX_INTRODUCTION_LEN + 1)),
            (9, MAX_ATTESTATION_LEN, attestation(MAX_ATTESTATION_LEN + 1)),
        ] {
            assert!(matches!(long.emit(), Err(Malformed::Invalid(_))));
            let len = u16::try_from(most + 1).unwrap().to_be_bytes();
            let bytes = [&[kind][..], &len, &vec![1; most + 1]].concat();
            assert!(matches!(Message::parse(&bytes), Err(Malformed::Invalid(_))));
        }
        assert_eq!(Message::parse(&[&[7][..], &[0; 15]].concat()), Err(Malformed::Truncated));
        assert_eq!(Message::parse(&[&[7][..], &[0; 17]].concat()), Err(Malformed::Trailing));
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let reveal = Message::Reveal { nonce: [0xab; 16] }.emit().unwrap();
        assert_eq!(reveal, [&[7][..], &[0xab; 16]].concat());
        assert_eq!(Message::Introduction { bytes: vec![1, 2] }.emit().unwrap(), [8, 0, 2, 1, 2]);
        assert_eq!(Message::Attestation { bytes: vec![3] }.emit().unwrap(), [9, 0, 1, 3]);
    }

    #[test]
    fn a_log_shows_no_content() {
        let message = Message::Candidates { list: vec![b"192.0.2.1".to_vec()], last: true };
        assert_eq!(format!("{message:?}"), "candidates(1, last)");
        assert_eq!(format!("{:?}", Message::Reveal { nonce: [1; 16] }), "reveal");
        assert_eq!(format!("{:?}", Message::Introduction { bytes: vec![1; 3] }), "introduction(3 bytes)");
    }
}
