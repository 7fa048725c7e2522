//! The circuit breaker of a voice flow (RFC 8083): stops what control could not help.
//!
//! # Timers
//! - media timeout (section 4.1 and 4.2): no news for [`MEDIA_TIMEOUT`] while packets leave.
//! - congestion (section 4.3): loss and round trip under which the flow takes more than ten times what TCP would, for
//!   [`INTERVAL`] or ten round trips. First to the least rate, then open.
//!
//! # Left out
//! - Media usability (section 4.4): telemetry judges that, with the person who listens.

use crate::Fixed;
use crate::moment::Moment;
use crate::target::Breaker;
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant};

/// Without news for this long, in microseconds, the path is dead: the longest interval over which RFC 8083 section 4.3 averages.
const MEDIA_TIMEOUT: u64 = 15_000_000;
/// The least time in microseconds for which congestion must last: RFC 8083 asks for three reports of up to 5 s and ten round trips.
const INTERVAL: u64 = 15_000_000;

/// Estimator: the state of the breaker.
#[derive(Clone, Copy, Debug)]
pub(super) struct CircuitBreaker {
    state: Breaker,
    congested_since: Moment,
    clear_since: Moment,
}

impl CircuitBreaker {
    pub(super) const fn new() -> Self {
        Self { state: Breaker::Closed, congested_since: Moment::NONE, clear_since: Moment::NONE }
    }

    pub(super) const fn state(&self) -> Breaker {
        self.state
    }

    /// News has been awaited for so many microseconds in which packets left.
    pub(super) const fn on_time(&mut self, waiting: u64) {
        if waiting >= MEDIA_TIMEOUT {
            self.state = Breaker::Open;
        }
    }

    /// What feedback shows: the share of packets lost, the round trip, the mean packet and the rate sent.
    pub(super) fn on_feedback(
        &mut self,
        loss: Fixed,
        rtt: Duration,
        packet: DataSize,
        sent: Bitrate,
        now: Instant,
    ) {
        let interval = INTERVAL.max(u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX).saturating_mul(10));
        if exceeds_tcp_tenfold(loss, rtt, packet, sent) {
            self.clear_since = Moment::NONE;
            self.congested_since.or_set(now);
            if !self.congested_since.is_before(now, interval) {
                return;
            }
            self.congested_since = Moment::at(now);
            self.state = if self.state == Breaker::Closed { Breaker::Reduced } else { Breaker::Open };
        } else {
            self.congested_since = Moment::NONE;
            self.clear_since.or_set(now);
            if self.state == Breaker::Reduced && self.clear_since.is_before(now, interval) {
                self.state = Breaker::Closed;
            }
        }
    }
}

/// Whether `sent` is above ten times the TCP throughput `s / (Tr sqrt(2 b p / 3))` with b = 1 (RFC 8083 section 4.3), put
/// without a root: `(sent / 10)^2 Tr^2 2 p / 3 > s^2`.
fn exceeds_tcp_tenfold(loss: Fixed, rtt: Duration, packet: DataSize, sent: Bitrate) -> bool {
    if loss == Fixed::ZERO {
        return false;
    }
    // A tenth of the rate, in bytes a round trip.
    let tenth = (sent * rtt).as_bytes() / 10;
    let size = u128::from(packet.as_bytes());
    let tenth = u128::from(tenth);
    size > 0 && tenth * tenth * 2 * u128::from(loss.bits()) > 3 * size * size * u128::from(Fixed::ONE.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn run(breaker: &mut CircuitBreaker, percent: u64, rtt_ms: u64, seconds: core::ops::Range<u64>) {
        for s in seconds {
            let (rtt, packet) = (Duration::from_millis(rtt_ms), DataSize::from_bytes(200));
            breaker.on_feedback(
                Fixed::ratio(percent, 100),
                rtt,
                packet,
                Bitrate::from_kbps(80),
                at(1_000 * s),
            );
        }
    }

    #[test]
    fn thirty_percent_loss_on_a_usual_path_does_not_trip_it() {
        let mut breaker = CircuitBreaker::new();
        run(&mut breaker, 30, 100, 0..600);
        assert_eq!(breaker.state(), Breaker::Closed);
    }

    #[test]
    fn lasting_congestion_reduces_then_opens() {
        let mut breaker = CircuitBreaker::new();
        run(&mut breaker, 50, 1_000, 0..15);
        assert_eq!(breaker.state(), Breaker::Closed);
        run(&mut breaker, 50, 1_000, 15..30);
        assert_eq!(breaker.state(), Breaker::Reduced);
        run(&mut breaker, 50, 1_000, 30..31);
        assert_eq!(breaker.state(), Breaker::Open);
    }

    #[test]
    fn what_helped_closes_it_again() {
        let mut breaker = CircuitBreaker::new();
        run(&mut breaker, 50, 1_000, 0..16);
        run(&mut breaker, 0, 100, 16..32);
        assert_eq!(breaker.state(), Breaker::Closed);
    }

    #[test]
    fn fifteen_seconds_without_news_open_it() {
        let mut breaker = CircuitBreaker::new();
        breaker.on_time(14_999_999);
        assert_eq!(breaker.state(), Breaker::Closed);
        breaker.on_time(15_000_000);
        assert_eq!(breaker.state(), Breaker::Open);
    }
}
