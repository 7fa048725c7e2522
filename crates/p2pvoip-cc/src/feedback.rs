//! The compact wire form of a [`Report`] (the semantics of RFC 8888 in 12 bytes and more).
//!
//! | bytes | field |
//! |---|---|
//! | 1 | path (3 bits), E: ECN counts follow (1 bit), W: wide (1 bit), zero (3 bits) |
//! | 2 | low 16 bits of the largest received number |
//! | 4, or 8 if W | received bits of the 32 (63) numbers before it; bit 0 is the largest minus one |
//! | 3 | arrival of the largest by the receiver's clock, in ticks of 64 us, modulo 2^24 |
//! | 2 | ticks from that arrival to the report; 65535 means that or more, or unknown |
//! | 0 or 3 | if E: packets so far with ECT(0), ECT(1), CE, modulo 256 |
//! | 1 or 2 each, to the end | for the next highest received numbers: arrival of the next higher received one minus its own |
//!
//! A gap of 0 to 191 ticks is one byte; any other from -8192 to 8191 is two, `11` and 14 bits of two's complement. A gap
//! beyond that is not told, and nothing below it. Every accepted body has one form.
//!
//! # Left out
//! - ECN of each packet (RFC 8888 has it): counts serve a controller that reacts once a round.

use crate::fixed::low_u32;
use crate::report::{EcnCounts, MAX_TIMES, RemoteTime, Report};
use crate::slices::expand;
use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// The shortest feedback: one arrival time, no ECN counts.
pub const MIN_LEN: usize = 12;
/// The longest feedback: wide, with ECN counts and 31 gaps of two bytes.
pub const MAX_LEN: usize = MIN_LEN + WIDER + ECN_LEN + 2 * (MAX_TIMES - 1);
/// Bytes that the wide form has more.
pub(crate) const WIDER: usize = 4;
/// Bytes of the ECN counts.
pub(crate) const ECN_LEN: usize = 3;
/// The received bits of the narrow form.
pub(crate) const NARROW: u32 = 32;
/// The received bits of the wide form.
pub(crate) const WIDE: u32 = 63;
const WITH_ECN: u8 = 0x10;
const IS_WIDE: u8 = 0x08;
const RESERVED: u8 = 0x07;
/// The two high bits of a gap of two bytes; those of one byte are below.
const LONG: u16 = 0xc000;
/// The bits of a gap of two bytes.
const LONG_BITS: u32 = 14;
/// The widest gap that is told, forwards; backwards it is one more.
const WIDEST_GAP: i32 = (1 << (LONG_BITS - 1)) - 1;

