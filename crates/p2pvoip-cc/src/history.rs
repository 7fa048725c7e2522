//! What was sent: a ring of the last `N` packets, six bytes each, and what reports told of the newest 64 of them.
//!
//! A packet is in flight until a report tells that it came, that three later ones came without it (RFC 9002 section
//! 6.1.1), or that its fate will not be told any more. A packet told lost that comes after all is taken back.
//!
//! # Left out
//! - Loss by time: voice sends without end, so that later packets tell soon.

use crate::controller::Sent;
use crate::fixed::low_u32;
use crate::report::{REACH, RemoteTime, Report, TICK_MICROS};
use core::num::NonZeroU64;
use core::ops::Range;
use p2pvoip_core::Instant;

/// Later packets that must have come before one is lost (RFC 9002 section 6.1.1, `kPacketThreshold`).
const REORDERING: u64 = 3;

/// A packet that was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// By the sender's clock, which is told as the receiver's is.
    pub(crate) sent: RemoteTime,
    /// Bytes on the wire; zero where no packet of that number was sent.
    pub(crate) size: u16,
    pub(crate) path: u8,
}

impl Record {
    /// Ticks since it was sent.
    pub(crate) const fn age(self, now: Instant) -> u32 {
        RemoteTime::from_ticks(ticks(now).wrapping_sub(self.sent.ticks())).ticks()
    }
}

/// The sender's clock in ticks of 64 us, wrapping.
pub(crate) const fn ticks(now: Instant) -> u32 {
    low_u32(now.as_micros() / TICK_MICROS)
}

/// What a report is the first to tell that it came, without what is [`Fate::Late`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Came {
    /// Whether the report told anything new at all.
    pub(crate) news: bool,
    pub(crate) packets: u32,
    /// Of these, and of their bytes, those of one path.
    pub(crate) ours: u32,
    pub(crate) bytes: u32,
}

/// What became of a packet: once for each in the order of numbers, but that one told lost may be late after all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Lost before, and now so many bytes came.
    Late(u16),
    /// It has been received.
    Kept,
    /// It did not come.
    Lost,
    /// No report told of it while it could.
    Unreported,
}

#[derive(Clone, Debug)]
pub(crate) struct History<const N: usize> {
    /// When a packet left, and its path.
    stamps: [u32; N],
    /// Bytes, zero where no packet of that number was sent.
    sizes: [u16; N],
    /// The number after the largest sent.
    end: Option<NonZeroU64>,
    /// The first number sent at all.
    first: u64,
    /// From here on up to the largest every number was sent, and on the path of the largest.
    whole_from: u64,
    /// That path.
    path: u8,
    /// The largest number reported, when anything is.
    told: u64,
    /// Bit k: `told - k` has been reported; bit 0 is set from the first report on.
    seen: u64,
    /// Bit k: the arrival time of `told - k` has been used.
    timed: u64,
    /// All below this have met their fate.
    decided: u64,
    /// Fits, since at most `N` packets of 65,535 bytes are open.
    in_flight: u32,
}

impl<const N: usize> History<N> {
    pub(crate) const fn new() -> Self {
        Self {
            stamps: [0; N],
            sizes: [0; N],
            end: None,
            first: 0,
            whole_from: 0,
            path: 0,
            told: 0,
            seen: 0,
            timed: 0,
            decided: 0,
            in_flight: 0,
        }
    }

    pub(crate) const fn largest(&self) -> Option<u64> {
        match self.end {
            Some(end) => Some(end.get() - 1),
            None => None,
        }
    }

    /// The largest number reported.
    pub(crate) const fn told(&self) -> Option<u64> {
        if self.seen == 0 { None } else { Some(self.told) }
    }

    /// Bytes whose fate is open.
    pub(crate) const fn in_flight(&self) -> u64 {
        self.in_flight as u64
    }

    /// The lowest number that is remembered.
    pub(crate) fn oldest(&self) -> u64 {
        self.largest().unwrap_or(0).saturating_sub(N as u64 - 1).max(self.first)
    }

