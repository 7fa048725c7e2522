//! Cuts feedback about any number of packets into [`Report`]s, the lowest numbers first.
//!
//! A report reaches 64 numbers and 32 arrival times, which hang together from its largest number down. So a slice ends
//! where one of these is full, and before a packet whose time is unknown, which would tear the times below it.

use crate::report::{EcnCounts, MAX_TIMES, REACH, RemoteTime, Report};

/// A packet that came, as some wire form tells it.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub(crate) number: u64,
    pub(crate) at: Option<RemoteTime>,
    /// Ticks from its arrival to the report.
    pub(crate) held: Option<u32>,
    /// The counts after it.
    pub(crate) ecn: Option<EcnCounts>,
}

/// The highest number not above `largest_sent` with these low 16 bits.
pub(crate) const fn expand(low: u16, largest_sent: u64) -> Option<u64> {
    largest_sent.checked_sub(largest_sent.wrapping_sub(low as u64) & 0xffff)
}

/// Stage: reports of packets in rising order.
#[derive(Debug)]
pub(crate) struct Slices<I> {
    packets: I,
    /// The lowest number that the next slice tells of.
    lowest: u64,
    slice: Option<Slice>,
}

/// What the next report will tell.
#[derive(Debug)]
struct Slice {
    lowest: u64,
    /// Bit k: the number `lowest + k` came.
    received: u64,
    times: [Option<RemoteTime>; MAX_TIMES],
    count: usize,
    held: Option<u32>,
    ecn: Option<EcnCounts>,
}

impl<I: Iterator<Item = Told>> Slices<I> {
    /// Tells of the numbers from `lowest` to the last of `packets`.
    pub(crate) const fn new(lowest: u64, packets: I) -> Self {
        Self { packets, lowest, slice: None }
    }
}

impl<I: Iterator<Item = Told>> Iterator for Slices<I> {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        for packet in self.packets.by_ref() {
            if self.slice.as_mut().is_some_and(|slice| slice.add(&packet)) {
                continue;
            }
            let full = self.slice.take();
            let lowest = full.as_ref().map_or(self.lowest, |slice| slice.top() + 1);
            let mut next = Slice::from(lowest.max(packet.number.saturating_sub(REACH as u64 - 1)));
            // An empty slice takes a packet that it reaches.
            next.add(&packet);
            self.slice = Some(next);
            if let Some(full) = full {
                return Some(full.report());
            }
        }
        self.slice.take().map(|slice| slice.report())
    }
}

impl Slice {
    const fn from(lowest: u64) -> Self {
        Self { lowest, received: 0, times: [None; MAX_TIMES], count: 0, held: None, ecn: None }
    }

    /// The highest number that came.
    fn top(&self) -> u64 {
        self.lowest + u64::from(self.received.checked_ilog2().unwrap_or_default())
    }

    /// Whether the packet, which is above all before it, still belongs to this slice; then it is taken.
    fn add(&mut self, packet: &Told) -> bool {
        let bit = u32::try_from(packet.number - self.lowest).ok().and_then(|at| 1u64.checked_shl(at));
        let tears = packet.at.is_none() && self.times.iter().any(Option::is_some);
        let (Some(bit), Some(time), false) = (bit, self.times.get_mut(self.count), tears) else {
            return false;
        };
        *time = packet.at;
        self.count += 1;
        self.received |= bit;
        (self.held, self.ecn) = (packet.held, packet.ecn);
        true
    }

    fn report(&self) -> Report {
        let mut times = self.times.iter().take(self.count).rev().copied();
        let top = self.top();
        let mut report = Report::new(top, times.next().flatten(), self.held);
        for number in (self.lowest..top).rev() {
            if (self.received >> (number - self.lowest)) & 1 == 1 {
                report.push(times.next().flatten());
            } else {
                report.push_missing();
            }
        }
        report.with(0, self.ecn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec::Vec;

    fn told(number: u64, at: Option<u32>) -> Told {
        Told { number, at: at.map(RemoteTime::from_ticks), held: at, ecn: None }
    }

    /// Largest and lowest number of each report, and how many came and how many times are told.
    fn cut(lowest: u64, packets: &[Told]) -> Vec<(u64, u64, u32, usize)> {
        let reports = Slices::new(lowest, packets.iter().copied());
        reports.map(|r| (r.largest(), r.lowest(), r.received().count_ones(), r.times().len())).collect()
    }

    #[test]
    fn nothing_becomes_no_report() {
        assert_eq!(cut(5, &[]), []);
    }

    #[test]
    fn a_slice_ends_with_its_reach_or_its_times() {
        let all: Vec<_> = (0..70).map(|number| told(number, Some(7))).collect();
        assert_eq!(cut(0, &all), [(31, 0, 32, 32), (63, 32, 32, 32), (69, 64, 6, 6)]);
        let half: Vec<_> = (0..70).step_by(2).map(|number| told(number, Some(7))).collect();
        assert_eq!(cut(0, &half), [(62, 0, 32, 32), (68, 63, 3, 3)]);
        assert_eq!(cut(10, &[told(73, Some(7)), told(74, Some(7))]), [(73, 10, 1, 1), (74, 74, 1, 1)]);
    }

    #[test]
    fn no_more_than_64_missing_in_a_row_are_told() {
        let far = [told(10, Some(7)), told(1_000, Some(8)), told(u64::MAX, None)];
        assert_eq!(cut(0, &far), [(10, 0, 1, 1), (1_000, 937, 1, 1), (u64::MAX, u64::MAX - 63, 1, 0)]);
    }

    #[test]
    fn an_unknown_time_tears_no_known_one() {
        let torn = [told(1, Some(1)), told(2, None), told(3, None), told(4, Some(4))];
        assert_eq!(cut(1, &torn), [(1, 1, 1, 1), (4, 2, 3, 1)]);
        let last = Slices::new(1, torn.into_iter()).last().unwrap();
        assert_eq!((last.held_ticks(), last.times()[0].ticks()), (Some(4), 4));
    }
}
