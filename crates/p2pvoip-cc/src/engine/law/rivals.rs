//! Queues that others fill: known by drains that do not help, and shared as TCP shares them.

use super::Law;
use super::drain::OWN;
use super::signals::{Limits, Signals, part};
use crate::controller::Phase;
use crate::moment::Moment;
use p2pvoip_core::Instant;

/// A queue above this, in microseconds, may be of others.
pub(super) const LONG: u64 = 60_000;
/// After so many drains that left the queue standing, it is not ours.
const FUTILE: u32 = 3;
/// A rate that competes with TCP rises by 0.53 packets a round trip each round trip, and falls by 0.3 at a loss: as much
/// throughput as NewReno (Floyd, Handley and Padhye 2000, section 3: a = 3 (1 - b) / (1 + b)).
const FRIENDLY_RISE: u64 = 53;
/// What is kept of the rate at a loss while competing, in parts in a hundred.
const FRIENDLY_FALL: u64 = 70;
/// The packet that TCP counts in, in bits.
const TCP_PACKET: u64 = 12_000;
/// For so long it is remembered that others fill the queue at times, in microseconds: two sawteeth of a TCP.
const RIVALS_REMEMBERED: u64 = 20_000_000;
/// While competing it is asked whether the queue is still of others after this, in microseconds; then after twice as long ...
const ASKED_FIRST: u64 = 5_000_000;
/// ... and so on up to this. That is not reached: a wait is forgotten with the rivals, after [`RIVALS_REMEMBERED`], so that
/// the waits are 5, 10, 20 and again 5 s.
const ASKED_LAST: u64 = 20_000_000;
/// More is sent than is delivered for so long: that is no rival's doing, in microseconds.
const OVERLOADED: u64 = 1_000_000;
/// A queue that others filled must be gone for this long.
const GONE: u64 = 500_000;

/// Estimator: whether others fill the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rivals {
    /// When they last did.
    seen: Moment,
    /// Drains in a row that left a long queue standing, and the queue at the first.
    failed: u32,
    /// They go on.
    drains: bool,
    stood: u64,
    /// The rate before these.
    before: u64,
    /// When it is asked anew whether the queue is still of others, and how long that was put off.
    asks: Moment,
    put_off: u64,
    /// Since when less is delivered than is sent.
    overload: Moment,
}

impl Rivals {
    pub(super) const fn new(rate: u64) -> Self {
        Self {
            seen: Moment::NONE,
            failed: 0,
            drains: false,
            stood: 0,
            before: rate,
            asks: Moment::NONE,
            put_off: 0,
            overload: Moment::NONE,
        }
    }

    /// Whether others filled the queue lately.
    pub(super) const fn are_known(&self) -> bool {
        self.seen.is_set()
    }

    /// The queue was ours: it has gone by what was sent less.
    pub(super) const fn refute(&mut self) {
        (self.seen, self.failed, self.drains, self.put_off) = (Moment::NONE, 0, false, 0);
    }

    /// All that was sent came, and less of it hardly made the queue shorter: that drain counts twice.
    pub(super) const fn count_again(&mut self) {
        self.failed += 1;
    }

    /// A queue was met while none is drained: half of the one that stood has gone.
    pub(super) const fn on_queue(&mut self, queue: u64) {
        if queue <= self.stood / 2 {
            (self.failed, self.drains) = (0, false);
        }
    }

    /// Whether it is time to ask anew of whom the queue is.
    const fn is_to_ask(&self, now: Instant) -> bool {
        self.asks.is_before(now, 1)
    }

    /// It is asked by a drain; one that changes nothing is enough to go on at `rate`.
    const fn ask(&mut self, queue: u64, rate: u64) {
        (self.before, self.stood, self.failed, self.drains) = (rate, queue, FUTILE, true);
    }

    /// `queue` is to be drained from `rate` on, `again` after a drain that was judged futile, or anew. The rate that was
    /// before, when that has proved futile often enough.
    ///
    /// A queue that is `ours` proves nothing about others.
    pub(super) fn on_drain(
        &mut self,
        queue: u64,
        rate: u64,
        (again, ours): (bool, bool),
        now: Instant,
    ) -> Option<u64> {
        if self.seen.is_before(now, RIVALS_REMEMBERED) {
            (self.seen, self.put_off) = (Moment::NONE, 0);
        }
        let (long, futile) = if self.are_known() { (LONG / 2, 1) } else { (LONG, FUTILE) };
        if !self.drains || queue <= long || ours {
            (self.before, self.stood, self.failed, self.drains) = (rate, queue, 0, true);
        }
        self.failed += u32::from(again);
        if self.failed < futile {
            return None;
        }
        self.drains = false;
        (self.failed, self.seen) = (0, Moment::at(now));
        self.put_off = (2 * self.put_off).clamp(ASKED_FIRST, ASKED_LAST);
        (self.asks, self.overload) = (Moment::at(now).later(self.put_off), Moment::NONE);
        Some(part(self.before, FRIENDLY_FALL, 100))
    }
}

impl Law {
    /// Others fill the queue: the rate follows losses as that of TCP does.
    pub(super) fn compete(&mut self, signals: &Signals, limits: Limits, step: u64, now: Instant) {
        if signals.queue <= self.limit_of_queue {
            self.free.or_set(now);
            if self.free.is_before(now, GONE) {
                self.rivals.seen = Moment::at(now);
                (self.phase, self.ceiling) = (Phase::Growing, Some(self.rate));
            }
            return;
        }
        (self.free, self.rivals.seen) = (Moment::NONE, Moment::at(now));
        let ours = self.overloads(signals, now);
        if ours || self.rivals.is_to_ask(now) {
            self.rivals.ask(signals.queue, self.rate);
            return self.drain_own(signals, ours, limits, now);
        }
        let due = self.cut.is_before(now, signals.rtt);
        if signals.lost > 0 && due {
            self.cut = Moment::at(now);
            self.rate = part(self.rate, FRIENDLY_FALL, 100).max(limits.floor.min(self.rate));
        } else {
            // Bits a second each second: a packet's part over the round trip squared.
            let rtt_ms = (signals.rtt / 1_000).max(1);
            let rise = TCP_PACKET * FRIENDLY_RISE * 10_000 / (rtt_ms * rtt_ms);
            let risen = self.rate + part(rise.min(limits.most), step, 1_000_000);
            // As when growing: no more than what is really sent proves.
            self.rate = risen.min(signals.claim(self.rate)).max(self.rate);
        }
    }

    /// Far more is sent than arrives, for long: TCP takes its share by loss, and does not let that happen. The rate is then
    /// what arrives.
    fn overloads(&mut self, signals: &Signals, now: Instant) -> bool {
        let [.., delivered] = signals.delivered;
        let Some(came) = delivered.zip(signals.sent).filter(|(came, sent)| *came < part(*sent, OWN, 100))
        else {
            self.rivals.overload = Moment::NONE;
            return false;
        };
        self.rivals.overload.or_set(now);
        let lasts = self.rivals.overload.is_before(now, OVERLOADED.max(2 * signals.rtt));
        if lasts {
            self.rate = self.rate.min(came.0);
        }
        lasts
    }
}
