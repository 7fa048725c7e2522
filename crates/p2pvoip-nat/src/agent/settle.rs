//! What follows from the facts: the end of gathering, the nomination, the route, and when to give up.
//!
//! Everything here may be done again at any time without effect, so it waits for room in the outbox like a timer.

use p2pvoip_core::Instant;

use super::{Agent, Event};
use crate::candidate::Kind;
use crate::checklist::CheckList;
use crate::consent::Consent;
use crate::pair::{Pair, PairId};
use crate::route::{Prefix, Route, RouteKind};
use crate::turn::way::Way;

/// Numbers of paths: what the feedback of congestion control has room for.
const PATHS: u8 = 8;

impl Agent {
    /// Draws all conclusions. Makes at most two intents: the end of gathering, and a route or an end.
    pub(super) fn settle(&mut self, now: Instant) {
        let gathered = self.gatherer.is_done() && self.relays.is_done();
        if gathered && !self.completion.done_told {
            self.completion.done_told = true;
            self.say(Event::GatheringDone);
        }
        let complete = gathered && self.completion.remote_ended;
        if complete && self.peer.is_some() && self.completion.complete_since.is_none() {
            self.completion.complete_since = Some(now);
        }
        if self.controlling()
            && let Some(id) = self.nomination.choose(&self.list, complete, now)
        {
            if let Some(pair) = self.list.get_mut(id) {
                pair.nominate = true;
            }
            self.list.trigger(id);
        }
        self.settle_route(now);
    }

    /// When the controlling agent stops waiting for a better pair.
    pub(super) fn nomination_at(&self) -> Option<Instant> {
        if self.controlling() { self.nomination.next_at() } else { None }
    }

    /// When the agent fails if nothing works until then.
    pub(super) fn give_up_at(&self) -> Option<Instant> {
        let since = self.peer.as_ref().filter(|_| self.route.is_none())?.since;
        let at = since + self.config.give_up_after;
        Some(self.completion.complete_since.map_or(at, |complete| at.min(complete + self.config.patience)))
    }

    /// A nomination is complete (RFC 8445 section 8.1.2).
    pub(super) fn select(&mut self, id: PairId, now: Instant) {
        self.nomination.select(id);
        if let Some(pair) = self.list.get(id) {
            self.list.prune_below(pair.priority);
        }
        if let Some(peer) = &self.peer {
            self.stats.nominated_after.get_or_insert(now.saturating_since(peer.since));
        }
    }

    /// The last event: nothing is sent and nothing is heard any more.
    pub(super) fn end(&mut self, event: Event) {
        self.stop();
        self.say(event);
    }

    /// Nothing is sent and nothing is heard any more, but for the farewells to relays.
    pub(super) fn stop(&mut self) {
        self.ended = true;
        self.route = None;
        self.consent = None;
        self.list = CheckList::default();
        self.leave_relays();
    }

    /// The nominated pair is the route, or else the best that works. Whoever is the route needs consent.
    fn settle_route(&mut self, now: Instant) {
        let selected = self.nomination.selected().and_then(|id| self.list.get(id));
        let best = selected.filter(|pair| self.takes_media(pair)).or_else(|| {
            self.list.iter().filter(|pair| self.takes_media(pair)).max_by_key(|pair| pair.priority)
        });
        let Some(id) = best.map(|pair| pair.id) else {
            // All that worked has failed since, so nobody consents any more.
            if self.route.is_some() && self.list.best_valid().is_none() {
                self.end(Event::ConsentLost);
            }
            return;
        };
        let Some(route) = self.route_of(id) else { return };
        let before = self.route.replace((id, route));
        let told =
            before.is_some_and(|(old_id, old)| old_id == id && Route { rtt: route.rtt, ..old } == route);
        if !told {
            self.say(Event::Route(route));
        }
        if self.consent.as_ref().is_none_or(|consent| consent.pair() != id) {
            self.start_consent(id, now);
        }
        if let Some(peer) = &self.peer {
            self.stats.first_route_after.get_or_insert(now.saturating_since(peer.since));
        }
    }

    fn start_consent(&mut self, id: PairId, now: Instant) {
        let Some(proven) = self.list.get(id).and_then(|pair| pair.valid).map(|valid| valid.proven) else {
            return;
        };
        let (every, lasts) = (self.config.consent_every, self.config.consent_for);
        self.consent = Some(Consent::start(id, every, lasts, proven, &mut self.dice.consent, now));
    }

    /// Whether a pair works, and media has a way on it: through a relay of ours that is a channel, never an indication.
    fn takes_media(&self, pair: &Pair) -> bool {
        pair.valid.is_some()
            && matches!(
                self.way(pair.ends.local, pair.ends.remote),
                Some(Way::Direct { .. } | Way::Channel { .. })
            )
    }

    /// The route of a pair that works. Its path has a number from now on.
    fn route_of(&mut self, id: PairId) -> Option<Route> {
        let ends = self.list.get(id)?.ends;
        let way = self.way(ends.local, ends.remote)?;
        let prefix = match way {
            Way::Channel { channel, .. } => Prefix::channel(channel),
            Way::Direct { .. } | Way::Send { .. } => Prefix::EMPTY,
        };
        let pair = self.list.get_mut(id)?;
        let valid = pair.valid?;
        let path = *pair.path.get_or_insert_with(|| {
            let path = self.paths % PATHS;
            self.paths = self.paths.wrapping_add(1);
            path
        });
        let remote_kind =
            self.remotes.get(pair.ends.remote).map_or(Kind::PeerReflexive, |remote| remote.kind);
        let relayed = valid.local_kind == Kind::Relayed || remote_kind == Kind::Relayed;
        let (local, remote) = way.ends();
        Some(Route {
            path,
            local,
            remote,
            kind: if relayed { RouteKind::Relayed } else { RouteKind::Direct },
            local_kind: valid.local_kind,
            remote_kind,
            nominated: pair.nominated,
            rtt: valid.rtt,
            prefix,
        })
    }
}
