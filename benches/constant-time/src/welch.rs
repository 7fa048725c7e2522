//! Welch's t-test (Welch, 1947) of two classes, their means and variances kept as they come (Welford, 1962).

/// Count, mean and spread of one class.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Class {
    fn push(&mut self, value: f64) {
        self.count += 1.0;
        let distance = value - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (value - self.mean);
    }

    /// The variance of the mean.
    fn of_mean(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// The test of two classes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Test {
    classes: [Class; 2],
}

impl Test {
    /// A value of the first class, or of the second.
    pub(crate) fn push(&mut self, is_second: bool, value: f64) {
        let [first, second] = &mut self.classes;
        if is_second { second.push(value) } else { first.push(value) }
    }

    /// How many spreads the means are apart; 0 while there are too few values, or none that differ.
    pub(crate) fn t(&self) -> f64 {
        let [first, second] = &self.classes;
        let spread = (first.of_mean() + second.of_mean()).sqrt();
        let t = (first.mean - second.mean) / spread;
        if t.is_finite() { t } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_an_example_worked_by_hand() {
        let mut test = Test::default();
        for value in [3.0, 4.0, 5.0, 6.0, 7.0] {
            test.push(false, value);
        }
        for value in [1.0, 2.0, 3.0] {
            test.push(true, value);
        }
        // Means 5 and 2, variances 2.5 and 1: 3 / sqrt(2.5 / 5 + 1 / 3).
        assert!((test.t() - 3.0 / (0.5_f64 + 1.0 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn too_few_values_say_nothing() {
        let mut test = Test::default();
        assert!(test.t().abs() < f64::EPSILON);
        test.push(false, 1.0);
        test.push(true, 2.0);
        assert!(test.t().abs() < f64::EPSILON);
    }
}