    /// Notes a packet; false when its number is not above all before it.
    pub(crate) fn record(&mut self, sent: Sent, now: Instant) -> bool {
        match self.largest() {
            Some(largest) if sent.number == largest.wrapping_add(1) => {
                if sent.path != self.path {
                    self.whole_from = sent.number;
                }
            }
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
        self.end = NonZeroU64::new(sent.number.saturating_add(1));
        let size = u16::try_from(sent.size.as_bytes()).unwrap_or(u16::MAX).max(1);
        self.path = sent.path;
        self.replace(sent.number, Record { sent: RemoteTime::from_ticks(ticks(now)), size, path: sent.path });
        self.in_flight += u32::from(size);
        true
    }

    /// The packet of that number, if it was sent and is remembered.
    pub(crate) fn get(&self, number: u64) -> Option<Record> {
        // Below zero, and so far above `N`, where the number is still to be sent. Places of numbers never sent have no size.
        let back = self.end.map_or(0, NonZeroU64::get).wrapping_sub(1).wrapping_sub(number);
        let (stamp, size) = (*self.stamps.get(place::<N>(number))?, *self.sizes.get(place::<N>(number))?);
        let (sent, path) = RemoteTime::parted(stamp);
        (back < N as u64 && size != 0).then_some(Record { sent, size, path })
    }

    /// Whether every number that the report says has come was sent, as far as is remembered.
    pub(crate) fn can_be_true(&self, report: &Report) -> bool {
        let lowest = report.largest() - u64::from(report.received().ilog2());
        if self.largest().is_none_or(|largest| report.largest() > largest) || lowest < self.first {
            return false;
        }
        lowest >= self.whole_from
            || report.arrivals().all(|(number, _)| number < self.oldest() || self.get(number).is_some())
    }

    /// Takes a report in which [`can_be_true`](Self::can_be_true): what came, of it what came on `path`, and by `each` every
    /// packet whose fate that tells, with whether it was sent on `path`.
    pub(crate) fn take(&mut self, report: &Report, path: u8, mut each: impl FnMut(Fate, bool)) -> Came {
        let shift = self.advance(report.largest());
        // What the report says, in the places of `seen`.
        let says = if shift < REACH as u64 { report.received() << shift } else { 0 };
        let news = says & !self.seen;
        self.seen |= news;
        // The bits of numbers whose fate is open.
        let undecided = self.told.checked_sub(self.decided);
        let open = undecided.map_or(0, |back| !shifted(u64::MAX, back.saturating_add(1)));
        let oldest = self.oldest();
        // From here on all are remembered, were sent, and on one path. Then only sizes have to be looked at, which takes half
        // of the instructions for a packet.
        let plain = oldest.max(self.whole_from);
        let mut came = Came { news: news != 0, ..Came::default() };
        if news & open != 0 {
            came = self.count(news & open, plain, path);
        }
        let mut late = news & !open;
        while late != 0 {
            let number = self.told.wrapping_sub(u64::from(late.trailing_zeros()));
            late &= late - 1;
            if let Some(record) = self.get(number) {
                each(Fate::Late(record.size), record.path == path);
            }
        }
        let end = self.told.saturating_add(1).saturating_sub(REORDERING);
        let from = self.decided.max(oldest);
        if from < end {
            if from >= plain && self.saw_all(self.told - from) {
                (from..end).for_each(|_| each(Fate::Kept, self.path == path));
            } else {
                self.decide(from..end, report.lowest(), path, each);
            }
        }
        self.decided = self.decided.max(end);
        came
    }

    /// Takes the packets of these bits of `seen` out of flight, and counts them.
    fn count(&mut self, mut bits: u64, plain: u64, path: u8) -> Came {
        let mut came = Came { news: true, ..Came::default() };
        let mut bytes = 0;
        if self.told.saturating_sub(u64::from(bits.ilog2())) >= plain {
            while bits != 0 {
                let number = self.told.wrapping_sub(u64::from(bits.trailing_zeros()));
                bits &= bits - 1;
                bytes += u32::from(self.sizes.get(place::<N>(number)).copied().unwrap_or(0));
                came.packets += 1;
            }
            if self.path == path {
                (came.ours, came.bytes) = (came.packets, bytes);
            }
        }
        while bits != 0 {
            let number = self.told.wrapping_sub(u64::from(bits.trailing_zeros()));
            bits &= bits - 1;
            let Some(record) = self.get(number) else { continue };
            bytes += u32::from(record.size);
            came.packets += 1;
            if record.path == path {
                came.ours += 1;
                came.bytes += u32::from(record.size);
            }
        }
        self.in_flight = self.in_flight.saturating_sub(bytes);
        came
    }

    /// Decides these, of which the report told from `told_from` on, one by one.
    fn decide(&mut self, all: Range<u64>, told_from: u64, path: u8, mut each: impl FnMut(Fate, bool)) {
        for number in all {
            let back = self.told - number;
            let Some(record) = self.get(number) else { continue };
            let ours = record.path == path;
            if back < REACH as u64 && self.seen >> back & 1 == 1 {
                each(Fate::Kept, ours);
                continue;
            }
            self.in_flight = self.in_flight.saturating_sub(u32::from(record.size));
            each(if number < told_from { Fate::Unreported } else { Fate::Lost }, ours);
        }
    }

    /// Whether all from [`REORDERING`] numbers below the top down to `back` have been reported.
    const fn saw_all(&self, back: u64) -> bool {
        let all = shifted(1, back + 1).wrapping_sub(1) & (u64::MAX << REORDERING);
        back < REACH as u64 && self.seen & all == all
    }

    /// Of the report's times those that were not used before are used now: bit k is that of its largest number less k. For a
    /// report that [`take`](Self::take) took and that is not older than the newest.
    pub(crate) fn time_all(&mut self, report: &Report) -> u64 {
        if self.told != report.largest() {
            return 0;
        }
        let fresh = report.timed() & !self.timed;
        self.timed |= fresh;
        fresh
    }

    /// The arrival time of that number is used: the packet, when it was not used before.
    pub(crate) fn time(&mut self, number: u64) -> Option<Record> {
        let back = self.told()?.checked_sub(number).filter(|back| *back < REACH as u64)?;
        let bit = 1 << back;
        if self.timed & bit != 0 {
            return None;
        }
        self.timed |= bit;
        self.get(number)
    }

    /// Moves the window up to `largest`; gives how far below the window's top `largest` is.
    fn advance(&mut self, largest: u64) -> u64 {
        let told = self.told().unwrap_or(largest);
        let Some(up) = largest.checked_sub(told) else { return told - largest };
        (self.seen, self.timed, self.told) = (shifted(self.seen, up), shifted(self.timed, up), largest);
        0
    }

    fn replace(&mut self, number: u64, with: Record) {
        let place = place::<N>(number);
        if let Some((stamp, size)) = self.stamps.get_mut(place).zip(self.sizes.get_mut(place)) {
            let evicted = number.checked_sub(N as u64);
            if evicted.is_some_and(|evicted| evicted >= self.decided) {
                let back = evicted.and_then(|evicted| self.told.checked_sub(evicted));
                let was_seen = back.is_some_and(|back| back < REACH as u64 && self.seen >> back & 1 == 1);
                if !was_seen {
                    self.in_flight = self.in_flight.saturating_sub(u32::from(*size));
                }
            }
            (*stamp, *size) = (with.sent.with(with.path), with.size);
        }
    }
}

/// Bits that move up, out of the word if it is far.
const fn shifted(bits: u64, up: u64) -> u64 {
    if up < u64::BITS as u64 { bits << up } else { 0 }
}

/// Where a number's record is kept.
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below the capacity")]
const fn place<const N: usize>(number: u64) -> usize {
    (number % N as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::DataSize;
    use proptest::prelude::*;
    extern crate std;
    use std::{boxed::Box, collections::BTreeMap, vec, vec::Vec};

    const N: usize = 128;

    fn filled(numbers: impl Iterator<Item = u64>) -> Box<History<N>> {
        let mut history = Box::new(History::new());
        for number in numbers {
            let sent = Sent { number, size: DataSize::from_bytes(100), path: 0 };
            assert!(history.record(sent, Instant::from_millis(number)));
        }
        history
    }

    /// A report that tells of `reach` numbers, `largest` and those `came` below it.
    fn report(largest: u64, reach: u64, came: impl Fn(u64) -> bool) -> Report {
        let mut report = Report::new(largest, None, None);
        for number in (largest.saturating_sub(reach - 1)..largest).rev() {
            if came(number) { report.push(None) } else { report.push_missing() }
        }
        report
    }

    fn fates(history: &mut History<N>, report: &Report) -> (u32, Vec<Fate>) {
        let mut fates = vec![];
        assert!(history.can_be_true(report));
        let came = history.take(report, 0, |fate, _| fates.push(fate));
        (came.packets, fates)
    }

    #[test]
    fn a_packet_is_lost_when_three_later_ones_came_without_it() {
        let mut history = filled(0..5);
        assert_eq!(fates(&mut history, &report(3, 4, |n| n != 1)), (3, vec![Fate::Kept]));
        assert_eq!(fates(&mut history, &report(4, 5, |n| n != 1)), (1, vec![Fate::Lost]));
        assert_eq!(history.in_flight(), 0);
        assert_eq!(fates(&mut history, &report(4, 5, |_| true)), (0, vec![Fate::Late(100)]));
        assert_eq!(fates(&mut history, &report(4, 5, |_| true)), (0, vec![]));
    }

    #[test]
    fn what_no_report_reaches_is_unreported_and_leaves_the_flight() {
        let mut history = filled(0..100);
        let (_, fates) = fates(&mut history, &report(99, 33, |_| false));
        assert_eq!(fates.iter().filter(|f| **f == Fate::Unreported).count(), 67);
        assert_eq!(fates.iter().filter(|f| **f == Fate::Lost).count(), 30);
        assert_eq!(history.in_flight(), 200);
    }

    #[test]
    fn an_older_report_still_tells_what_came() {
        let mut history = filled(0..20);
        fates(&mut history, &report(10, 11, |n| n != 9));
        fates(&mut history, &report(19, 5, |_| true));
        assert_eq!(fates(&mut history, &report(9, 2, |_| true)), (0, vec![Fate::Late(100)]));
    }

    #[test]
    fn the_ring_forgets_at_its_limit_and_the_flight_with_it() {
        let history = filled(7..=7 + N as u64);
        assert!(history.get(7).is_none() && history.get(6).is_none() && history.get(8 + N as u64).is_none());
        assert!(history.get(8).is_some() && history.get(7 + N as u64).is_some());
        assert_eq!(history.in_flight(), N as u64 * 100);
    }

    #[test]
    fn a_number_never_sent_is_unknown_even_between_numbers_that_were() {
        let mut history = filled([10, 12, 1 << 40].into_iter());
        assert!(history.get(11).is_none() && history.get(1 << 40).is_some() && history.get(12).is_none());
        assert_eq!(history.in_flight(), 100);
        assert!(
            !history.record(Sent { number: 11, size: DataSize::from_bytes(1), path: 0 }, Instant::default())
        );
        let near = filled([10, 12, 13].into_iter());
        assert!(
            !near.can_be_true(&report(13, 3, |n| n == 11)) && near.can_be_true(&report(13, 4, |n| n != 11))
        );
        assert!(!near.can_be_true(&report(14, 1, |_| false)) && !near.can_be_true(&report(13, 5, |_| true)));
    }

    #[test]
    fn a_packet_takes_six_bytes() {
        assert_eq!(size_of::<History<256>>() - size_of::<History<128>>(), 6 * 128);
    }

    #[test]
    fn an_age_is_told_across_the_wrap_of_the_clock() {
        let sent = Sent { number: 3, size: DataSize::from_bytes(100), path: 200 };
        for wraps in [1 << 24, 1 << 32] {
            let mut history = History::<N>::new();
            assert!(history.record(sent, Instant::from_micros((wraps - 5) * TICK_MICROS)));
            let record = history.get(3).unwrap();
            assert_eq!((record.size, record.path), (100, 200));
            assert_eq!(record.age(Instant::from_micros((wraps + 7) * TICK_MICROS)), 12);
        }
    }

    proptest! {
        #[test]
        fn the_flight_is_the_sum_of_the_open_packets(steps in proptest::collection::vec((0u8..4, 0u64..3_000), 1..300)) {
            let mut history: Box<History<N>> = Box::new(History::new());
            let (mut open, mut next) = (BTreeMap::new(), 0u64);
            for (step, x) in steps {
                if step < 2 {
                    next += 1;
                    history.record(Sent { number: next, size: DataSize::from_bytes(x + 1), path: 0 }, Instant::from_millis(x));
                    open.insert(next, x + 1);
                    open.retain(|number, _| *number + N as u64 > next);
                } else if next > 0 {
                    let largest = next - (x % 40).min(next - 1);
                    let reach = (1 + x % 64).min(largest);
                    let report = report(largest, reach, |n| (n ^ x) % 3 != 0);
                    prop_assert!(history.can_be_true(&report));
                    let told = history.told().unwrap_or(0).max(largest);
                    history.take(&report, 0, |_, _| {});
                    for (number, _) in report.arrivals() {
                        if told - number < 64 { open.remove(&number); }
                    }
                    open.retain(|number, _| number + REORDERING > told);
                }
                prop_assert_eq!(history.in_flight(), open.values().sum::<u64>());
            }
        }
    }
}
