//! What was sent: a ring of the last `N` packets, eight bytes each, and what reports told of the newest 64 of them.
//!
//! A packet is in flight until a report tells that it came, that three later ones came without it (RFC 9002 section
//! 6.1.1), or that its fate will not be told any more. A packet told lost that comes after all is taken back.
//!
//! # Left out
//! - Loss by time: voice sends without end, so that later packets tell soon.

use crate::controller::Sent;
use crate::fixed::low_u32;
use crate::report::{REACH, Report, TICK_MICROS};
use p2pvoip_core::Instant;

/// Later packets that must have come before one is lost (RFC 9002 section 6.1.1, `kPacketThreshold`).
const REORDERING: u64 = 3;

/// A packet that was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Ticks of the sender's clock, wrapping after three days.
    pub(crate) sent: u32,
    /// Bytes on the wire; zero where no packet of that number was sent.
    pub(crate) size: u16,
    pub(crate) path: u8,
}

/// The sender's clock in ticks of 64 us, wrapping.
pub(crate) const fn ticks(now: Instant) -> u32 {
    low_u32(now.as_micros() / TICK_MICROS)
}

/// What became of a packet. First what came is told as it came; then, in the order of numbers, what was kept and what was
/// not; `Late` may follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Received,
    /// Lost before, and now it came.
    Late,
    /// In the order of numbers: it had been received.
    Kept,
    /// In the order of numbers: it did not come.
    Lost,
    /// No report told of it while it could.
    Unreported,
}

#[derive(Clone, Debug)]
pub(crate) struct History<const N: usize> {
    records: [Record; N],
    /// The largest number sent.
    largest: Option<u64>,
    /// The first number sent at all.
    first: u64,
    /// From here on up to the largest every number was sent.
    whole_from: u64,
    /// The largest number reported.
    told: Option<u64>,
    /// Bit k: `told - k` has been reported.
    seen: u64,
    /// Bit k: the arrival time of `told - k` has been used.
    timed: u64,
    /// All below this have met their fate.
    decided: u64,
    in_flight: u64,
}

impl<const N: usize> History<N> {
    pub(crate) const fn new() -> Self {
        Self {
            records: [Record { sent: 0, size: 0, path: 0 }; N],
            largest: None,
            first: 0,
            whole_from: 0,
            told: None,
            seen: 0,
            timed: 0,
            decided: 0,
            in_flight: 0,
        }
    }

    pub(crate) const fn largest(&self) -> Option<u64> {
        self.largest
    }

    /// The largest number reported.
    pub(crate) const fn told(&self) -> Option<u64> {
        self.told
    }

    /// Bytes whose fate is open.
    pub(crate) const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// The lowest number that is remembered.
    pub(crate) fn oldest(&self) -> u64 {
        self.largest.unwrap_or(0).saturating_sub(N as u64 - 1).max(self.first)
    }

    /// Notes a packet; false when its number is not above all before it.
    pub(crate) fn record(&mut self, sent: Sent, now: Instant) -> bool {
        match self.largest {
            Some(largest) if sent.number == largest.wrapping_add(1) => {}
            None => {
                (self.first, self.decided, self.whole_from) = (sent.number, sent.number, sent.number);
            }
            Some(largest) if sent.number <= largest => return false,
            Some(largest) => {
                for skipped in (largest + 1..sent.number).rev().take(N) {
                    self.replace(skipped, Record::default());
                }
                self.whole_from = sent.number;
            }
        }
        self.largest = Some(sent.number);
        let size = u16::try_from(sent.size.as_bytes()).unwrap_or(u16::MAX).max(1);
        self.replace(sent.number, Record { sent: ticks(now), size, path: sent.path });
        self.in_flight += u64::from(size);
        true
    }

    /// The packet of that number, if it was sent and is remembered.
    pub(crate) fn get(&self, number: u64) -> Option<Record> {
        let known = number >= self.oldest() && self.largest.is_some_and(|largest| number <= largest);
        self.records.get(place::<N>(number)).copied().filter(|record| known && record.size != 0)
    }

