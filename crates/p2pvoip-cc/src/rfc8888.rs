//! RTP Congestion Control Feedback (RFC 8888 section 3.1), byte for byte, and what it means as [`Report`]s.
//!
//! One RTCP packet tells of several streams, each a block: first number, how many, and for each packet whether it came,
//! its ECN mark and when. Parsing borrows the bytes; a [`Flow`] is what the sender of one stream remembers.
//!
//! # Left out
//! - Compound packets (RFC 3550 section 6.1): give one packet of them at a time.
//! - When to send (section 4), SDP (section 6).

use crate::fixed::low_u32;
use crate::report::{EcnCounts, RemoteTime, Report};
use crate::slices::{Slices, Told, expand};
use p2pvoip_core::Ecn;
use p2pvoip_core::wire::{Malformed, Reader};

mod builder;
pub use builder::Builder;

/// The first byte: version 2, no padding, FMT 11.
const FIRST: u8 = 0x8b;
/// Padding follows the packet (RFC 3550 section 6.4.1).
const PADDED: u8 = 0x20;
/// The packet type of transport-layer feedback (RFC 4585 section 6.1).
const RTPFB: u8 = 205;
/// The most packets that a block tells of (section 3.1).
pub const MAX_METRICS: usize = 16_384;
/// The widest offset that is a number: 8189/1024 seconds (section 3.1).
pub const MAX_OFFSET: u16 = 0x1ffd;
const OVER_RANGE: u16 = 0x1ffe;
const UNKNOWN: u16 = 0x1fff;
const RECEIVED: u16 = 0x8000;

/// One feedback packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    sender: u32,
    blocks: &'a [u8],
    timestamp: u32,
}

impl<'a> Packet<'a> {
    /// Reads the packet that fills `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] when it is another RTCP packet, when its length or that of a block is not that of the bytes, or a
    /// block tells of more than [`MAX_METRICS`] packets.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (first, kind) = (reader.u8()?, reader.u8()?);
        if first & !PADDED != FIRST || kind != RTPFB {
            return Err(Malformed::Invalid("packet type"));
        }
        let len = 4 * usize::from(reader.u16()?);
        let mut reader = Reader::new(exactly(reader.rest(), len)?);
        let sender = reader.u32()?;
        let mut rest = reader.rest();
        if first & PADDED != 0 {
            let padding = usize::from(rest.last().copied().unwrap_or_default());
            if padding == 0 || padding % 4 != 0 {
                return Err(Malformed::Invalid("padding"));
            }
            rest = rest.get(..rest.len().saturating_sub(padding)).unwrap_or_default();
        }
        let (blocks, timestamp) = rest.split_last_chunk::<4>().ok_or(Malformed::Truncated)?;
        let mut walk = Reader::new(blocks);
        while walk.remaining() > 0 {
            Block::read(&mut walk)?;
        }
        Ok(Self { sender, blocks, timestamp: u32::from_be_bytes(*timestamp) })
    }

    /// SSRC of who sent the feedback.
    pub const fn sender(&self) -> u32 {
        self.sender
    }

    /// The Report Timestamp: the middle 32 bits of an NTP timestamp, in 1/65536 s.
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The blocks, in their order.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> + use<'a> {
        let mut reader = Reader::new(self.blocks);
        // All were read once by `parse`.
        core::iter::from_fn(move || Block::read(&mut reader).ok())
    }
}

/// The first `len` bytes, which are to be all.
const fn exactly(bytes: &[u8], len: usize) -> Result<&[u8], Malformed> {
    if bytes.len() < len {
        return Err(Malformed::Truncated);
    }
    if bytes.len() > len { Err(Malformed::Trailing) } else { Ok(bytes) }
}

/// What a feedback packet tells of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block<'a> {
    ssrc: u32,
    begin: u16,
    metrics: &'a [u8],
}

impl<'a> Block<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (ssrc, begin, count) = (reader.u32()?, reader.u16()?, usize::from(reader.u16()?));
        if count > MAX_METRICS {
            return Err(Malformed::Invalid("number of packet metric blocks"));
        }
        let metrics = reader.bytes(2 * count)?;
        // Two bytes of padding after an odd number; their value means nothing.
        reader.bytes(2 * (count % 2))?;
        Ok(Self { ssrc, begin, metrics })
    }

    /// SSRC of the stream that is reported on.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The first sequence number.
    pub const fn begin(&self) -> u16 {
        self.begin
    }

    /// How many packets it tells of.
    pub const fn len(&self) -> usize {
        self.metrics.len() / 2
    }

    /// Whether it tells of none: nothing came since the last feedback.
    pub const fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }

    /// What is told of each number from [`begin`](Self::begin) on; `None` for a packet that has not come.
    pub fn metrics(&self) -> impl DoubleEndedIterator<Item = Option<Metric>> + ExactSizeIterator + use<'a> {
        let pairs = self.metrics.as_chunks::<2>().0;
        pairs.iter().map(|pair| Metric::from_bits(u16::from_be_bytes(*pair)))
    }
}

/// What is told of a packet that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Its mark.
    pub ecn: Ecn,
    /// When it came.
    pub offset: Offset,
}

/// How long before the Report Timestamp a packet came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offset {
    /// In 1/1024 s, at most [`MAX_OFFSET`]; more is written as [`OverRange`](Self::OverRange).
    Units(u16),
    /// More than 8189/1024 s.
    OverRange,
    /// Not known, or after the Report Timestamp.
    Unknown,
}

