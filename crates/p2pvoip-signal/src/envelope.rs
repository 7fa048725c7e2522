//! The envelope: what one peer puts in the mailbox of another, always of the same size and without any structure in clear.
//!
//! What it is follows from the mailbox it comes to (docs/spec/signal.md): offers come to an owned mailbox; an answer, and
//! sealed letters after it, to the reply mailbox of one call. The handshake and the seal fill all of it.

use p2pvoip_core::wire::{Malformed, Reader};

/// Every envelope has this many bytes, whatever it holds.
pub const ENVELOPE_LEN: usize = 3_328;

/// Opaque bytes on their way to a mailbox. Three kilobytes, on the heap.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope(Box<[u8; ENVELOPE_LEN]>);

impl Envelope {
    /// Of these bytes: an offer, an answer or a sealed letter, which all have this length.
    #[must_use]
    pub fn new(bytes: [u8; ENVELOPE_LEN]) -> Self {
        Self(Box::new(bytes))
    }

    /// Of bytes whose number is not known before.
    ///
    /// # Errors
    /// [`Malformed`] when there are not exactly [`ENVELOPE_LEN`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let envelope = Self::new(reader.array()?);
        reader.finish()?;
        Ok(envelope)
    }

    /// All its bytes, as they are sent.
    pub const fn as_bytes(&self) -> &[u8; ENVELOPE_LEN] {
        &self.0
    }
}

impl core::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Envelope([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_exactly_its_bytes() {
        let mut bytes = [7; ENVELOPE_LEN];
        bytes[0] = 1;
        bytes[ENVELOPE_LEN - 1] = 2;
        let envelope = Envelope::new(bytes);
        assert_eq!(envelope.as_bytes(), &bytes);
        assert_eq!(Envelope::from_bytes(&bytes), Ok(envelope));
    }

    #[test]
    fn one_byte_less_or_more_is_no_envelope() {
        assert_eq!(Envelope::from_bytes(&[0; ENVELOPE_LEN - 1]), Err(Malformed::Truncated));
        assert_eq!(Envelope::from_bytes(&[0; ENVELOPE_LEN + 1]), Err(Malformed::Trailing));
    }

    #[test]
    fn a_log_shows_no_byte() {
        assert_eq!(format!("{:?}", Envelope::new([0xab; ENVELOPE_LEN])), "Envelope([redacted])");
    }
}
