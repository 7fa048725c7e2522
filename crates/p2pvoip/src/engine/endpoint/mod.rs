//! The endpoint: who we are, the servers that we speak with, and the calls that are open.
//!
//! # Timers
//! - those of its clients and calls, of being found (`presence`), and of a linked device (`home`).

mod dialing;
mod directory;
mod home;
mod io;
mod learnt;
mod presence;
mod ringing;
mod search;
mod servers;
mod settings;
mod trust;

use std::collections::VecDeque;
use std::net::SocketAddr;

use p2pvoip_core::{Instant, Machine, Output, Seed, UnixTime, Wake};
use p2pvoip_crypto::{CardError, ContactCard, Gatekeeper, stir};
use p2pvoip_media::{Frame, Played};
use p2pvoip_nat as nat;
use p2pvoip_signal::rendezvous;
use p2pvoip_signal::{Envelope, RecentOffers, RejectReason};

use self::directory::Directory;
use self::home::Home;
use self::learnt::Ways;
use self::presence::Presence;
use self::ringing::Unproven;
use self::search::Search;
use self::servers::Servers;
use super::call::{self, Call, Parts};
use crate::contacts::Contact;
use crate::server_url::BadServerUrl;

pub use self::dialing::DialError;
pub use self::directory::QueryKey;
pub use self::home::IdentityError;
pub use self::io::{Event, Input, Refused, Transmit};
pub use self::servers::ServerId;
pub use self::settings::{Settings, SettingsError};

/// Calls at once, whatever the settings say.
pub const MAX_CALLS: usize = 24;
const _: () =
    assert!(MAX_CALLS + presence::MAILBOXES <= rendezvous::MAX_LISTENS, "every call can be listened for");

/// A call of this endpoint, as long as it runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallKey(u64);

impl CallKey {
    /// Its number, counted from 1.
    pub const fn number(self) -> u64 {
        self.0
    }
}

struct Entry {
    key: CallKey,
    server: ServerId,
    stage: dialing::Stage,
    /// Of a call that we make: where else the contact may be found.
    search: Option<Search>,
    /// Of a call to us, until its caller is proven.
    unproven: Option<Unproven>,
    /// Of a call to us: whether the caller is nobody whom we know.
    is_stranger: bool,
    call: Call,
    /// Whether it was told what the last call of its way learnt.
    warmed: bool,
}

impl Entry {
    /// Ends the call; one that nobody has heard of yet, at once.
    fn hang_up(&mut self, now: Instant) {
        if matches!(self.stage, dialing::Stage::Lookup { .. }) {
            self.call.fail(p2pvoip_signal::EndReason::Cancelled, now);
        } else {
            self.call.hang_up(now);
        }
    }
}

/// Machine: one person's end of all calls.
pub struct Endpoint {
    settings: Settings,
    seed: Seed,
    /// A date and when it was.
    date: (UnixTime, Instant),
    servers: Servers,
    presence: Option<Presence>,
    home: Option<Home>,
    directory: Option<Directory>,
    calls: Vec<Entry>,
    ways: Ways,
    next_key: u64,
    offers: RecentOffers,
    gatekeeper: Gatekeeper,
    events: VecDeque<Event>,
    refused_offers: u64,
    now: Instant,
}

impl Endpoint {
    /// An endpoint of these settings; all its chance and its key material derive from `seed`, which the caller draws from the
    /// system. `unix` is the date at `now`.
    ///
    /// # Errors
    /// [`SettingsError`] when a setting is not within its limits.
    pub fn new(settings: Settings, seed: Seed, unix: UnixTime, now: Instant) -> Result<Self, SettingsError> {
        if settings.max_calls == 0 || settings.max_calls > MAX_CALLS {
            return Err(SettingsError::MaxCalls);
        }
        nat::Agent::new(settings.nat.clone(), nat::Role::Controlling, seed.derive("trial"), now)?;
        let mut servers = Servers::new(seed.derive("servers"));
        let presence = settings.server.as_ref().map(|url| Presence::new(servers.home(url, now)));
        let home = Home::of(&settings.identity);
        let directory = settings.directory.then(|| Directory::new(seed.derive("directory")));
        let mut gatekeeper = Gatekeeper::new(&settings.identity);
        gatekeeper.recall(&settings.remembered_offers).map_err(SettingsError::RememberedOffers)?;
        let mut endpoint = Self {
            settings,
            seed,
            date: (unix, now),
            servers,
            presence,
            home,
            directory,
            calls: Vec::new(),
            ways: Ways::default(),
            next_key: 1,
            offers: RecentOffers::new(),
            gatekeeper,
            events: VecDeque::new(),
            refused_offers: 0,
            now,
        };
        endpoint.refresh_hints();
        endpoint.refresh_presence(now);
        Ok(endpoint)
    }

