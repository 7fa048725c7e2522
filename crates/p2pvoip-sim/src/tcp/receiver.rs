//! The receiving end: what has come, and when it is acknowledged.
//!
//! # Timers
//! - Delayed acknowledgement: 40 ms after the first segment that was not acknowledged at once.

use std::time::Duration;

use p2pvoip_core::Instant;

use super::{Ack, MAX_RANGES, MAX_WINDOW, Range, Segment};

/// How long an acknowledgement waits for a second segment: the least of Linux; RFC 5681 section 4.2 allows 500 ms.
const DELAY: Duration = Duration::from_millis(40);

/// Stage: the receiving end of a bulk transfer.
#[derive(Debug, Default)]
pub struct TcpReceiver {
    /// All bytes before this place have come.
    next: u64,
    /// What came beyond, in ranges that do not touch; the one that grew last first. At most `MAX_WINDOW` bytes.
    ranges: Vec<Range>,
    /// The timestamp that is told back (`TS.Recent` of RFC 7323 section 4.3).
    echo: Instant,
    /// The place that was last acknowledged.
    acked: u64,
    /// A segment came that is not acknowledged; it will be then.
    delayed: Option<Instant>,
}

impl TcpReceiver {
    /// Nothing has come.
    pub fn new() -> Self {
        Self::default()
    }

    /// A segment came. Every second one is acknowledged at once, and every one while there are gaps (RFC 5681 section 4.2).
    pub fn on_segment(&mut self, segment: Segment, now: Instant) -> Option<Ack> {
        let had_gaps = !self.ranges.is_empty();
        let is_next = segment.seq <= self.next && segment.end() > self.next;
        if segment.seq <= self.acked {
            self.echo = self.echo.max(segment.sent);
        }
        if is_next {
            self.next = segment.end();
            self.close_gaps();
        } else if segment.seq > self.next && segment.end() - self.next <= MAX_WINDOW {
            self.keep((segment.seq, segment.end()));
        }
        if is_next && !had_gaps && self.delayed.is_none() {
            self.delayed = Some(now + DELAY);
            return None;
        }
        Some(self.ack())
    }

    /// When [`on_time`](Self::on_time) is to be called.
    pub fn next_at(&self) -> Option<Instant> {
        self.delayed
    }

    /// The delayed acknowledgement, when it is due at `now`.
    pub fn on_time(&mut self, now: Instant) -> Option<Ack> {
        if self.delayed? > now { None } else { Some(self.ack()) }
    }

    /// Bytes that have come without a gap.
    pub fn received(&self) -> u64 {
        self.next
    }

    fn ack(&mut self) -> Ack {
        self.delayed = None;
        self.acked = self.next;
        let mut ranges = [None; MAX_RANGES];
        for (to, from) in ranges.iter_mut().zip(&self.ranges) {
            *to = Some(*from);
        }
        Ack { next: self.next, ranges, echo: self.echo }
    }

    /// Joins the range with those that it touches, and puts it first (RFC 2018 section 4).
    fn keep(&mut self, mut range: Range) {
        self.ranges.retain(|&(from, until)| {
            let touches = from <= range.1 && range.0 <= until;
            if touches {
                range = (range.0.min(from), range.1.max(until));
            }
            !touches
        });
        self.ranges.insert(0, range);
    }

    fn close_gaps(&mut self) {
        while let Some(place) = self.ranges.iter().position(|range| range.0 <= self.next) {
            let (_, until) = self.ranges.remove(place);
            self.next = self.next.max(until);
        }
    }
}
