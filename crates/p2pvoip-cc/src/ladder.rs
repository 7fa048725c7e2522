//! Which packet duration goes with a wire rate: headers are given up before payload is.
//!
//! Each duration is kept while the payload that is left stays good enough for a shorter wait to be worth its headers. Down
//! (longer packets) at once; up (shorter ones) only after [`PATIENCE`], for each change is heard, or when the link itself was
//! seen to be faster.

use crate::audio_config::{AudioConfig, PTIMES};
use crate::moment::Moment;
use core::time::Duration;
use p2pvoip_core::{Bitrate, Instant};

/// The least payload at which packets of 20, 40 and 60 ms are kept. Opus gives good wideband speech at 16 to 20 kbit/s and
/// narrowband speech at 8 to 12 (RFC 6716 section 2.1.1). A packet of 40 ms is itself 40 ms on a link that it fills, so it
/// is not taken sooner.
const KEPT_FROM: [Bitrate; 3] = [Bitrate::from_kbps(16), Bitrate::from_kbps(12), Bitrate::from_kbps(8)];
/// How long the rate must have been high enough before packets get shorter, in microseconds.
const PATIENCE: u64 = 2_000_000;

/// Estimator: the packet duration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ladder {
    /// Place in [`PTIMES`].
    step: u8,
    /// Since when a shorter duration would do.
    better_since: Moment,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { step: 0, better_since: Moment::NONE }
    }
}

impl Ladder {
    /// The packet duration.
    pub(crate) fn ptime(&self) -> Duration {
        let [shortest, ..] = PTIMES;
        PTIMES.get(usize::from(self.step)).copied().unwrap_or(shortest)
    }

    /// Follows the wire rate; `certain` when it is higher because the link is faster.
    pub(crate) fn follow(&mut self, wire: Bitrate, certain: bool, config: &AudioConfig, now: Instant) {
        // `wire >= config.wire(payload, ptime)` without its division, since this is for each report.
        let headers = 8_000_000 * (config.header + config.overhead).as_bytes();
        let kept = |(ptime, payload): (&Duration, &Bitrate)| {
            let left = wire.as_bps().checked_sub(payload.as_bps());
            left.is_some_and(|left| (left + 1) * u64::from(ptime.subsec_micros()) > headers)
        };
        let right = PTIMES.iter().zip(&KEPT_FROM).position(kept).unwrap_or(PTIMES.len() - 1);
        let right = right.to_le_bytes()[0];
        if right >= self.step {
            (self.step, self.better_since) = (right, Moment::NONE);
            return;
        }
        self.better_since.or_set(now);
        if certain || self.better_since.is_before(now, PATIENCE) {
            (self.step, self.better_since) = (right, Moment::NONE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(ladder: &mut Ladder, kbps: u64, at: u64) -> u128 {
        ladder.follow(Bitrate::from_kbps(kbps), false, &AudioConfig::default(), Instant::from_millis(at));
        ladder.ptime().as_millis()
    }

    #[test]
    fn packets_grow_at_once_and_shrink_after_two_seconds() {
        // 72 bytes of headers: 28.8 kbit/s at 20 ms, 14.4 at 40, 9.6 at 60.
        let mut ladder = Ladder::default();
        for (kbps, ptime) in [(45, 20), (44, 40), (26, 60), (17, 120)] {
            assert_eq!(after(&mut ladder, kbps, 0), ptime, "{kbps} kbit/s");
        }
        assert_eq!(after(&mut ladder, 80, 100), 120);
        assert_eq!(after(&mut ladder, 80, 2_099), 120);
        assert_eq!(after(&mut ladder, 17, 2_100), 120);
        assert_eq!(after(&mut ladder, 80, 2_200), 120);
        assert_eq!(after(&mut ladder, 80, 4_200), 20);
    }

    #[test]
    fn a_faster_link_shrinks_packets_at_once() {
        let mut ladder = Ladder::default();
        assert_eq!(after(&mut ladder, 17, 0), 120);
        ladder.follow(Bitrate::from_kbps(80), true, &AudioConfig::default(), Instant::from_millis(20));
        assert_eq!(ladder.ptime().as_millis(), 20);
    }
}
