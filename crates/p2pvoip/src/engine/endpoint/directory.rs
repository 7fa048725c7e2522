//! A directory that is no server's: whereabouts are published while we listen, and looked up when a card's server is of no use.
//!
//! The owner carries each question to a directory and what came of it back; the engine does not care which directory it is.
//!
//! # Timers
//! - `whereabouts`: published anew after [`REFRESH_LEAST`] and up to [`REFRESH_SPREAD`] more, at random, so that the minute of the
//!   hour does not tell one publisher from another; after [`RETRY`] when no place took them.
//! - `findable`: nobody can find us any more when the day is over whose record was taken last, and [`whereabouts::DAY_SKEW`] more.
//! - `patience`: a lookup begins when the card's server has not answered for [`PATIENCE`].
//! - `lookup`: it has found nothing when it took [`LOOKUP_WAIT`].

use core::time::Duration;

use p2pvoip_core::{Instant, Machine, Seed, UnixTime, Wake};
use p2pvoip_dht::{Outcome, Record};
use p2pvoip_signal::EndReason;

use super::dialing::Stage;
use super::search::{Search, Step};
use super::{CallKey, Endpoint, Entry, Event, Refused};
use crate::engine::call;
use crate::engine::whereabouts::{self, DAY_SKEW, Whereabouts};
use crate::event::Lookup;
use crate::server_url::ServerUrl;

/// The shortest time between two publications.
const REFRESH_LEAST: Duration = Duration::from_secs(45 * 60);
/// How much longer it is at most.
const REFRESH_SPREAD: Duration = Duration::from_secs(15 * 60);
/// How soon it is tried again when no place took the record.
const RETRY: Duration = Duration::from_secs(60);
/// How long before midnight (UTC) the next day's record is published as well: two refreshes fit.
const AHEAD: Duration = Duration::from_secs(2 * 3_600);
/// How long the card's server is waited for before the directory is asked besides.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// How long the directory is waited for.
const LOOKUP_WAIT: Duration = Duration::from_secs(10);
/// Seconds of a day.
const DAY: u64 = 86_400;

/// A question to a directory, as long as it is not answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct QueryKey(u64);

/// What an endpoint wants of directories.
pub(super) struct Directory {
    seed: Seed,
    next_query: u64,
    /// When to publish; not before we are online.
    next: Option<Instant>,
    /// Publications that were not answered, and the day of each.
    publishing: Vec<(QueryKey, u64)>,
    /// Whether today's record was taken, as the owner was told.
    findable: bool,
    /// When contacts cannot find us any more, by the records that were taken.
    ends: Option<UnixTime>,
}

impl Directory {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, next_query: 1, next: None, publishing: Vec::new(), findable: false, ends: None }
    }

    fn query(&mut self) -> QueryKey {
        let query = QueryKey(self.next_query);
        self.next_query += 1;
        query
    }

    /// The time to the next publication.
    fn refresh(&self) -> Duration {
        let spread = u64::try_from(REFRESH_SPREAD.as_millis()).unwrap_or(u64::MAX);
        let drawn = self.seed.derive_index("refresh", self.next_query).rng().below(spread);
        REFRESH_LEAST + Duration::from_millis(drawn)
    }
}

impl Endpoint {
    /// We can be called: contacts are told where, if they were not.
    pub(super) fn publish_when_online(&mut self) {
        if self.directory.as_ref().is_some_and(|directory| directory.next.is_none()) {
            self.publish_whereabouts(self.now);
        }
    }

