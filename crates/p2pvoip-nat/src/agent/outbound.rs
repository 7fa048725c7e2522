//! What the agent does by itself: firing what is due, one thing at a time, as long as the outbox has room.

use p2pvoip_core::{Instant, Wake};

use super::intent::Intent;
use super::{Agent, Event, FIRE_INTENTS, earlier};
use crate::check::{Check, MIN_RTO, Schedule};
use crate::consent::Due;
use crate::error::Failure;
use crate::pair::PairId;

/// Ta: when the next new transaction may start, and whose turn it is (RFC 8445 section 14.2).
#[derive(Clone, Copy)]
pub(super) struct Pacer {
    next: Instant,
    query_had_the_last: bool,
}

impl Pacer {
    pub(super) const fn new(now: Instant) -> Self {
        Self { next: now, query_had_the_last: false }
    }
}

impl Agent {
    /// Settles what follows from the last change and fires what is due, until nothing is or the outbox has no room.
    pub(super) fn fire(&mut self, now: Instant) {
        while !self.ended && self.outbox.require(FIRE_INTENTS).is_ok() {
            self.settle(now);
            if self.ended || !self.fire_one(now) {
                return;
            }
        }
    }

    /// When [`Agent::fire`] has something to do, and why.
    pub(super) fn wake(&self) -> Option<Wake> {
        if self.ended {
            return None;
        }
        let wake = earlier(None, self.wants_slot().then_some(self.pacer.next), "pace");
        let wake = earlier(wake, self.list.next_at(), "repeat a check");
        let wake = earlier(wake, self.gatherer.next_at(), "repeat a query");
        let wake = earlier(wake, self.relays.next_at(), "relay");
        let wake = earlier(wake, self.nomination_at(), "nominate");
        let wake = earlier(wake, self.consent.as_ref().map(crate::consent::Consent::next_at), "consent");
        earlier(wake, self.give_up_at(), "give up")
    }

    /// Fires one thing that is due; false when nothing is.
    fn fire_one(&mut self, now: Instant) -> bool {
        if self.give_up_at().is_some_and(|at| at <= now) {
            self.end(Event::Failed(Failure::NoPath));
        } else if let Some(due) = self.consent.as_ref().and_then(|consent| consent.due(now)) {
            match due {
                Due::Lost => self.end(Event::ConsentLost),
                Due::Check => self.check_consent(now),
            }
        } else if let Some(pair) = self.list.due(now) {
            let repeated =
                pair.open.as_mut().and_then(|(check, schedule)| schedule.step(now).then_some(*check));
            match repeated {
                Some(check) => self.send_check(check),
                None => pair.give_up(),
            }
        } else if self.gatherer.next_at().is_some_and(|at| at <= now) {
            if let Some(query) = self.gatherer.repeat(now) {
                self.stats.server_requests += 1;
                self.queue(Intent::Query(query));
            }
        } else if let Some((relay, outcome)) = self.relays.fire(now) {
            self.on_relay(relay, outcome);
        } else if self.wants_slot() && self.pacer.next <= now {
            self.pacer.next = now + self.config.ta;
            self.start_next(now);
        } else {
            return false;
        }
        true
    }

    /// Whether a new transaction waits for its slot.
    fn wants_slot(&self) -> bool {
        self.gatherer.has_next() || self.peer.is_some() && self.list.has_next()
    }

    /// Starts one new transaction: queries and checks take turns, so that neither waits for all of the other.
    fn start_next(&mut self, now: Instant) {
        let check_waits = self.peer.is_some() && self.list.has_next();
        if self.gatherer.has_next() && !(check_waits && self.pacer.query_had_the_last) {
            self.pacer.query_had_the_last = true;
            if let Some(query) = self.gatherer.start_next(now) {
                self.stats.server_requests += 1;
                self.queue(Intent::Query(query));
            }
        } else {
            self.pacer.query_had_the_last = false;
            if let Some(id) = self.list.take_next() {
                self.start_check(id, now);
            }
        }
    }

    /// Sends a first check on a pair (RFC 8445 section 7.2.4).
    fn start_check(&mut self, id: PairId, now: Instant) {
        let unsettled = u32::try_from(self.list.unsettled().count()).unwrap_or(u32::MAX);
        let rto = MIN_RTO.max(self.config.ta.saturating_mul(unsettled));
        let nominate = self.controlling() && self.list.get(id).is_some_and(|pair| pair.nominate);
        let Some(check) = self.draw_check(id, nominate) else { return };
        if let Some(pair) = self.list.get_mut(id) {
            // A pair that works needs no further check but to be nominated.
            if pair.valid.is_some() && !nominate {
                return;
            }
            let known = pair.heard || pair.valid.is_some();
            pair.start(check, if known { Schedule::steady(rto, now) } else { Schedule::start(rto, now) });
        }
        self.send_check(check);
    }

    fn check_consent(&mut self, now: Instant) {
        let id = self.consent.as_ref().map(crate::consent::Consent::pair);
        let Some(check) = id.and_then(|id| self.draw_check(id, false)) else { return };
        if let Some(consent) = &mut self.consent {
            consent.on_check(check.id, &mut self.dice.consent, now);
        }
        if let Some(way) = self.way(check.local, check.remote) {
            self.stats.consent_sent += 1;
            self.queue(Intent::Check(check, way));
        }
    }

    fn send_check(&mut self, check: Check) {
        if let Some(way) = self.way(check.local, check.remote) {
            self.stats.checks_sent += 1;
            self.queue(Intent::Check(check, way));
        }
    }

    /// A check with a new transaction id.
    fn draw_check(&mut self, id: PairId, nominate: bool) -> Option<Check> {
        let ends = self.list.get(id)?.ends;
        Some(Check {
            id: self.dice.checks.array(),
            local: ends.local,
            remote: ends.remote,
            priority: ends.learnt_priority,
            controlling: self.controlling(),
            tie_breaker: self.own.tie_breaker,
            nominate,
        })
    }
}
