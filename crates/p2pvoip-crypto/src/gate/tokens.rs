//! Tokens: so many at once, then one in each span of time.

use core::time::Duration;

use p2pvoip_core::Instant;

/// A bucket of tokens, full at first.
pub(super) struct Tokens {
    at_once: u32,
    every: Duration,
    /// When it will be full again.
    full: Option<Instant>,
}

impl Tokens {
    pub(super) const fn new(at_once: u32, every: Duration) -> Self {
        Self { at_once, every, full: None }
    }

    /// Whether a token is there.
    pub(super) fn has(&self, now: Instant) -> bool {
        self.missing(now) + self.every <= self.every * self.at_once
    }

    /// Takes one that is there.
    pub(super) fn take(&mut self, now: Instant) {
        self.full = Some(now + self.missing(now) + self.every);
    }

    /// How long it takes to be full.
    fn missing(&self, now: Instant) -> Duration {
        self.full.map_or(Duration::ZERO, |full| full.saturating_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_one_in_each_span() {
        let mut tokens = Tokens::new(3, Duration::from_secs(10));
        let mut taken = |secs: u64| {
            let now = Instant::from_millis(secs * 1_000);
            let has = tokens.has(now);
            if has {
                tokens.take(now);
            }
            has
        };
        assert_eq!(
            [0, 0, 0, 0, 9, 10, 10, 19, 20].map(&mut taken),
            [true, true, true, false, false, true, false, false, true]
        );
        assert_eq!([1_000; 4].map(&mut taken), [true, true, true, false]);
    }
}
