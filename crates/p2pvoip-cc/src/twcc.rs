//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1), byte for
//! byte, and what it means as [`Report`]s.
//!
//! One RTCP packet tells of up to 65,535 transport-wide sequence numbers: their states in chunks of two bytes, then for each
//! packet that came the time since the one before it, in 250 us. A receiver of this form is what browsers are.
//!
//! # Left out
//! - The RTP header extension that carries the number: two bytes, as they are.
//! - When the feedback was made: the form does not tell, so a report's [`held`](Report::held) is unknown.

use crate::fixed::low_u32;
use crate::report::{RemoteTime, Report};
use crate::slices::{Slices, Told, expand};
use p2pvoip_core::wire::{Malformed, Reader};

mod emit;
mod symbols;
pub use emit::{emit, emit_collected};
use symbols::{LARGE, SMALL, Symbols};

/// The first byte: version 2, no padding, FMT 15.
const FIRST: u8 = 0x8f;
/// Padding follows the last time (RFC 3550 section 6.4.1).
const PADDED: u8 = 0x20;
/// The packet type of transport-layer feedback (RFC 4585 section 6.1).
const RTPFB: u8 = 205;
/// The unit of times in microseconds.
const UNIT_MICROS: u64 = 250;
/// Units in one step of the reference time, 64 ms.
const REFERENCE_UNITS: u32 = 256;

/// What is at the head of a feedback packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// SSRC of who sent the feedback.
    pub sender: u32,
    /// SSRC of one of the streams that are reported on.
    pub media: u32,
    /// The first sequence number.
    pub base: u16,
    /// Counts the feedback packets, so that lost ones are seen.
    pub feedback: u8,
}

/// What is told of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It has not come.
    Missing,
    /// It came (the reserved state 3, which some receivers send), when is not told.
    Untimed,
    /// It came at so many units of 250 us of the receiver's clock, modulo 2^32.
    At(u32),
}

/// One feedback packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    head: Head,
    count: u16,
    /// In steps of 64 ms, 24 bits.
    reference: u32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the packet that fills `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] when it is another RTCP packet, its length is not that of the bytes, or states, times or padding are
    /// fewer or more than they should be.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (first, kind, words) = (reader.u8()?, reader.u8()?, usize::from(reader.u16()?));
        if first & !PADDED != FIRST || kind != RTPFB {
            return Err(Malformed::Invalid("packet type"));
        }
        let body = reader.bytes(4 * words)?;
        reader.finish()?;
        let mut reader = Reader::new(body);
        let (sender, media, base) = (reader.u32()?, reader.u32()?, reader.u16()?);
        let (count, reference, feedback) = (reader.u16()?, reader.u24()?, reader.u8()?);
        let rest = reader.rest();
        let mut symbols = Symbols::new(rest, count);
        let len = symbols.by_ref().map(usize::from).map(symbols::delta_len).sum();
        let mut after = symbols.finish()?;
        let chunks = rest.get(..rest.len() - after.remaining()).unwrap_or_default();
        let deltas = after.bytes(len)?;
        // Up to three bytes fill the last word; some senders count them wrongly, so only more of them need a true count.
        let padding = after.rest();
        let counted = first & PADDED != 0 && padding.last().is_some_and(|n| usize::from(*n) == padding.len());
        if padding.len() > 3 && !counted {
            return Err(Malformed::Trailing);
        }
        Ok(Self { head: Head { sender, media, base, feedback }, count, reference, chunks, deltas })
    }

    /// SSRCs, first number and count of feedbacks.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// How many packets it tells of.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether it tells of none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What is told of each number from `head().base` on.
    pub fn statuses(&self) -> impl Iterator<Item = Status> + use<'a> {
        let mut deltas = Reader::new(self.deltas);
        let mut units = self.reference.wrapping_mul(REFERENCE_UNITS);
        // `parse` has seen that no time is missing.
        Symbols::new(self.chunks, self.count).map(move |symbol| {
            let delta = match symbol {
                SMALL => deltas.u8().map(i32::from),
                LARGE => deltas.u16().map(|delta| i32::from(delta.cast_signed())),
                0 => return Status::Missing,
                _ => return Status::Untimed,
            };
            units = units.wrapping_add_signed(delta.unwrap_or_default());
            Status::At(units)
        })
    }

    /// What it tells, in rising order of numbers. `largest_sent` is the highest transport-wide number sent, whose low 16
    /// bits are the ones on the wire.
    ///
    /// Packets not come yet above the highest received one are not told, nor are more than 64 missing in a row.
    ///
    /// # Errors
    /// [`Malformed`] when a number below zero is told as received.
    pub fn reports(&self, largest_sent: u64) -> Result<impl Iterator<Item = Report> + use<'a>, Malformed> {
        let mut received =
            (0..=u16::MAX).zip(self.statuses()).filter(|(_, s)| *s != Status::Missing).map(|(n, _)| n);
        let first = received.next();
        let last = received.last().or(first).unwrap_or_default();
        let top = expand(self.head.base.wrapping_add(last), largest_sent);
        if let Some(first) = first
            && top.is_none_or(|top| top < u64::from(last - first))
        {
            return Err(Malformed::Invalid("number never sent"));
        }
        let top = top.unwrap_or_default();
        let told = (0..=last).zip(self.statuses()).filter_map(move |(index, status)| {
            let number = top.checked_sub(u64::from(last - index))?;
            let at = match status {
                Status::Missing => return None,
                Status::Untimed => None,
                Status::At(units) => Some(remote(units)),
            };
            Some(Told { number, at, held: None, ecn: None })
        });
        Ok(Slices::new(top.saturating_sub(u64::from(last)), told))
    }
}

/// 2^32 units are a whole number of wraps of the remote clock, so that it never jumps.
fn remote(units: u32) -> RemoteTime {
    // A unit is 250/64 ticks.
    RemoteTime::from_ticks(low_u32(u64::from(units) * 125 / 32))
}

#[cfg(test)]
mod tests;
