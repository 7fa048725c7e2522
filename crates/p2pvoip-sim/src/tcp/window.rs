//! The congestion window: slow start, congestion avoidance, and the cut (RFC 5681, RFC 9438).

use std::time::Duration;

use p2pvoip_core::Instant;

use super::cubic::{BETA, Cubic};
use super::{Algorithm, MAX_WINDOW};

/// Segments of the first window (RFC 6928).
const INITIAL: u64 = 10;
/// Segments that a cut leaves at least (RFC 5681 section 3.1).
const LEAST: u64 = 2;

/// How the window grows above the threshold.
#[derive(Clone, Copy, Debug)]
enum Growth {
    /// Bytes that were acknowledged since the last step of one segment.
    NewReno {
        acked: u64,
    },
    Cubic(Cubic),
}

/// Estimator: how many bytes may be under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    mss: u64,
    bytes: u64,
    threshold: u64,
    growth: Growth,
}

impl Window {
    pub(super) fn new(algorithm: Algorithm, mss: u64) -> Self {
        let growth = match algorithm {
            Algorithm::NewReno => Growth::NewReno { acked: 0 },
            Algorithm::Cubic => Growth::Cubic(Cubic::default()),
        };
        Self { mss, bytes: INITIAL * mss, threshold: u64::MAX, growth }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// So many bytes of new data were acknowledged while the window was in use.
    pub(super) fn on_acked(&mut self, acked: u64, round_trip: Duration, now: Instant) {
        if self.bytes < self.threshold {
            self.bytes += acked.min(self.mss);
        } else {
            match &mut self.growth {
                Growth::NewReno { acked: sum } => {
                    *sum += acked;
                    if *sum >= self.bytes {
                        *sum -= self.bytes;
                        self.bytes += self.mss;
                    }
                }
                Growth::Cubic(cubic) => {
                    let (segments, acked) = (ratio(self.bytes, self.mss), ratio(acked, self.mss));
                    self.bytes = bytes(cubic.grown(segments, acked, round_trip, now), self.mss);
                }
            }
        }
        self.bytes = self.bytes.min(MAX_WINDOW);
    }

    /// A loss was found while `flight` bytes were not acknowledged.
    pub(super) fn on_loss(&mut self, flight: u64) {
        self.cut(flight);
        if let Growth::Cubic(cubic) = &mut self.growth {
            cubic.on_loss(ratio(self.bytes, self.mss));
        }
        self.bytes = self.threshold;
    }

    /// The timer fired while `flight` bytes were not acknowledged; `again` when it did so before for the same data.
    pub(super) fn on_timeout(&mut self, flight: u64, again: bool) {
        if !again {
            self.cut(flight);
            if let Growth::Cubic(cubic) = &mut self.growth {
                cubic.on_timeout(ratio(self.bytes, self.mss));
            }
        }
        self.bytes = self.mss;
    }

    fn cut(&mut self, flight: u64) {
        let flight = flight.min(self.bytes);
        let left = match &mut self.growth {
            Growth::NewReno { acked } => {
                *acked = 0;
                flight / 2
            }
            Growth::Cubic(_) => bytes(ratio(flight, self.mss) * BETA, self.mss),
        };
        self.threshold = left.max(LEAST * self.mss);
    }
}

#[expect(clippy::cast_precision_loss, reason = "windows are far below 2^53 bytes")]
fn ratio(bytes: u64, mss: u64) -> f64 {
    bytes as f64 / mss as f64
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a window is positive and far below 2^53 bytes; a conversion of floats saturates"
)]
fn bytes(segments: f64, mss: u64) -> u64 {
    (segments * mss as f64) as u64
}