    /// The card by which others can call this endpoint; none when it has no server.
    ///
    /// # Errors
    /// The server's address does not fit into a card.
    pub fn card(&self) -> Result<Option<ContactCard>, CardError> {
        self.settings.server.as_ref().map(|url| self.settings.identity.card(url.as_str())).transpose()
    }

    /// A call's sockets are open: candidates are gathered from them.
    ///
    /// # Errors
    /// What ICE says of the addresses.
    pub fn gather(
        &mut self,
        call: CallKey,
        bases: &[SocketAddr],
        now: Instant,
    ) -> Result<(), nat::CommandError> {
        self.now = now;
        self.call_mut(call).map_or(Err(nat::CommandError::Ended), |call| call.gather(bases, now))
    }

    /// Takes a call that rings.
    pub fn accept(&mut self, call: CallKey, now: Instant) {
        self.with_call(call, now, |call| call.accept(now));
    }

    /// Does not take a call that rings.
    pub fn reject(&mut self, call: CallKey, reason: RejectReason, now: Instant) {
        self.with_call(call, now, |call| call.reject(reason, now));
    }

    /// Ends a call, whatever state it is in.
    pub fn hang_up(&mut self, call: CallKey, now: Instant) {
        self.now = now;
        if let Some(entry) = self.calls.iter_mut().find(|entry| entry.key == call) {
            entry.hang_up(now);
        }
    }

    /// Ends a call because something failed on this side.
    pub fn fail(&mut self, call: CallKey, now: Instant) {
        self.with_call(call, now, |call| call.fail(p2pvoip_signal::EndReason::Failed, now));
    }

    /// Ends all calls, and can be called no more: who calls now hears so at once.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        self.leave(now);
        for entry in &mut self.calls {
            entry.hang_up(now);
        }
    }

    /// The next 10 ms of a call's microphone.
    pub fn capture(&mut self, call: CallKey, frame: &Frame, now: Instant) {
        self.with_call(call, now, |call| call.capture(frame, now));
    }

    /// The next 10 ms for a call's speaker; nothing before it is accepted or after its end.
    pub fn playout(&mut self, call: CallKey, frame: &mut Frame, now: Instant) -> Option<Played> {
        self.call_mut(call)?.playout(frame, now)
    }

    /// How many calls are open.
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// Whether servers still have to be told something, so that closing now would lose it.
    pub fn is_busy(&self) -> bool {
        !self.calls.is_empty() || self.servers.is_busy()
    }

    /// Offers that did not ring: malformed, forged, stale or repeated.
    pub const fn refused_offers(&self) -> u64 {
        self.refused_offers
    }

    /// Which offers came, so that none of them rings twice: to be kept, and given to the next endpoint in its
    /// [`Settings::remembered_offers`]. It changes with each offer that rings or is refused.
    pub fn remembered_offers(&self) -> Vec<u8> {
        self.gatekeeper.remembered()
    }

    /// Mixes fresh chance into all that keys are still to be drawn from: those of calls to come, and of the re-keys of open ones.
    ///
    /// The owner draws it from the system, at least every 30 seconds while calls are open and every ten minutes otherwise: a
    /// re-key heals a theft of this endpoint's memory only by chance that was drawn after it.
    pub fn stir(&mut self, chance: &[u8; 32]) {
        self.seed = stir(&self.seed, chance);
        for entry in &mut self.calls {
            entry.call.stir(chance);
        }
    }

    /// The date is `unix` at `now`: an owner whose clock can be set, or whose machine can sleep, says so before it calls.
    pub const fn set_date(&mut self, unix: UnixTime, now: Instant) {
        self.date = (unix, now);
    }

    fn unix(&self, now: Instant) -> UnixTime {
        self.date.0 + now.saturating_since(self.date.1)
    }

    fn call_mut(&mut self, key: CallKey) -> Option<&mut Call> {
        self.calls.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.call)
    }

    fn with_call(&mut self, key: CallKey, now: Instant, command: impl FnOnce(&mut Call)) {
        self.now = now;
        if let Some(call) = self.call_mut(key) {
            command(call);
        }
    }

    fn new_key(&mut self) -> (CallKey, Seed) {
        let key = CallKey(self.next_key);
        self.next_key += 1;
        let seed = self.seed.derive_index("call", key.0);
        // Who reads this endpoint's memory later cannot make the secrets of earlier calls again.
        self.seed = self.seed.derive("spent");
        (key, seed)
    }

    fn parts(&self, seed: Seed, known: Option<Contact>) -> Parts<'_> {
        Parts { codec: &self.settings.codec, nat: &self.settings.nat, seed, known }
    }
}

impl Machine for Endpoint {
    const MAX_TRANSMIT: usize = if rendezvous::Client::MAX_TRANSMIT > Call::MAX_TRANSMIT {
        rendezvous::Client::MAX_TRANSMIT
    } else {
        Call::MAX_TRANSMIT
    };
    type Input<'a> = Input<'a>;
    type Transmit = Transmit;
    type Event = Event;
    type Error = Refused;