    /// Whether every number that the report says has come was sent, as far as is remembered.
    pub(crate) fn can_be_true(&self, report: &Report) -> bool {
        let lowest = report.largest() - u64::from(63 - report.received().leading_zeros());
        if self.largest.is_none_or(|largest| report.largest() > largest) || lowest < self.first {
            return false;
        }
        lowest >= self.whole_from
            || report.arrivals().all(|(number, _)| number < self.oldest() || self.get(number).is_some())
    }

    /// Takes a report in which [`can_be_true`](Self::can_be_true), and calls `each` with every packet whose fate it
    /// tells: first those that came, then those that did not. Whether it told anything new.
    pub(crate) fn take(&mut self, report: &Report, mut each: impl FnMut(Record, Fate)) -> bool {
        let shift = self.advance(report.largest());
        // What the report says, in the places of `seen`.
        let says = if shift < REACH as u64 { report.received() << shift } else { 0 };
        let mut news = says & !self.seen;
        let any = news != 0;
        self.seen |= news;
        let told = self.told.unwrap_or(0);
        while news != 0 {
            let number = told.wrapping_sub(u64::from(news.trailing_zeros()));
            news &= news - 1;
            let Some(record) = self.get(number) else { continue };
            let late = number < self.decided;
            if !late {
                self.in_flight = self.in_flight.saturating_sub(u64::from(record.size));
            }
            each(record, if late { Fate::Late } else { Fate::Received });
        }
        self.decide(report.lowest(), each);
        any
    }

    /// The arrival time of that number is used: the packet, when it was not used before.
    pub(crate) fn time(&mut self, number: u64) -> Option<Record> {
        let back = self.told?.checked_sub(number).filter(|back| *back < REACH as u64)?;
        let bit = 1 << back;
        if self.timed & bit != 0 {
            return None;
        }
        self.timed |= bit;
        self.get(number)
    }

    /// Moves the window up to `largest`; gives how far below the window's top `largest` is.
    fn advance(&mut self, largest: u64) -> u64 {
        let told = *self.told.get_or_insert(largest);
        let Some(up) = largest.checked_sub(told) else { return told - largest };
        let shifted = |bits: u64| u32::try_from(up).ok().and_then(|up| bits.checked_shl(up)).unwrap_or(0);
        (self.seen, self.timed, self.told) = (shifted(self.seen), shifted(self.timed), Some(largest));
        0
    }

    /// Decides all that lie three below the top, of which this report told from `told_from` on.
    fn decide(&mut self, told_from: u64, mut each: impl FnMut(Record, Fate)) {
        let told = self.told.unwrap_or(0);
        let end = told.saturating_add(1).saturating_sub(REORDERING);
        for number in self.decided.max(self.oldest())..end {
            let back = told - number;
            let Some(record) = self.get(number) else { continue };
            if back < REACH as u64 && self.seen >> back & 1 == 1 {
                each(record, Fate::Kept);
                continue;
            }
            self.in_flight = self.in_flight.saturating_sub(u64::from(record.size));
            each(record, if number < told_from { Fate::Unreported } else { Fate::Lost });
        }
        self.decided = self.decided.max(end);
    }

    fn replace(&mut self, number: u64, with: Record) {
        let evicted = number.checked_sub(N as u64);
        if let Some(record) = self.records.get_mut(place::<N>(number)) {
            let back = evicted.and_then(|evicted| self.told?.checked_sub(evicted));
            let was_seen = back.is_some_and(|back| back < REACH as u64 && self.seen >> back & 1 == 1);
            if evicted.is_some_and(|evicted| evicted >= self.decided) && !was_seen {
                self.in_flight = self.in_flight.saturating_sub(u64::from(record.size));
            }
            *record = with;
        }
    }
}

/// Where a number's record is kept.
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below the capacity")]
const fn place<const N: usize>(number: u64) -> usize {
    (number % N as u64) as usize
}
