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
