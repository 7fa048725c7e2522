//! Control messages between the two engines of a call, inside slots (docs/spec/packet.md).
//!
//! One message is under way at a time; it rides in slots until the other side acknowledges its number.
//!
//! # Left out
//! - Fragments: today's messages fit into one chunk.

use p2pvoip_core::wire::{Malformed, Reader, Writer};
use p2pvoip_signal::HangUpReason;

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
}

impl Control {
    /// Reads one message.
    ///
    /// # Errors
    /// The bytes are not one.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (kind, number) = (reader.u8()?, reader.u8()?);
        let control = match kind {
            0 => Self::Ack { number },
            1 => Self::HangUp { number, reason: HangUpReason::from_code(reader.u8()?) },
            _ => return Err(Malformed::Invalid("control")),
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
        }
        Some(writer.len())
    }
}
