//! Writes a feedback packet.

use super::symbols::{Chunk, LARGE, SMALL};
use super::{FIRST, Head, PADDED, REFERENCE_UNITS, RTPFB, UNIT_MICROS};
use crate::report::REACH;
use crate::{FeedbackCollector, fixed::low_u32};
use p2pvoip_core::Instant;
use p2pvoip_core::wire::{Malformed, Writer};

/// Bytes before the body, which the length does not count.
const HEADER: usize = 4;

/// Writes a feedback packet to the front of `buf` and returns its length. `arrivals` says when each number from
/// `head.base` on came, or that it has not.
///
/// # Errors
/// [`Malformed::Truncated`] when it does not fit, [`Malformed::Invalid`] when there are more than 65,535 numbers or none, or
/// two arrivals in a row are more than 8 s apart: tell them in two packets.
pub fn emit(buf: &mut [u8], head: Head, arrivals: &[Option<Instant>]) -> Result<usize, Malformed> {
    let count = u16::try_from(arrivals.len()).ok().filter(|count| *count > 0);
    let count = count.ok_or(Malformed::Invalid("number of packets"))?;
    let first = arrivals.iter().flatten().next().map_or(0, |at| at.as_micros() / UNIT_MICROS);
    let reference = first / u64::from(REFERENCE_UNITS);
    let mut body = Writer::new(buf.get_mut(HEADER..).ok_or(Malformed::Truncated)?);
    body.u32(head.sender)?;
    body.u32(head.media)?;
    body.u16(head.base)?;
    body.u16(count)?;
    body.u24(low_u32(reference))?;
    body.u8(head.feedback)?;
    let mut chunk = Chunk::EMPTY;
    for delta in deltas(reference, arrivals) {
        let symbol = match delta? {
            None => 0,
            Some(0..=255) => SMALL,
            Some(_) => LARGE,
        };
        if let Some(full) = chunk.add(symbol) {
            body.u16(full)?;
        }
    }
    while let Some(last) = chunk.finish() {
        body.u16(last)?;
    }
    for delta in deltas(reference, arrivals) {
        let Some(delta) = delta? else { continue };
        match u8::try_from(delta) {
            Ok(small) => body.u8(small)?,
            Err(_) => body.u16(delta.cast_unsigned())?,
        }
    }
    let padding = body.len().next_multiple_of(4) - body.len();
    for left in (1..=padding).rev() {
        body.u8(if left == 1 { u8::try_from(padding).unwrap_or_default() } else { 0 })?;
    }
    let len = body.len();
    let words = u16::try_from(len / 4).map_err(|_| Malformed::Truncated)?;
    let mut header = Writer::new(buf);
    header.bytes(&[if padding > 0 { FIRST | PADDED } else { FIRST }, RTPFB])?;
    header.u16(words)?;
    Ok(HEADER + len)
}

/// The distance of each arrival from the one before it, in units.
fn deltas(
    reference: u64,
    arrivals: &[Option<Instant>],
) -> impl Iterator<Item = Result<Option<i16>, Malformed>> + '_ {
    let mut last = (reference * u64::from(REFERENCE_UNITS)).cast_signed();
    arrivals.iter().map(move |at| {
        let Some(at) = at else { return Ok(None) };
        let units = (at.as_micros() / UNIT_MICROS).cast_signed();
        let delta = i16::try_from(units - last).map_err(|_| Malformed::Invalid("distance of arrivals"))?;
        last = units;
        Ok(Some(delta))
    })
}

/// Writes what a collector knows of its last `reach` numbers, at most 64, whose low 16 bits are the transport-wide numbers;
/// `head.base` is set by it. `None` when nothing came yet.
///
/// # Errors
/// As [`emit`].
pub fn emit_collected(
    buf: &mut [u8],
    head: Head,
    collector: &FeedbackCollector,
    reach: usize,
) -> Option<Result<usize, Malformed>> {
    let mut arrivals = [None; REACH];
    let (mut base, mut count) = (0, 0);
    // From the highest number down, so far that every packet that came has a time.
    for (number, place) in collector.window().rev().zip(arrivals.iter_mut().rev()).take(reach) {
        let arrived = collector.arrived(number);
        if arrived.is_some_and(|arrived| arrived.at.is_none()) {
            break;
        }
        *place = arrived.and_then(|arrived| arrived.at);
        (base, count) = (number, count + 1);
    }
    let base = u16::try_from(base & 0xffff).unwrap_or_default();
    let arrivals = arrivals.get(REACH - count..).filter(|arrivals| !arrivals.is_empty())?;
    Some(emit(buf, Head { base, ..head }, arrivals))
}