    fn handle_input(&mut self, input: Input<'_>, now: Instant) -> Result<(), Refused> {
        self.now = now;
        match input {
            Input::Datagram { call, local, remote, arrival, bytes } => {
                let call = self.call_mut(call).ok_or(Refused::Gone)?;
                let input = call::Input::Datagram { local, remote, arrival, bytes };
                call.handle_input(input, now).map_err(Refused::from)
            }
            Input::Server { server, input } => {
                self.servers.handle_input(server, input, now)?;
                if matches!(input, rendezvous::Input::Disconnected) {
                    self.on_disconnected(server, now);
                }
                Ok(())
            }
            Input::Directory { query, outcome } => self.on_finding(query, outcome),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.servers.handle_timeout(now);
        for entry in &mut self.calls {
            entry.call.handle_timeout(now);
        }
        if self.presence.as_ref().is_some_and(|presence| presence.is_due(now)) {
            self.refresh_presence(now);
        }
        self.refresh_home(now);
        self.drop_unproven(now);
        self.hunt(now);
        self.handle_directory_timeout(now);
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<Transmit, Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Output::Event(event);
            }
            let from_servers = match self.poll_servers(buf) {
                Polled::Output(output) => return output,
                Polled::Again => continue,
                Polled::Wait(wake) => wake,
            };
            let from_calls = match self.poll_calls(buf) {
                Polled::Output(output) => return output,
                Polled::Again => continue,
                Polled::Wait(wake) => wake,
            };
            if self.sweep_finished() {
                continue;
            }
            let presence = self.presence.as_ref().map(Presence::wake);
            let others = [self.home_wake(), self.proof_wake(), self.hunt_wake(), self.directory_wake()];
            let own = others.into_iter().fold(presence, Wake::earliest);
            return Output::Wait(Wake::earliest(Wake::earliest(from_servers, from_calls), own));
        }
    }
}

/// What came of polling a child.
enum Polled {
    Output(Output<Transmit, Event>),
    /// Something changed: poll everything anew.
    Again,
    Wait(Option<Wake>),
}

impl Endpoint {
    fn poll_calls(&mut self, buf: &mut [u8]) -> Polled {
        let mut wake = None;
        for index in 0..self.calls.len() {
            let Some(entry) = self.calls.get_mut(index) else { break };
            let key = entry.key;
            if let Some(way) = entry.call.way().filter(|_| !entry.warmed) {
                // Before it is polled: nothing has been sent yet.
                entry.warmed = true;
                self.ways
                    .recall(way, self.now)
                    .into_iter()
                    .for_each(|learnt| entry.call.warm(learnt, self.now));
            }
            match entry.call.poll_output(buf) {
                Output::Transmit { to: call::Transmit::Datagram { local, remote, ecn }, len } => {
                    return Polled::Output(Output::Transmit {
                        to: Transmit::Datagram { call: key, local, remote, ecn },
                        len,
                    });
                }
                Output::Transmit { to: call::Transmit::Envelope { to }, len } => {
                    if let Some(Ok(envelope)) = buf.get(..len).map(Envelope::from_bytes) {
                        self.put(key, to, envelope);
                    }
                    return Polled::Again;
                }
                Output::Event(event) => {
                    if let Some(unproven) = &mut entry.unproven {
                        unproven.hold(event);
                        return Polled::Again;
                    }
                    self.note(index, &event);
                    return Polled::Output(Output::Event(Event::Call { call: key, event }));
                }
                Output::Wait(next) => wake = Wake::earliest(wake, next),
            }
        }
        Polled::Wait(wake)
    }

    /// Forgets calls of which nothing more will come, and servers that nobody needs any more.
    fn sweep_finished(&mut self) -> bool {
        let Some(index) = self.calls.iter().position(|entry| entry.call.is_finished()) else {
            return self.sweep_servers();
        };
        let entry = self.calls.remove(index);
        self.servers.forget(entry.server, entry.call.mailbox(), self.now);
        if let Some((way, learnt)) = entry.call.way().zip(entry.call.learnt()) {
            self.ways.learn(way, learnt, self.now);
        }
        // Of a call that never rang the owner has heard nothing.
        if entry.unproven.is_none() {
            self.events.push_back(Event::Finished { call: entry.key });
        }
        true
    }

    fn sweep_servers(&mut self) -> bool {
        let calls = &self.calls;
        let Some(server) = self.servers.remove_unused(|id| calls.iter().any(|entry| entry.server == id))
        else {
            return false;
        };
        self.events.push_back(Event::Close { server });
        true
    }
}

impl core::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Endpoint")
            .field("calls", &self.calls.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
