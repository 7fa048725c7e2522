//! Which segments are under way, have come, or are lost (after RFC 6675, by the order of sending as RFC 8985 does).
//!
//! A segment is lost when one that was sent three or more after it has come. Since the order of sending counts and not
//! the place in the transfer, a segment that was sent again and lost again is found in the same way.

use std::collections::VecDeque;

use p2pvoip_core::Instant;

use super::{Range, Segment};

/// Segments sent later that come before one is held to be lost (`DupThresh`, RFC 6675 section 2).
const THRESHOLD: u64 = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    UnderWay,
    Came,
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: u64,
    len: u64,
    /// A running number of the last time it was sent.
    order: u64,
    state: State,
}

/// Stage: all segments from the first that is not acknowledged on.
#[derive(Debug, Default)]
pub(super) struct Scoreboard {
    segments: VecDeque<Sent>,
    orders: u64,
    /// The latest order that has come.
    newest: u64,
    under_way: u64,
    lost: usize,
    came: usize,
}

impl Scoreboard {
    /// New data is sent, next to what was sent before.
    pub(super) fn on_sent(&mut self, seq: u64, len: u64) {
        self.orders += 1;
        self.under_way += len;
        self.segments.push_back(Sent { seq, len, order: self.orders, state: State::UnderWay });
    }

    /// The first lost segment, which is sent again at `now`.
    pub(super) fn resend(&mut self, now: Instant) -> Option<Segment> {
        if self.lost == 0 {
            return None;
        }
        let segment = self.segments.iter_mut().find(|segment| segment.state == State::Lost)?;
        self.lost -= 1;
        self.orders += 1;
        self.under_way += segment.len;
        (segment.state, segment.order) = (State::UnderWay, self.orders);
        Some(Segment { seq: segment.seq, len: segment.len, sent: now })
    }

    /// All bytes before `next` have come.
    pub(super) fn on_next(&mut self, next: u64) {
        while let Some(first) = self.segments.front().copied()
            && first.seq + first.len <= next
        {
            self.segments.pop_front();
            self.leave(first);
            self.newest = self.newest.max(first.order);
        }
    }

    /// The bytes of this range have come.
    pub(super) fn on_range(&mut self, (from, until): Range) {
        let begin = self.segments.partition_point(|segment| segment.seq < from);
        let mut newest = self.newest;
        for place in begin..self.segments.len() {
            let Some(segment) = self.segments.get_mut(place) else { break };
            if segment.seq + segment.len > until {
                break;
            }
            if segment.state != State::Came {
                newest = newest.max(segment.order);
                let before = *segment;
                segment.state = State::Came;
                self.leave(before);
                self.came += 1;
            }
        }
        self.newest = newest;
    }

    /// Whether any segment was found to be lost, by what has come so far.
    pub(super) fn find_lost(&mut self) -> bool {
        if self.came == 0 {
            return false;
        }
        let before = self.lost;
        let Some(most) = self.newest.checked_sub(THRESHOLD) else { return false };
        for segment in &mut self.segments {
            if segment.state == State::UnderWay && segment.order <= most {
                segment.state = State::Lost;
                self.under_way -= segment.len;
                self.lost += 1;
            }
        }
        self.lost > before
    }

    /// Everything that has not come is held to be lost.
    pub(super) fn lose_all(&mut self) {
        for segment in &mut self.segments {
            if segment.state == State::UnderWay {
                segment.state = State::Lost;
                self.under_way -= segment.len;
                self.lost += 1;
            }
        }
    }

    /// Bytes under way (`pipe` of RFC 6675).
    pub(super) fn under_way(&self) -> u64 {
        self.under_way
    }

    /// Whether everything that was sent is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Takes a segment out of the counts of its state.
    fn leave(&mut self, segment: Sent) {
        match segment.state {
            State::UnderWay => self.under_way -= segment.len,
            State::Lost => self.lost -= 1,
            State::Came => self.came -= 1,
        }
    }
}
