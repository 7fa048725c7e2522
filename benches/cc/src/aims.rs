//! What the workspace's controllers are to reach, as data. Judged on the mean over the variants of a case.

use crate::metrics::Metrics;

/// Which side of the number is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// At least that.
    AtLeast,
    /// At most that.
    AtMost,
}

/// What an aim is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metric {
    /// Utilisation in percent.
    Utilisation,
    /// 95th percentile of the queueing delay in ms.
    P95,
    /// 95th percentile of it over time.
    P95Time,
    /// 99th percentile of it.
    P99,
    /// 99th percentile of the end-to-end delay without propagation.
    EndToEndP99,
    /// Seconds up.
    Up,
    /// Seconds down.
    Down,
    /// Jain's index.
    Jain,
    /// Bad sound in percent.
    Bad,
    /// Sound not there within 60 ms, in percent.
    Residual60,
    /// Within 160 ms.
    Residual160,
    /// What is sent, in kbit/s a flow.
    Wire,
    /// What is delivered, in kbit/s together.
    Delivered,
    /// Competitors' rate in kbit/s.
    Tcp,
    /// The least sent in a second, in kbit/s.
    Least,
    /// What a paused flow has 5 s after resuming, in percent of its share.
    Resumed,
    /// What is sent 1 s after a gap, in percent.
    Regained,
    /// Frames that the sender never sent.
    Skipped,
}

impl Metric {
    /// Its name in tables and JSON, with its unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utilisation => "utilisation %",
            Self::P95 => "queue p95 ms",
            Self::P95Time => "p95 over time ms",
            Self::P99 => "queue p99 ms",
            Self::EndToEndP99 => "end-to-end p99 ms",
            Self::Up => "up s",
            Self::Down => "down s",
            Self::Jain => "Jain index",
            Self::Bad => "bad sound %",
            Self::Residual60 => "lost after 60 ms %",
            Self::Residual160 => "lost after 160 ms %",
            Self::Wire => "sent kbit/s",
            Self::Delivered => "delivered kbit/s",
            Self::Tcp => "TCP kbit/s",
            Self::Least => "least sent kbit/s",
            Self::Resumed => "share after pause %",
            Self::Regained => "rate after gap %",
            Self::Skipped => "skipped frames",
        }
    }

    /// Its value; none when it was never reached.
    pub const fn of(self, metrics: &Metrics) -> Option<f64> {
        Some(match self {
            Self::Utilisation => metrics.utilisation,
            Self::P95 => metrics.p95,
            Self::P95Time => metrics.p95_time,
            Self::P99 => metrics.p99,
            Self::EndToEndP99 => metrics.e2e_p99,
            Self::Up => return metrics.up,
            Self::Down => return metrics.down,
            Self::Jain => metrics.jain,
            Self::Bad => metrics.bad,
            Self::Residual60 => metrics.residual60,
            Self::Residual160 => metrics.residual160,
            Self::Wire => metrics.wire,
            Self::Delivered => metrics.delivered,
            Self::Tcp => metrics.tcp,
            Self::Least => metrics.least,
            Self::Resumed => return metrics.resumed,
            Self::Regained => return metrics.regained,
            Self::Skipped => metrics.skipped,
        })
    }
}

/// One aim.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    /// The case.
    pub case: &'static str,
    /// What about it.
    pub metric: Metric,
    /// Which side is good.
    pub side: Side,
    /// The number.
    pub value: f64,
}

impl Aim {
    /// Whether a run, or a mean of runs, reaches it. What never came to be does not.
    pub fn is_met(&self, metrics: &Metrics) -> bool {
        self.metric.of(metrics).is_some_and(|is| match self.side {
            Side::AtLeast => is >= self.value,
            Side::AtMost => is <= self.value,
        })
    }
}

const fn least(case: &'static str, metric: Metric, value: f64) -> Aim {
    Aim { case, metric, side: Side::AtLeast, value }
}

