//! The envelope: what one peer puts in the mailbox of another, always of the same size.
//!
//! One byte of version, one of kind, two of length, the body, and padding that looks like the body. The server that
//! passes it on can read kind and length; what that tells it is in the specification.

use p2pvoip_core::Rng;
use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// Every envelope has this many bytes, whatever it holds.
pub const ENVELOPE_LEN: usize = 3_072;

/// Version, kind and length.
const HEADER_LEN: usize = 4;

/// The largest body of an envelope in bytes.
pub const MAX_ENVELOPE_BODY: usize = ENVELOPE_LEN - HEADER_LEN;

/// The version of this format.
const VERSION: u8 = 1;

/// What an envelope's body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeKind {
    /// The first handshake message, with an [`OfferBody`](crate::OfferBody) inside.
    Offer,
    /// The second handshake message, with an [`AnswerBody`](crate::AnswerBody) inside.
    Answer,
    /// A [`Message`](crate::Message), sealed.
    Sealed,
}

impl EnvelopeKind {
    const fn code(self) -> u8 {
        match self {
            Self::Offer => 1,
            Self::Answer => 2,
            Self::Sealed => 3,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Offer),
            2 => Some(Self::Answer),
            3 => Some(Self::Sealed),
            _ => None,
        }
    }
}

/// Opaque bytes on their way to a mailbox; well formed by construction. Three kilobytes, on the heap.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    bytes: Box<[u8; ENVELOPE_LEN]>,
    kind: EnvelopeKind,
    len: usize,
}

impl Envelope {
    /// Packs a body; the rest is filled from `rng`.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when the body is longer than [`MAX_ENVELOPE_BODY`].
    pub fn pack(kind: EnvelopeKind, body: &[u8], rng: &mut Rng) -> Result<Self, Malformed> {
        let mut bytes = Box::new([0; ENVELOPE_LEN]);
        let mut writer = Writer::new(bytes.as_mut_slice());
        writer.u8(VERSION)?;
        writer.u8(kind.code())?;
        writer.block16(body)?;
        let used = writer.len();
        if let Some(rest) = bytes.get_mut(used..) {
            rng.fill(rest);
        }
        Ok(Self { bytes, kind, len: body.len() })
    }

    /// Reads an envelope that arrived.
    ///
    /// # Errors
    /// [`Malformed`] when the size, version, kind or length is not what the format says.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut whole = Reader::new(bytes);
        let boxed = Box::new(whole.array::<ENVELOPE_LEN>()?);
        whole.finish()?;
        let mut reader = Reader::new(boxed.as_slice());
        if reader.u8()? != VERSION {
            return Err(Malformed::Invalid("envelope version"));
        }
        let kind = EnvelopeKind::from_code(reader.u8()?).ok_or(Malformed::Invalid("envelope kind"))?;
        let len = reader.block16().map_err(|_| Malformed::Invalid("envelope length"))?.len();
        Ok(Self { bytes: boxed, kind, len })
    }

    /// What the body is.
    pub const fn kind(&self) -> EnvelopeKind {
        self.kind
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(HEADER_LEN..HEADER_LEN + self.len).unwrap_or_default()
    }

    /// Kind and body.
    #[must_use]
    pub fn into_unpacked(self) -> (EnvelopeKind, Vec<u8>) {
        (self.kind, self.body().to_vec())
    }

    /// All its bytes, as they are sent.
    pub const fn as_bytes(&self) -> &[u8; ENVELOPE_LEN] {
        &self.bytes
    }
}

impl core::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Envelope").field("kind", &self.kind).field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;
    use proptest::prelude::*;

    #[test]
    fn the_largest_body_fits_and_one_byte_more_does_not() {
        let mut rng = Seed::from_u64(1).rng();
        let body = vec![7; MAX_ENVELOPE_BODY + 1];
        assert!(Envelope::pack(EnvelopeKind::Offer, &body[1..], &mut rng).is_ok());
        assert_eq!(Envelope::pack(EnvelopeKind::Offer, &body, &mut rng), Err(Malformed::Truncated));
    }

    #[test]
    fn the_padding_is_random() {
        let mut rng = Seed::from_u64(1).rng();
        let envelope = Envelope::pack(EnvelopeKind::Sealed, b"x", &mut rng).unwrap();
        let other = Envelope::pack(EnvelopeKind::Sealed, b"x", &mut rng).unwrap();
        let pairs = envelope.as_bytes()[5..].iter().zip(&other.as_bytes()[5..]);
        let same = pairs.filter(|(one, other)| one == other).count();
        assert!(same < 60, "{same} of 3,067 bytes of padding are the same twice");
    }

    #[test]
    fn wrong_sizes_versions_kinds_and_lengths_are_refused() {
        let mut rng = Seed::from_u64(1).rng();
        let good = *Envelope::pack(EnvelopeKind::Sealed, b"x", &mut rng).unwrap().as_bytes();
        assert_eq!(Envelope::from_bytes(&good[1..]), Err(Malformed::Truncated));
        assert_eq!(Envelope::from_bytes(&[&good[..], &[0]].concat()), Err(Malformed::Trailing));
        for (at, value, field) in
            [(0, 2, "envelope version"), (1, 4, "envelope kind"), (2, 12, "envelope length")]
        {
            let mut bad = good;
            bad[at] = value;
            assert_eq!(Envelope::from_bytes(&bad), Err(Malformed::Invalid(field)));
        }
    }

    proptest! {
        #[test]
        fn parse_of_emit_gives_the_same(body in prop::collection::vec(any::<u8>(), 0..=MAX_ENVELOPE_BODY)) {
            let mut rng = Seed::from_u64(2).rng();
            let packed = Envelope::pack(EnvelopeKind::Answer, &body, &mut rng).unwrap();
            let read = Envelope::from_bytes(packed.as_bytes()).unwrap();
            prop_assert_eq!(&read, &packed);
            prop_assert_eq!(read.into_unpacked(), (EnvelopeKind::Answer, body));
        }

        #[test]
        fn arbitrary_bytes_never_panic(head in any::<[u8; 4]>(), size in 3_060..3_080usize) {
            let mut bytes = vec![0; size];
            bytes[..4].copy_from_slice(&head);
            let _ = Envelope::from_bytes(&bytes);
        }
    }
}
