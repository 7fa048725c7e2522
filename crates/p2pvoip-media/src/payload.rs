//! The audio chunk: a chunk header, a media header and a codec payload (docs/spec/media.md; the sense of RFC 3550).
//!
//! ```text
//! 0                   1                   2                   3                   4
//! 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9
//! |kind |       length            |M| dur |distance|       media time             | payload
//! ```
//!
//! # Left out
//! - What the codec is: the call agreed on it.

use core::time::Duration;
use p2pvoip_core::wire::{Malformed, Reader, Writer};

use crate::frame::{TICK_MICROS, TICK_SAMPLES};

/// Bytes of a chunk that are not codec payload: two of chunk header, three of media header.
pub const CHUNK_OVERHEAD: usize = 5;
/// Bytes of a media header.
const MEDIA_HEADER: usize = 3;
/// The longest inside of a chunk in bytes: its length has 13 bits.
pub const LONGEST_INSIDE: usize = (1 << 13) - 1;
/// The largest distance between a frame and its copy: it has 4 bits.
pub const LARGEST_DISTANCE: u8 = 15;

/// What a chunk of a slot is; the kinds that media knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind(u8);

impl Kind {
    /// Nothing follows in the slot.
    pub const PADDING: Self = Self(0);
    /// A media header and a codec payload.
    pub const AUDIO: Self = Self(1);
    /// Skipped by its length: fills a body in which a copy is missing.
    pub const FILLER: Self = Self(7);

    /// The three bits.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// How long a frame is, as the three bits of a media header say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(u8);

/// Units of 2.5 ms by duration code.
const SPAN_TICKS: [u8; 7] = [4, 8, 16, 24, 32, 40, 48];

impl Span {
    /// The span of exactly that duration: 10, 20, 40, 60, 80, 100 or 120 ms.
    pub fn of(duration: Duration) -> Option<Self> {
        let micros = duration.as_micros();
        SPAN_TICKS
            .iter()
            .position(|ticks| u128::from(*ticks) * u128::from(TICK_MICROS) == micros)
            .and_then(code)
    }

    /// From the three bits.
    ///
    /// # Errors
    /// [`Malformed::Invalid`] for code 7.
    pub fn from_bits(bits: u8) -> Result<Self, Malformed> {
        if usize::from(bits) < SPAN_TICKS.len() {
            Ok(Self(bits))
        } else {
            Err(Malformed::Invalid("duration"))
        }
    }

    /// The three bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Units of 2.5 ms.
    pub fn ticks(self) -> u64 {
        SPAN_TICKS.get(usize::from(self.0)).copied().map_or(4, u64::from)
    }

    /// Samples at 48 kHz.
    pub fn samples(self) -> usize {
        SPAN_TICKS.get(usize::from(self.0)).copied().map_or(4, usize::from) * TICK_SAMPLES
    }

    /// The time.
    pub fn duration(self) -> Duration {
        Duration::from_micros(self.ticks() * TICK_MICROS)
    }
}

fn code(position: usize) -> Option<Span> {
    u8::try_from(position).ok().map(Span)
}

/// One coded frame with its place in time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The first frame after a silence of the sender (RFC 3551 section 4.1).
    pub marker: bool,
    /// How long the frame is.
    pub span: Span,
    /// 0: the frame itself. n: a copy of a frame that was first sent n packets before this one.
    pub distance: u8,
    /// When the frame begins, in units of 2.5 ms; the low bits. A copy has the time of the frame it copies.
    pub media_time: u16,
    /// The codec's bytes, at least one.
    pub payload: &'a [u8],
}

impl core::fmt::Debug for Chunk<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { marker, span, distance, media_time, payload } = self;
        write!(
            f,
            "Chunk(at {media_time}, {span:?}, distance {distance}, marker {marker}, {} bytes)",
            payload.len()
        )
    }
}

impl<'a> Chunk<'a> {
    /// Reads the inside of an audio chunk: media header and payload.
    ///
    /// # Errors
    /// [`Malformed`] when it is too short or names no duration.
    pub fn parse(inside: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(inside);
        let first = reader.u8()?;
        let media_time = reader.u16()?;
        let payload = reader.rest();
        if payload.is_empty() {
            return Err(Malformed::Truncated);
        }
        if payload.len() + MEDIA_HEADER > LONGEST_INSIDE {
            return Err(Malformed::Invalid("length"));
        }
        let span = Span::from_bits((first >> 4) & 7)?;
        Ok(Self { marker: first & 0x80 != 0, span, distance: first & 0x0f, media_time, payload })
    }

    /// Writes the whole chunk, its chunk header included, and returns its length.
    ///
    /// # Errors
    /// [`Malformed`] when a field does not fit its bits or the chunk does not fit `out`; `out` is as it was then.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        if self.distance > LARGEST_DISTANCE {
            return Err(Malformed::Invalid("distance"));
        }
        if self.payload.is_empty() {
            return Err(Malformed::Invalid("payload"));
        }
        let inside = MEDIA_HEADER + self.payload.len();
        let header = chunk_header(Kind::AUDIO, inside)?;
        let room = out.get_mut(..2 + inside).ok_or(Malformed::Truncated)?;
        let mut writer = Writer::new(room);
        writer.u16(header)?;
        writer.u8((u8::from(self.marker) << 7) | (self.span.bits() << 4) | self.distance)?;
        writer.u16(self.media_time)?;
        writer.bytes(self.payload)?;
        Ok(writer.len())
    }
}

