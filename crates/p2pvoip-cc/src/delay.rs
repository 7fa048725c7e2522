//! How much of the one-way delay is a queue that stands.
//!
//! From each packet's delay its own time on the slowest link is taken off, where that is known, so that what is left is
//! propagation and waiting, whatever the packet's size. The base is the least of the last 20 s: neither the
//! offset of the two clocks nor their drift matters. A queue stands when even the least delay over a span of sending is
//! above the base (CoDel's idea, RFC 8289 section 3.1), and does not fall as fast as a burst does that a link releases
//! after a stall.

use crate::recent::Recent;
use crate::report::RemoteTime;
use crate::window::WindowedMin;
use p2pvoip_core::Instant;

/// Packets sent within this of one another are one sample: 5 ms in ticks, as the groups of draft-ietf-rmcat-gcc-02 section 4.
const GROUP: i32 = 78;
/// A queue is looked for over a span of sending of at least this: 60 ms in ticks, four packets of 20 ms.
const SPAN: i32 = 937;
/// Changes of delay up to this are always counted in full: 2 ms in ticks.
const QUIET: i32 = 31;
/// So many samples at least: the least of fewer is more, and flows with fewer packets would seem to meet more.
const SAMPLES: u32 = 5;
/// Samples over which jitter is smoothed.
const MEMORY: i32 = 32;
/// Samples that weigh alike at first.
const FIRST: i32 = 8;
/// Jitter before it is known: 10 ms in ticks.
const USUAL: i32 = 160;
/// No more than this counts as jitter: 64 ms in ticks.
const LONGEST: i32 = 1_000;
/// Samples remembered: as many as fall into the span, the one before it, and the newest.
const GROUPS: usize = 14;

/// A packet, or packets sent together: when the first was, and the least delay, in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    sent: RemoteTime,
    delay: i32,
}

/// A queue over a span of sending, in ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Queue {
    /// The least.
    pub(crate) least: i32,
    /// That of the newest sample, less what jitter may have added.
    pub(crate) newest: i32,
    /// The change from the first to the last.
    pub(crate) change: i32,
    /// The span.
    pub(crate) span: i32,
    /// From the least to the second.
    pub(crate) apart: i32,
}

/// Estimator: the standing queue in front of the receiver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DelayEstimator {
    /// What the first packet's difference of clocks was: others are counted from it.
    origin: Option<i32>,
    base: WindowedMin,
    /// The base may be too high by this, in ticks.
    doubt: i32,
    groups: Recent<Sample, GROUPS>,
    /// The mean change from sample to sample, in thirty-seconds of a tick; never below zero.
    jitter: i32,
    /// The newest change, in ticks.
    change: i32,
    /// Changes counted, up to [`MEMORY`].
    samples: u8,
    /// The mean difference of the two least delays over a span, in thirty-seconds of a tick, and how many were counted.
    spread: i32,
    spreads: u8,
}

impl DelayEstimator {
    pub(crate) const fn new() -> Self {
        let group = Sample { sent: RemoteTime::from_ticks(0), delay: 0 };
        Self {
            origin: None,
            base: WindowedMin::new(),
            doubt: 0,
            groups: Recent::new(group),
            jitter: 0,
            change: 0,
            samples: 0,
            spread: 0,
            spreads: 0,
        }
    }

    /// A packet sent at `sent` (our clock) arrived at `arrived` (the receiver's), and was on the slowest link for `own`
    /// ticks.
    pub(crate) fn sample(&mut self, sent: RemoteTime, arrived: RemoteTime, own: i32) -> Sample {
        let difference = arrived.since(sent);
        let origin = *self.origin.get_or_insert(difference);
        // Again in 24 bits, so that clocks far apart do not wrap between two packets.
        let bits = RemoteTime::from_ticks(difference.wrapping_sub(origin).cast_unsigned());
        Sample { sent, delay: bits.since(RemoteTime::from_ticks(0)) - own }
    }

    /// How far below the least delay a packet came, in ticks, beyond what that may be too high; not above zero when it did not.
    pub(crate) fn below(&self, sample: Sample) -> i32 {
        self.base.get().map_or(0, |base| base - sample.delay - self.doubt)
    }