impl Report {
    /// Reads the compact form that fills `bytes`; `largest_sent` is the highest number sent on this flow.
    ///
    /// The report reaches 33 numbers, or 64 if it is wide.
    ///
    /// # Errors
    /// [`Malformed`] when bytes are missing or left over, when a number is named that was never sent, when more times are
    /// told than packets, and when the same could have been said in fewer bytes.
    pub fn parse(bytes: &[u8], largest_sent: u64) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let head = reader.u8()?;
        if head & RESERVED != 0 {
            return Err(Malformed::Invalid("reserved bits"));
        }
        let largest = expand(reader.u16()?, largest_sent).ok_or(Malformed::Invalid("number never sent"))?;
        let wide = head & IS_WIDE != 0;
        let below = if wide { wide_bits(reader.u64()?)? } else { u64::from(reader.u32()?) };
        if u64::from(u64::BITS - below.leading_zeros()) > largest {
            return Err(Malformed::Invalid("number never sent"));
        }
        let arrival = RemoteTime::from_ticks(reader.u24()?);
        let held = reader.u16()?;
        let ecn = if head & WITH_ECN == 0 {
            None
        } else {
            Some(EcnCounts { ect0: reader.u8()?, ect1: reader.u8()?, ce: reader.u8()? })
        };
        let mut report = Self::new(largest, Some(arrival), (held != u16::MAX).then_some(u32::from(held)));
        let mut gaps = Gaps { reader, last: arrival, told: 1 };
        for bit in 0..if wide { WIDE } else { NARROW } {
            if (below >> bit) & 1 == 1 {
                report.push(gaps.next()?);
            } else {
                report.push_missing();
            }
        }
        if gaps.reader.remaining() > 0 {
            return Err(Malformed::Invalid("number of arrival times"));
        }
        Ok(report.with(head >> 5, ecn))
    }

    /// Writes the compact form to the front of `buf`, with as many arrival times as fit, and returns its length.
    ///
    /// The wide form is taken when a number more than 32 below the largest came. It tells of 33 or 64 numbers: those below
    /// the reach of this report are told as missing. `None` when `buf` is too short for the form without further times,
    /// or the arrival of the largest is not known.
    pub fn emit(&self, buf: &mut [u8]) -> Option<usize> {
        let below = self.received() >> 1;
        let wide = below >> NARROW != 0;
        let (first, rest) = self.times().split_first()?;
        let held = self.held_ticks().and_then(|ticks| u16::try_from(ticks).ok()).unwrap_or(u16::MAX);
        let mut writer = Writer::new(buf);
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(self.ecn().is_some(), WITH_ECN) | flag(wide, IS_WIDE);
        writer.u8((self.path() << 5) | flags).ok()?;
        writer.u16(u16::try_from(self.largest() & 0xffff).ok()?).ok()?;
        if wide {
            writer.u64(below).ok()?;
        } else {
            writer.u32(low_u32(below)).ok()?;
        }
        writer.u24(first.ticks()).ok()?;
        writer.u16(held).ok()?;
        if let Some(ecn) = self.ecn() {
            writer.bytes(&[ecn.ect0, ecn.ect1, ecn.ce]).ok()?;
        }
        let mut last = *first;
        for time in rest {
            // A gap that finds no room ends the times: what is told has no holes.
            if write_gap(&mut writer, last.since(*time)).is_none() {
                break;
            }
            last = *time;
        }
        Some(writer.len())
    }
}

/// The received bits of the wide form, which is for those that the narrow one cannot hold.
fn wide_bits(below: u64) -> Result<u64, Malformed> {
    match below >> NARROW {
        0 => Err(Malformed::Invalid("wide received bits")),
        high if high >> (WIDE - NARROW) != 0 => Err(Malformed::Invalid("reserved bits")),
        _ => Ok(below),
    }
}

/// Bytes that a gap takes; `None` when it is too wide to be told.
pub(crate) const fn gap_len(gap: i32) -> Option<usize> {
    match gap {
        0..=191 => Some(1),
        ..-8_192 | 8_192.. => None,
        _ => Some(2),
    }
}

/// The gaps of a feedback, read one after the other.
struct Gaps<'a> {
    reader: Reader<'a>,
    last: RemoteTime,
    /// Arrival times told, that of the largest included.
    told: usize,
}

impl Gaps<'_> {
    /// The arrival of the next lower received number, if it is told.
    fn next(&mut self) -> Result<Option<RemoteTime>, Malformed> {
        if self.reader.remaining() == 0 || self.told == MAX_TIMES {
            return Ok(None);
        }
        let high = self.reader.u8()?;
        let gap = if u16::from(high) << 8 < LONG {
            i32::from(high)
        } else {
            let bits = (i32::from(high) << 8) | i32::from(self.reader.u8()?);
            // The sign is the highest of the 14 bits.
            (bits << (i32::BITS - LONG_BITS)) >> (i32::BITS - LONG_BITS)
        };
        if u16::from(high) << 8 >= LONG && gap_len(gap) != Some(2) {
            return Err(Malformed::Invalid("gap in two bytes that fits one"));
        }
        self.last = self.last.back(gap);
        self.told += 1;
        Ok(Some(self.last))
    }
}

/// `None` when it found no room or is too wide.
fn write_gap(writer: &mut Writer<'_>, gap: i32) -> Option<()> {
    if gap_len(gap)? == 1 {
        return writer.u8(u8::try_from(gap).ok()?).ok();
    }
    let bits = gap.cast_unsigned() & ((1 << LONG_BITS) - 1);
    writer.u16(u16::try_from(bits).ok()? | LONG).ok()
}

const _: () = assert!(matches!(gap_len(WIDEST_GAP), Some(2)) && gap_len(WIDEST_GAP + 1).is_none());

#[cfg(test)]
mod tests;
