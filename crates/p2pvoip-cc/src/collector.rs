//! The receiver's half of feedback: notes what arrived, and writes it where there is room.
//!
//! # Timers
//! - `feedback`: feedback goes alone when no packet of our own took it within [`LONGEST_WAIT`].
//!
//! # Left out
//! - A window for each path: a number is sent once, so the sender knows which path it took.

use crate::feedback::{ECN_LEN, EcnCounts, Feedback, MAX_GAPS, MIN_LEN, REACH, TICK_MICROS, low_u32};
use core::time::Duration;
use p2pvoip_core::{Ecn, Instant, Wake};

/// How long feedback may wait for a packet to ride on: longer than the longest ptime (60 ms) and its jitter, so that in a
/// call feedback never goes alone; short enough for a controller that reacts within a few round trips.
pub const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Numbers remembered, the largest included: what feedback can tell, rounded up to a power of two.
const WINDOW: usize = 64;
const _: () = assert!(WINDOW > REACH);

/// Estimator: remembers the last packets that came, and tells of them.
#[derive(Clone, Debug)]
pub struct FeedbackCollector {
    /// Arrival in ticks of each number of the window, at its number modulo [`WINDOW`].
    arrivals: [Option<u64>; WINDOW],
    largest: Option<u64>,
    /// The path on which the largest came.
    path: u8,
    ecn: EcnCounts,
    /// When the first packet came that no feedback has told of.
    waiting_since: Option<Instant>,
    duplicates: u64,
    late: u64,
}

impl FeedbackCollector {
    /// Nothing has come yet.
    pub const fn new() -> Self {
        Self {
            arrivals: [None; WINDOW],
            largest: None,
            path: 0,
            ecn: EcnCounts { ect0: 0, ect1: 0, ce: 0 },
            waiting_since: None,
            duplicates: 0,
            late: 0,
        }
    }

    /// An authenticated packet came on `path` (its low three bits are told) with the mark `ecn`.
    pub fn on_received(&mut self, number: u64, path: u8, ecn: Ecn, now: Instant) {
        let largest = *self.largest.get_or_insert(number);
        if number >= largest {
            self.advance(largest, number);
            self.path = path & 7;
        } else if largest - number >= WINDOW as u64 {
            self.late += 1;
            return;
        }
        let Some(arrival) = self.arrivals.get_mut(place(number)) else { return };
        if arrival.is_some() {
            self.duplicates += 1;
            return;
        }
        *arrival = Some(now.as_micros() / TICK_MICROS);
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
    /// `None` when nothing has come yet or `buf` is shorter than [`MIN_LEN`]. Telling again what was told costs nothing
    /// where the room is there anyway, and survives loss.
    pub fn emit(&mut self, buf: &mut [u8], now: Instant) -> Option<usize> {
        let len = self.report(buf.len(), now)?.emit(buf).ok()?;
        self.waiting_since = None;
        Some(len)
    }

    fn report(&self, room: usize, now: Instant) -> Option<Feedback> {
        let largest = self.largest?;
        let mut room = room.checked_sub(MIN_LEN)?;
        let ecn = (self.ecn != EcnCounts::default() && room >= ECN_LEN).then_some(self.ecn);
        if ecn.is_some() {
            room -= ECN_LEN;
        }
        let newest = self.arrival(largest)?;
        let (mut received, mut told, mut gaps) = (0, 0, [0; MAX_GAPS]);
        let mut higher = newest;
        for (bit, number) in (0..largest).rev().take(REACH).enumerate() {
            let Some(arrival) = self.arrival(number) else { continue };
            received |= 1 << bit;
            if let Some(gap) = gaps.get_mut(told).filter(|_| told < room / 2) {
                *gap = saturated(higher.cast_signed().saturating_sub(arrival.cast_signed()));
                told += 1;
            }
            higher = arrival;
        }
        let age = (now.as_micros() / TICK_MICROS).saturating_sub(newest);
        Some(Feedback {
            path: self.path,
            largest: (low_u32(largest) & 0xffff).try_into().ok()?,
            received,
            report_time: Feedback::clock_bits(now.as_micros()),
            age: age.try_into().unwrap_or(u16::MAX),
            told,
            gaps,
            ecn,
        })
    }

    fn arrival(&self, number: u64) -> Option<u64> {
        self.arrivals.get(place(number)).copied().flatten()
    }

    /// Moves the window up to `number`; a gap of any width costs at most one pass over the window.
    fn advance(&mut self, largest: u64, number: u64) {
        for skipped in (largest..number).take(WINDOW) {
            // The place of `skipped + 1` held a number a window below it.
            if let Some(arrival) = self.arrivals.get_mut(place(skipped + 1)) {
                *arrival = None;
            }
        }
        self.largest = Some(number);
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
    (number % WINDOW as u64) as usize
}

/// Cut to what 16 bits hold.
fn saturated(ticks: i64) -> i16 {
    i16::try_from(ticks).unwrap_or(if ticks < 0 { i16::MIN } else { i16::MAX })
}

#[cfg(test)]
mod tests;
