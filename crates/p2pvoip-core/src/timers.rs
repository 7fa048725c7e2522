//! The timers of a machine: at most one moment for each kind, in a table of fixed size.

use crate::{Instant, Wake};

/// Stage: up to `N` timers told apart by a key, without allocation.
///
/// `N` is a plain constant; it is at least the number of keys a machine can have at once, which makes
/// [`set`](Timers::set) infallible for it.
#[derive(Clone, Debug)]
pub struct Timers<K, const N: usize> {
    slots: [Option<(K, Instant)>; N],
}

impl<K: Copy + PartialEq, const N: usize> Timers<K, N> {
    /// No timer runs.
    pub const fn new() -> Self {
        Self { slots: [const { None }; N] }
    }

    /// Starts the timer `key`, or moves it when it runs already.
    ///
    /// # Panics
    /// When `N` other timers run: the machine's table is too small, a bug.
    pub fn set(&mut self, key: K, at: Instant) {
        let place = self.place(key).or_else(|| self.slots.iter().position(Option::is_none));
        let slot = place.and_then(|i| self.slots.get_mut(i));
        assert!(slot.is_some(), "more kinds of timer than the table has places");
        if let Some(slot) = slot {
            *slot = Some((key, at));
        }
    }

    /// Stops the timer `key`, if it runs.
    pub fn cancel(&mut self, key: K) {
        if let Some(slot) = self.place(key).and_then(|i| self.slots.get_mut(i)) {
            *slot = None;
        }
    }

    /// When the timer `key` fires, if it runs.
    pub fn get(&self, key: K) -> Option<Instant> {
        self.slots.iter().flatten().find(|(k, _)| *k == key).map(|(_, at)| *at)
    }

    /// The timer that fires first; among equals the one in the earliest place.
    pub fn next(&self) -> Option<(K, Instant)> {
        let mut next: Option<(K, Instant)> = None;
        for &(key, at) in self.slots.iter().flatten() {
            if next.is_none_or(|(_, best)| at < best) {
                next = Some((key, at));
            }
        }
        next
    }

    /// Stops and returns a timer that is due at `now`, the earliest first.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (key, at) = self.next()?;
        if at > now {
            return None;
        }
        self.cancel(key);
        Some(key)
    }

    /// The wake-up for the timer that fires first, named by `why`.
    pub fn wake(&self, why: impl FnOnce(K) -> &'static str) -> Option<Wake> {
        self.next().map(|(key, at)| Wake { at, why: why(key) })
    }

    fn place(&self, key: K) -> Option<usize> {
        self.slots.iter().position(|slot| slot.is_some_and(|(k, _)| k == key))
    }
}

impl<K: Copy + PartialEq, const N: usize> Default for Timers<K, N> {
    fn default() -> Self {
        Self::new()
    }
}