impl Metric {
    fn from_bits(bits: u16) -> Option<Self> {
        let offset = match bits & UNKNOWN {
            UNKNOWN => Offset::Unknown,
            OVER_RANGE => Offset::OverRange,
            units => Offset::Units(units),
        };
        let ecn = Ecn::from_bits(u8::try_from((bits >> 13) & 3).unwrap_or_default());
        (bits & RECEIVED != 0).then_some(Self { ecn, offset })
    }

    fn bits(metric: Option<Self>) -> u16 {
        let Some(Self { ecn, offset }) = metric else { return 0 };
        let offset = match offset {
            Offset::Units(units) if units <= MAX_OFFSET => units,
            Offset::Units(_) | Offset::OverRange => OVER_RANGE,
            Offset::Unknown => UNKNOWN,
        };
        RECEIVED | (u16::from(ecn.bits()) << 13) | offset
    }
}

/// Estimator: what the sender of a stream remembers of its feedback, to read the next.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// The latest Report Timestamp, without its wrap after 18 hours.
    clock: Option<u64>,
    /// The highest number whose mark was counted.
    counted_to: u64,
    /// Bit k: the mark of `counted_to - k` was counted.
    counted: u128,
    ecn: EcnCounts,
}

impl Flow {
    /// Nothing was told yet.
    pub const fn new() -> Self {
        Self { clock: None, counted_to: 0, counted: 0, ecn: EcnCounts { ect0: 0, ect1: 0, ce: 0 } }
    }

    /// What `block` tells, in rising order of numbers; all of it is to be taken. `largest_sent` is the highest number sent,
    /// whose low 16 bits are its RTP sequence number; `timestamp` is that of the packet.
    ///
    /// Packets not come yet above the highest received one are not told, nor are more than 64 missing in a row. Marks are
    /// counted once for each number, as far as it is one of the last 128. Times further back than 8 s are unknown.
    ///
    /// # Errors
    /// [`Malformed`] when a number below zero is told as received; nothing is remembered of the block then.
    pub fn reports<'b>(
        &'b mut self,
        block: Block<'b>,
        timestamp: u32,
        largest_sent: u64,
    ) -> Result<impl Iterator<Item = Report> + 'b, Malformed> {
        let count = block.metrics().rposition(|metric| metric.is_some()).map_or(0, |last| last + 1);
        let first = block.metrics().position(|metric| metric.is_some()).unwrap_or_default();
        let last = count.saturating_sub(1);
        // Modulo 2^16, as sequence numbers are.
        let low = block.begin.wrapping_add(u16::try_from(last).unwrap_or_default());
        let top = expand(low, largest_sent);
        if count > 0 && top.is_none_or(|top| top < (last - first) as u64) {
            return Err(Malformed::Invalid("number never sent"));
        }
        let top = top.unwrap_or_default();
        let units = self.expand_clock(timestamp);
        let told = block.metrics().take(count).enumerate().filter_map(move |(index, metric)| {
            let number = top.checked_sub((last - index) as u64)?;
            Some(self.told(number, metric?, units))
        });
        Ok(Slices::new(top.saturating_sub(last as u64), told))
    }

    fn told(&mut self, number: u64, metric: Metric, units: u64) -> Told {
        let now = ticks(units);
        let at = match metric.offset {
            Offset::Units(offset) => Some(ticks(units.saturating_sub(u64::from(offset) * 64))),
            Offset::OverRange | Offset::Unknown => None,
        };
        self.count(number, metric.ecn);
        Told {
            number,
            at: at.map(|at| RemoteTime::from_ticks(low_u32(at))),
            held: at.map(|at| low_u32(now - at)),
            ecn: (self.ecn != EcnCounts::default()).then_some(self.ecn),
        }
    }

    fn count(&mut self, number: u64, ecn: Ecn) {
        if number > self.counted_to {
            let up = u32::try_from(number - self.counted_to).unwrap_or(u32::MAX);
            self.counted = self.counted.checked_shl(up).unwrap_or(0);
            self.counted_to = number;
        }
        let back = u32::try_from(self.counted_to - number).unwrap_or(u32::MAX);
        let Some(bit) = 1u128.checked_shl(back).filter(|bit| self.counted & bit == 0) else { return };
        self.counted |= bit;
        let count = match ecn {
            Ecn::NotEct => return,
            Ecn::Ect0 => &mut self.ecn.ect0,
            Ecn::Ect1 => &mut self.ecn.ect1,
            Ecn::Ce => &mut self.ecn.ce,
        };
        *count = count.wrapping_add(1);
    }

    /// The timestamp nearest to the latest one, in 1/65536 s. The first is one wrap above zero, so that offsets from it
    /// stay above zero.
    fn expand_clock(&mut self, timestamp: u32) -> u64 {
        let last = self.clock.unwrap_or((1 << 32) | u64::from(timestamp));
        let ahead = timestamp.wrapping_sub(low_u32(last)).cast_signed();
        let units = last.saturating_add_signed(i64::from(ahead));
        self.clock = Some(last.max(units));
        units
    }
}

/// Ticks of 64 us in so many 1/65536 s.
const fn ticks(units: u64) -> u64 {
    units.saturating_mul(15_625) >> 16
}

#[cfg(test)]
mod tests;
