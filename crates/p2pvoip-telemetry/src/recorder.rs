//! Turns snapshots into a series: rates and shares of the time between two samples.

use crate::series::{Metric, Sample, Series};
use crate::stats::CallStats;
use crate::summary::{Extremes, Summary};
use core::time::Duration;
use p2pvoip_core::{Bitrate, Instant};

/// How long one sample stands for at first; it doubles each time that the series is full.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// Is told of a call's snapshots as they are made.
pub trait Observer {
    /// A snapshot, made at `now`.
    fn on_stats(&mut self, stats: &CallStats, now: Instant);
}

/// Every function of a snapshot is an observer.
impl<F: FnMut(&CallStats, Instant)> Observer for F {
    fn on_stats(&mut self, stats: &CallStats, now: Instant) {
        self(stats, now);
    }
}

/// Estimator: is told of snapshots, at least one in each [`SAMPLE_INTERVAL`], and says how the call went.
#[derive(Clone, Debug)]
pub struct Recorder {
    series: Series,
    extremes: Extremes,
    interval: Duration,
    start: Option<Instant>,
    /// The snapshot of the last sample, and when it was made.
    last: (CallStats, Instant),
    newest: CallStats,
}

impl Recorder {
    /// Has heard of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            series: Series::new(),
            extremes: Extremes::new(),
            interval: SAMPLE_INTERVAL,
            start: None,
            last: (CallStats::default(), Instant::from_micros(0)),
            newest: CallStats::default(),
        }
    }

    /// The samples, oldest first.
    pub fn samples(&self) -> &[Sample] {
        self.series.samples()
    }

    /// How long one sample stands for now.
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// The last snapshot.
    pub const fn newest(&self) -> &CallStats {
        &self.newest
    }

    /// Least, median and most of every metric.
    pub fn summary(&self) -> Summary {
        Summary::new(&self.extremes, self.series.samples(), self.newest.duration)
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Recorder {
    fn on_stats(&mut self, stats: &CallStats, now: Instant) {
        self.newest = *stats;
        let Some(start) = self.start else {
            self.start = Some(now);
            self.last = (*stats, now);
            return;
        };
        if now.saturating_since(self.last.1) < self.interval {
            return;
        }
        let sample = sample(&self.last.0, stats, now.saturating_since(start));
        self.last = (*stats, now);
        self.extremes.on_sample(&sample);
        if self.series.push(sample) {
            self.interval = self.interval.saturating_mul(2);
        }
    }
}

fn sample(before: &CallStats, after: &CallStats, at: Duration) -> Sample {
    let mut sample = Sample::new(at);
    let (was, is) = (&before.inbound, &after.inbound);
    let received = is.packets_received.saturating_sub(was.packets_received);
    let lost = is.packets_lost.saturating_sub(was.packets_lost);
    let played = is.total_samples.saturating_sub(was.total_samples);
    let concealed = is.concealed_samples.saturating_sub(was.concealed_samples);
    sample.set(Metric::RoundTripTime, after.path.round_trip_time.map(millis));
    sample.set(Metric::Loss, percent(lost, received.saturating_add(lost)));
    sample.set(Metric::Concealed, percent(concealed, played));
    sample.set(Metric::Jitter, Some(millis(is.jitter)));
    sample.set(Metric::PlayoutDelay, Some(millis(is.playout_delay)));
    sample.set(Metric::SentBitrate, Some(kbps(after.outbound.bitrate)));
    sample.set(Metric::ReceivedBitrate, Some(kbps(is.bitrate)));
    sample.set(Metric::TargetBitrate, Some(kbps(after.outbound.target_bitrate)));
    let (could, marked) = (
        after.outbound.packets_sent_with_ect.saturating_sub(before.outbound.packets_sent_with_ect),
        after.outbound.packets_marked.saturating_sub(before.outbound.packets_marked),
    );
    sample.set(Metric::QueueingDelay, after.path.queueing_delay.map(millis));
    sample.set(Metric::Ptime, Some(millis(after.outbound.ptime)));
    // Feedback comes later than what it tells of, so that more may be marked in this time than was sent in it.
    sample.set(Metric::Marked, percent(marked.min(could), could));
    sample.set(Metric::Mos, after.quality.map(|quality| quality.mos));
    sample.set(Metric::RFactor, after.quality.map(|quality| quality.r));
    sample
}

fn millis(duration: Duration) -> f32 {
    duration.as_secs_f32() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "shown to people with three digits")]
fn kbps(rate: Bitrate) -> f32 {
    rate.as_bps() as f32 / 1_000.0
}

/// Nothing when there was nothing to be a share of.
#[expect(clippy::cast_precision_loss, reason = "shown to people with three digits")]
fn percent(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| 100.0 * part as f32 / whole as f32)
}
