//! The place where packets are sent one after the other at a rate that changes over time.

use std::collections::VecDeque;
use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Instant};

use super::{LinkConfig, Queue};

/// Nanoseconds since the epoch: microseconds would round the time of a small packet on a fast link too coarsely.
type Nanos = u64;

/// Stage: a sender of packets one after the other, with a drop-tail queue.
#[derive(Debug)]
pub(super) struct Bottleneck {
    /// From when which rate holds, in order of time; the first is from before the start.
    rates: VecDeque<(Nanos, Option<Bitrate>)>,
    queue: Queue,
    free_at: Nanos,
    /// When each packet is sent, and its size; kept only for a limit by size.
    waiting: VecDeque<(Nanos, DataSize)>,
    waiting_size: DataSize,
}

fn nanos(now: Instant) -> Nanos {
    now.as_micros().saturating_mul(1_000)
}

fn instant(nanos: Nanos) -> Instant {
    Instant::from_micros(nanos.div_ceil(1_000))
}

impl Bottleneck {
    pub(super) fn new(config: &LinkConfig, start: Instant) -> Self {
        let mut rates = VecDeque::from([(0, config.rate)]);
        rates.extend(config.rates.iter().map(|&(after, rate)| (nanos(start + after), rate)));
        Self {
            rates,
            queue: config.queue,
            free_at: 0,
            waiting: VecDeque::new(),
            waiting_size: DataSize::default(),
        }
    }

    /// How long a packet that came at `now` would wait before its own transmission begins.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        Duration::from_nanos(self.free_at.saturating_sub(nanos(now)))
    }

    pub(super) fn rate(&self, now: Instant) -> Option<Bitrate> {
        let now = nanos(now);
        self.rates.iter().take_while(|(from, _)| *from <= now).last().and_then(|(_, rate)| *rate)
    }

    pub(super) fn set_rate(&mut self, rate: Option<Bitrate>, now: Instant) {
        let now = nanos(now);
        while self.rates.back().is_some_and(|(from, _)| *from >= now) {
            self.rates.pop_back();
        }
        self.rates.push_back((now, rate));
    }

    /// When the packet is out, or `None` when the queue has no room for it.
    pub(super) fn push(&mut self, size: DataSize, now: Instant) -> Option<Instant> {
        let now = nanos(now);
        if self.rates.len() == 1 && self.rates.front().is_some_and(|(_, rate)| rate.is_none()) {
            return Some(instant(now.max(self.free_at)));
        }
        let start = self.free_at.max(now);
        match self.queue {
            Queue::Delay(limit) if u128::from(start - now) > limit.as_nanos() => return None,
            Queue::Delay(_) => {}
            Queue::Size(limit) => {
                self.forget_sent(now);
                if self.waiting_size + size > limit {
                    return None;
                }
            }
        }
        let out = self.finish(start, size)?;
        self.free_at = out;
        if matches!(self.queue, Queue::Size(_)) {
            self.waiting.push_back((out, size));
            self.waiting_size += size;
        }
        Some(instant(out))
    }

    fn forget_sent(&mut self, now: Nanos) {
        while let Some(&(out, size)) = self.waiting.front()
            && out <= now
        {
            self.waiting.pop_front();
            self.waiting_size = self.waiting_size.saturating_sub(size);
        }
    }

    /// When a packet whose transmission begins at `start` is out; `None` when the rate stays zero for ever.
    fn finish(&mut self, start: Nanos, size: DataSize) -> Option<Nanos> {
        // Rates before the one that holds at `start` are not needed again: no later packet begins earlier.
        while self.rates.get(1).is_some_and(|(from, _)| *from <= start) {
            self.rates.pop_front();
        }
        let mut at = start;
        // In billionths of a bit, so that nanoseconds times bits a second are exact.
        let mut left = u128::from(size.as_bytes()) * 8 * 1_000_000_000;
        for (place, &(_, rate)) in self.rates.iter().enumerate() {
            let Some(rate) = rate else { return Some(at) };
            let rate = u128::from(rate.as_bps());
            let until = self.rates.get(place + 1).map(|(from, _)| *from);
            let passes = until.map(|until| rate * u128::from(until.saturating_sub(at)));
            match (passes, until) {
                (Some(passes), Some(until)) if passes < left => {
                    left -= passes;
                    at = at.max(until);
                }
                _ => {
                    return u64::try_from(left.checked_div(rate)?).ok().and_then(|more| at.checked_add(more));
                }
            }
        }
        None
    }
}
