//! The circuit breaker of a flow (RFC 8083): stops what control could not help, and tries whether the path is back.
//!
//! # Timers
//! - media timeout (section 4.1 and 4.2): no news for [`MEDIA_TIMEOUT`] while packets leave.
//! - congestion (section 4.3): loss and round trip under which the flow takes more than ten times what TCP would, for
//!   [`INTERVAL`] or ten round trips. First to the least rate, then open.
//! - trial (section 4.5): while it is open one packet may leave, [`FIRST_TRIAL`] after it opened (after congestion:
//!   [`INTERVAL`]), and each time after twice the wait, at most [`RAREST_TRIAL`].
//!
//! # Left out
//! - Media usability (section 4.4): telemetry judges that, with the person who listens.

use crate::Fixed;
use crate::fixed::low_u32;
use crate::moment::Moment;
use crate::target::Breaker;
use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant};

/// Without news for this long, in microseconds, the path is dead: the longest interval over which RFC 8083 section 4.3 averages.
const MEDIA_TIMEOUT: u64 = 15_000_000;
/// The least time in microseconds for which congestion must last: RFC 8083 asks for three reports of up to 5 s and ten round
/// trips. As long at least the flow stays stopped after it (section 4.5).
const INTERVAL: u64 = 15_000_000;
/// From the end of a path until its first trial, in microseconds: a packet a second is below the one in a round trip that TCP
/// keeps sending, whatever the round trip of a call.
const FIRST_TRIAL: u64 = 1_000_000;
/// The longest wait between trials, in microseconds: as long as consent to send lasts (RFC 7675 section 5.1).
const RAREST_TRIAL: u64 = 30_000_000;

/// What the breaker does, and what it needs for that.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The flow goes on; since when it meets congestion.
    Closed { congested: Moment },
    /// It goes on at the least rate; since when that is, or is not, clear of congestion.
    Reduced { clear: bool, since: Moment },
    /// It has stopped.
    Open(Stop),
}

/// A flow that has stopped.
#[derive(Clone, Copy, Debug)]
struct Stop {
    /// When the next trial may leave, and how long that was waited for, in microseconds.
    next: Moment,
    wait: u32,
    /// A trial may leave now.
    trying: bool,
    /// It stopped because of congestion, and not for want of news.
    congested: bool,
}

/// Estimator: the state of the breaker.
#[derive(Clone, Copy, Debug)]
pub(super) struct CircuitBreaker {
    state: State,
}

impl CircuitBreaker {
    pub(super) const fn new() -> Self {
        Self { state: State::Closed { congested: Moment::NONE } }
    }

    pub(super) const fn state(&self) -> Breaker {
        match self.state {
            State::Closed { .. } => Breaker::Closed,
            State::Reduced { .. } => Breaker::Reduced,
            State::Open(Stop { trying: true, .. }) => Breaker::Trial,
            State::Open(_) => Breaker::Open,
        }
    }

    /// Whether the flow has stopped.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// A packet leaves: if it is a trial, the next one has to wait twice as long.
    pub(super) fn on_sent(&mut self, now: Instant) {
        if let State::Open(stop) = &mut self.state
            && stop.trying
        {
            stop.trying = false;
            stop.wait = stop.wait.saturating_mul(2).min(low_u32(RAREST_TRIAL));
            stop.next = Moment::at(now).later(u64::from(stop.wait));
        }
    }

    /// Time passes, in which news has been awaited for so many microseconds while packets left.
    pub(super) fn on_time(&mut self, waiting: u64, now: Instant) {
        match &mut self.state {
            State::Open(stop) => stop.trying |= has_come(stop.next, now),
            State::Closed { .. } | State::Reduced { .. } if waiting >= MEDIA_TIMEOUT => {
                self.state = State::open(now, false);
            }
            State::Closed { .. } | State::Reduced { .. } => {}
        }
    }

