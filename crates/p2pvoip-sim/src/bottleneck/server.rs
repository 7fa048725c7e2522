//! The server: when a packet is out, at a rate that changes over time, exact to the nanosecond.

use std::time::Duration;

use p2pvoip_core::{Bitrate, Instant};

/// Nanoseconds since the epoch, or of a time: microseconds would round small packets on fast links too coarsely.
pub(super) type Nanos = u64;

/// What one bit is in the unit of work: nanoseconds times bits a second.
const BIT: u128 = 1_000_000_000;

pub(super) fn nanos(at: Instant) -> Nanos {
    at.as_micros().saturating_mul(1_000)
}

/// The first whole microsecond that is not before.
pub(super) fn instant(at: Nanos) -> Instant {
    Instant::from_micros(at.div_ceil(1_000))
}

/// A duration in nanoseconds.
pub(super) fn length(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// From when a rate holds.
#[derive(Clone, Copy, Debug)]
struct Step {
    from: Nanos,
    /// Bits a second.
    rate: u64,
    /// The last rate that is not zero, this one included; before any, the first that comes.
    nominal: u64,
}

/// Stage: a server of one packet after the other.
#[derive(Debug)]
pub(super) struct Server {
    steps: Vec<Step>,
    /// The step that held at the beginning of the last transmission.
    place: usize,
    free_at: Nanos,
    /// Work done within the nanosecond in which the last packet was out, but not for it: the next one's, if it waited.
    surplus: u128,
}

impl Server {
    pub(super) fn new(rates: Vec<(Duration, Bitrate)>, start: Instant) -> Self {
        let begin = nanos(start);
        let mut nominal = rates.iter().map(|(_, rate)| rate.as_bps()).find(|rate| *rate > 0).unwrap_or(0);
        let mut steps: Vec<Step> = Vec::with_capacity(rates.len() + 1);
        for (after, rate) in rates {
            let (from, rate) = (begin.saturating_add(length(after)), rate.as_bps());
            if steps.is_empty() && from > begin {
                steps.push(Step { from: begin, rate: 0, nominal });
            }
            nominal = if rate > 0 { rate } else { nominal };
            // A schedule out of order is put in order by what was told later.
            while steps.last().is_some_and(|last| last.from >= from) {
                steps.pop();
            }
            steps.push(Step { from, rate, nominal });
        }
        Self { steps, place: 0, free_at: 0, surplus: 0 }
    }

    /// The rate of the moment, or the last before it that was not zero; `None` where sending takes no time.
    pub(super) fn nominal_rate(&self, now: Nanos) -> Option<u64> {
        let later = self.steps.get(self.place..).unwrap_or_default();
        later.iter().take_while(|step| step.from <= now).last().or(later.first()).map(|step| step.nominal)
    }

    /// When a packet is out whose transmission begins at `at`, not before the one before it was out; `None` when the
    /// rate stays zero for ever.
    pub(super) fn finish(&mut self, at: Nanos, bytes: u64) -> Option<Nanos> {
        if self.steps.is_empty() {
            return Some(at);
        }
        while self.steps.get(self.place + 1).is_some_and(|next| next.from <= at) {
            self.place += 1;
        }
        let surplus = if at == self.free_at { self.surplus } else { 0 };
        let mut left = (u128::from(bytes) * 8 * BIT).saturating_sub(surplus);
        let mut at = at;
        let mut later = self.steps.get(self.place..)?.iter().peekable();
        while let Some(step) = later.next() {
            let rate = u128::from(step.rate);
            let until = later.peek().map(|next| next.from);
            let passes = until.map(|until| rate * u128::from(until.saturating_sub(at)));
            match (passes, until) {
                (Some(passes), Some(until)) if passes < left => {
                    left -= passes;
                    at = at.max(until);
                }
                _ if rate == 0 => return (left == 0).then_some(at),
                _ => {
                    let takes = left.div_ceil(rate);
                    self.surplus = takes * rate - left;
                    self.free_at = at.checked_add(u64::try_from(takes).ok()?)?;
                    return Some(self.free_at);
                }
            }
        }
        None
    }
}
