//! The receiver's half of feedback: notes what arrived, and writes it where there is room, no more often than it pays.
//!
//! # Timers
//! - `feedback`: feedback goes alone when no packet of our own took it within [`LONGEST_WAIT`].
//!
//! # Left out
//! - A window for each path: a number is sent once, so the sender knows which path it took.

mod budget;

use crate::feedback::{ECN_LEN, MAX_LEN, MIN_LEN, NARROW, WIDER, gap_len};
use crate::fixed::low_u32;
use crate::report::{EcnCounts, REACH, RemoteTime, Report, TICK_MICROS};
use budget::Budget;
pub use budget::{BUDGET_DEPTH, FEEDBACK_INTERVAL, FEEDBACK_RATE};
use core::time::Duration;
use p2pvoip_core::{Ecn, Instant, Wake};

/// How long feedback may wait for a packet to ride on: longer than a ptime of 60 ms and its jitter, so that feedback seldom
/// goes alone but beside packets of 120 ms; short enough for a controller that reacts within a few round trips.
pub const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Numbers remembered, the largest included: what a report reaches.
const WINDOW: u64 = REACH as u64;
/// So many numbers that no feedback told of make it due at once, so that the wide form tells each of them twice.
const CROWD: u64 = WINDOW / 2;
/// Bytes that stay in the budget when arrival times are told: the next feedback, wide and with ECN counts, needs so many.
const FOR_NEXT: usize = MIN_LEN + WIDER + ECN_LEN;
/// Bytes that stay in the budget when times are told again: those of a crowd, and of the next feedback.
const FOR_NEWS: usize = 2 * FOR_NEXT;
/// After a pause of so many ticks (19 minutes) earlier times are forgotten: what is kept of them wraps after 76 hours, and
/// a window of packets with no longer pause spans at most 21.
const FORGET: u64 = 19 * 60 * 1_000_000 / TICK_MICROS;

/// Estimator: remembers the last 64 numbers of a flow, and tells which came and when.
#[derive(Clone, Debug)]
pub struct FeedbackCollector {
    /// The highest number that came.
    largest: Option<u64>,
    /// Its arrival in ticks; only this one never wraps.
    newest: u64,
    /// The latest arrival of any number, in ticks.
    latest: u64,
    /// Arrival in ticks modulo 2^32 of each number of the window, at its number modulo the window.
    arrivals: [u32; REACH],
    /// Bit k of each mask is the number `largest - k`. This one: it came.
    received: u64,
    /// It came, and its arrival is still known.
    timed: u64,
    /// It came, and no feedback told it.
    news: u64,
    /// It came, and its time was not told.
    untimed: u64,
    /// The two bits of its mark.
    marks: [u64; 2],
    /// The largest number at the last feedback and at the one before.
    told_to: [Option<u64>; 2],
    /// When the first packet came that no feedback has told of.
    waiting_since: Option<Instant>,
    budget: Budget,
    /// Numbers from the largest down to the lowest that came or was skipped, at most the window.
    known: u8,
    /// The path on which the largest came.
    path: u8,
    ecn: EcnCounts,
    duplicates: u64,
    late: u64,
}

const _: () = assert!(size_of::<FeedbackCollector>() <= 448);

/// A packet that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// Its number.
    pub number: u64,
    /// When its first copy came, in steps of 64 us; `None` when that is forgotten (after 19 minutes without a packet).
    pub at: Option<Instant>,
    /// Its mark: that of the first copy, or "congestion experienced" when any copy had it (RFC 8888 section 3.1).
    pub ecn: Ecn,
}

impl FeedbackCollector {
    /// Nothing has come yet.
    pub const fn new() -> Self {
        Self {
            largest: None,
            newest: 0,
            latest: 0,
            arrivals: [0; REACH],
            received: 0,
            timed: 0,
            news: 0,
            untimed: 0,
            marks: [0; 2],
            told_to: [None; 2],
            waiting_since: None,
            budget: Budget::FULL,
            known: 0,
            path: 0,
            ecn: EcnCounts { ect0: 0, ect1: 0, ce: 0 },
            duplicates: 0,
            late: 0,
        }
    }

