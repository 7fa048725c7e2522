//! What happens by itself: what follows from the answers so far, and what is due.

use core::net::SocketAddr;

use p2pvoip_core::{Instant, Wake};

use super::ask::{Asking, Purpose};
use super::{Discovery, Event, FIRE_INTENTS, Intent, alternate};

impl Discovery {
    /// Settles what follows from the last change and fires what is due, until nothing is or the outbox has no room.
    pub(super) fn fire(&mut self, now: Instant) {
        while !self.done && self.outbox.require(FIRE_INTENTS).is_ok() {
            self.settle(now);
            if self.done || !self.fire_one(now) {
                return;
            }
        }
    }

    /// Repeats or gives up one question that is due; false when none is.
    fn fire_one(&mut self, now: Instant) -> bool {
        let due = |asking: &&mut Asking| asking.next_at().is_some_and(|at| at <= now);
        let Some(asking) = self.questions.iter_mut().find(due) else { return false };
        let ask = asking.ask;
        if asking.step(now) {
            self.queue(Intent::Ask(ask));
        } else {
            self.tell_server(ask.purpose);
        }
        true
    }

    fn settle(&mut self, now: Instant) {
        self.begin_probe(now);
        self.begin_hairpin(now);
        self.tell_verdicts();
        if !self.questions.iter().any(Asking::is_open) {
            self.done = true;
            self.queue(Intent::Tell(Event::Done));
        }
    }

    /// Once a server has named its other address: the tests that need it, all at once. Those of filtering leave from a
    /// socket of their own, since each packet to the other address would open the way that they ask about.
    fn begin_probe(&mut self, now: Instant) {
        if self.probe.is_some() {
            return;
        }
        let named = |asking: &Asking| {
            let is_stun = matches!(asking.ask.purpose, Purpose::Stun(_));
            Some((asking.ask.remote, self.other_of(asking).filter(|_| is_stun)?, asking.mapped()?))
        };
        let Some((server, other, mapped)) = self.questions.iter().find_map(named) else { return };
        self.probe = Some(server);
        let (mapping, filtering) = (self.config.mapping, self.config.filtering);
        self.ask(Purpose::Control, filtering, server, server, now);
        self.ask(Purpose::FilterBoth, filtering, server, other, now);
        self.ask(Purpose::FilterPort, filtering, server, SocketAddr::new(server.ip(), other.port()), now);
        if mapped != mapping {
            let address = SocketAddr::new(other.ip(), server.port());
            self.ask(Purpose::MapAddress, mapping, address, address, now);
            self.ask(Purpose::MapBoth, mapping, other, other, now);
        }
    }

    /// Once the external addresses of both sockets are known: each sends to that of the other.
    fn begin_hairpin(&mut self, now: Instant) {
        let Some(probe) = self.probe.filter(|_| self.questions.of(Purpose::HairpinThere).is_none()) else {
            return;
        };
        let (mapping, filtering) = (self.config.mapping, self.config.filtering);
        let first = self.questions.iter().find(|asking| asking.ask.remote == probe);
        let ends =
            first.and_then(Asking::mapped).zip(self.questions.of(Purpose::Control).and_then(Asking::mapped));
        let Some((to_mapping, to_filtering)) = ends.filter(|(there, _)| *there != mapping) else { return };
        let may = |told, local| alternate::may_send(told, probe, local);
        if may(to_mapping, filtering) && may(to_filtering, mapping) {
            self.ask(Purpose::HairpinThere, filtering, to_mapping, to_mapping, now);
            self.ask(Purpose::HairpinBack, mapping, to_filtering, to_filtering, now);
        }
    }

    /// Tells what has become certain, and lets go of questions that nobody needs an answer to any more.
    fn tell_verdicts(&mut self) {
        let (local, probe) = (self.config.mapping, self.probe);
        if let Some(mapping) = self.questions.mapping(local, probe).filter(|_| !self.told.mapping) {
            self.told.mapping = true;
            self.questions.drop_open(Purpose::MapBoth);
            self.queue(Intent::Tell(Event::Mapping(mapping)));
        }
        if let Some(filtering) = self.questions.filtering(probe).filter(|_| !self.told.filtering) {
            self.told.filtering = true;
            self.questions.drop_open(Purpose::FilterPort);
            self.queue(Intent::Tell(Event::Filtering(filtering)));
        }
        if let Some(hairpin) = self.questions.hairpin().filter(|_| !self.told.hairpin) {
            self.told.hairpin = true;
            self.questions.drop_open(Purpose::HairpinThere);
            self.questions.drop_open(Purpose::HairpinBack);
            self.queue(Intent::Tell(Event::Hairpin(hairpin)));
        }
    }

    pub(super) fn wake(&self) -> Option<Wake> {
        let next = self.questions.iter().filter_map(Asking::next_at).min();
        next.filter(|_| !self.done).map(|at| Wake { at, why: "repeat" })
    }
}
