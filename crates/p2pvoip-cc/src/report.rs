//! What a receiver tells of the packets that came, whatever wire form it travelled in.
//!
//! The compact form of this crate, RFC 8888 and transport-wide feedback are all read into a [`Report`]; a controller
//! knows nothing else. Numbers are whole, times are of the receiver's clock, which nobody compares with the sender's.

use crate::fixed::low_u32;
use core::fmt;
use core::time::Duration;

/// The unit of remote times in microseconds: fine enough for jitter, and 24 bits of it last 18 minutes.
pub(crate) const TICK_MICROS: u64 = 64;
/// A remote time has so many bits.
const CLOCK_BITS: u32 = 24;
/// A report tells of at most so many numbers.
pub const REACH: usize = 64;
/// A report tells at most so many arrival times.
pub const MAX_TIMES: usize = 32;

/// A moment of the receiver's clock, in ticks of 64 us, modulo 2^24 (18 minutes).
///
/// Kept in the upper 24 bits, so that differences wrap by themselves, without a mask.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoteTime(u32);

/// Bits below the ticks.
const UNUSED: u32 = u32::BITS - CLOCK_BITS;

impl fmt::Debug for RemoteTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteTime").field(&self.ticks()).finish()
    }
}

impl RemoteTime {
    /// The tick in which that many microseconds of the receiver's clock have passed.
    pub const fn from_micros(micros: u64) -> Self {
        Self::from_ticks(low_u32(micros / TICK_MICROS))
    }

    /// That many ticks; the low 24 bits count.
    pub const fn from_ticks(ticks: u32) -> Self {
        Self(ticks << UNUSED)
    }

    /// Ticks of 64 us, below 2^24.
    pub const fn ticks(self) -> u32 {
        self.0 >> UNUSED
    }

    /// With eight other bits in one word.
    pub(crate) const fn with(self, low: u8) -> u32 {
        self.0 | low as u32
    }

    /// The two that are [`with`](Self::with) one another.
    pub(crate) const fn parted(word: u32) -> (Self, u8) {
        let [low, ..] = word.to_le_bytes();
        (Self(word & !0xff), low)
    }

    /// Ticks from `earlier` to this, negative when that is later; of the two ways round, the shorter.
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed() >> UNUSED
    }

    /// That many ticks before.
    #[must_use]
    pub const fn back(self, ticks: i32) -> Self {
        Self::from_ticks(self.ticks().wrapping_sub(ticks.cast_unsigned()))
    }
}

/// How many packets arrived with each mark since the flow began, modulo 256 (RFC 3168).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EcnCounts {
    /// ECT(0).
    pub ect0: u8,
    /// ECT(1).
    pub ect1: u8,
    /// Congestion experienced.
    pub ce: u8,
}

/// What a receiver tells: which packets came, and when.
///
/// It begins with the highest number that came and goes down; [`push`](Report::push) adds the next lower one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    largest: u64,
    /// Bit k: the number `largest - k` has arrived; bit 0 is always set.
    received: u64,
    /// How many numbers are told of, 1 to 64.
    reach: u8,
    /// How many arrival times are told, of the highest received numbers in falling order.
    told: u8,
    /// A time was not told, or there is no room for more: those of lower numbers are not told either.
    torn: bool,
    times: [RemoteTime; MAX_TIMES],
    /// Bit k: the arrival time of `largest - k` is told.
    timed: u64,
    /// Ticks from the arrival of the largest to the report.
    held: Option<u32>,
    path: u8,
    ecn: Option<EcnCounts>,
}

impl Report {
    /// `largest` is the highest number that came, at `arrival` if that is known, and `held` ticks of 64 us before the
    /// report was made, if that is known.
    pub fn new(largest: u64, arrival: Option<RemoteTime>, held: Option<u32>) -> Self {
        let mut report = Self {
            largest,
            received: 1,
            reach: 1,
            told: 0,
            torn: false,
            times: [RemoteTime::default(); MAX_TIMES],
            timed: 0,
            held,
            path: 0,
            ecn: None,
        };
        report.tell(1, arrival);
        report
    }

