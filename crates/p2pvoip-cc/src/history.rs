//! What was sent and what became of it: a ring of the last [`CAPACITY`] packets, twelve bytes each.
//!
//! A packet is in flight until feedback tells that it came, that three later ones came without it (RFC 9002 section
//! 6.1.1), or that its fate will not be told any more. A packet told lost that comes after all is taken back.
//!
//! # Left out
//! - Loss by time: voice sends without end, so that later packets tell soon.

use crate::controller::Sent;
use crate::feedback::{TICK_MICROS, low_u32};
use core::time::Duration;
use p2pvoip_core::Instant;

/// Packets remembered: 20 s of voice at 20 ms, more than any feedback in time reaches back.
pub(crate) const CAPACITY: usize = 1_024;
/// Later packets that must have come before one is lost (RFC 9002 section 6.1.1, `kPacketThreshold`).
pub(crate) const REORDERING: u64 = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Fate {
    /// No packet of that number was sent.
    #[default]
    Absent,
    InFlight,
    Received,
    Lost,
    /// No feedback told of it while it could.
    Unreported,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    /// Ticks of the sender's clock, wrapping after three days.
    sent: u32,
    pub(crate) size: u16,
    pub(crate) path: u8,
    fate: Fate,
    /// Its arrival time has been used.
    timed: bool,
}

impl Record {
    /// The time since it was sent, to the tick.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        let ticks = low_u32(now.as_micros() / TICK_MICROS).wrapping_sub(self.sent);
        Duration::from_micros(u64::from(ticks) * TICK_MICROS)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct History {
    records: [Record; CAPACITY],
    /// The largest number sent.
    largest: Option<u64>,
    /// The first number sent at all.
    first: u64,
    /// All below this have met their fate.
    decided: u64,
    in_flight: u64,
}

impl History {
    pub(crate) const fn new() -> Self {
        let record = Record { sent: 0, size: 0, path: 0, fate: Fate::Absent, timed: false };
        Self { records: [record; CAPACITY], largest: None, first: 0, decided: 0, in_flight: 0 }
    }

    pub(crate) const fn largest(&self) -> Option<u64> {
        self.largest
    }

    /// Bytes whose fate is open.
    pub(crate) const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// The lowest number that is remembered.
    pub(crate) fn oldest(&self) -> u64 {
        self.largest.unwrap_or(0).saturating_sub(CAPACITY as u64 - 1).max(self.first)
    }

    /// Notes a packet; false when its number is not above all before it.
    pub(crate) fn record(&mut self, sent: Sent, now: Instant) -> bool {
        match self.largest {
            None => (self.first, self.decided) = (sent.number, sent.number),
            Some(largest) if sent.number <= largest => return false,
            Some(largest) => {
                for skipped in (largest + 1..sent.number).rev().take(CAPACITY) {
                    self.replace(skipped, Record::default());
                }
            }
        }
        self.largest = Some(sent.number);
        let size = u16::try_from(sent.size.as_bytes()).unwrap_or(u16::MAX);
        let ticks = low_u32(now.as_micros() / TICK_MICROS);
        let record = Record { sent: ticks, size, path: sent.path, fate: Fate::InFlight, timed: false };
        self.replace(sent.number, record);
        self.in_flight += u64::from(size);
        true
    }

    /// The packet of that number, if it was sent and is remembered.
    pub(crate) fn get(&self, number: u64) -> Option<&Record> {
        let known = number >= self.oldest() && self.largest.is_some_and(|largest| number <= largest);
        self.records.get(place(number)).filter(|record| known && record.fate != Fate::Absent)
    }

    /// Feedback tells that it came. The packet and its fate until now, if that changes anything.
    pub(crate) fn receive(&mut self, number: u64) -> Option<(Record, Fate)> {
        self.get(number)?;
        let record = self.records.get_mut(place(number))?;
        let before = core::mem::replace(&mut record.fate, Fate::Received);
        if before == Fate::InFlight {
            self.in_flight = self.in_flight.saturating_sub(u64::from(record.size));
        }
        (before != Fate::Received).then_some((*record, before))
    }

    /// The packet, when its arrival time is told for the first time.
    pub(crate) fn time(&mut self, number: u64) -> Option<Record> {
        self.get(number)?;
        let record = self.records.get_mut(place(number))?;
        (!core::mem::replace(&mut record.timed, true)).then_some(*record)
    }

