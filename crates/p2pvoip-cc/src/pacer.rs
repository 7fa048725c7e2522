//! When a packet may leave: a token bucket in which audio has the last word.
//!
//! The law: in any span of time, what is let through is at most the pacing rate times the span, plus the burst, where the
//! burst is [`BURST_TIME`] of the pacing rate or the largest packet, whichever is more.
//!
//! # Left out
//! - Queues: the owner holds its packets and asks before it takes one, so that what is stale is never sent.

use crate::Target;
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant, Wake};

/// How much time of the pacing rate may leave at once: three packets of 20 ms made together by a late audio device, or
/// one of 60 ms with a copy.
pub const BURST_TIME: Duration = Duration::from_millis(60);
/// The pacing rate is never taken to be below this, so that a wait always ends.
const LEAST_PACING: Bitrate = Bitrate::from_kbps(1);
/// Micro-bits in a byte: tokens are counted in bits times microseconds a second, so that refilling is exact.
const BYTE: i64 = 8_000_000;

/// What a packet is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Voice, with what rides on it.
    Audio,
    /// Redundancy on its own.
    Repair,
    /// Control fragments, or feedback that goes alone.
    Control,
    /// Sent to learn something.
    Probe,
}

/// Stage: permits packets at the pacing rate.
#[derive(Clone, Debug)]
pub struct Pacer {
    pacing: Bitrate,
    /// Below zero after a packet larger than the bucket.
    tokens: i64,
    refilled: Instant,
    /// What the last audio packet that asked costs: the others leave room for one more.
    audio: i64,
}

impl Pacer {
    /// A pacer with a full bucket.
    pub fn new(target: &Target, now: Instant) -> Self {
        let mut pacer = Self { pacing: LEAST_PACING, tokens: 0, refilled: now, audio: 0 };
        pacer.pacing = target.pacing.max(LEAST_PACING);
        pacer.tokens = pacer.depth();
        pacer
    }

    /// Follows a new target; what has been saved at the old rate is kept, up to the new bucket.
    pub fn set_target(&mut self, target: &Target, now: Instant) {
        self.refill(now);
        self.pacing = target.pacing.max(LEAST_PACING);
        self.tokens = self.tokens.min(self.depth());
    }

    /// Whether a packet of `size` on the wire may leave now; it is taken as sent.
    ///
    /// # Errors
    /// When to ask again: always later than `now`. No token is taken.
    pub fn permit(&mut self, size: DataSize, class: Class, now: Instant) -> Result<(), Wake> {
        self.refill(now);
        let cost = i64::try_from(size.as_bytes()).unwrap_or(i64::MAX).saturating_mul(BYTE);
        if class == Class::Audio {
            self.audio = cost;
        }
        let reserve = if class == Class::Audio { 0 } else { self.audio };
        let needed = cost.saturating_add(reserve).min(self.depth());
        if self.tokens >= needed {
            self.tokens = self.tokens.saturating_sub(cost);
            return Ok(());
        }
        let missing = needed.saturating_sub(self.tokens).unsigned_abs();
        let micros = missing.div_ceil(self.pacing.as_bps()).max(1);
        Err(Wake { at: now.max(self.refilled) + Duration::from_micros(micros), why: "pacer" })
    }

    fn refill(&mut self, now: Instant) {
        let passed = i64::try_from(now.saturating_since(self.refilled).as_micros()).unwrap_or(i64::MAX);
        let gained = passed.saturating_mul(i64::try_from(self.pacing.as_bps()).unwrap_or(i64::MAX));
        self.tokens = self.tokens.saturating_add(gained).min(self.depth());
        self.refilled = self.refilled.max(now);
    }

    /// The most tokens that can be saved.
    fn depth(&self) -> i64 {
        let bytes = (self.pacing * BURST_TIME).as_bytes().max(1);
        i64::try_from(bytes).unwrap_or(i64::MAX).saturating_mul(BYTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(bps: u64) -> Target {
        Target::plain(Bitrate::from_bps(bps), Bitrate::from_bps(bps))
    }

    fn class(index: u8) -> Class {
        [Class::Audio, Class::Repair, Class::Control, Class::Probe][usize::from(index % 4)]
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_times_the_time_and_the_burst(
            bps in 1_000u64..2_000_000,
            asks in proptest::collection::vec((0u64..200_000, 1u64..1_500, any::<u8>()), 1..200),
        ) {
            let mut now = Instant::from_micros(1_000_000);
            let mut pacer = Pacer::new(&target(bps), now);
            let (start, mut passed, mut largest) = (now, 0, 0);
            for (wait, size, index) in asks {
                now += Duration::from_micros(wait);
                match pacer.permit(DataSize::from_bytes(size), class(index), now) {
                    Ok(()) => { passed += size; largest = largest.max(size); }
                    Err(wake) => prop_assert!(wake.at > now),
                }
                let rate = Bitrate::from_bps(bps);
                let most = (rate * (now.saturating_since(start))).as_bytes() + (rate * BURST_TIME).as_bytes().max(largest) + 2;
                prop_assert!(passed <= most, "{passed} of {most}");
            }
        }

        #[test]
        fn what_waits_until_the_wake_is_permitted(bps in 1u64..2_000_000, size in 1u64..60_000, first in 1u64..60_000, index: u8) {
            let now = Instant::from_micros(77);
            let mut pacer = Pacer::new(&target(bps), now);
            while pacer.permit(DataSize::from_bytes(first), Class::Audio, now).is_ok() {}
            if let Err(wake) = pacer.permit(DataSize::from_bytes(size), class(index), now) {
                prop_assert!(pacer.permit(DataSize::from_bytes(size), class(index), wake.at).is_ok());
            }
        }
    }

    #[test]
    fn audio_at_the_wire_rate_never_waits_even_beside_greedy_others() {
        for (ptime, size) in [(20, 120), (40, 240), (60, 360)] {
            // The controller paces half above the wire rate.
            let mut now = Instant::from_millis(0);
            let mut pacer = Pacer::new(&target(72_000), now);
            for _ in 0..500 {
                while pacer.permit(DataSize::from_bytes(100), Class::Repair, now).is_ok() {}
                let allowed = pacer.permit(DataSize::from_bytes(size), Class::Audio, now);
                now += Duration::from_millis(ptime / 2);
                assert!(allowed.is_ok() || now.as_micros() <= ptime * 2_000, "{ptime} ms");
                while pacer.permit(DataSize::from_bytes(100), Class::Probe, now).is_ok() {}
                now += Duration::from_millis(ptime / 2);
            }
        }
    }

    #[test]
    fn three_packets_of_a_late_device_leave_together() {
        let mut pacer = Pacer::new(&target(72_000), Instant::default());
        for _ in 0..3 {
            assert_eq!(pacer.permit(DataSize::from_bytes(120), Class::Audio, Instant::default()), Ok(()));
        }
    }

    #[test]
    fn time_that_goes_back_gives_nothing() {
        let mut pacer = Pacer::new(&target(8_000), Instant::from_millis(1_000));
        let packet = DataSize::from_bytes(60);
        assert!(pacer.permit(packet, Class::Audio, Instant::from_millis(1_000)).is_ok());
        for ms in [0, 1_000, 500] {
            let wake = pacer.permit(packet, Class::Audio, Instant::from_millis(ms)).unwrap_err();
            assert_eq!(wake.at, Instant::from_millis(1_060));
        }
    }
}