    /// An authenticated packet came on `path` (its low three bits are told) with the mark `ecn`.
    pub fn on_received(&mut self, number: u64, path: u8, ecn: Ecn, now: Instant) {
        let ticks = now.as_micros() / TICK_MICROS;
        let largest = *self.largest.get_or_insert(number);
        if number >= largest {
            self.advance(number - largest, number);
        } else if largest - number >= WINDOW {
            self.late += 1;
            return;
        }
        let bit = 1 << (self.largest.unwrap_or(number) - number);
        if self.received & bit != 0 {
            self.duplicates += 1;
            if ecn == Ecn::Ce {
                self.mark(bit, ecn);
            }
            return;
        }
        if ticks.saturating_sub(self.latest) > FORGET {
            self.timed = 0;
        }
        if self.largest == Some(number) {
            (self.newest, self.path) = (ticks, path & 7);
        }
        self.latest = self.latest.max(ticks);
        if let Some(arrival) = self.arrivals.get_mut(place(number)) {
            *arrival = low_u32(ticks);
        }
        for mask in [&mut self.received, &mut self.timed, &mut self.news, &mut self.untimed] {
            *mask |= bit;
        }
        let reach = u64::BITS - bit.leading_zeros();
        self.known = self.known.max(u8::try_from(reach).unwrap_or(u8::MAX));
        self.mark(bit, ecn);
        let count = match ecn {
            Ecn::NotEct => None,
            Ecn::Ect0 => Some(&mut self.ecn.ect0),
            Ecn::Ect1 => Some(&mut self.ecn.ect1),
            Ecn::Ce => Some(&mut self.ecn.ce),
        };
        if let Some(count) = count {
            *count = count.wrapping_add(1);
        }
        self.waiting_since.get_or_insert(now);
    }

