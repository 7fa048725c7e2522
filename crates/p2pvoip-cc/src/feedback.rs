//! The feedback body: which packets arrived, and when (the semantics of RFC 8888 in 12 bytes and more).
//!
//! | bytes | field |
//! |---|---|
//! | 1 | path (3 bits), ECN counts follow (1 bit), number of arrival times n, 1 to 15 (4 bits) |
//! | 2 | low 16 bits of the largest received number |
//! | 4 | received bits of the 32 numbers before it; bit 0 is the largest minus one |
//! | 3 | report time: the receiver's clock in units of 64 us, wrapping |
//! | 2 | age of the largest's arrival at the report, in 64 us, saturating |
//! | 2 (n - 1) | for the next highest received numbers: arrival of the next higher received one minus its own, signed, saturating |
//! | 0 or 3 | counts of packets with ECT(0), ECT(1) and CE, modulo 256 |
//!
//! # Left out
//! - ECN of each packet (RFC 8888 has it): counts serve a controller that reacts once a round.

use core::time::Duration;
use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// The shortest feedback: one arrival time, no ECN counts.
pub const MIN_LEN: usize = 12;
/// The longest feedback: 15 arrival times and ECN counts.
pub const MAX_LEN: usize = MIN_LEN + 2 * MAX_GAPS + ECN_LEN;
/// How many arrival times a feedback tells at most.
pub(crate) const MAX_TIMES: usize = 15;
/// Arrival times beside that of the largest.
pub(crate) const MAX_GAPS: usize = MAX_TIMES - 1;
/// Bytes of the ECN counts.
pub(crate) const ECN_LEN: usize = 3;
/// The received bits reach that far below the largest number.
pub(crate) const REACH: usize = 32;
/// Unit of times on the wire in microseconds: fine enough for jitter, and 24 bits of it last 18 minutes.
pub(crate) const TICK_MICROS: u64 = 64;
/// The report time is so many bits wide.
const CLOCK_BITS: u32 = 24;

/// How many packets arrived with each mark, modulo 256 (RFC 3168).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EcnCounts {
    /// ECT(0).
    pub ect0: u8,
    /// ECT(1).
    pub ect1: u8,
    /// Congestion experienced.
    pub ce: u8,
}

/// What a receiver tells of the packets that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Feedback {
    pub(crate) path: u8,
    pub(crate) largest: u16,
    pub(crate) received: u32,
    pub(crate) report_time: u32,
    pub(crate) age: u16,
    /// How many of `gaps` are told; the rest are zero.
    pub(crate) told: usize,
    pub(crate) gaps: [i16; MAX_GAPS],
    pub(crate) ecn: Option<EcnCounts>,
}