    /// Decides all up to three below `largest`, of which feedback told from `told_from` on, and calls `each` with the
    /// packet and its fate. Each packet is decided once, so the work is that of sending.
    pub(crate) fn decide(&mut self, largest: u64, told_from: u64, mut each: impl FnMut(Record, Fate)) {
        let end = largest.saturating_add(1).saturating_sub(REORDERING);
        let start = self.decided.max(self.oldest());
        for number in start..end {
            let Some(record) = self.records.get_mut(place(number)) else { continue };
            if record.fate == Fate::InFlight {
                record.fate = if number < told_from { Fate::Unreported } else { Fate::Lost };
                self.in_flight = self.in_flight.saturating_sub(u64::from(record.size));
            }
            if record.fate != Fate::Absent {
                each(*record, record.fate);
            }
        }
        self.decided = self.decided.max(end);
    }

    fn replace(&mut self, number: u64, with: Record) {
        if let Some(record) = self.records.get_mut(place(number)) {
            if record.fate == Fate::InFlight {
                self.in_flight = self.in_flight.saturating_sub(u64::from(record.size));
            }
            *record = with;
        }
    }
}

/// Where a number's record is kept.
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below the capacity")]
const fn place(number: u64) -> usize {
    (number % CAPACITY as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::DataSize;
    use proptest::prelude::*;
    extern crate std;
    use std::{boxed::Box, vec, vec::Vec};

    fn sent(number: u64) -> Sent {
        Sent { number, size: DataSize::from_bytes(100), path: 0 }
    }

    fn filled(numbers: impl Iterator<Item = u64>) -> Box<History> {
        let mut history = Box::new(History::new());
        for number in numbers {
            assert!(history.record(sent(number), Instant::from_millis(number)));
        }
        history
    }

    fn fates(history: &mut History, largest: u64, told_from: u64) -> Vec<Fate> {
        let mut fates = vec![];
        history.decide(largest, told_from, |_, fate| fates.push(fate));
        fates
    }

    #[test]
    fn a_packet_is_lost_when_three_later_ones_came_without_it() {
        let mut history = filled(0..5);
        for number in [0, 2, 3] {
            history.receive(number);
        }
        assert_eq!(fates(&mut history, 3, 0), [Fate::Received]);
        history.receive(4);
        assert_eq!(fates(&mut history, 4, 0), [Fate::Lost]);
        assert_eq!(history.in_flight(), 0);
        assert!(matches!(history.receive(1), Some((_, Fate::Lost))));
        assert!(history.receive(1).is_none());
    }

    #[test]
    fn what_no_feedback_reaches_is_unreported_and_leaves_the_flight() {
        let mut history = filled(0..100);
        history.receive(99);
        let fates = fates(&mut history, 99, 67);
        assert_eq!(fates.iter().filter(|f| **f == Fate::Unreported).count(), 67);
        assert_eq!(fates.iter().filter(|f| **f == Fate::Lost).count(), 30);
        assert_eq!(history.in_flight(), 200);
    }

    #[test]
    fn the_ring_forgets_at_its_limit_and_the_flight_with_it() {
        let history = filled(7..=7 + CAPACITY as u64);
        assert!(
            history.get(7).is_none()
                && history.get(6).is_none()
                && history.get(8 + CAPACITY as u64).is_none()
        );
        assert!(history.get(8).is_some() && history.get(7 + CAPACITY as u64).is_some());
        assert_eq!(history.in_flight(), CAPACITY as u64 * 100);
    }

    #[test]
    fn a_number_never_sent_is_unknown_even_between_numbers_that_were() {
        let mut history = filled([10, 12, 1 << 40].into_iter());
        assert!(history.get(11).is_none() && history.receive(11).is_none());
        assert!(history.get(1 << 40).is_some() && history.get(12).is_none());
        assert_eq!(history.in_flight(), 100);
        assert!(!history.record(sent(11), Instant::default()));
    }

    #[test]
    fn a_record_stays_small() {
        assert_eq!(size_of::<Record>(), 12);
    }

    proptest! {
        #[test]
        fn the_flight_is_the_sum_of_the_open_packets(steps in proptest::collection::vec((0u8..4, 0u64..3_000), 1..200)) {
            let mut history = Box::new(History::new());
            let mut next = 0;
            for (step, x) in steps {
                match step {
                    0 | 1 => {
                        next += 1 + if x > 2_900 { x } else { 0 };
                        history.record(sent(next), Instant::from_millis(x));
                    }
                    2 => { history.receive(next.saturating_sub(x % 40)); }
                    _ => { history.decide(next.saturating_sub(x % 10), next.saturating_sub(32), |_, _| {}); }
                }
                let open = history.records.iter().filter(|r| r.fate == Fate::InFlight).count() as u64;
                prop_assert_eq!(history.in_flight(), open * 100);
            }
        }
    }
}
