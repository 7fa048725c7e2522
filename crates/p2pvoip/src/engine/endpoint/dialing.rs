//! Calling out: from a contact card to an offer in the contact's mailbox.
//!
//! # Timers
//! - `device`: a device that has the offer and does not answer within [`DEVICE_WAIT`] makes room for the contact's next one.

use core::time::Duration;

use p2pvoip_core::{Instant, Wake};
use p2pvoip_crypto::{
    Callee, ContactCard, Decision, Known, Offer, Pin, PinRefused, Policy, PolicyRefused, Prekeys,
    VERSION_1_1, VersionRange,
};
use p2pvoip_signal::rendezvous::{self, RequestId};
use p2pvoip_signal::{EndReason, Envelope, MailboxId};

use super::search::Search;
use super::servers::ServerId;
use super::{BadServerUrl, CallKey, Endpoint, Entry, Event};
use crate::contacts::Contact;
use crate::engine::call::{self, Call};
use crate::event::CallState;
use crate::server_url::ServerUrl;

/// Why a call could not even be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The card's server has no usable address.
    #[error("the contact card names no usable server: {0}; ask your contact for a new card")]
    Server(#[from] BadServerUrl),
    /// The contact asks for a later protocol.
    #[error("the contact asks for a newer version than this program speaks; update it")]
    TooOld,
    /// As many calls as allowed are open.
    #[error("as many calls are open as the settings allow; hang one of them up")]
    TooManyCalls,
    /// Calls to too many servers at once.
    #[error("too many servers are in use at once; wait until a call has ended")]
    TooManyServers,
    /// The client of the server has too much to do.
    #[error("the server was asked too much at once; try again in a moment")]
    Busy,
    /// The endpoint was closed.
    #[error("the endpoint is closed; start a new one")]
    Closed,
}

/// How long one device of a contact may take to answer before the next one is tried; a device that listens answers at once.
const DEVICE_WAIT: Duration = Duration::from_secs(4);

/// What a call waits for at its server.
pub(super) enum Stage {
    /// The prekeys of one of the contact's devices.
    Lookup { request: RequestId },
    /// To hear whether the offer found somebody.
    Offering { request: Option<RequestId> },
    /// The device's answer, until the contact's next device is tried.
    Waiting { until: Instant },
    /// Nothing: what is put is put.
    Talking,
}

impl Endpoint {
    /// Calls a contact. The call's state tells how it goes; [`Endpoint::gather`] with the addresses of fresh sockets comes next.
    ///
    /// # Errors
    /// [`DialError`] when the call cannot be started at all.
    pub fn dial(&mut self, card: &ContactCard, now: Instant) -> Result<CallKey, DialError> {
        let known = self.known(card.fingerprint()).cloned();
        self.dial_known(card, known, now)
    }

    /// Calls by a card which is said to be a new one of the contact of that name: when it is of another key, the call says that
    /// the key has [changed](p2pvoip_crypto::Trust::Changed).
    ///
    /// # Errors
    /// [`DialError`] when the call cannot be started at all.
    pub fn dial_as(&mut self, name: &str, card: &ContactCard, now: Instant) -> Result<CallKey, DialError> {
        let known = self.contacts().get(name).cloned();
        self.dial_known(card, known, now)
    }

    fn dial_known(
        &mut self,
        card: &ContactCard,
        known: Option<Contact>,
        now: Instant,
    ) -> Result<CallKey, DialError> {
        self.now = now;
        let unix = self.unix(now);
        let url: ServerUrl = card.server().parse()?;
        if card.least_version() > VERSION_1_1 {
            return Err(DialError::TooOld);
        }
        if self.calls.len() >= self.settings.max_calls {
            return Err(DialError::TooManyCalls);
        }
        let server = self.servers.reach(&url, now).ok_or(DialError::TooManyServers)?;
        let (key, seed) = self.new_key();
        // The settings were tried when the endpoint was made.
        let call = Call::dial(&self.parts(seed, known), now).map_err(|_| DialError::Busy)?;
        let client = &mut self.servers.get_mut(server).ok_or(DialError::TooManyServers)?.client;
        client.listen(*call.mailbox(), now).map_err(|_| DialError::Busy)?;
        let mut search = Search::new(card, self.directory.is_some(), now);
        let Ok(request) = client.fetch(search.place(&url, unix.day()), now) else {
            self.servers.forget(server, call.mailbox(), now);
            return Err(DialError::Busy);
        };
        let search = Some(search);
        self.calls.push(Entry {
            key,
            server,
            stage: Stage::Lookup { request },
            search,
            unproven: None,
            is_stranger: false,
            call,
            warmed: false,
        });
        Ok(key)
    }

