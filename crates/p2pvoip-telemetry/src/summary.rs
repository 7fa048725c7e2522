//! How a call went in a few lines: least, median and most of what was recorded.

use crate::series::{Metric, SAMPLES, Sample};
use core::fmt;
use core::time::Duration;

/// The spread of one metric. Least and most are of samples as they were taken, the median of those that are kept.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    /// The least.
    pub min: f32,
    /// As many were above as below.
    pub median: f32,
    /// The most.
    pub max: f32,
}

/// The spread of every metric.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Summary {
    spreads: [Option<Spread>; Metric::ALL.len()],
    duration: Duration,
}

/// The least and most of each metric so far; merging pairs would lose them.
#[derive(Clone, Debug)]
pub(crate) struct Extremes([Option<(f32, f32)>; Metric::ALL.len()]);

impl Extremes {
    pub(crate) const fn new() -> Self {
        Self([None; Metric::ALL.len()])
    }

    pub(crate) fn on_sample(&mut self, sample: &Sample) {
        for (metric, known) in Metric::ALL.into_iter().zip(&mut self.0) {
            if let Some(value) = sample.get(metric) {
                let (min, max) = known.unwrap_or((value, value));
                *known = Some((min.min(value), max.max(value)));
            }
        }
    }
}

impl Summary {
    pub(crate) fn new(extremes: &Extremes, samples: &[Sample], duration: Duration) -> Self {
        let mut spreads = [None; Metric::ALL.len()];
        for ((metric, spread), known) in Metric::ALL.into_iter().zip(&mut spreads).zip(extremes.0) {
            *spread =
                known.zip(median(samples, metric)).map(|((min, max), median)| Spread { min, median, max });
        }
        Self { spreads, duration }
    }

    /// The spread of a metric; nothing when it was never known.
    pub fn get(&self, metric: Metric) -> Option<Spread> {
        self.spreads.get(metric as usize).copied().flatten()
    }

    /// How long the two were connected.
    pub const fn duration(&self) -> Duration {
        self.duration
    }
}

impl fmt::Display for Summary {
    /// One line for each metric that was known, `name: least / median / most unit`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duration: {} s", self.duration.as_secs())?;
        for metric in Metric::ALL {
            if let Some(Spread { min, median, max }) = self.get(metric) {
                let (name, unit) = (metric.name(), metric.unit());
                let space = if unit.is_empty() { "" } else { " " };
                write!(f, "\n{name}: {min:.1} / {median:.1} / {max:.1}{space}{unit}")?;
            }
        }
        Ok(())
    }
}

/// The middle value; of an even number the mean of the two in the middle.
fn median(samples: &[Sample], metric: Metric) -> Option<f32> {
    let mut values = [0.0; SAMPLES];
    let mut len = 0;
    for (to, from) in values.iter_mut().zip(samples.iter().filter_map(|sample| sample.get(metric))) {
        *to = from;
        len += 1;
    }
    let values = values.get_mut(..len)?;
    values.sort_unstable_by(f32::total_cmp);
    let upper = *values.get(len / 2)?;
    if len % 2 == 1 {
        return Some(upper);
    }
    values.get((len / 2).checked_sub(1)?).map(|lower| f32::midpoint(*lower, upper))
}