impl Feedback {
    /// Reads a feedback that fills `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] when bytes are missing or left over, when no arrival time is told, or more than packets are.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let head = reader.u8()?;
        let (largest, received) = (reader.u16()?, reader.u32()?);
        let (report_time, age) = (reader.u24()?, reader.u16()?);
        let times = usize::from(head & 0x0f);
        let told = times.checked_sub(1).ok_or(Malformed::Invalid("number of arrival times"))?;
        if told > received.count_ones() as usize {
            return Err(Malformed::Invalid("number of arrival times"));
        }
        let mut gaps = [0; MAX_GAPS];
        for gap in gaps.iter_mut().take(told) {
            *gap = reader.u16()?.cast_signed();
        }
        let ecn = if head & 0x10 == 0 {
            None
        } else {
            Some(EcnCounts { ect0: reader.u8()?, ect1: reader.u8()?, ce: reader.u8()? })
        };
        reader.finish()?;
        Ok(Self { path: head >> 5, largest, received, report_time, age, told, gaps, ecn })
    }

    /// Writes it to the front of `buf` and returns its length.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when `buf` is shorter than [`len`](Feedback::len).
    pub fn emit(&self, buf: &mut [u8]) -> Result<usize, Malformed> {
        if buf.len() < self.len() {
            return Err(Malformed::Truncated);
        }
        let times = u8::try_from(self.told + 1).map_err(|_| Malformed::Invalid("number of arrival times"))?;
        let mut writer = Writer::new(buf);
        writer.u8((self.path << 5) | (u8::from(self.ecn.is_some()) << 4) | times)?;
        writer.u16(self.largest)?;
        writer.u32(self.received)?;
        writer.u24(self.report_time)?;
        writer.u16(self.age)?;
        for gap in self.gaps.iter().take(self.told) {
            writer.u16(gap.cast_unsigned())?;
        }
        if let Some(ecn) = self.ecn {
            writer.bytes(&[ecn.ect0, ecn.ect1, ecn.ce])?;
        }
        Ok(writer.len())
    }

    /// How many bytes it takes.
    #[expect(clippy::len_without_is_empty, reason = "a feedback is never empty")]
    pub const fn len(&self) -> usize {
        MIN_LEN + 2 * self.told + if self.ecn.is_some() { ECN_LEN } else { 0 }
    }

    /// The receiver's name of the path on which the largest number came, 0 to 7. The two ends number paths on their
    /// own: only a change of it means something to the sender.
    pub const fn path(&self) -> u8 {
        self.path
    }

    /// The ECN counts, if any packet carried a mark.
    pub const fn ecn(&self) -> Option<EcnCounts> {
        self.ecn
    }

    /// The largest received number in full: the highest one, not above the largest sent, with those low bits.
    ///
    /// `None` when there is none, so that the feedback names a packet never sent.
    pub fn largest(&self, largest_sent: u64) -> Option<u64> {
        largest_sent.checked_sub((largest_sent.wrapping_sub(u64::from(self.largest))) & 0xffff)
    }

    /// What it says of each packet, from the largest number down to 32 below it.
    ///
    /// `None` when the largest names a packet never sent, or a received bit a number below zero.
    pub fn reports(&self, largest_sent: u64) -> Option<Reports<'_>> {
        let largest = self.largest(largest_sent)?;
        let lowest_bit = u64::from(u32::BITS - self.received.leading_zeros());
        if lowest_bit > largest {
            return None;
        }
        // A saturated age tells only that the arrival was long ago.
        let age = (self.age != u16::MAX).then_some(i64::from(self.age));
        Some(Reports { feedback: self, largest, below: 0, told: 0, age })
    }

    /// The report time in microseconds of the receiver's clock, unwrapped to be the one nearest to `reference`.
    pub(crate) fn report_micros(&self, reference: u64) -> u64 {
        let ticks = reference / TICK_MICROS;
        let ahead = self.report_time.wrapping_sub(low_u32(ticks)) & ((1 << CLOCK_BITS) - 1);
        // The sign of the 24-bit difference decides between before and after.
        let ahead = i64::from((ahead << (32 - CLOCK_BITS)).cast_signed() >> (32 - CLOCK_BITS));
        ticks.saturating_add_signed(ahead).saturating_mul(TICK_MICROS)
    }

    /// The 24 bits in which a report time is told.
    pub(crate) fn clock_bits(micros: u64) -> u32 {
        low_u32(micros / TICK_MICROS) & ((1 << CLOCK_BITS) - 1)
    }
}

/// The low 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
pub(crate) const fn low_u32(value: u64) -> u32 {
    value as u32
}

/// What a feedback says of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// The packet's number.
    pub number: u64,
    /// Whether it has arrived.
    pub received: bool,
    /// How long before the report it arrived, when that is told.
    pub age: Option<Duration>,
}

/// Stage: the packets of one feedback, the largest number first.
#[derive(Clone, Debug)]
pub struct Reports<'a> {
    feedback: &'a Feedback,
    largest: u64,
    below: u64,
    told: usize,
    /// Age in ticks of the last received packet that was looked at, while the chain of differences is whole.
    age: Option<i64>,
}

impl Iterator for Reports<'_> {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        let number = self.largest.checked_sub(self.below).filter(|_| self.below <= REACH as u64)?;
        let below = self.below;
        self.below += 1;
        if below == 0 {
            return Some(Report { number, received: true, age: self.age.and_then(duration) });
        }
        let received = (self.feedback.received >> (below - 1)) & 1 == 1;
        let mut age = None;
        if received {
            let gap = self.feedback.gaps.get(self.told).filter(|_| self.told < self.feedback.told);
            // A saturated difference breaks the chain: what is below it has no known time either.
            let gap = gap.filter(|gap| !matches!(**gap, i16::MIN | i16::MAX));
            self.age = self.age.zip(gap).map(|(age, gap)| age + i64::from(*gap));
            self.told += 1;
            age = self.age.and_then(duration);
        }
        Some(Report { number, received, age })
    }
}

/// A span of ticks; `None` when it is negative, for nothing arrives after it is reported.
fn duration(ticks: i64) -> Option<Duration> {
    u64::try_from(ticks).ok().map(|ticks| Duration::from_micros(ticks * TICK_MICROS))
}

#[cfg(test)]
mod tests;