    fn publish_whereabouts(&mut self, now: Instant) {
        let unix = self.unix(now);
        let online = self.presence.as_ref().is_some_and(super::presence::Presence::is_online);
        let Some(directory) = &mut self.directory else { return };
        let url = self.settings.server.clone().filter(|_| online);
        let there = url.and_then(|url| Whereabouts::new(vec![url]).ok());
        // What was not answered by now is not waited for any more.
        directory.publishing.clear();
        directory.next = None;
        let Some(there) = there else { return };
        let to_midnight = DAY - unix.as_secs() % DAY;
        let tomorrow = (to_midnight <= AHEAD.as_secs()).then_some(unix.day() + 1);
        for day in [unix.day()].into_iter().chain(tomorrow) {
            let Some(record) = there.publish(&self.settings.identity, day, unix) else { continue };
            let query = directory.query();
            directory.publishing.push((query, day));
            self.events.push_back(Event::Publish { query, record });
        }
        directory.next = Some(now + directory.refresh());
    }

    /// Timers of publications and searches.
    pub(super) fn handle_directory_timeout(&mut self, now: Instant) {
        let due = |directory: &Directory| directory.next.is_some_and(|at| at <= now);
        if self.directory.as_ref().is_some_and(due) {
            self.publish_whereabouts(now);
        }
        let unix = self.unix(now);
        if let Some(directory) = &mut self.directory
            && directory.ends.is_some_and(|at| at <= unix)
        {
            directory.ends = None;
            if core::mem::take(&mut directory.findable) {
                self.events.push_back(Event::Findable(false));
            }
        }
        for index in 0..self.calls.len() {
            let Some(entry) = self.calls.get_mut(index) else { return };
            let waits_for_server = matches!(entry.stage, Stage::Lookup { .. });
            let Some(search) = entry.search.as_mut() else { continue };
            match search.step {
                Step::Patient { at } if at <= now => {
                    search.step = Step::Idle;
                    if waits_for_server && !entry.call.state().is_ended() {
                        self.look_up(entry_key(&self.calls, index));
                    }
                }
                Step::Asking { until, .. } if until <= now => {
                    self.on_nothing_found(entry_key(&self.calls, index), Lookup::NoAnswer);
                }
                Step::Idle | Step::Patient { .. } | Step::Asking { .. } | Step::Done => {}
            }
        }
    }

    pub(super) fn directory_wake(&self) -> Option<Wake> {
        let directory = self.directory.as_ref();
        let next = directory.and_then(|directory| directory.next).map(|at| Wake { at, why: "whereabouts" });
        // By the date as it was told last.
        let (date, at) = self.date;
        let ends = directory.and_then(|directory| directory.ends).map(|ends| {
            let left = Duration::from_secs(ends.as_secs().saturating_sub(date.as_secs()));
            Wake { at: at + left, why: "findable" }
        });
        let searches = self.calls.iter().filter_map(|entry| entry.search.as_ref()).map(Search::wake);
        searches.fold(Wake::earliest(next, ends), Wake::earliest)
    }

    /// The server at which a call was to be placed is of no use: another one is looked for, or the call ends like that.
    pub(super) fn fall_back(&mut self, key: CallKey, why: EndReason) {
        let now = self.now;
        let uses_directory = self.directory.is_some();
        let Some(entry) = self.entry_mut(key) else { return };
        let ended = entry.call.state().is_ended();
        let Some(search) = entry.search.as_mut().filter(|_| uses_directory && !ended) else {
            return end(entry, why, now);
        };
        search.failed = Some(why);
        match search.step {
            Step::Idle | Step::Patient { .. } => self.look_up(key),
            Step::Asking { .. } => {}
            Step::Done => self.try_next_server(key),
        }
    }

    /// The owner tells what came of a question.
    pub(super) fn on_finding(&mut self, query: QueryKey, outcome: &Outcome) -> Result<(), Refused> {
        let publishing = self.directory.as_mut().and_then(|directory| {
            let index = directory.publishing.iter().position(|(known, _)| *known == query)?;
            Some(directory.publishing.swap_remove(index).1)
        });
        if let Some(day) = publishing {
            self.on_publication(day, outcome);
            return Ok(());
        }
        let asked = |entry: &Entry| match entry.search.as_ref().map(|search| &search.step) {
            Some(Step::Asking { query: known, day, .. }) if *known == query => Some((entry.key, *day)),
            _ => None,
        };
        let (key, day) = self.calls.iter().find_map(asked).ok_or(Refused::Gone)?;
        match outcome {
            Outcome::Found(records) => self.on_records(key, day, records),
            Outcome::Failed | Outcome::Published | Outcome::Older => {
                self.on_nothing_found(key, Lookup::NoAnswer);
            }
        }
        Ok(())
    }

