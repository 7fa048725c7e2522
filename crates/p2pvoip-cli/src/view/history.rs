//! The last minute of a call's figures, in as many columns as the picture has room for.
//!
//! Counters are kept, not shares: a column's loss is that of exactly its time, however wide it is.

use std::collections::VecDeque;
use std::time::Duration;

use p2pvoip::CallStats;

/// What is shown of the past.
pub(super) const SPAN: Duration = Duration::from_secs(60);
/// What counts as now for shares, which in less time are of too few packets.
pub(super) const RECENT: Duration = Duration::from_secs(10);
/// How long before the span a first column looks back when it has no figures of its own.
const BEFORE: Duration = Duration::from_millis(500);
/// Figures kept: five a second for the span, and a second before it from which its first columns are counted.
const LIMIT: usize = 305;

/// What a curve shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Curve {
    /// What the congestion controller allows, in kbit/s.
    Target,
    /// What is sent, in kbit/s.
    Sent,
    /// Packets that did not come, in per cent.
    Lost,
    /// Sound that was made up, in per cent: what repair could not bring back.
    Concealed,
    /// The queue that ours meets in the network, in milliseconds.
    Queue,
    /// From arrival to ear, in milliseconds.
    Playout,
}

/// Loss, in per cent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Loss {
    /// Of packets, as they came.
    pub(super) before: Option<f32>,
    /// Of sound, as it was heard.
    pub(super) after: Option<f32>,
}

/// The figures of one moment that curves are made of.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    at: Duration,
    lost: u64,
    received: u64,
    concealed: u64,
    played: u64,
    target: f32,
    sent: f32,
    queue: f32,
    playout: f32,
}

/// The last minute.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    points: VecDeque<Point>,
}

impl History {
    /// The newest figures.
    pub(super) fn push(&mut self, stats: &CallStats) {
        if self.points.len() == LIMIT {
            self.points.pop_front();
        }
        let (inbound, outbound) = (&stats.inbound, &stats.outbound);
        self.points.push_back(Point {
            at: stats.duration,
            lost: inbound.packets_lost,
            received: inbound.packets_received,
            concealed: inbound.concealed_samples,
            played: inbound.total_samples,
            target: kilobits(outbound.target_bitrate.as_bps()),
            sent: kilobits(outbound.bitrate.as_bps()),
            queue: stats.path.queueing_delay.unwrap_or_default().as_secs_f32() * 1_000.0,
            playout: inbound.playout_delay.as_secs_f32() * 1_000.0,
        });
    }

    /// Loss of late.
    pub(super) fn recent_loss(&self) -> Loss {
        let newest = self.points.back().copied().unwrap_or_default();
        let from = newest.at.saturating_sub(RECENT);
        let before = self.points.iter().rev().find(|point| point.at <= from);
        // A call that is younger than this began with nothing.
        loss(&before.copied().unwrap_or_default(), &newest)
    }

    /// The last minute in that many columns, the newest to the right; none where there was no call yet.
    pub(super) fn columns(&self, curve: Curve, count: u16) -> Vec<Option<f32>> {
        let Some(newest) = self.points.back() else { return vec![None; usize::from(count)] };
        let width = SPAN / u32::from(count.max(1));
        // Columns narrower than the time between two figures repeat the one before.
        let start = newest.at.saturating_sub(SPAN);
        let mut last = self.column(curve, start.saturating_sub(BEFORE), start);
        (0..u32::from(count))
            .rev()
            .map(|back| {
                // Before the call's first moment there is nothing to show.
                let to = newest.at.checked_sub(width * back)?;
                let from = to.saturating_sub(width);
                let column = self.column(curve, from, to);
                last = column.or(last);
                last
            })
            .collect()
    }

    fn column(&self, curve: Curve, from: Duration, to: Duration) -> Option<f32> {
        let first = self.points.partition_point(|point| point.at <= from);
        let end = self.points.partition_point(|point| point.at <= to);
        if first >= end {
            return None;
        }
        let mean = |of: fn(&Point) -> f32| {
            let (sum, count) = self
                .points
                .range(first..end)
                .fold((0.0, 0.0), |(sum, count), point| (sum + of(point), count + 1.0));
            sum / count
        };
        let loss = || {
            let before = first.checked_sub(1).and_then(|index| self.points.get(index));
            let before = before.or_else(|| self.points.get(first)).copied().unwrap_or_default();
            loss(&before, &self.points.get(end - 1).copied().unwrap_or_default())
        };
        match curve {
            Curve::Target => Some(mean(|point| point.target)),
            Curve::Sent => Some(mean(|point| point.sent)),
            Curve::Queue => Some(mean(|point| point.queue)),
            Curve::Playout => Some(mean(|point| point.playout)),
            Curve::Lost => loss().before,
            Curve::Concealed => loss().after,
        }
    }
}

fn loss(before: &Point, after: &Point) -> Loss {
    let lost = after.lost.saturating_sub(before.lost);
    let received = after.received.saturating_sub(before.received);
    Loss {
        before: share(lost, lost + received),
        after: share(
            after.concealed.saturating_sub(before.concealed),
            after.played.saturating_sub(before.played),
        ),
    }
}

/// Nothing when there was nothing to be a share of.
#[expect(clippy::cast_precision_loss, reason = "counts of one minute")]
fn share(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| 100.0 * part as f32 / whole as f32)
}

#[expect(clippy::cast_precision_loss, reason = "the rate of a voice call, shown with two digits")]
fn kilobits(bits: u64) -> f32 {
    bits as f32 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::figures;
    use super::*;

    fn after(count: u32) -> History {
        let mut history = History::default();
        (1..=count).for_each(|number| history.push(&figures(number)));
        history
    }

    #[test]
    fn a_minute_fills_all_columns_and_half_a_minute_half_of_them() {
        for count in [10, 37, 60, 120, 300, 500] {
            let columns = after(400).columns(Curve::Sent, count);
            assert_eq!(columns.len(), usize::from(count));
            assert!(columns.iter().all(|column| *column == Some(34.0)), "{count}: {columns:?}");
        }
        let half = after(150).columns(Curve::Target, 60);
        assert_eq!(half.iter().filter(|column| column.is_some()).count(), 30);
        assert_eq!((half[0], half[59]), (None, Some(40.0)));
    }

    #[test]
    fn loss_is_that_of_the_columns_own_time() {
        let mut history = after(400);
        let mut bad = figures(401);
        // All of the last fifth of a second is lost.
        bad.inbound.packets_received = figures(400).inbound.packets_received;
        history.push(&bad);
        let columns = history.columns(Curve::Lost, 300);
        assert_eq!((columns[298], columns[299]), (Some(5.0), Some(100.0)));
        assert_eq!(history.columns(Curve::Concealed, 60)[30], Some(1.0));
    }

    #[test]
    fn recent_loss_forgets_what_was_longer_ago() {
        let mut history = after(300);
        let base = figures(300);
        for number in 301..=360 {
            let mut clean = figures(number);
            clean.inbound.packets_lost = base.inbound.packets_lost;
            clean.inbound.concealed_samples = base.inbound.concealed_samples;
            history.push(&clean);
        }
        assert_eq!(history.recent_loss(), Loss { before: Some(0.0), after: Some(0.0) });
        assert_eq!(after(20).recent_loss(), Loss { before: Some(5.0), after: Some(1.0) });
        assert_eq!(History::default().recent_loss(), Loss { before: None, after: None });
    }

    #[test]
    fn no_more_than_a_minute_is_kept() {
        assert_eq!(after(5_000).points.len(), LIMIT);
    }
}
