//! Takes the times of one subject, its two classes by turns at random, and tests them raw and cropped.
//!
//! Times have a long tail of interrupts. Each crop leaves out what is longer than a percentile of a first batch
//! (dudect's: 1 - 0.5^(10 i / n)), and the largest |t| of all counts. In so many tests at once |t| of 4.5, one's usual
//! bound, is passed by chance; dudect calls it a leak from 10 on, as here.

use std::hint::black_box;

use crate::subjects::Subject;
use crate::welch::Test;

/// From this |t| on, time tells of the secret (dudect's `t_threshold_moderate`).
pub(crate) const THRESHOLD: f64 = 10.0;
/// How many percentiles the times are cropped at.
const CROPS: u32 = 20;
/// Inputs that are made ahead, so that making them is not measured; the first batch gives the percentiles.
const BATCH: u32 = 2_000;

/// What was found of a subject.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) is_control: bool,
    pub(crate) measurements: u32,
    /// The largest |t|.
    pub(crate) t: f64,
}

impl Finding {
    pub(crate) fn leaks(&self) -> bool {
        self.t >= THRESHOLD
    }

    /// A control leaks, and nothing else does.
    pub(crate) fn is_as_expected(&self) -> bool {
        self.leaks() == self.is_control
    }
}

/// Measures so often. The seed chooses the order of the classes.
pub(crate) fn measure(subject: &mut Subject, measurements: u32, seed: u64) -> Finding {
    let mut order = Order(seed);
    let first = batch(subject, &mut order);
    let crops = percentiles(&first);
    let mut tests = vec![Test::default(); crops.len() + 1];
    let mut done = 0;
    while done < measurements {
        for (is_second, time) in batch(subject, &mut order) {
            let bounds = crops.iter().copied().chain([f64::INFINITY]);
            for (test, _) in tests.iter_mut().zip(bounds).filter(|(_, bound)| time < *bound) {
                test.push(is_second, time);
            }
        }
        done += BATCH;
    }
    let t = tests.iter().map(|test| test.t().abs()).fold(0.0, f64::max);
    Finding { name: subject.name, is_control: subject.is_control, measurements: done, t }
}

/// Class and nanoseconds of each measurement.
fn batch(subject: &mut Subject, order: &mut Order) -> Vec<(bool, f64)> {
    let classes: Vec<bool> = (0..BATCH).map(|_| order.next()).collect();
    let copy = |is_second: &bool| subject.inputs[usize::from(*is_second)].clone();
    let mut inputs: Vec<Vec<u8>> = classes.iter().map(copy).collect();
    let mut time = |input: &mut Vec<u8>| {
        let start = now();
        for _ in 0..subject.repeats {
            black_box((subject.accepts)(black_box(input)));
        }
        now().saturating_duration_since(start).as_secs_f64() * 1e9
    };
    let times: Vec<f64> = inputs.iter_mut().map(&mut time).collect();
    classes.into_iter().zip(times).collect()
}

/// The bounds of the crops, from the times of a first batch.
fn percentiles(first: &[(bool, f64)]) -> Vec<f64> {
    let mut times: Vec<f64> = first.iter().map(|(_, time)| *time).collect();
    times.sort_by(f64::total_cmp);
    let len = f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX));
    let bound = |crop: u32| {
        let share = 1.0 - 0.5_f64.powf(10.0 * f64::from(crop) / f64::from(CROPS));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a length is a place below it"
        )]
        times.get((share * len) as usize).copied()
    };
    (1..=CROPS).filter_map(bound).collect()
}

/// The moment.
#[expect(clippy::disallowed_methods, reason = "times are what this program is for")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Which class comes next: splitmix64, one bit of each number.
struct Order(u64);

impl Order {
    fn next(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_classes_come_about_equally_often() {
        let mut order = Order(1);
        let second = (0..10_000).filter(|_| order.next()).count();
        assert!((4_800..5_200).contains(&second), "{second}");
    }

    #[test]
    fn crops_rise_towards_the_longest_time() {
        let times: Vec<(bool, f64)> = (0..1_000).map(|i| (false, f64::from(i))).collect();
        let crops = percentiles(&times);
        assert_eq!(crops.len(), CROPS as usize);
        assert!(crops.is_sorted() && (crops[1] - 500.0).abs() < 1e-9, "{crops:?}");
    }
}