    /// Packets come in the order of sending; one that was overtaken moves the base alone.
    ///
    /// Without a `basis` the packet's own time is not sure, and the base stays.
    pub(crate) fn push(&mut self, sample: Sample, basis: bool, now: Instant) {
        let Sample { sent, delay } = sample;
        if basis || self.base.get().is_none() {
            self.base.push(delay, now);
            self.doubt = 0;
        }
        if let Some(newest) = self.groups.all_mut().first_mut() {
            let after = sent.since(newest.sent);
            if after < 0 {
                return;
            }
            if after <= GROUP {
                newest.delay = newest.delay.min(delay);
                return;
            }
            let change = delay - newest.delay;
            // A queue that appears or goes away changes delay once or in one direction, jitter each time and to and fro.
            let usual = 3 * self.jitter() + QUIET;
            let turned = (change < 0) != (self.change < 0);
            let counted = if turned { (4 * change.unsigned_abs() / 3).cast_signed() } else { 0 };
            self.change = change;
            // The first samples weigh as much as there are, and are not held against a jitter that is not known yet.
            let samples = one_more(&mut self.samples);
            let counted = if samples > FIRST { counted.min(usual) } else { counted.min(LONGEST) };
            self.jitter = smoothed(self.jitter, counted, samples);
        }
        self.groups.push(sample);
    }

    /// The queue over the last span of sending; `None` before there is one.
    pub(crate) fn queue(&self) -> Option<Queue> {
        let base = self.base.get()?;
        let (newest, older) = self.groups.all().split_first()?;
        let (mut least, mut second, mut samples) = (newest.delay, i32::MAX, 1);
        let first = older.iter().find(|group| {
            (least, second) = (least.min(group.delay), second.min(group.delay.max(least)));
            samples += 1;
            newest.sent.since(group.sent) >= SPAN && samples >= SAMPLES
        })?;
        let (least, apart) = (least - base, second - least);
        let met = (newest.delay - base - 2 * self.jitter()).max(least);
        let (change, span) = (newest.delay - first.delay, newest.sent.since(first.sent));
        Some(Queue { least, newest: met, change, span, apart })
    }

    /// How sure the least delay over a span is: the mean difference to the second, in ticks.
    pub(crate) const fn spread(&self) -> i32 {
        self.spread / MEMORY
    }

    /// Notes how far the two least delays of a span are [`apart`](Queue::apart).
    pub(crate) fn note(&mut self, apart: i32) {
        let spreads = one_more(&mut self.spreads);
        // A queue that grows or drains sets them apart for a while, jitter always.
        let usual = 3 * self.spread() + QUIET;
        let counted = apart.min(if spreads > FIRST { usual } else { LONGEST });
        self.spread = smoothed(self.spread, counted, spreads);
    }

    /// The same, and before it is known as much as is often met.
    pub(crate) fn jitter_at_least(&self) -> i32 {
        if i32::from(self.samples) < FIRST { USUAL } else { self.jitter() }
    }

    /// The mean change of delay from one sample to the next, in ticks.
    pub(crate) const fn jitter(&self) -> i32 {
        // It is never negative: a shift, since this is for each packet.
        self.jitter >> MEMORY.trailing_zeros()
    }

    /// The lesser queue of the two newest samples, when the newer is no less: a queue that has appeared at once.
    pub(crate) fn jump(&self) -> Option<i32> {
        let [newest, before, ..] = self.groups.all() else { return None };
        (newest.delay >= before.delay).then_some(before.delay - self.base.get()?)
    }

    /// What was taken off for the packets' own time was this much too much.
    pub(crate) fn shift(&mut self, by: i32) {
        self.base.shift(by);
        for group in self.groups.all_mut() {
            group.delay = group.delay.saturating_add(by);
        }
    }

    /// Forgets all: the least delay was never real.
    pub(crate) const fn restart(&mut self) {
        *self = Self::new();
    }

    /// The least delay is this much more than was thought, or less by up to `doubt`: the clocks have jumped.
    pub(crate) fn rebase(&mut self, by: i32, doubt: i32) {
        self.base.shift(by + doubt);
        self.doubt = doubt;
    }
}