    /// A packet was delivered. Whether the flow goes on because of it: a path that was silent has come back, and one that was
    /// congested is tried at the least rate once it has been left alone for long enough.
    pub(super) fn on_news(&mut self, now: Instant) -> bool {
        let State::Open(stop) = self.state else { return false };
        // What was congested delivered packets all the time: only when a trial was due its news tell of another day.
        let back = !stop.congested || has_come(stop.next, now) || u64::from(stop.wait) > INTERVAL;
        if back {
            self.state = if stop.congested {
                State::Reduced { clear: true, since: Moment::at(now) }
            } else {
                State::Closed { congested: Moment::NONE }
            };
        }
        back
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
        let congested = exceeds_tcp_tenfold(loss, rtt, packet, sent);
        self.state = self.state.after(congested, interval, now);
    }
}

impl State {
    /// The flow has stopped now.
    const fn open(now: Instant, congested: bool) -> Self {
        let wait = if congested { INTERVAL } else { FIRST_TRIAL };
        let next = Moment::at(now).later(wait);
        Self::Open(Stop { next, wait: low_u32(wait), trying: false, congested })
    }

    /// What follows when the flow is, or is not, `congested` now, and that lasts for an `interval` in microseconds.
    fn after(self, congested: bool, interval: u64, now: Instant) -> Self {
        let lasts = |since: Moment| since.since(now).is_some_and(|since| since >= interval);
        match self {
            Self::Closed { congested: since } if congested && lasts(since) => {
                Self::Reduced { clear: false, since: Moment::at(now) }
            }
            Self::Closed { congested: mut since } if congested => {
                since.or_set(now);
                Self::Closed { congested: since }
            }
            Self::Reduced { clear, .. } if clear == congested => {
                Self::Reduced { clear: !congested, since: Moment::at(now) }
            }
            Self::Reduced { since, .. } if congested && lasts(since) => Self::open(now, true),
            Self::Reduced { since, .. } if !lasts(since) => self,
            Self::Closed { .. } | Self::Reduced { .. } => Self::Closed { congested: Moment::NONE },
            Self::Open(stop) => Self::Open(stop),
        }
    }
}

fn has_come(moment: Moment, now: Instant) -> bool {
    moment.get().is_some_and(|moment| moment <= now)
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
    extern crate std;

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
        breaker.on_time(14_999_999, at(0));
        assert_eq!(breaker.state(), Breaker::Closed);
        breaker.on_time(15_000_000, at(0));
        assert_eq!(breaker.state(), Breaker::Open);
    }

    /// The moments in ms, looked at ten times a second, at which a packet may leave, and does.
    fn trials(breaker: &mut CircuitBreaker, ms: core::ops::Range<u64>) -> std::vec::Vec<u64> {
        let tries = |ms: &u64| {
            breaker.on_time(u64::MAX, at(*ms));
            let tries = breaker.state() == Breaker::Trial;
            breaker.on_sent(at(*ms));
            assert_eq!(breaker.state(), Breaker::Open, "one packet");
            tries
        };
        ms.step_by(100).filter(tries).collect()
    }

    #[test]
    fn a_silent_path_is_tried_ever_more_seldom() {
        let mut breaker = CircuitBreaker::new();
        breaker.on_time(15_000_000, at(0));
        let trials = trials(&mut breaker, 0..125_000);
        assert_eq!(trials, [1, 3, 7, 15, 31, 61, 91, 121].map(|s| 1_000 * s));
    }

    #[test]
    fn news_of_a_silent_path_closes_it() {
        let mut breaker = CircuitBreaker::new();
        assert!(!breaker.on_news(at(0)), "it was closed");
        breaker.on_time(15_000_000, at(0));
        assert!(breaker.on_news(at(10)));
        assert_eq!(breaker.state(), Breaker::Closed);
    }

    #[test]
    fn congestion_keeps_it_open_for_as_long_as_it_took_and_then_the_least_is_tried() {
        let mut breaker = CircuitBreaker::new();
        run(&mut breaker, 50, 1_000, 0..31);
        assert_eq!(breaker.state(), Breaker::Open);
        assert!(!breaker.on_news(at(44_900)), "packets come, as they did before");
        assert_eq!(trials(&mut breaker, 30_000..80_000), [45_000, 75_000]);
        assert!(breaker.on_news(at(75_100)));
        assert_eq!(breaker.state(), Breaker::Reduced);
        run(&mut breaker, 0, 100, 76..92);
        assert_eq!(breaker.state(), Breaker::Closed);
    }
}
