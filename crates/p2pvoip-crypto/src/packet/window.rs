//! The replay window: which of the last 1,024 numbers were received (after RFC 6479).
//!
//! # Left out
//! - A window that grows: voice older than 1,024 packets is of no use.

/// How far below the largest number one is still accepted.
pub(crate) const WINDOW: u64 = 1_024;

const WORD: u64 = 64;
/// One word more than the window spans, so that it need not be aligned.
const WORDS: usize = (WINDOW / WORD) as usize + 1;

/// What the window says of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It was not received yet.
    Fresh,
    /// It was received.
    Seen,
    /// It is so far below the largest that nobody knows.
    TooOld,
}

/// Stage: a bitmap of the received numbers, addressed in a ring of words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    largest: Option<u64>,
    words: [u64; WORDS],
}

impl Window {
    pub(crate) const fn new() -> Self {
        Self { largest: None, words: [0; WORDS] }
    }

    /// The largest number that was committed.
    pub(crate) const fn largest(&self) -> Option<u64> {
        self.largest
    }

    pub(crate) fn verdict(&self, number: u64) -> Verdict {
        let Some(largest) = self.largest else { return Verdict::Fresh };
        if number > largest {
            Verdict::Fresh
        } else if largest - number >= WINDOW {
            Verdict::TooOld
        } else if self.words.get(place(number)).is_some_and(|word| word & bit(number) != 0) {
            Verdict::Seen
        } else {
            Verdict::Fresh
        }
    }

    /// Remembers a number which is authentic and [`Verdict::Fresh`].
    pub(crate) fn commit(&mut self, number: u64) {
        match self.largest {
            Some(largest) if number <= largest => {}
            Some(largest) => {
                // At most every word once: beyond that the ring has turned.
                let first = largest / WORD + 1;
                let last = (number / WORD).min(largest / WORD + WORDS as u64);
                (first..=last).for_each(|index| self.clear(index));
                self.largest = Some(number);
            }
            None => self.largest = Some(number),
        }
        if let Some(word) = self.words.get_mut(place(number)) {
            *word |= bit(number);
        }
    }

    fn clear(&mut self, index: u64) {
        if let Some(word) = self.words.get_mut(place(index * WORD)) {
            *word = 0;
        }
    }
}

const fn place(number: u64) -> usize {
    (number / WORD % WORDS as u64) as usize
}

const fn bit(number: u64) -> u64 {
    1 << (number % WORD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The same in the plainest words.
    #[derive(Default)]
    struct Model(BTreeSet<u64>);

    impl Model {
        fn verdict(&self, number: u64) -> Verdict {
            match self.0.last() {
                Some(largest) if number + WINDOW <= *largest => Verdict::TooOld,
                _ if self.0.contains(&number) => Verdict::Seen,
                _ => Verdict::Fresh,
            }
        }
    }

    #[test]
    fn the_window_is_exactly_1024_wide() {
        let mut window = Window::new();
        window.commit(5_000);
        assert_eq!(window.verdict(5_000 - 1_023), Verdict::Fresh);
        assert_eq!(window.verdict(5_000 - 1_024), Verdict::TooOld);
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set(
            start in prop_oneof![Just(0u64), 0..1u64 << 47],
            steps in proptest::collection::vec(prop_oneof![-1_200i64..1_200, -40_000i64..40_000, -3i64..8], 1..400),
        ) {
            let (mut window, mut model, mut number) = (Window::new(), Model::default(), start);
            for step in steps {
                number = number.saturating_add_signed(step);
                prop_assert_eq!(window.verdict(number), model.verdict(number));
                if window.verdict(number) == Verdict::Fresh {
                    window.commit(number);
                    model.0.insert(number);
                }
                prop_assert_eq!(window.largest(), model.0.last().copied());
            }
        }
    }
}
