//! The last values of a series, the newest first.

/// The last `N` values, at most 255.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent<T, const N: usize> {
    /// Shifted at each new value: that is a few wide moves, and what is walked for each report lies in one piece, for which a
    /// ring would have to divide at each step.
    values: [T; N],
    len: u8,
}

impl<T: Copy, const N: usize> Recent<T, N> {
    #[expect(clippy::cast_possible_truncation, reason = "they are few")]
    const MOST: u8 = N as u8;

    /// None yet; `filler` is never told.
    pub(crate) const fn new(filler: T) -> Self {
        Self { values: [filler; N], len: 0 }
    }

    /// The next value; where there are `N` the oldest goes.
    pub(crate) fn push(&mut self, value: T) {
        self.values.copy_within(..N - 1, 1);
        if let Some(first) = self.values.first_mut() {
            *first = value;
        }
        if self.len < Self::MOST {
            self.len += 1;
        }
    }

    /// All, the newest first.
    pub(crate) fn all(&self) -> &[T] {
        self.values.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The same, to be changed.
    pub(crate) fn all_mut(&mut self) -> &mut [T] {
        self.values.get_mut(..usize::from(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec::Vec;

    #[test]
    fn the_newest_comes_first_and_the_oldest_goes() {
        let mut recent = Recent::<u32, 3>::new(0);
        let mut all = Vec::new();
        assert_eq!(recent.all(), []);
        for value in 1..20 {
            recent.push(value);
            all.insert(0, value);
            all.truncate(3);
            assert_eq!(recent.all(), all);
            assert_eq!(recent.all_mut(), all);
        }
    }
}