    /// Whether a packet came that no feedback has told of.
    pub const fn is_pending(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// When feedback must go even alone. Then [`emit`](Self::emit) has something for a buffer of [`MIN_LEN`] bytes.
    pub fn next_at(&self) -> Option<Wake> {
        let at = (self.waiting_since? + LONGEST_WAIT).max(self.ready_at());
        Some(Wake { at, why: "feedback" })
    }

    /// Packets that came twice.
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that came too late to be told of.
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// The highest number that came.
    pub const fn largest(&self) -> Option<u64> {
        self.largest
    }

    /// What is known of a number, if it came and is one of the last 64: for feedback in another wire form.
    pub fn arrived(&self, number: u64) -> Option<Arrived> {
        let back = self.largest?.checked_sub(number).filter(|back| *back < WINDOW)?;
        let has = |mask: u64| (mask >> back) & 1 == 1;
        let [low, high] = self.marks.map(|mask| u8::from(has(mask)));
        let at = has(self.timed).then(|| Instant::from_micros(self.ticks(number) * TICK_MICROS));
        has(self.received).then_some(Arrived { number, at, ecn: Ecn::from_bits(low | (high << 1)) })
    }

    /// The numbers that the window knows of, rising: at most 64, and none before the first that came.
    pub fn window(&self) -> impl DoubleEndedIterator<Item = u64> + use<> {
        let known = u64::from(self.known);
        self.largest.map(|largest| largest - known.saturating_sub(1)..=largest).into_iter().flatten()
    }

    /// Writes feedback to the front of `buf`, with as many arrival times as fit, and returns its length.
    ///
    /// `None` when nothing came that was not told, when `buf` is shorter than [`MIN_LEN`], or before its time: over any span
    /// feedback is no more frequent than one in [`FEEDBACK_INTERVAL`] and one more (but for a crowd of numbers), and takes
    /// no more bytes than [`FEEDBACK_RATE`] gives and [`BUDGET_DEPTH`].
    pub fn emit(&mut self, buf: &mut [u8], now: Instant) -> Option<usize> {
        self.waiting_since?;
        if now < self.ready_at() {
            return None;
        }
        let (report, timed) = self.report(buf.len(), now)?;
        let len = report.emit(buf)?;
        self.budget.spend(len, now);
        self.waiting_since = None;
        self.news &= !report.received();
        self.untimed &= !timed;
        self.told_to = [self.largest, self.told_to[0]];
        Some(len)
    }

    /// What is told in so many bytes, and the mask of the numbers whose times are.
    fn report(&self, room: usize, now: Instant) -> Option<(Report, u64)> {
        let largest = self.largest?;
        let funds = self.budget.funds(now);
        let most = room.min(funds);
        let mut len = MIN_LEN;
        let wide = self.needs_wide() && most >= len + WIDER;
        len += if wide { WIDER } else { 0 };
        let ecn = (self.is_marked() && most >= len + ECN_LEN).then_some(self.ecn);
        len += if ecn.is_some() { ECN_LEN } else { 0 };

        let mut higher = self.newest;
        let held = (now.as_micros() / TICK_MICROS).saturating_sub(higher);
        let held = u32::try_from(held).ok();
        let mut report = Report::new(largest, Some(RemoteTime::from_ticks(low_u32(higher))), held);
        let mut timed = 1;
        let reach = if wide { WINDOW } else { u64::from(NARROW) + 1 };
        for back in 1..reach {
            if (self.received >> back) & 1 == 0 {
                report.push_missing();
                continue;
            }
            let number = largest.saturating_sub(back);
            let known = (self.timed >> back) & 1 == 1;
            let ticks = Some(self.ticks(number)).filter(|_| known && report.is_whole());
            let gap = ticks.and_then(|ticks| {
                i32::try_from(higher.cast_signed().saturating_sub(ticks.cast_signed())).ok()
            });
            // Times not told yet, here or below, come first; what is told again is paid from what they leave.
            let kept = if self.untimed >> back != 0 { FOR_NEXT } else { FOR_NEWS };
            let told = gap.and_then(gap_len).filter(|gap| len + gap <= room && len + gap + kept <= funds);
            if let (Some(bytes), Some(ticks)) = (told, ticks) {
                len += bytes;
                higher = ticks;
                timed |= 1 << back;
                report.push(Some(RemoteTime::from_ticks(low_u32(ticks))));
            } else {
                report.push(None);
            }
        }
        Some((report.with(self.path, ecn), timed))
    }

    /// The first moment at which what there is to tell may be told, without further times.
    fn ready_at(&self) -> Instant {
        let len = if self.needs_wide() { MIN_LEN + WIDER } else { MIN_LEN };
        let len = if self.is_marked() { len + ECN_LEN } else { len };
        self.budget.ready_at(len, self.is_crowded())
    }

    /// Whether a packet carried a mark.
    fn is_marked(&self) -> bool {
        self.ecn != EcnCounts::default()
    }

    /// Whether the narrow form would miss a number that came and was not told, or tell of one but once.
    fn needs_wide(&self) -> bool {
        let reached = self.largest.unwrap_or_default().saturating_sub(u64::from(NARROW));
        let told_once = self.told_to[1].or(self.told_to[0]);
        self.news >> (NARROW + 1) != 0 || told_once.is_some_and(|number| number.saturating_add(1) < reached)
    }

    /// Whether so many numbers are untold that waiting would have some of them told but once.
    fn is_crowded(&self) -> bool {
        let told = self.told_to[0].zip(self.largest);
        told.is_some_and(|(told, largest)| largest - told >= CROWD)
    }

    /// Arrival of a number of the window in ticks. Only its low 32 bits are kept: it is the one nearest to the latest.
    fn ticks(&self, number: u64) -> u64 {
        let low = self.arrivals.get(place(number)).copied().unwrap_or_default();
        let ago = low_u32(self.latest).wrapping_sub(low);
        self.latest.saturating_sub(u64::from(ago))
    }

    /// Notes the mark of the number at `bit`.
    const fn mark(&mut self, bit: u64, ecn: Ecn) {
        if ecn.bits() & 1 != 0 {
            self.marks[0] |= bit;
        }
        if ecn.bits() & 2 != 0 {
            self.marks[1] |= bit;
        }
    }

    /// Moves the window up by `steps` to `number`.
    fn advance(&mut self, steps: u64, number: u64) {
        let shift = u32::try_from(steps).unwrap_or(u32::MAX);
        let [low, high] = &mut self.marks;
        for mask in [&mut self.received, &mut self.timed, &mut self.news, &mut self.untimed, low, high] {
            *mask = mask.checked_shl(shift).unwrap_or(0);
        }
        let known = u64::from(self.known).saturating_add(steps).min(WINDOW);
        self.known = u8::try_from(known).unwrap_or(u8::MAX);
        self.largest = Some(number);
    }
}

impl Default for FeedbackCollector {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a number's arrival is kept.
const fn place(number: u64) -> usize {
    (number % WINDOW) as usize
}

const _: () = assert!(BUDGET_DEPTH >= FOR_NEWS + MIN_LEN && BUDGET_DEPTH >= MAX_LEN);

#[cfg(test)]
mod tests;
