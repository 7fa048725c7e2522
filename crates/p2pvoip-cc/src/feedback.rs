//! The compact wire form of a [`Report`] (the semantics of RFC 8888 in 12 bytes and more).
//!
//! | bytes | field |
//! |---|---|
//! | 1 | path (3 bits), E: ECN counts follow (1 bit), W: wide (1 bit), zero (3 bits) |
//! | 2 | low 16 bits of the largest received number |
//! | 4, or 8 if W | received bits of the 32 (63) numbers before it; bit 0 is the largest minus one |
//! | 3 | arrival of the largest by the receiver's clock, in ticks of 64 us, modulo 2^24 |
//! | 2 | ticks from that arrival to the report; 65535 means unknown |
//! | 0 or 3 | if E: packets so far with ECT(0), ECT(1), CE, modulo 256 |
//! | 1 or 2 each, to the end | for the next highest received numbers: arrival of the next higher received one minus its own |
//!
//! A gap of 0 to 191 ticks is one byte; any other from -8191 to 8191 is two, `11` and 14 bits of two's complement. -8192
//! means that it is beyond, and that no lower number has a known time.
//!
//! # Left out
//! - ECN of each packet (RFC 8888 has it): counts serve a controller that reacts once a round.

use crate::fixed::low_u32;
use crate::report::{EcnCounts, MAX_TIMES, RemoteTime, Report};
use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// The shortest feedback: one arrival time, no ECN counts.
pub const MIN_LEN: usize = 12;
/// The longest feedback: wide, with ECN counts and 31 gaps of two bytes.
pub const MAX_LEN: usize = MIN_LEN + 4 + ECN_LEN + 2 * (MAX_TIMES - 1);
/// Bytes of the ECN counts.
pub(crate) const ECN_LEN: usize = 3;
/// The received bits of the narrow form.
pub(crate) const NARROW: u32 = 32;
/// The received bits of the wide form.
pub(crate) const WIDE: u32 = 63;
const WITH_ECN: u8 = 0x10;
const IS_WIDE: u8 = 0x08;
/// Gaps up to this are one byte.
const SHORT_GAP: i32 = 191;
/// Gaps up to this, and down to its negative, are two bytes.
const LONG_GAP: i32 = 8_191;

impl Report {
    /// Reads the compact form that fills `bytes`; `largest_sent` is the highest number sent on this flow.
    ///
    /// # Errors
    /// [`Malformed`] when bytes are missing or left over, when a number is named that was never sent, or more times are
    /// told than packets.
    pub fn parse(bytes: &[u8], largest_sent: u64) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let head = reader.u8()?;
        let low = u64::from(reader.u16()?);
        let ahead = largest_sent.wrapping_sub(low) & 0xffff;
        let largest = largest_sent.checked_sub(ahead).ok_or(Malformed::Invalid("number never sent"))?;
        let wide = head & IS_WIDE != 0;
        let below = if wide { reader.u64()? } else { u64::from(reader.u32()?) };
        if head & 7 != 0 || (wide && below >> WIDE != 0) {
            return Err(Malformed::Invalid("reserved bit"));
        }
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
        let mut gaps = Gaps { bytes: reader.rest(), last: Some(arrival) };
        for bit in 0..if wide { WIDE } else { NARROW } {
            if (below >> bit) & 1 == 1 {
                report.push(gaps.next()?);
            } else {
                report.push_missing();
            }
        }
        if !gaps.bytes.is_empty() || report.times().len() > MAX_TIMES {
            return Err(Malformed::Invalid("number of arrival times"));
        }
        Ok(report.with(head >> 5, ecn))
    }

    /// Writes the compact form to the front of `buf`, with as many arrival times as fit, and returns its length.
    ///
    /// The wide form is taken when a number more than 32 below the largest came. `None` when `buf` is too short for it
    /// without times, or the arrival of the largest is not known.
    pub fn emit(&self, buf: &mut [u8]) -> Option<usize> {
        let below = self.received() >> 1;
        let wide = below >> NARROW != 0;
        let (first, rest) = self.times().split_first()?;
        let held = self.held_ticks().and_then(|ticks| u16::try_from(ticks).ok()).unwrap_or(u16::MAX);
        let mut writer = Writer::new(buf);
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        writer.u8((self.path() << 5) | flag(self.ecn().is_some(), WITH_ECN) | flag(wide, IS_WIDE)).ok()?;
        writer.u16((low_u32(self.largest()) & 0xffff).try_into().ok()?).ok()?;
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
            let gap = last.since(*time);
            last = *time;
            // A gap that finds no room ends the times: what is told has no holes.
            if !write_gap(&mut writer, gap) {
                break;
            }
        }
        Some(writer.len())
    }
}

/// The gaps of a feedback, read one after the other.
struct Gaps<'a> {
    bytes: &'a [u8],
    last: Option<RemoteTime>,
}

impl Gaps<'_> {
    /// The arrival of the next lower received number, if it is told.
    fn next(&mut self) -> Result<Option<RemoteTime>, Malformed> {
        let gap = match *self.bytes {
            [] => return Ok(None),
            [short, ref rest @ ..] if i32::from(short) <= SHORT_GAP => {
                self.bytes = rest;
                i32::from(short)
            }
            [high, low, ref rest @ ..] => {
                self.bytes = rest;
                // Sign extension of 14 bits.
                i32::from(i16::from_be_bytes([high << 2, 0])) / 4 + i32::from(low)
            }
            [_] => return Err(Malformed::Truncated),
        };
        self.last = if gap < -LONG_GAP { None } else { self.last.map(|last| last.back(gap)) };
        Ok(self.last)
    }
}

/// Whether it found room.
fn write_gap(writer: &mut Writer<'_>, gap: i32) -> bool {
    if (0..=SHORT_GAP).contains(&gap) {
        return u8::try_from(gap).is_ok_and(|gap| writer.u8(gap).is_ok());
    }
    let gap = if gap.abs() > LONG_GAP { -LONG_GAP - 1 } else { gap };
    let bits = low_u32(u64::from(gap.cast_unsigned())) & 0x3fff | 0xc000;
    u16::try_from(bits).is_ok_and(|bits| writer.u16(bits).is_ok())
}
