//! Fresh chance for an engine: when it is drawn from the system and stirred in.
//!
//! What an engine derives its keys from would else be known for ever to who has read the memory once; a re-key of a call
//! heals that by what was drawn after the theft.
//!
//! # Timers
//! - [`IN_CALLS`] while calls are open, [`IDLE`] otherwise; when the system gives none, it is asked again as late as that.

use std::time::Duration;

use p2pvoip_core::Instant;
use zeroize::Zeroizing;

/// How often while calls are open: four times between two re-keys.
const IN_CALLS: Duration = Duration::from_secs(30);
/// How often otherwise: the calls to come derive their keys from it.
const IDLE: Duration = Duration::from_secs(600);

/// When chance was drawn last.
#[derive(Debug)]
pub(super) struct Stirring {
    last: Instant,
}

impl Stirring {
    /// The engine was made of fresh chance just now.
    pub(super) const fn new(now: Instant) -> Self {
        Self { last: now }
    }

    /// When to draw next.
    pub(super) fn next_at(&self, open_calls: usize) -> Instant {
        self.last + if open_calls > 0 { IN_CALLS } else { IDLE }
    }

    /// Draws 32 bytes from the system. A system that gives none, which gave some at the start, is asked again later.
    pub(super) fn draw(&mut self, now: Instant) -> Option<Zeroizing<[u8; 32]>> {
        self.last = now;
        let mut chance = Zeroizing::new([0; 32]);
        match getrandom::fill(&mut *chance) {
            Ok(()) => Some(chance),
            Err(error) => {
                tracing::warn!(%error, "the system gives no randomness; keys are drawn from what it gave before");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_drawn_every_30_seconds_in_calls_and_every_ten_minutes_otherwise() {
        let start = Instant::from_millis(1_000);
        let mut stirring = Stirring::new(start);
        assert_eq!(stirring.next_at(0), start + Duration::from_secs(600));
        assert_eq!(stirring.next_at(1), start + Duration::from_secs(30));
        let later = start + Duration::from_secs(40);
        let (one, other) = (stirring.draw(later).unwrap(), stirring.draw(later).unwrap());
        assert!(one != other, "it is chance");
        assert_eq!(stirring.next_at(24), later + Duration::from_secs(30));
    }
}