/// Counts up to [`MEMORY`].
fn one_more(samples: &mut u8) -> i32 {
    if i32::from(*samples) < MEMORY {
        *samples += 1;
    }
    i32::from(*samples)
}

/// A mean in thirty-seconds of a tick, with one more of so many samples.
fn smoothed(mean: i32, sample: i32, samples: i32) -> i32 {
    let more = MEMORY * sample - mean;
    mean + if samples == MEMORY {
        // Divided by it and rounded towards zero: shifted, since this is for each packet.
        (more + (more >> 31 & (MEMORY - 1))) >> MEMORY.trailing_zeros()
    } else {
        more / samples.max(FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes packets of 20 ms with these waits in ms, whose clocks are `skew` ticks apart; the queue in ms at the end.
    fn after(waits: impl IntoIterator<Item = i32>, skew: u32) -> Option<i32> {
        let mut delay = DelayEstimator::new();
        for (index, wait) in waits.into_iter().enumerate() {
            let sent = RemoteTime::from_micros(20_000 * index as u64);
            let ticks = (wait * 1_000 / 64).cast_unsigned();
            let arrived = RemoteTime::from_ticks(sent.ticks() + skew + ticks);
            let sample = delay.sample(sent, arrived, 0);
            delay.push(sample, true, Instant::from_millis(20 * index as u64));
        }
        delay.queue().map(|queue| queue.least * 64 / 1_000)
    }

    #[test]
    fn a_lasting_queue_counts_and_a_short_one_does_not() {
        assert_eq!(after([0, 0, 0, 40, 40, 40, 40, 40], 7), Some(40));
        assert_eq!(after([0, 0, 0, 40, 40, 0, 40], 7), Some(0));
        assert_eq!(after([0, 0, 0, 0], 7), None, "too few samples");
    }

    /// The jitter in ms after packets of 20 ms with these waits in ms.
    fn jitter(waits: impl IntoIterator<Item = i32>) -> i32 {
        let mut delay = DelayEstimator::new();
        for (index, wait) in waits.into_iter().enumerate() {
            let sent = RemoteTime::from_micros(20_000 * index as u64);
            let arrived = RemoteTime::from_ticks(sent.ticks() + (wait * 1_000 / 64).cast_unsigned());
            let sample = delay.sample(sent, arrived, 0);
            delay.push(sample, true, Instant::from_millis(20 * index as u64));
        }
        delay.jitter() * 64 / 1_000
    }

    #[test]
    fn what_goes_to_and_fro_is_jitter_and_a_queue_that_grows_and_drains_is_not() {
        assert_eq!(jitter((0..40).map(|index| index * 10)), 0);
        assert_eq!(jitter((0..40).map(|index| 400 - index * 10)), 0);
        let saw = jitter((0..80).map(|index| 10 * (index % 20)));
        assert!(saw < 4, "{saw} ms of a queue that drains at once");
        let noise = jitter((0..80).map(|index| index * 7_919 % 31));
        assert!((12..=20).contains(&noise), "{noise} ms, of 30 ms at random");
    }

    #[test]
    fn clocks_at_the_edge_of_their_bits_are_no_queue() {
        for skew in [0, 1, 0x7f_ffff, 0x80_0000, 0x80_0001, 0xff_ffff, 0x80_0000 - 300] {
            assert_eq!(after([0, 1, 2, 29, 30, 35, 36, 37], skew), Some(28), "{skew:x}");
        }
    }

    #[test]
    fn a_burst_that_a_stalled_link_releases_falls_as_fast_as_time_passes() {
        let mut delay = DelayEstimator::new();
        for index in 0..20u32 {
            let sent = RemoteTime::from_micros(20_000 * u64::from(index));
            let wait = 200u64.saturating_sub(20 * u64::from(index.saturating_sub(5)));
            let wait = if index < 5 { 0 } else { wait };
            let arrived = RemoteTime::from_ticks(sent.ticks() + u32::try_from(wait * 1_000 / 64).unwrap());
            let sample = delay.sample(sent, arrived, 0);
            delay.push(sample, true, Instant::from_millis(20 * u64::from(index)));
            if let Some(queue) = delay.queue().filter(|queue| queue.least > 300) {
                assert!(queue.change * 10 < -9 * queue.span, "{index}: {queue:?}");
            }
        }
    }
}
