//! One connectivity check, frozen when it is made, and the schedule of its repetitions (RFC 8489 section 6.2.1).
//!
//! # Timers
//! - The next repetition: after RTO, then after twice the time before, seven sends in all; the end is 16 RTO after the last.
//! - On a pair that the peer is known to be at: every RTO, forty sends in all. Backing off serves to spare a way that may
//!   be congested or lead nowhere; here it would only let a few lost packets delay a call by many seconds.

use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::Instant;

use crate::stun::TransactionId;

/// The least RTO (RFC 8489 section 6.2.1, RFC 8445 section 14.3).
pub(crate) const MIN_RTO: Duration = Duration::from_millis(500);
/// Rc, how often a request is sent in all (RFC 8489 section 6.2.1).
const SENDS: u8 = 7;
/// How often a request is sent in all when the peer is known to be there: 20 s at the least RTO.
const STEADY_SENDS: u8 = 40;
/// Rm, how many RTO the last send is waited for (RFC 8489 section 6.2.1).
const LAST_WAIT: u32 = 16;

/// All that the bytes of a connectivity check are made from, but for the credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) id: TransactionId,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) priority: u32,
    pub(crate) controlling: bool,
    pub(crate) tie_breaker: u64,
    pub(crate) nominate: bool,
}

/// When a request is sent again, and when it has failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    first: Instant,
    rto: Duration,
    sends: u8,
    steady: bool,
    next: Instant,
}

impl Schedule {
    /// Of a request that is sent now for the first time, and backs off.
    pub(crate) fn start(rto: Duration, now: Instant) -> Self {
        Self { first: now, rto, sends: 1, steady: false, next: now + rto }
    }

    /// Of a request that is sent now for the first time to where the peer is known to be.
    pub(crate) fn steady(rto: Duration, now: Instant) -> Self {
        Self { steady: true, ..Self::start(rto, now) }
    }

    /// When [`Schedule::step`] is due.
    pub(crate) const fn next_at(&self) -> Instant {
        self.next
    }

    /// The time has come: true to send again, false when the request has failed.
    pub(crate) fn step(&mut self, now: Instant) -> bool {
        if self.sends == if self.steady { STEADY_SENDS } else { SENDS } {
            return false;
        }
        let wait = match self.sends + 1 {
            _ if self.steady => 1,
            SENDS => LAST_WAIT,
            _ => 1 << self.sends,
        };
        self.sends += 1;
        self.next = now + self.rto * wait;
        true
    }

    /// The round trip time by an answer that comes now; unknown when it may answer one of several sends.
    pub(crate) fn rtt(&self, now: Instant) -> Option<Duration> {
        (self.sends == 1).then(|| now.saturating_since(self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_seven_times_and_fails_after_39_and_a_half_seconds() {
        let mut now = Instant::from_millis(1_000);
        let mut schedule = Schedule::start(MIN_RTO, now);
        let mut sends = vec![0];
        loop {
            now = schedule.next_at();
            if !schedule.step(now) {
                break;
            }
            sends.push(now.as_micros() / 1_000 - 1_000);
        }
        // The example of RFC 8489 section 6.2.1.
        assert_eq!(sends, [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
        assert_eq!(now, Instant::from_millis(40_500));
    }

    #[test]
    fn where_the_peer_is_known_to_be_it_does_not_back_off() {
        let mut schedule = Schedule::steady(MIN_RTO, Instant::from_millis(0));
        for send in 1..40 {
            let now = schedule.next_at();
            assert_eq!(now, Instant::from_millis(send * 500));
            assert!(schedule.step(now));
        }
        assert_eq!(schedule.next_at(), Instant::from_millis(20_000));
        assert!(!schedule.step(schedule.next_at()));
    }

    #[test]
    fn measures_only_what_was_sent_once() {
        let now = Instant::from_millis(0);
        let mut schedule = Schedule::start(MIN_RTO, now);
        assert_eq!(schedule.rtt(Instant::from_millis(80)), Some(Duration::from_millis(80)));
        assert!(schedule.step(schedule.next_at()));
        assert_eq!(schedule.rtt(Instant::from_millis(580)), None);
    }
}
