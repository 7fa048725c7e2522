//! What the receiver tells of itself, for the call's statistics (RFC 3550 section 6.4.1, RFC 3611 section 4.7).

use core::time::Duration;
use p2pvoip_core::Instant;

use crate::frame::TICK_MICROS;

/// Where the sound of a pulled frame came from; of several, what most of its samples are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PlayedKind {
    /// There is nothing to play: before the first packet, or after a second without any.
    Silence,
    /// The frame came.
    Decoded,
    /// The frame was lost and rebuilt from its successor (in-band forward error correction).
    Recovered,
    /// The frame was lost and a copy of it came.
    Copied,
    /// The frame was not there: the codec went on as it could.
    Concealed,
    /// Decoded sound that was shortened or lengthened, to move the playout delay.
    Stretched,
}

/// What [`Receiver::pull`](super::Receiver::pull) gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Played {
    /// Where the sound came from.
    pub kind: PlayedKind,
    /// From the earliest time at which this sound could have been here, had it come the fastest way of late, until now;
    /// zero in silence.
    pub delay: Duration,
    /// The delay that the receiver aims at.
    pub target: Duration,
}

/// Counters since the start, and gauges of now. Packets hold a frame of the sender's packet time; pulls are 10 ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ReceiverStats {
    /// Frames that came themselves, duplicates not counted, late ones included.
    pub received: u64,
    /// Frames that came again.
    pub duplicate: u64,
    /// Frames that came after their moment.
    pub late: u64,
    /// Chunks refused: malformed, too long, or far from where the sender's clock is.
    pub refused: u64,
    /// Frames dropped to hold a limit: of the buffer, or of the delay after a long stall.
    pub dropped: u64,
    /// Frames that were not there themselves when they were due (late ones included).
    pub lost_before_repair: u64,
    /// Of these, rebuilt from the successor.
    pub recovered_fec: u64,
    /// Of these, played from a copy.
    pub recovered_copy: u64,
    /// Frames that came and that the codec could not decode.
    pub undecodable: u64,
    /// Pulls since the first frame was played, silence not counted.
    pub played: u64,
    /// Of these, concealed.
    pub concealed: u64,
    /// Times that a pull was concealed right after one that was not.
    pub concealment_events: u64,
    /// Frames decoded, from their own packet or from a copy.
    pub decoded: u64,
    /// Bytes of payload in those.
    pub decoded_bytes: u64,
    /// Sound in those.
    pub decoded_time: Duration,
    /// Frames that had to be concealed, in whole or in part.
    pub missed: u64,
    /// Time taken out of the sound.
    pub accelerated: Duration,
    /// Time put into the sound.
    pub stretched: Duration,
    /// Times the sender's clock jumped and playing began anew.
    pub resyncs: u64,
    /// From the earliest time that a sound could be here until it is played.
    pub playout_delay: Duration,
    /// The delay that the receiver aims at.
    pub target_delay: Duration,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: Duration,
}

/// Estimator: the interarrival jitter of RFC 3550 section 6.4.1, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Jitter {
    last: Option<(u64, Instant)>,
    /// Sixteen times the jitter, as in the RFC's appendix A.8.
    scaled: u64,
}

impl Jitter {
    pub(super) fn on_arrival(&mut self, media_time: u64, now: Instant) {
        if let Some((time, at)) = self.last {
            let spacing =
                u128::from(now.as_micros()).saturating_add(u128::from(time.saturating_mul(TICK_MICROS)));
            let meant =
                u128::from(at.as_micros()).saturating_add(u128::from(media_time.saturating_mul(TICK_MICROS)));
            // A change of more than ten seconds is a pause or a new clock, not jitter.
            let change = u64::try_from(spacing.abs_diff(meant)).unwrap_or(u64::MAX).min(10_000_000);
            self.scaled = self.scaled + change - (self.scaled + 8) / 16;
        }
        self.last = Some((media_time, now));
    }

    pub(super) fn get(&self) -> Duration {
        Duration::from_micros(self.scaled / 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_converges_to_the_mean_change_of_transit() {
        let mut jitter = Jitter::default();
        for n in 0..400u64 {
            jitter.on_arrival(n * 8, Instant::from_millis(100 + n * 20 + (n % 2) * 10));
        }
        assert!(
            jitter.get().abs_diff(Duration::from_millis(10)) < Duration::from_micros(100),
            "{:?}",
            jitter.get()
        );
    }

    #[test]
    fn wild_times_do_not_overflow() {
        let mut jitter = Jitter::default();
        for (time, at) in [(0, 0), (u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX)] {
            jitter.on_arrival(time, Instant::from_micros(at));
        }
        assert!(jitter.get() <= Duration::from_secs(10));
    }
}
