//! Frozen rows of libwebrtc's goog_cc, measured in another simulator by the same cases: what the live one must come out
//! at, or one of the two simulators is wrong; and the best that any of six controllers had there.
//!
//! The rows are means of three runs in whole percents and milliseconds. They do not say whether their percentile is of
//! packets or of time: of time two more come out and none less (docs/cc-suite.md).

use crate::aims::Metric;
use crate::metrics::Metrics;
use crate::run::Outcome;

/// Whose rows they are.
pub const CONTROLLER: &str = "goog_cc";
/// Runs of the live controller: its own chance is greater than what is asked for.
pub const RUNS: u64 = 20;
/// Runs behind a frozen row.
const FROZEN_RUNS: f64 = 3.0;
/// A live value lies within this part of the frozen one.
const WITHIN: f64 = 0.1;
/// Percentiles closer than this, in milliseconds, are the same: the rows are rounded, and one frame takes longer.
const NOISE: f64 = 5.0;

/// What a frozen row says of a case: values that it has not are none.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Row {
    /// The case.
    pub case: &'static str,
    /// goog_cc's utilisation in percent.
    pub utilisation: Option<f64>,
    /// goog_cc's 95th percentile of the queueing delay in ms.
    pub p95: Option<f64>,
    /// goog_cc's media in kbit/s, where a competitor makes utilisation mean little.
    pub delivered: Option<f64>,
    /// The best of six controllers in each of the three, not of one controller.
    pub best: [Option<f64>; 3],
}

const fn row(case: &'static str, utilisation: u16, p95: u16, best: (u16, u16)) -> Row {
    let best = [value(best.0), value(best.1), None];
    Row { case, utilisation: value(utilisation), p95: value(p95), delivered: None, best }
}

const fn beside_tcp(case: &'static str, delivered: u16, p95: u16, best: (u16, u16)) -> Row {
    let best = [None, value(best.1), value(best.0)];
    Row { case, utilisation: None, p95: value(p95), delivered: value(delivered), best }
}

/// Zero stands for what the row does not say.
const fn value(number: u16) -> Option<f64> {
    if number == 0 { None } else { Some(number as f64) }
}

/// All rows that have utilisation, media or a percentile.
pub const ROWS: &[Row] = &[
    row("5.1", 86, 164, (92, 24)),
    row("5.1-100", 83, 93, (92, 18)),
    row("5.2", 89, 245, (95, 24)),
    row("5.3", 87, 249, (94, 18)),
    row("5.4", 82, 22, (85, 22)),
    row("5.5", 92, 29, (95, 29)),
    beside_tcp("5.6", 217, 0, (387, 0)),
    beside_tcp("5.7", 555, 68, (1_466, 68)),
    row("5.8", 91, 28, (93, 28)),
    row("loss-10", 70, 0, (76, 0)),
    row("loss-20", 11, 0, (15, 0)),
    row("a1", 0, 64, (0, 64)),
    row("a8", 82, 35, (91, 35)),
];

/// The row of a case.
pub fn of(case: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.case == case)
}

impl Row {
    /// What it says, by what it is about.
    fn values(&self) -> impl Iterator<Item = (Metric, f64)> {
        let all = [
            (Metric::Utilisation, self.utilisation),
            (Metric::Delivered, self.delivered),
            (Metric::P95Time, self.p95),
        ];
        all.into_iter().filter_map(|(metric, value)| Some((metric, value?)))
    }
}

/// A frozen value beside the live one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Compared {
    /// The case.
    pub case: &'static str,
    /// What about it.
    pub metric: Metric,
    /// The frozen value.
    pub frozen: f64,
    /// The live one, the mean of [`RUNS`].
    pub live: f64,
    /// Means of as many live runs as are behind a frozen row lie this far from it, 19 times in 20.
    pub chance: f64,
    /// Whether it comes out.
    pub is_met: bool,
}

impl Compared {
    /// How far the live value is off, in percent.
    pub fn off(&self) -> f64 {
        100.0 * (self.live / self.frozen - 1.0)
    }
}

/// Every frozen value of which there is a live outcome.
pub fn compare(outcomes: &[Outcome]) -> Vec<Compared> {
    let mut compared = Vec::new();
    for outcome in outcomes.iter().filter(|one| one.controller == CONTROLLER) {
        for (row, (metric, frozen)) in
            of(&outcome.case).into_iter().flat_map(|row| row.values().map(move |v| (row, v)))
        {
            let Some(live) = metric.of(&outcome.mean) else { continue };
            let chance = chance(&outcome.runs, metric);
            compared.push(Compared {
                case: row.case,
                metric,
                frozen,
                live,
                chance,
                is_met: is_met(metric, frozen, live),
            });
        }
    }
    compared
}

fn is_met(metric: Metric, frozen: f64, live: f64) -> bool {
    let off = (live - frozen).abs();
    off <= WITHIN * frozen || (metric == Metric::P95Time && off < NOISE)
}

/// Twice the deviation of a mean of as many runs as are behind a frozen row.
fn chance(runs: &[Metrics], metric: Metric) -> f64 {
    let values: Vec<f64> = runs.iter().filter_map(|run| metric.of(run)).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    2.0 * (squares / (count - 1.0).max(1.0) / FROZEN_RUNS).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(case: &str, controller: &str, runs: &[(f64, f64)]) -> Outcome {
        let run = |(utilisation, p95_time): &(f64, f64)| Metrics {
            utilisation: *utilisation,
            p95_time: *p95_time,
            ..Metrics::default()
        };
        let runs: Vec<Metrics> = runs.iter().map(run).collect();
        let mean = crate::metrics::mean(&runs);
        Outcome { case: case.to_owned(), title: String::new(), controller: controller.to_owned(), mean, runs }
    }

    #[test]
    fn a_value_comes_out_within_a_tenth_or_five_milliseconds() {
        let judged = |case: &str, utilisation, p95| -> Vec<bool> {
            compare(&[outcome(case, CONTROLLER, &[(utilisation, p95)])])
                .iter()
                .map(|one| one.is_met)
                .collect()
        };
        assert_eq!(judged("5.1", 78.0, 180.0), [true, true]);
        assert_eq!(judged("5.1", 77.0, 181.0), [false, false]);
        assert_eq!(judged("5.4", 90.3, 26.9), [false, true], "utilisation knows no milliseconds");
        assert_eq!(judged("5.4", 82.0, 27.1), [true, false]);
    }

    #[test]
    fn rows_of_others_and_cases_without_a_row_are_not_compared() {
        assert!(compare(&[outcome("5.1", "oracle", &[(1.0, 1.0)])]).is_empty());
        assert!(compare(&[outcome("a5-10", CONTROLLER, &[(1.0, 1.0)])]).is_empty());
    }

    #[test]
    fn chance_is_that_of_a_mean_of_three() {
        let compared = compare(&[outcome("a1", CONTROLLER, &[(0.0, 50.0), (0.0, 70.0)])]);
        assert_eq!(compared.len(), 1);
        assert!((compared[0].live - 60.0).abs() < 1e-9);
        assert!((compared[0].chance - 2.0 * (200.0f64 / 3.0).sqrt()).abs() < 1e-9);
        assert!((compared[0].off() + 6.25).abs() < 1e-9);
    }

    #[test]
    fn every_row_is_about_a_case() {
        let cases = crate::cases::all(0);
        for row in ROWS {
            assert!(cases.iter().any(|case| case.name == row.case), "{}", row.case);
            assert!(row.values().count() > 0);
        }
    }
}
