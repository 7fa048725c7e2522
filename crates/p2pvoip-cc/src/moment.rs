//! A moment, or none: eight bytes where `Option<Instant>` has sixteen.

use p2pvoip_core::Instant;

/// A moment that may not be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment(u64);

impl Moment {
    /// Not set.
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// That moment; the last one of all is told as the one before.
    pub(crate) const fn at(now: Instant) -> Self {
        let micros = now.as_micros();
        Self(if micros == u64::MAX { micros - 1 } else { micros })
    }

    pub(crate) const fn is_set(self) -> bool {
        self.0 != u64::MAX
    }

    pub(crate) const fn get(self) -> Option<Instant> {
        if self.is_set() { Some(Instant::from_micros(self.0)) } else { None }
    }

    /// Sets it if it is not set.
    pub(crate) const fn or_set(&mut self, now: Instant) {
        if !self.is_set() {
            *self = Self::at(now);
        }
    }

    /// Microseconds from it to `now`, not below zero. `None` when it is not set.
    pub(crate) const fn since(self, now: Instant) -> Option<u64> {
        if self.is_set() { Some(now.as_micros().saturating_sub(self.0)) } else { None }
    }

    /// Later by so many microseconds, if it is set.
    pub(crate) const fn later(self, micros: u64) -> Self {
        if self.is_set() { Self::at(Instant::from_micros(self.0.saturating_add(micros))) } else { self }
    }

    /// Whether it is not set, or at least so many microseconds ago.
    pub(crate) const fn is_before(self, now: Instant, micros: u64) -> bool {
        match self.since(now) {
            Some(since) => since >= micros,
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_it_was_set_and_none_is_none() {
        let now = Instant::from_millis(7);
        assert_eq!(Moment::at(now).get(), Some(now));
        assert_eq!((Moment::NONE.get(), Moment::NONE.since(now)), (None, None));
        assert_eq!(Moment::at(now).since(Instant::from_millis(9)), Some(2_000));
        assert_eq!(Moment::at(now).since(Instant::from_millis(5)), Some(0));
        assert!(Moment::NONE.is_before(now, 5) && !Moment::at(now).is_before(now, 5));
        assert!(Moment::at(Instant::from_micros(u64::MAX)).is_set());
        let mut first = Moment::NONE;
        first.or_set(now);
        first.or_set(Instant::from_millis(9));
        assert_eq!(first, Moment::at(now));
    }
}
