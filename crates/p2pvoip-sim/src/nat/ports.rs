//! How a NAT chooses external ports (RFC 4787 section 4.2).

use std::time::Duration;

use p2pvoip_core::{Instant, Rng};

use super::PortAllocation;

/// The lowest port given; those below belong to well-known services (RFC 6335 section 6).
const LOWEST: u16 = 1_024;
/// How many ports there are from the lowest on.
const COUNT: u16 = u16::MAX - LOWEST + 1;
/// The most allocations of other users that are played for one gap; a longer gap only moves the counter further round.
const MOST_OTHERS: u32 = 10_000;

/// Stage: chooses ports.
#[derive(Debug)]
pub(super) struct Ports {
    allocation: PortAllocation,
    counter: u16,
    others: Option<Others>,
    rng: Rng,
}

/// The other users of a sequential counter, who take a port at gaps between zero and twice the mean.
#[derive(Debug)]
struct Others {
    most_gap_micros: u64,
    next_at: Instant,
}

impl Ports {
    pub(super) fn new(allocation: PortAllocation, others: f64, mut rng: Rng, now: Instant) -> Self {
        let counter = offset(rng.below(u64::from(COUNT)));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast from float saturates, and `others` is positive here"
        )]
        let others = (others > 0.0)
            .then(|| Others { most_gap_micros: (2_000_000.0 / others) as u64 + 1, next_at: now });
        Self { allocation, counter, others, rng }
    }

    /// A port that `is_free`, for the inner port `inner`; `None` when there is no free one.
    pub(super) fn choose(&mut self, inner: u16, now: Instant, is_free: impl Fn(u16) -> bool) -> Option<u16> {
        let first = match self.allocation {
            PortAllocation::Preserving => inner.max(LOWEST),
            PortAllocation::Sequential => {
                self.play_others(now);
                self.counter
            }
            PortAllocation::Random => offset(self.rng.below(u64::from(COUNT))),
        };
        let mut port = first;
        while !is_free(port) {
            // After a drawn port too: drawing again could go on for ever when few are free.
            port = after(port);
            if port == first {
                return None;
            }
        }
        self.counter = after(port);
        Some(port)
    }

    fn play_others(&mut self, now: Instant) {
        let Some(others) = &mut self.others else { return };
        for _ in 0..MOST_OTHERS {
            if others.next_at > now {
                return;
            }
            self.counter = after(self.counter);
            others.next_at += Duration::from_micros(self.rng.below(others.most_gap_micros) + 1);
        }
        others.next_at = now;
    }
}

/// The port that many after the lowest.
fn offset(places: u64) -> u16 {
    LOWEST + u16::try_from(places).unwrap_or_default()
}

/// The next port; the lowest after the highest.
fn after(port: u16) -> u16 {
    port.checked_add(1).unwrap_or(LOWEST)
}