/// Fills `out` with one chunk that every receiver skips.
///
/// # Errors
/// [`Malformed`] when `out` is shorter than a chunk header or longer than a chunk can be.
pub fn emit_filler(out: &mut [u8]) -> Result<(), Malformed> {
    let inside = out.len().checked_sub(2).ok_or(Malformed::Truncated)?;
    let header = chunk_header(Kind::FILLER, inside)?;
    let mut writer = Writer::new(out);
    writer.u16(header)?;
    writer.pad();
    Ok(())
}

fn chunk_header(kind: Kind, inside: usize) -> Result<u16, Malformed> {
    let len = u16::try_from(inside)
        .ok()
        .filter(|_| inside <= LONGEST_INSIDE)
        .ok_or(Malformed::Invalid("length"))?;
    Ok((u16::from(kind.0) << 13) | len)
}

/// Stage: splits an audio body or a slot into its chunks: kind and inside. Ends at padding and after an error.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    reader: Reader<'a>,
}

impl<'a> Chunks<'a> {
    /// The chunks of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { reader: Reader::new(bytes) }
    }

    fn read(&mut self) -> Result<Option<(Kind, &'a [u8])>, Malformed> {
        if self.reader.remaining() == 0 {
            return Ok(None);
        }
        let header = self.reader.u16()?;
        let [high, _] = header.to_be_bytes();
        let kind = Kind(high >> 5);
        if kind == Kind::PADDING {
            self.reader.rest();
            return Ok(None);
        }
        Ok(Some((kind, self.reader.bytes(usize::from(header) & LONGEST_INSIDE)?)))
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<(Kind, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            self.reader.rest();
        }
        read.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let span = Span::of(Duration::from_millis(20)).unwrap();
        let chunk = Chunk { marker: true, span, distance: 2, media_time: 0x1234, payload: &[0xaa, 0xbb] };
        let mut out = [0; 7];
        assert_eq!(chunk.emit(&mut out), Ok(7));
        assert_eq!(out, [0x20, 0x05, 0x92, 0x12, 0x34, 0xaa, 0xbb]);
        assert_eq!(chunk.emit(&mut [0; 6]), Err(Malformed::Truncated));
        let mut filler = [1; 4];
        emit_filler(&mut filler).unwrap();
        assert_eq!(filler, [0xe0, 0x02, 0, 0]);
        assert_eq!(emit_filler(&mut [0; 1]), Err(Malformed::Truncated));
    }

    #[test]
    fn a_duration_of_code_7_an_empty_payload_and_a_wide_distance_are_refused() {
        assert_eq!(Chunk::parse(&[0x70, 0, 0, 1]), Err(Malformed::Invalid("duration")));
        assert_eq!(Chunk::parse(&[0x10, 0, 0]), Err(Malformed::Truncated));
        let span = Span::from_bits(0).unwrap();
        let wide = Chunk { marker: false, span, distance: 16, media_time: 0, payload: &[1] };
        assert_eq!(wide.emit(&mut [0; 99]), Err(Malformed::Invalid("distance")));
        let long = Chunk { distance: 0, payload: &[0; LONGEST_INSIDE], ..wide };
        assert_eq!(long.emit(&mut [0; 9_000]), Err(Malformed::Invalid("length")));
    }

    #[test]
    fn every_span_says_its_time_in_all_units() {
        let millis = [10, 20, 40, 60, 80, 100, 120];
        for (bits, millis) in (0u8..).zip(millis) {
            let span = Span::from_bits(bits).unwrap();
            assert_eq!(span.duration(), Duration::from_millis(millis));
            assert_eq!(Some(span), Span::of(span.duration()));
            assert_eq!(span.samples() as u64, millis * 48);
        }
        assert_eq!(Span::of(Duration::from_millis(30)), None);
    }

    proptest! {
        #[test]
        fn parse_of_emit_is_the_chunk(
            marker: bool, bits in 0u8..7, distance in 0u8..16, media_time: u16,
            payload in prop::collection::vec(any::<u8>(), 1..300),
        ) {
            let span = Span::from_bits(bits).unwrap();
            let chunk = Chunk { marker, span, distance, media_time, payload: &payload };
            let mut out = [0; 400];
            let len = chunk.emit(&mut out).unwrap();
            let chunks: Vec<_> = Chunks::new(&out[..len]).collect();
            prop_assert_eq!(chunks.len(), 1);
            let (kind, inside) = chunks[0].unwrap();
            prop_assert_eq!(kind, Kind::AUDIO);
            prop_assert_eq!(Chunk::parse(inside), Ok(chunk));
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_what_parses_is_emitted_the_same(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert!(Chunks::new(&bytes).count() <= bytes.len());
            if let Ok(chunk) = Chunk::parse(&bytes) {
                let mut out = [0; 300];
                let len = chunk.emit(&mut out).unwrap();
                prop_assert_eq!(&out[2..len], &bytes[..]);
            }
        }
    }
}
