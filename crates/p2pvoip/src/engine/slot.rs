//! The slot: what is inside a sealed packet (docs/spec/packet.md).
//!
//! A slot is a row of chunks and then padding. Its size depends on the rung alone, so that a packet's size tells nothing of
//! what is said. A chunk is a header of 16 bits (kind: 3 bits, length: 13 bits) and that many bytes.
//!
//! # Left out
//! - Kinds 4 to 7 are skipped when they come, so that a later version can speak to this one.

use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// Bytes of a chunk's header.
pub(crate) const CHUNK_HEADER: usize = 2;
/// Bytes that every slot reserves for one feedback chunk: twelve for the newest packet, six for three more arrivals.
pub(crate) const FEEDBACK_ROOM: usize = CHUNK_HEADER + 18;
/// The largest length that a chunk header can tell.
const MAX_CHUNK: usize = (1 << 13) - 1;

/// What a chunk carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A media header and a codec payload: for the receiver.
    Audio,
    /// For the congestion controller.
    Feedback,
    /// A control message between the two engines.
    Control,
}

impl Kind {
    const fn bits(self) -> u16 {
        match self {
            Self::Audio => 1,
            Self::Feedback => 2,
            Self::Control => 3,
        }
    }
}

/// Stage: the chunks of a slot that was checked as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<'a>(Reader<'a>);

/// Checks a whole slot; its chunks can then be taken one after another.
///
/// # Errors
/// A chunk reaches beyond the slot's end, or padding is not zero.
pub(crate) fn parse(slot: &[u8]) -> Result<Chunks<'_>, Malformed> {
    let mut reader = Reader::new(slot);
    while next_chunk(&mut reader)?.is_some() {}
    Ok(Chunks(Reader::new(slot)))
}

/// The next chunk's kind bits and bytes, or nothing at the padding.
fn next_chunk<'a>(reader: &mut Reader<'a>) -> Result<Option<(u16, &'a [u8])>, Malformed> {
    if reader.remaining() < CHUNK_HEADER {
        return zeros(reader.rest());
    }
    let header = reader.u16()?;
    if header >> 13 == 0 {
        // Padding has the header of a chunk of kind zero: it and all that follows is zero.
        return if header == 0 { zeros(reader.rest()) } else { Err(Malformed::Invalid("padding")) };
    }
    let bytes = reader.bytes(usize::from(header) & MAX_CHUNK)?;
    Ok(Some((header >> 13, bytes)))
}

fn zeros<T>(rest: &[u8]) -> Result<Option<T>, Malformed> {
    if rest.iter().all(|&byte| byte == 0) { Ok(None) } else { Err(Malformed::Invalid("padding")) }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (Kind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (kind, bytes) = next_chunk(&mut self.0).ok()??;
            match kind {
                1 => return Some((Kind::Audio, bytes)),
                2 => return Some((Kind::Feedback, bytes)),
                3 => return Some((Kind::Control, bytes)),
                _ => {}
            }
        }
    }
}

/// Writes a chunk whose bytes `fill` puts into the room it is given; nothing is written when it gives `None`.
///
/// # Errors
/// There is no room for the header.
pub(crate) fn write_chunk(
    writer: &mut Writer<'_>,
    kind: Kind,
    scratch: &mut [u8],
    fill: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Result<(), Malformed> {
    let room = writer
        .room()
        .checked_sub(CHUNK_HEADER)
        .ok_or(Malformed::Truncated)?
        .min(MAX_CHUNK)
        .min(scratch.len());
    let room = scratch.get_mut(..room).ok_or(Malformed::Truncated)?;
    let Some(len) = fill(room) else { return Ok(()) };
    let bytes = room.get(..len).ok_or(Malformed::Invalid("length"))?;
    let header = kind.bits() << 13 | u16::try_from(len).map_err(|_| Malformed::Invalid("length"))?;
    writer.u16(header)?;
    writer.bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn emit(chunks: &[(Kind, Vec<u8>)], slot: &mut [u8]) -> Result<(), Malformed> {
        let mut writer = Writer::new(slot);
        for (kind, bytes) in chunks {
            write_chunk(&mut writer, *kind, &mut [0; 64], |room| {
                room.get_mut(..bytes.len())?.copy_from_slice(bytes);
                Some(bytes.len())
            })?;
        }
        writer.pad();
        Ok(())
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![Just(Kind::Audio), Just(Kind::Feedback), Just(Kind::Control)]
    }

    proptest! {
        #[test]
        fn chunks_come_back_as_they_were_written(chunks in prop::collection::vec((kind(), prop::collection::vec(any::<u8>(), 0..40)), 0..4)) {
            let mut slot = [0xff; 200];
            emit(&chunks, &mut slot).unwrap();
            let back: Vec<_> = parse(&slot).unwrap().map(|(kind, bytes)| (kind, bytes.to_vec())).collect();
            prop_assert_eq!(back, chunks);
        }

        #[test]
        fn any_bytes_parse_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(chunks) = parse(&bytes) {
                let _ = chunks.count();
            }
        }
    }

    #[test]
    fn unknown_kinds_are_skipped() {
        let slot = [0x80, 1, 9, 0x20, 2, 5, 6, 0, 0];
        assert_eq!(parse(&slot).unwrap().collect::<Vec<_>>(), [(Kind::Audio, &[5, 6][..])]);
    }

    #[test]
    fn padding_that_carries_something_is_refused() {
        assert!(parse(&[0, 0, 0, 1]).is_err());
        assert!(parse(&[0, 7, 0, 0]).is_err());
    }
}