    /// The next lower number has not come. Below zero there is none, which is not told.
    pub const fn push_missing(&mut self) {
        if self.has_lower() {
            self.reach += 1;
        }
    }

    /// The next lower number has come, at `arrival` if that is known. Beyond [`REACH`] numbers it is not told; after
    /// [`MAX_TIMES`] times, or one that is unknown, no further time is told.
    pub fn push(&mut self, arrival: Option<RemoteTime>) {
        if self.has_lower() {
            let bit = 1 << self.reach;
            self.received |= bit;
            self.reach += 1;
            self.tell(bit, arrival);
        }
    }

    /// Whether there is a lower number, and room to tell of it: none is below zero.
    const fn has_lower(&self) -> bool {
        (self.reach as usize) < REACH && self.reach as u64 <= self.largest
    }

    /// With the receiver's name of the path on which the largest came, and its ECN counts.
    #[must_use]
    pub const fn with(mut self, path: u8, ecn: Option<EcnCounts>) -> Self {
        (self.path, self.ecn) = (path, ecn);
        self
    }

    /// Whether all times so far are told, and there is room for more.
    pub(crate) const fn is_whole(&self) -> bool {
        !self.torn && (self.told as usize) < MAX_TIMES
    }

    /// The arrival of the number of that bit.
    fn tell(&mut self, bit: u64, arrival: Option<RemoteTime>) {
        self.torn |= arrival.is_none() || usize::from(self.told) >= MAX_TIMES;
        let place = self.times.get_mut(usize::from(self.told)).filter(|_| !self.torn);
        if let Some((place, arrival)) = place.zip(arrival) {
            *place = arrival;
            self.told += 1;
            self.timed |= bit;
        }
    }

    /// The highest number that came.
    pub const fn largest(&self) -> u64 {
        self.largest
    }

    /// The lowest number that is told of.
    pub const fn lowest(&self) -> u64 {
        self.largest.saturating_sub(self.reach as u64 - 1)
    }

    /// Bit k: the number `largest - k` has arrived. Bits at and above [`reach`](Self::reach) are zero.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// How many numbers are told of, 1 to 64.
    pub const fn reach(&self) -> usize {
        self.reach as usize
    }

    /// Arrival times of the highest received numbers, in falling order of number.
    pub fn times(&self) -> &[RemoteTime] {
        self.times.get(..usize::from(self.told)).unwrap_or_default()
    }

    /// Bit k: the arrival time of `largest - k` is told.
    pub(crate) const fn timed(&self) -> u64 {
        self.timed
    }

    /// From the arrival of the largest to the report.
    pub fn held(&self) -> Option<Duration> {
        self.held.map(|ticks| Duration::from_micros(u64::from(ticks) * TICK_MICROS))
    }

    /// Ticks of 64 us from the arrival of the largest to the report.
    pub const fn held_ticks(&self) -> Option<u32> {
        self.held
    }

    /// The receiver's name of the path on which the largest came; only a change of it means something to a sender.
    pub const fn path(&self) -> u8 {
        self.path
    }

    /// The ECN counts, if they are told.
    pub const fn ecn(&self) -> Option<EcnCounts> {
        self.ecn
    }

    /// The packets that came, the highest number first, with their times where they are told.
    pub fn arrivals(&self) -> impl Iterator<Item = (u64, Option<RemoteTime>)> + '_ {
        let (mut left, mut told) = (self.received, 0);
        core::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let back = left.trailing_zeros();
            left &= left - 1;
            let at = self.times().get(told).copied();
            told += 1;
            Some((self.largest.checked_sub(u64::from(back))?, at))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_below_number_zero() {
        let mut report = Report::new(2, None, None);
        for _ in 0..5 {
            report.push(None);
        }
        report.push_missing();
        assert_eq!((report.lowest(), report.reach(), report.received()), (0, 3, 0b111));
    }
}