    fn on_publication(&mut self, day: u64, outcome: &Outcome) {
        let (now, unix) = (self.now, self.unix(self.now));
        let Some(directory) = &mut self.directory else { return };
        // An older one is not what contacts find: they find what another device of ours, or we by a later clock, published.
        let taken = *outcome == Outcome::Published;
        if taken {
            directory.ends = directory.ends.max(Some(whereabouts::asked_until(day)));
        } else {
            if *outcome == Outcome::Older {
                tracing::warn!(
                    "the directory has a newer record of ours; does another device listen, or was the clock set back?"
                );
            } else {
                tracing::warn!("no place of the directory took the record; it is tried again");
            }
            directory.next = directory.next.map(|next| next.min(now + RETRY));
        }
        // Tomorrow's record is of no use to anybody before tomorrow.
        if day <= unix.day() && taken != directory.findable {
            directory.findable = taken;
            self.events.push_back(Event::Findable(taken));
        }
    }

    fn look_up(&mut self, key: CallKey) {
        let unix = self.unix(self.now);
        self.ask(key, unix.day(), other_day(unix));
        self.tell_search(key, Lookup::Started);
    }

    fn ask(&mut self, key: CallKey, day: u64, other: Option<u64>) {
        let until = self.now + LOOKUP_WAIT;
        let Some(directory) = &mut self.directory else { return };
        let query = directory.query();
        let Some(search) = self.entry_mut(key).and_then(|entry| entry.search.as_mut()) else { return };
        let Some(slot) = whereabouts::slot_of(&search.card, day) else {
            return self.on_nothing_found(key, Lookup::NotFound);
        };
        search.step = Step::Asking { query, day, until, other };
        self.events.push_back(Event::Lookup { query, slot });
    }

    fn on_records(&mut self, key: CallKey, day: u64, records: &[Record]) {
        let unix = self.unix(self.now);
        let current = self.current_url(key);
        let Some(search) = self.entry_mut(key).and_then(|entry| entry.search.as_mut()) else { return };
        let Some(there) = Whereabouts::find(&search.card, day, records, unix) else {
            return self.on_nothing_found(key, Lookup::NotFound);
        };
        let others = there.servers().iter().filter(|server| Some(*server) != current.as_ref());
        search.servers = others.cloned().collect();
        search.step = Step::Done;
        if search.servers.is_empty() {
            return self.finish_search(key, Lookup::NotFound);
        }
        if search.failed.is_none() {
            // The card's server is slow and may be the right one after all, when what the record tells is stale.
            search.servers.extend(current);
        }
        self.tell_search(key, Lookup::Found);
        self.try_next_server(key);
    }

    fn on_nothing_found(&mut self, key: CallKey, how: Lookup) {
        let Some(search) = self.entry_mut(key).and_then(|entry| entry.search.as_mut()) else { return };
        if let Step::Asking { other: Some(day), .. } = search.step {
            return self.ask(key, day, None);
        }
        search.step = Step::Done;
        self.finish_search(key, how);
    }

    /// Nothing was found: the call ends if its server is of no use, and goes on waiting for it if that is not known.
    fn finish_search(&mut self, key: CallKey, how: Lookup) {
        let now = self.now;
        self.tell_search(key, how);
        if let Some(entry) = self.entry_mut(key)
            && let Some(why) = entry.search.as_ref().and_then(|search| search.failed)
        {
            end(entry, why, now);
        }
    }

