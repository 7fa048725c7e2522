//! The receiver's half of feedback: notes what arrived, and writes it where there is room.
//!
//! # Timers
//! - `feedback`: feedback goes alone when no packet of our own took it within [`LONGEST_WAIT`].
//!
//! # Left out
//! - A window for each path: a number is sent once, so the sender knows which path it took.

use crate::report::{EcnCounts, REACH, RemoteTime, Report};
use core::time::Duration;
use p2pvoip_core::{Ecn, Instant, Wake};

/// How long feedback may wait for a packet to ride on: longer than the longest ptime (60 ms) and its jitter, so that in a
/// call feedback never goes alone; short enough for a controller that reacts within a few round trips.
pub const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Estimator: remembers the last packets that came, and tells of them.
#[derive(Clone, Debug)]
pub struct FeedbackCollector {
    /// Arrival of each number of the window, at its number modulo 64.
    arrivals: [RemoteTime; REACH],
    /// Bit k: the largest minus k has come.
    received: u64,
    largest: Option<u64>,
    /// The path on which the largest came.
    path: u8,
    ecn: EcnCounts,
    /// When the first packet came that no feedback has told of.
    waiting_since: Option<Instant>,
    emitted: Option<Instant>,
    duplicates: u64,
    late: u64,
}

impl FeedbackCollector {
    /// Nothing has come yet.
    pub const fn new() -> Self {
        Self {
            arrivals: [RemoteTime::from_ticks(0); REACH],
            received: 0,
            largest: None,
            path: 0,
            ecn: EcnCounts { ect0: 0, ect1: 0, ce: 0 },
            waiting_since: None,
            emitted: None,
            duplicates: 0,
            late: 0,
        }
    }

    /// An authenticated packet came on `path` (its low three bits are told) with the mark `ecn`.
    pub fn on_received(&mut self, number: u64, path: u8, ecn: Ecn, now: Instant) {
        let largest = *self.largest.get_or_insert(number);
        let back = largest.saturating_sub(number);
        if number >= largest {
            let up = u32::try_from(number - largest).unwrap_or(u32::MAX);
            self.received = self.received.checked_shl(up).unwrap_or(0);
            (self.largest, self.path) = (Some(number), path & 7);
        } else if back >= REACH as u64 {
            self.late += 1;
            return;
        }
        if self.received >> back & 1 == 1 {
            self.duplicates += 1;
            return;
        }
        self.received |= 1 << back;
        if let Some(arrival) = self.arrivals.get_mut(place(number)) {
            *arrival = RemoteTime::from_micros(now.as_micros());
        }
        match ecn {
            Ecn::NotEct => {}
            Ecn::Ect0 => self.ecn.ect0 = self.ecn.ect0.wrapping_add(1),
            Ecn::Ect1 => self.ecn.ect1 = self.ecn.ect1.wrapping_add(1),
            Ecn::Ce => self.ecn.ce = self.ecn.ce.wrapping_add(1),
        }
        self.waiting_since.get_or_insert(now);
    }

    /// Whether a packet came that no feedback has told of.
    pub const fn is_pending(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// When feedback must go even alone.
    pub fn next_at(&self) -> Option<Wake> {
        self.waiting_since.map(|since| Wake { at: since + LONGEST_WAIT, why: "feedback" })
    }

    /// Packets that came twice.
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that came too late to be told of.
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Writes feedback to the front of `buf`, with as many arrival times as fit, and returns its length.
    ///
    /// `None` when nothing has come yet, `buf` is shorter than [`MIN_LEN`](crate::MIN_LEN), or feedback was written less
    /// than 50 ms ago.
    pub fn emit(&mut self, buf: &mut [u8], now: Instant) -> Option<usize> {
        if self.emitted.is_some_and(|at| now.saturating_since(at) < Duration::from_millis(50)) {
            return None;
        }
        let len = self.report(now)?.emit(buf)?;
        self.waiting_since = None;
        self.emitted = Some(now);
        Some(len)
    }

    fn report(&self, now: Instant) -> Option<Report> {
        let largest = self.largest?;
        let at = |number: u64| self.arrivals.get(place(number)).copied();
        let newest = at(largest)?;
        let held = u32::try_from(RemoteTime::from_micros(now.as_micros()).since(newest)).unwrap_or(0);
        let mut report = Report::new(largest, Some(newest), Some(held));
        for back in 1..33u64 {
            if self.received >> back & 1 == 1 {
                report.push(at(largest - back));
            } else {
                report.push_missing();
            }
        }
        let ecn = (self.ecn != EcnCounts::default()).then_some(self.ecn);
        Some(report.with(self.path, ecn))
    }
}

impl Default for FeedbackCollector {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a number's arrival is kept.
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below the window")]
const fn place(number: u64) -> usize {
    (number % REACH as u64) as usize
}
