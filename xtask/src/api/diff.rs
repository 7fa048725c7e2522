//! Which lines came and which went, in the order of the lines.

use std::collections::BTreeSet;
use std::fmt;

/// The difference between two lists of lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Diff {
    gone: Vec<String>,
    new: Vec<String>,
}

impl Diff {
    /// What must be done to `old` to make it `new`. Order and repetition count for nothing: a line names one item.
    pub(crate) fn of(old: &str, new: &str) -> Self {
        let only = |these: &str, those: &str| {
            let those: BTreeSet<&str> = those.lines().collect();
            these.lines().filter(|line| !those.contains(line)).map(str::to_owned).collect()
        };
        Self { gone: only(old, new), new: only(new, old) }
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.gone {
            writeln!(f, "  - {line}")?;
        }
        for line in &self.new {
            writeln!(f, "  + {line}")?;
        }
        if self.gone.is_empty() && self.new.is_empty() {
            writeln!(f, "  the same lines in another order")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_went_come_before_those_that_came() {
        let diff = Diff::of("a\nb\nc\n", "a\nc\nd\n");
        assert_eq!(diff.to_string(), "  - b\n  + d\n");
    }

    #[test]
    fn another_order_is_told() {
        assert!(Diff::of("a\nb\n", "b\na\n").to_string().contains("another order"));
    }
}