    /// A client of a server has something to tell.
    pub(super) fn on_client(&mut self, server: ServerId, event: rendezvous::Event) {
        match event {
            rendezvous::Event::Connect => self.connect(server),
            rendezvous::Event::Close => self.events.push_back(Event::Close { server }),
            rendezvous::Event::Online => {
                if let Some(server) = self.servers.get_mut(server) {
                    server.was_online = true;
                }
            }
            rendezvous::Event::Challenge { challenge } => self.on_challenge(server, challenge),
            rendezvous::Event::Offline => self.on_offline(server),
            rendezvous::Event::Owned { id, .. } => self.on_owned(id),
            rendezvous::Event::Listening { .. } => {}
            rendezvous::Event::Envelope { mailbox, envelope } => self.on_envelope(server, mailbox, &envelope),
            rendezvous::Event::Published { id } => self.on_published(id),
            rendezvous::Event::Fetched { id, bytes } => {
                if !self.on_home_fetched(id, bytes.as_deref()) {
                    self.on_fetched(id, bytes.as_deref());
                }
            }
            rendezvous::Event::Delivered { id } => self.on_delivered(id),
            rendezvous::Event::Absent { id } => self.on_absent(id),
            rendezvous::Event::Refused { id, .. } | rendezvous::Event::TimedOut { id } => {
                self.on_unanswered(id);
            }
        }
    }

    /// A connection that never worked does not: calls that wait for it end at once instead of after long patience.
    pub(super) fn on_disconnected(&mut self, server: ServerId, now: Instant) {
        if self.servers.get_mut(server).is_none_or(|server| server.was_online) {
            return;
        }
        self.now = now;
        let waiting = |entry: &&Entry| entry.server == server;
        for key in self.calls.iter().filter(waiting).map(|entry| entry.key).collect::<Vec<_>>() {
            self.fall_back(key, EndReason::Offline);
        }
    }

    /// Puts a call's envelope into a mailbox.
    pub(super) fn put(&mut self, key: CallKey, to: MailboxId, envelope: Envelope) {
        let now = self.now;
        let Some(entry) = self.calls.iter_mut().find(|entry| entry.key == key) else { return };
        let Some(server) = self.servers.get_mut(entry.server) else { return };
        if let (Some(search), Stage::Offering { .. }) = (&mut entry.search, &entry.stage) {
            search.keep(&envelope);
        }
        match (server.client.put(to, envelope, now), &mut entry.stage) {
            (Ok(request), Stage::Offering { request: waiting @ None }) => *waiting = Some(request),
            (Ok(_), _) => {}
            // More unanswered letters than a call has: the server does not answer any more.
            (Err(error), _) => tracing::warn!(%error, "a letter could not be put"),
        }
    }

    fn on_fetched(&mut self, id: RequestId, bytes: Option<&[u8]>) {
        let (now, unix) = (self.now, self.unix(self.now));
        let looking =
            |entry: &&mut Entry| matches!(&entry.stage, Stage::Lookup { request } if *request == id);
        let Some(entry) = self.calls.iter_mut().find(looking) else { return };
        let key = entry.key;
        if entry.call.state().is_ended() {
            entry.stage = Stage::Talking;
            return entry.call.fail(EndReason::Cancelled, now);
        }
        let Some(search) = &mut entry.search else { return };
        let Some(bytes) = bytes else { return self.try_next_device(key, EndReason::Unreachable) };
        let prekeys = match search.open(bytes, unix) {
            Ok(prekeys) => prekeys,
            Err(error) => {
                tracing::warn!(%error, "what the server keeps for the contact is not believed");
                return self.fall_back(key, EndReason::NotTrusted);
            }
        };
        let card = search.card();
        let known = self.settings.contacts.find(card.fingerprint());
        let refused = may_call(self.settings.policy, card, known, &prekeys).err();
        let pin = known.and_then(Contact::pin);
        let least_version = pin.map_or(0, Pin::least_version).max(card.least_version());
        // Who was spoken with before knows this device, and lets it in at once.
        let known = pin.is_some_and(|pin| !pin.devices().is_empty());
        // A device that was struck off is refused from now on, whatever becomes of this call.
        let rose = self.note_devices(prekeys.peer());
        let Some(entry) = self.calls.iter_mut().find(|entry| entry.key == key) else { return };
        if rose {
            entry.call.tell_devices(*prekeys.peer());
        }
        if let Some(error) = refused {
            tracing::warn!(%error, "the contact is not called");
            return entry.call.fail(error.end(), now);
        }
        let Some(search) = &entry.search else { return };
        let callee = Callee { mailbox: search.card().mailbox(), prekeys: &prekeys, known };
        let contact = call::Contact { mailbox: search.mailbox(), callee, least_version };
        entry.stage = Stage::Offering { request: None };
        if let Err(error) = entry.call.offer(&self.settings.identity, &contact, unix, now) {
            tracing::warn!(%error, "the offer could not be made");
            entry.call.fail(EndReason::NotTrusted, now);
        }
    }

    /// The device that was tried is of no use: the contact's next one is, or the server is not.
    fn try_next_device(&mut self, key: CallKey, why: EndReason) {
        let (now, unix) = (self.now, self.unix(self.now));
        let Some(entry) = self.calls.iter_mut().find(|entry| entry.key == key) else { return };
        let Some(server) = self.servers.get_mut(entry.server) else { return };
        let Some(search) = entry.search.as_mut().filter(|_| !entry.call.state().is_ended()) else {
            return self.fall_back(key, why);
        };
        if search.next_device()
            && let Ok(request) = server.client.fetch(search.place(&server.url, unix.day()), now)
        {
            entry.stage = Stage::Lookup { request };
            return;
        }
        self.fall_back(key, why);
    }