    /// Places the call at the next server that was told, from where it had got.
    fn try_next_server(&mut self, key: CallKey) {
        let (now, unix) = (self.now, self.unix(self.now));
        let Some(entry) = self.calls.iter_mut().find(|entry| entry.key == key) else { return };
        let Some(search) = entry.search.as_mut() else { return };
        let answered = !matches!(entry.stage, Stage::Lookup { .. }) && search.failed.is_none();
        if answered || entry.call.state().is_ended() {
            // The card's server has answered after all.
            return;
        }
        search.restart();
        while let Some(url) = search.servers.pop_front() {
            let Some(server) = self.servers.reach(&url, now) else { continue };
            let Some(client) = self.servers.get_mut(server).map(|server| &mut server.client) else {
                continue;
            };
            if client.listen(*entry.call.mailbox(), now).is_err() {
                continue;
            }
            let stage = match &search.offer {
                Some(offer) => {
                    let offer = offer.clone();
                    search.place(&url, unix.day());
                    client
                        .put(search.mailbox(), offer, now)
                        .map(|request| Stage::Offering { request: Some(request) })
                }
                None => {
                    client.fetch(search.place(&url, unix.day()), now).map(|request| Stage::Lookup { request })
                }
            };
            let Ok(stage) = stage else {
                if server != entry.server {
                    self.servers.forget(server, entry.call.mailbox(), now);
                }
                continue;
            };
            search.failed = None;
            let before = core::mem::replace(&mut entry.server, server);
            entry.stage = stage;
            if before != server {
                self.servers.forget(before, entry.call.mailbox(), now);
            }
            return;
        }
        // Without room for another server the one on the card is waited for, as long as it did not fail.
        if let Some(why) = search.failed {
            end(entry, why, now);
        }
    }

    fn current_url(&mut self, key: CallKey) -> Option<ServerUrl> {
        let server = self.entry_mut(key)?.server;
        self.servers.get_mut(server).map(|server| server.url.clone())
    }

    fn tell_search(&mut self, key: CallKey, how: Lookup) {
        if let Some(entry) = self.entry_mut(key) {
            entry.call.on_search(how);
        }
    }

    fn entry_mut(&mut self, key: CallKey) -> Option<&mut Entry> {
        self.calls.iter_mut().find(|entry| entry.key == key)
    }
}

/// Ends a call as it would have ended without a directory.
fn end(entry: &mut Entry, why: EndReason, now: Instant) {
    let ended = entry.call.state().is_ended();
    if matches!(entry.stage, Stage::Offering { .. }) && why == EndReason::Unreachable {
        entry.stage = Stage::Talking;
        // It refuses nothing here.
        let _taken = entry.call.handle_input(call::Input::Absent, now);
    } else {
        entry.call.fail(if ended { EndReason::Cancelled } else { why }, now);
    }
}

fn entry_key(calls: &[Entry], index: usize) -> CallKey {
    calls.get(index).map_or(CallKey(0), |entry| entry.key)
}

/// The day whose record may be the contact's of today, when midnight is near.
fn other_day(unix: UnixTime) -> Option<u64> {
    let since_midnight = unix.as_secs() % DAY;
    if since_midnight < DAY_SKEW.as_secs() {
        unix.day().checked_sub(1)
    } else {
        (DAY - since_midnight <= DAY_SKEW.as_secs()).then_some(unix.day() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_day_is_tried_near_midnight_alone() {
        let midnight = 20_833 * DAY;
        let skew = DAY_SKEW.as_secs();
        for (seconds, other) in [
            (midnight - skew - 1, None),
            (midnight - skew, Some(20_833)),
            (midnight - 1, Some(20_833)),
            (midnight, Some(20_832)),
            (midnight + skew - 1, Some(20_832)),
            (midnight + skew, None),
            (0, None),
        ] {
            assert_eq!(other_day(UnixTime::from_secs(seconds)), other, "{seconds}");
        }
    }
}