const fn most(case: &'static str, metric: Metric, value: f64) -> Aim {
    Aim { case, metric, side: Side::AtMost, value }
}

/// 95 % of what is sent without loss: 84 kbit/s.
const WIRE: f64 = 79.8;

/// All aims.
pub const AIMS: &[Aim] = &[
    least("5.1", Metric::Utilisation, 94.0),
    most("5.1", Metric::P95, 28.0),
    most("5.1", Metric::P99, 45.0),
    most("5.1", Metric::EndToEndP99, 100.0),
    most("5.1", Metric::Up, 3.0),
    most("5.1", Metric::Down, 0.8),
    most("5.1-100", Metric::Down, 1.0),
    least("5.1-fb30", Metric::Utilisation, 92.0),
    most("5.1-fb30", Metric::P95, 30.0),
    least("5.2", Metric::Utilisation, 95.0),
    most("5.2", Metric::P95, 30.0),
    least("5.2", Metric::Jain, 0.99),
    least("5.3", Metric::Utilisation, 94.0),
    most("5.3", Metric::P95, 30.0),
    least("5.3", Metric::Jain, 0.99),
    least("5.4", Metric::Utilisation, 87.0),
    least("5.4", Metric::Jain, 0.99),
    least("5.5", Metric::Utilisation, 95.0),
    most("5.5", Metric::P95, 35.0),
    least("5.5", Metric::Jain, 0.99),
    least("5.6", Metric::Delivered, 500.0),
    least("5.6", Metric::Tcp, 900.0),
    least("5.6", Metric::Least, 24.0),
    least("5.7", Metric::Delivered, 1_300.0),
    most("5.7", Metric::P95, 75.0),
    least("5.8", Metric::Utilisation, 94.0),
    least("5.8", Metric::Jain, 0.99),
    least("5.8", Metric::Resumed, 80.0),
    least("loss-10", Metric::Utilisation, 82.0),
    least("loss-20", Metric::Utilisation, 70.0),
    least("loss-30", Metric::Utilisation, 60.0),
    least("5.1-l4s", Metric::Utilisation, 92.0),
    most("5.1-l4s", Metric::P99, 31.0),
    most("a1", Metric::P95, 40.0),
    most("a1", Metric::Bad, 0.5),
    most("a1", Metric::Down, 0.6),
    most("a1", Metric::Up, 1.0),
    most("a1-fb30", Metric::P95, 42.0),
    most("a1-fb30", Metric::Bad, 2.5),
    most("a2", Metric::Bad, 1.0),
    least("a4-100", Metric::Regained, 95.0),
    most("a4-100", Metric::Skipped, 0.0),
    least("a4-300", Metric::Regained, 95.0),
    most("a4-300", Metric::Skipped, 0.0),
    least("a4-500", Metric::Regained, 95.0),
    most("a4-500", Metric::Skipped, 0.0),
    least("a5-2", Metric::Wire, WIRE),
    most("a5-2", Metric::Residual60, 1.0),
    least("a5-5", Metric::Wire, WIRE),
    most("a5-5", Metric::Residual60, 1.0),
    least("a5-10", Metric::Wire, WIRE),
    most("a5-10", Metric::Residual60, 1.0),
    least("a5-20", Metric::Wire, WIRE),
    most("a5-20", Metric::Residual60, 1.0),
    least("a5-30", Metric::Wire, WIRE),
    most("a5-30", Metric::Residual60, 3.0),
    least("a6", Metric::Wire, WIRE),
    most("a6", Metric::Residual60, 4.5),
    most("a6", Metric::Residual160, 1.0),
    most("48-loss", Metric::P95, 40.0),
    least("a7-1000", Metric::Least, 24.0),
    least("a7-256", Metric::Least, 24.0),
    least("a8", Metric::Utilisation, 90.0),
    most("a8", Metric::P95, 35.0),
    least("a8", Metric::Jain, 0.99),
];