    /// Somebody has the offer, or the server keeps it for who listened a moment ago: that device may be gone.
    fn on_delivered(&mut self, id: RequestId) {
        let now = self.now;
        if let Some(entry) = self.offering(id) {
            let others = entry.search.as_ref().is_some_and(Search::has_next_device);
            entry.stage = if others { Stage::Waiting { until: now + DEVICE_WAIT } } else { Stage::Talking };
        }
    }

    /// Goes on to the next device of contacts whose last one did not answer.
    pub(super) fn hunt(&mut self, now: Instant) {
        for index in 0..self.calls.len() {
            let Some(entry) = self.calls.get_mut(index) else { return };
            let Stage::Waiting { until } = entry.stage else { continue };
            if entry.call.state() != CallState::Dialing {
                entry.stage = Stage::Talking;
            } else if until <= now {
                let key = entry.key;
                self.try_next_device(key, EndReason::NoAnswer);
            }
        }
    }

    pub(super) fn hunt_wake(&self) -> Option<Wake> {
        let waiting = self.calls.iter().filter_map(|entry| match entry.stage {
            Stage::Waiting { until } if entry.call.state() == CallState::Dialing => {
                Some(Wake { at: until, why: "device" })
            }
            Stage::Waiting { .. } | Stage::Lookup { .. } | Stage::Offering { .. } | Stage::Talking => None,
        });
        waiting.fold(None, |first, wake| Wake::earliest(first, Some(wake)))
    }

    fn on_absent(&mut self, id: RequestId) {
        if let Some(key) = self.offering(id).map(|entry| entry.key) {
            self.try_next_device(key, EndReason::Unreachable);
        }
    }

    fn on_unanswered(&mut self, id: RequestId) {
        if self.on_presence_failed(id) || self.on_home_failed(id) {
            return;
        }
        let waiting = |entry: &&Entry| match &entry.stage {
            Stage::Lookup { request } => *request == id,
            Stage::Offering { request } => *request == Some(id),
            Stage::Waiting { .. } | Stage::Talking => false,
        };
        if let Some(key) = self.calls.iter().find(waiting).map(|entry| entry.key) {
            self.fall_back(key, EndReason::Offline);
        }
    }

    fn offering(&mut self, id: RequestId) -> Option<&mut Entry> {
        let offering =
            |entry: &&mut Entry| matches!(&entry.stage, Stage::Offering { request } if *request == Some(id));
        self.calls.iter_mut().find(offering)
    }
}

/// Why a contact whose prekeys are authentic is not called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
enum NotCalled {
    #[error(transparent)]
    Policy(#[from] PolicyRefused),
    #[error(transparent)]
    Pin(#[from] PinRefused),
    #[error(
        "a call in clear is allowed, but this program speaks version 1.1 alone; ask the contact to update"
    )]
    Clear,
}

impl NotCalled {
    const fn end(self) -> EndReason {
        match self {
            Self::Policy(PolicyRefused::Downgrade) | Self::Pin(_) => EndReason::NotTrusted,
            Self::Policy(_) | Self::Clear => EndReason::Unsupported,
        }
    }
}

/// Whether a contact may be called that publishes these prekeys: by what is known of it, and by what the owner allows.
fn may_call(
    policy: Policy,
    card: &ContactCard,
    contact: Option<&Contact>,
    prekeys: &Prekeys,
) -> Result<(), NotCalled> {
    if let Some(contact) = contact {
        contact.judge(prekeys.peer())?;
    }
    let known = Known::of(Some(card.least_version()), contact.and_then(Contact::pin));
    match policy.decide(known, offered(prekeys.versions()))? {
        Decision::Secure => Ok(()),
        Decision::Clear => Err(NotCalled::Clear),
    }
}

/// Which calls somebody takes part in who speaks these versions.
const fn offered(versions: VersionRange) -> Offer {
    if versions.least() >= VERSION_1_1 {
        Offer::Secure
    } else if versions.greatest() >= VERSION_1_1 {
        Offer::Either
    } else {
        Offer::Clear
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_crypto::VERSION_1_0;

    #[test]
    fn only_who_speaks_nothing_later_is_called_in_clear() {
        let offered = |from, to| super::offered(VersionRange::new(from, to).unwrap());
        assert_eq!(offered(VERSION_1_0, VERSION_1_0), Offer::Clear);
        assert_eq!(offered(VERSION_1_0, VERSION_1_1), Offer::Either);
        assert_eq!(offered(VERSION_1_1, VERSION_1_1 + 1), Offer::Secure);
    }

    #[test]
    fn a_downgrade_is_no_mere_lack_of_support() {
        assert_eq!(NotCalled::from(PolicyRefused::Downgrade).end(), EndReason::NotTrusted);
        assert_eq!(NotCalled::from(PolicyRefused::Required).end(), EndReason::Unsupported);
        assert_eq!(NotCalled::Clear.end(), EndReason::Unsupported);
    }
}
