//! Control messages between the two engines of a call, inside slots (docs/spec/packet.md).
//!
//! A hang-up is under way alone; it rides in slots until the other side acknowledges its number. What is longer than a chunk, the
//! two messages of a re-key, travels in fragments beside the voice.

use p2pvoip_core::wire::{Malformed, Reader, Writer};
use p2pvoip_signal::HangUpReason;

use super::slot::{CHUNK_HEADER, FEEDBACK_ROOM};

/// Bytes of a message in one fragment: a chunk with it takes exactly the room of a feedback chunk.
pub(crate) const FRAGMENT_LEN: usize = FEEDBACK_ROOM - CHUNK_HEADER - 1;
/// The most fragments of one message: those of an offer of a re-key.
pub(crate) const MAX_FRAGMENTS: u8 = 72;
const _: () = assert!(FRAGMENT_LEN * MAX_FRAGMENTS as usize >= p2pvoip_crypto::REKEY_OFFER_LEN);
/// Bytes in which a bit for each fragment fits.
const BITS_LEN: usize = 9;
const _: () = assert!(BITS_LEN * 8 == MAX_FRAGMENTS as usize);
/// The type of the first fragment of an exchange with an even number; those of odd ones follow.
const FIRST_FRAGMENT: u8 = 112;
const _: () = assert!(FIRST_FRAGMENT as usize + 2 * MAX_FRAGMENTS as usize == 256);

/// What one engine tells the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Control {
    /// The message of that number has arrived.
    Ack {
        /// Which.
        number: u8,
    },
    /// The call is over.
    HangUp {
        /// Tells this message from others.
        number: u8,
        /// Why.
        reason: HangUpReason,
    },
    /// Which fragments have arrived so far.
    Arrived {
        /// Whether they are of an exchange with an odd number.
        odd: bool,
        /// Bit k is set for fragment k; none above [`MAX_FRAGMENTS`].
        bits: u128,
    },
    /// A part of a longer message.
    Fragment(Fragment),
}

/// A part of a message of a re-key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Whether it is of an exchange with an odd number.
    pub(crate) odd: bool,
    /// Where it belongs, below [`MAX_FRAGMENTS`].
    pub(crate) index: u8,
    len: usize,
    bytes: [u8; FRAGMENT_LEN],
}

impl core::fmt::Debug for Fragment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Fragment").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Fragment {
    /// One of these bytes, 1 to [`FRAGMENT_LEN`] of them; `None` when there is no such fragment.
    pub(crate) fn new(odd: bool, index: u8, part: &[u8]) -> Option<Self> {
        let mut bytes = [0; FRAGMENT_LEN];
        bytes.get_mut(..part.len())?.copy_from_slice(part);
        (index < MAX_FRAGMENTS && !part.is_empty()).then_some(Self { odd, index, len: part.len(), bytes })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Control {
    /// Reads one message.
    ///
    /// # Errors
    /// The bytes are not one.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let control = match reader.u8()? {
            0 => Self::Ack { number: reader.u8()? },
            1 => Self::HangUp { number: reader.u8()?, reason: HangUpReason::from_code(reader.u8()?) },
            2 => Self::Arrived { odd: parity(reader.u8()?)?, bits: bits(reader.array()?) },
            kind => {
                let place = kind.checked_sub(FIRST_FRAGMENT).ok_or(Malformed::Invalid("control"))?;
                let (odd, index) = (place >= MAX_FRAGMENTS, place % MAX_FRAGMENTS);
                let part = reader.rest();
                Self::Fragment(Fragment::new(odd, index, part).ok_or(Malformed::Invalid("fragment"))?)
            }
        };
        reader.finish()?;
        Ok(control)
    }

    /// Writes the message and tells its length, or nothing when there is no room.
    pub(crate) fn emit(self, buf: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(buf);
        match self {
            Self::Ack { number } => writer.bytes(&[0, number]).ok()?,
            Self::HangUp { number, reason } => writer.bytes(&[1, number, reason.code()]).ok()?,
            Self::Arrived { odd, bits } => {
                writer.bytes(&[2, u8::from(odd)]).ok()?;
                writer.bytes(bits.to_be_bytes().get(16 - BITS_LEN..)?).ok()?;
            }
            Self::Fragment(fragment) => {
                let from = FIRST_FRAGMENT + if fragment.odd { MAX_FRAGMENTS } else { 0 };
                writer.u8(from.checked_add(fragment.index)?).ok()?;
                writer.bytes(fragment.bytes()).ok()?;
            }
        }
        Some(writer.len())
    }
}

const fn parity(byte: u8) -> Result<bool, Malformed> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::Invalid("parity")),
    }
}

fn bits(bytes: [u8; BITS_LEN]) -> u128 {
    bytes.into_iter().fold(0, |bits, byte| bits << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_control() -> impl Strategy<Value = Control> {
        let part = (any::<bool>(), 0..MAX_FRAGMENTS, prop::collection::vec(any::<u8>(), 1..=FRAGMENT_LEN));
        prop_oneof![
            any::<u8>().prop_map(|number| Control::Ack { number }),
            any::<(u8, u8)>()
                .prop_map(|(number, code)| Control::HangUp { number, reason: HangUpReason::from_code(code) }),
            (any::<bool>(), 0..1u128 << MAX_FRAGMENTS).prop_map(|(odd, bits)| Control::Arrived { odd, bits }),
            part.prop_map(|(odd, index, part)| Control::Fragment(Fragment::new(odd, index, &part).unwrap())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_emitted_is_parsed(control in any_control()) {
            let mut buf = [0; FEEDBACK_ROOM - CHUNK_HEADER];
            let len = control.emit(&mut buf).unwrap();
            prop_assert_eq!(Control::parse(&buf[..len]), Ok(control));
        }

        #[test]
        fn any_bytes_are_refused_or_have_one_form(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            if let Ok(control) = Control::parse(&bytes) {
                let mut buf = [0; 24];
                let len = control.emit(&mut buf).unwrap();
                prop_assert_eq!(Control::parse(&buf[..len]), Ok(control));
                if !matches!(control, Control::HangUp { .. }) {
                    prop_assert_eq!(&buf[..len], &bytes[..]);
                }
            }
        }
    }

    #[test]
    fn empty_and_too_long_fragments_and_unknown_types_are_refused() {
        assert!(Control::parse(&[112]).is_err());
        assert!(Control::parse(&[112; FRAGMENT_LEN + 1]).is_ok());
        assert!(Control::parse(&[112; FRAGMENT_LEN + 2]).is_err());
        for kind in 3..112 {
            assert!(Control::parse(&[kind, 0, 0]).is_err());
        }
    }
}
