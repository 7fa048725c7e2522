//! Whether anything is heard of what is sent: silence, the flow's own pauses, and an owner that slept.
//!
//! # Timers
//! - `rate`: time is looked at every [`EVERY`] from the first packet on.

use crate::moment::Moment;
use core::time::Duration;
use p2pvoip_core::{Instant, Wake};

/// How often time is looked at when nothing else happens.
const EVERY: Duration = Duration::from_millis(100);
/// Packets that leave within this are a pair, in microseconds.
const PAIR: u64 = 500;
/// A flow that sent nothing for so long had paused, in microseconds.
const PAUSE: u64 = 1_000_000;
/// After a pause of so long others may have taken what was left, in microseconds: they take a link within seconds.
const LONG_PAUSE: u64 = 5_000_000;

/// How a packet follows the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Follows {
    /// Right behind it: the two are a pair.
    AtOnce,
    Steadily,
    /// After a pause; a `long` one, of a flow that had sent for a while before.
    APause {
        long: bool,
    },
}

/// Estimator: since when news is awaited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hearing {
    /// When the first packet left since the last news.
    waiting: Moment,
    /// When time was last looked at.
    looked: Moment,
    /// When the last packet left, and the first after the last pause.
    last_sent: Moment,
    resumed: Moment,
    /// The first number sent after the owner last slept: no round trip holds that began before.
    awake_from: u64,
}

impl Hearing {
    pub(super) const fn new() -> Self {
        Self {
            waiting: Moment::NONE,
            looked: Moment::NONE,
            last_sent: Moment::NONE,
            resumed: Moment::NONE,
            awake_from: 0,
        }
    }

    /// Whether any packet has left.
    pub(super) const fn has_sent(&self) -> bool {
        self.last_sent.is_set()
    }

    /// The packet of that number leaves.
    pub(super) fn on_sent(&mut self, number: u64, now: Instant) -> Follows {
        self.waiting.or_set(now);
        self.looked.or_set(now);
        let Some(since) = self.last_sent.since(now) else {
            (self.last_sent, self.resumed) = (Moment::at(now), Moment::at(now));
            return Follows::Steadily;
        };
        let sent_for = self.last_sent.get().and_then(|last| self.resumed.since(last)).unwrap_or(0);
        self.last_sent = Moment::at(now);
        if since <= PAIR {
            return Follows::AtOnce;
        }
        if since < PAUSE {
            return Follows::Steadily;
        }
        self.wake(since.min(self.looked.since(now).unwrap_or(0)), number);
        self.resumed = Moment::at(now);
        Follows::APause { long: since >= LONG_PAUSE && sent_for >= PAUSE }
    }

    /// Time is looked at, and the next packet will have the number `next`. For how long news is awaited, in microseconds;
    /// `None` in a pause, since who sends nothing is owed no news.
    pub(super) fn on_time(&mut self, next: u64, now: Instant) -> Option<u64> {
        let idle = self.last_sent.since(now).unwrap_or(0);
        self.wake(idle.min(self.looked.since(now).unwrap_or(0)), next);
        if self.looked.is_set() {
            self.looked = Moment::at(now);
        }
        (idle < PAUSE).then(|| self.waiting.since(now).unwrap_or(0))
    }

    /// Nobody looked for so many microseconds: if they are many the owner slept, and did not wait for news. All from the
    /// number `next` on is sent awake.
    const fn wake(&mut self, slept: u64, next: u64) {
        if slept >= PAUSE {
            self.waiting = self.waiting.later(slept);
            self.awake_from = next;
        }
    }

    /// Something new was told.
    pub(super) const fn on_news(&mut self) {
        self.waiting = Moment::NONE;
    }

    /// What went another way is not waited for.
    pub(super) const fn on_path(&mut self) {
        self.waiting = Moment::NONE;
    }

    /// Whether a round trip of that number is one: its owner was awake.
    pub(super) const fn is_awake(&self, number: u64) -> bool {
        number >= self.awake_from
    }

    /// When time is to be looked at next.
    pub(super) fn next_at(&self) -> Option<Wake> {
        self.looked.get().map(|looked| Wake { at: looked + EVERY, why: "rate" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn a_pause_is_long_when_it_lasts_and_there_was_something_to_pause_from() {
        let mut hearing = Hearing::new();
        for ms in (0..2_000).step_by(20) {
            hearing.on_sent(ms, at(ms));
        }
        assert_eq!(hearing.on_sent(2_000, at(4_000)), Follows::APause { long: false });
        for ms in (4_020..6_000).step_by(20) {
            hearing.on_sent(ms, at(ms));
        }
        assert_eq!(hearing.on_sent(6_000, at(12_000)), Follows::APause { long: true });
        assert_eq!(hearing.on_sent(6_001, at(18_000)), Follows::APause { long: false }, "one packet between");
    }

    #[test]
    fn packets_follow_at_once_steadily_or_after_a_pause() {
        let mut hearing = Hearing::new();
        assert!(!hearing.has_sent() && hearing.next_at().is_none());
        let follows =
            [0, 500, 501_000, 1_501_000].map(|micros| hearing.on_sent(micros, Instant::from_micros(micros)));
        assert_eq!(
            follows,
            [Follows::Steadily, Follows::AtOnce, Follows::Steadily, Follows::APause { long: false }]
        );
        assert!(hearing.has_sent());
        assert_eq!(hearing.next_at().map(|wake| wake.at), Some(at(100)), "a packet is no look at time");
    }

    #[test]
    fn news_is_awaited_from_the_first_packet_after_the_last_news() {
        let mut hearing = Hearing::new();
        assert_eq!(hearing.on_time(0, at(0)), Some(0), "nothing was sent");
        for ms in (0..1_000).step_by(20) {
            hearing.on_sent(ms / 20, at(ms));
            assert_eq!(hearing.on_time(ms / 20 + 1, at(ms)), Some(1_000 * ms));
        }
        hearing.on_news();
        assert_eq!(hearing.on_time(50, at(1_000)), Some(0));
        hearing.on_sent(50, at(1_010));
        hearing.on_path();
        assert_eq!(hearing.on_time(51, at(1_030)), Some(0), "it went another way");
    }

    #[test]
    fn who_pauses_or_sleeps_does_not_wait() {
        let mut hearing = Hearing::new();
        hearing.on_sent(0, at(0));
        for ms in (0..1_000).step_by(100) {
            assert_eq!(hearing.on_time(1, at(ms)), Some(1_000 * ms));
        }
        assert_eq!(hearing.on_time(1, at(1_000)), None, "a pause");
        assert!(hearing.is_awake(0), "in which it was awake");
        hearing.on_sent(1, at(1_050));
        // Nobody looks for five seconds, and what was sent before is 0.1 s without news.
        assert_eq!(
            hearing.on_sent(2, at(6_000)),
            Follows::APause { long: false },
            "nothing had been sent for a while"
        );
        assert!(!hearing.is_awake(1) && hearing.is_awake(2));
        assert_eq!(hearing.on_time(3, at(6_000)), Some(1_050_000));
    }
}
