//! Being found: the endpoint listens at its mailboxes of these days and keeps its prekey record published.
//!
//! # Timers
//! - `presence`: every [`REFRESH`] the record is published anew, and the mailboxes follow the date.

use core::time::Duration;

use p2pvoip_core::{Instant, UnixTime, Wake};
use p2pvoip_signal::rendezvous::{CommandError, RequestId};
use p2pvoip_signal::{MailboxId, Token};

use super::servers::ServerId;
use super::{Endpoint, Event};

/// Mailboxes that are listened to: those of yesterday, today and tomorrow.
pub(super) const MAILBOXES: usize = 3;
/// How often the record is published anew.
const REFRESH: Duration = Duration::from_secs(3_600);
/// How soon it is tried again when the server did not take it.
const RETRY: Duration = Duration::from_secs(30);
/// How long a published record stays: long enough that a callee who is offline for a day is told from one who is unknown.
const LIFETIME: Duration = Duration::from_secs(86_400);

pub(super) struct Presence {
    pub(super) server: ServerId,
    tokens: Vec<Token>,
    listens: Vec<RequestId>,
    publication: Option<RequestId>,
    published: bool,
    listening: usize,
    online: bool,
    next: Instant,
}

impl Presence {
    pub(super) const fn new(server: ServerId) -> Self {
        Self {
            server,
            tokens: Vec::new(),
            listens: Vec::new(),
            publication: None,
            published: false,
            listening: 0,
            online: false,
            next: Instant::from_micros(0),
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next <= now
    }

    pub(super) const fn wake(&self) -> Wake {
        Wake { at: self.next, why: "presence" }
    }

    pub(super) const fn is_online(&self) -> bool {
        self.online
    }

    fn is_complete(&self) -> bool {
        self.published && !self.listens.is_empty() && self.listening == self.listens.len()
    }
}

impl Endpoint {
    /// Whether an envelope to this mailbox is an offer to us.
    pub(super) fn is_own_mailbox(&self, mailbox: MailboxId) -> bool {
        let ours = |token: &Token| super::super::hash::mailbox_of(token) == mailbox;
        self.presence.as_ref().is_some_and(|presence| presence.tokens.iter().any(ours))
    }

    /// Listens at the mailboxes of yesterday, today and tomorrow, since clocks differ, and publishes the prekeys.
    pub(super) fn refresh_presence(&mut self, now: Instant) {
        let unix = self.unix(now);
        let Some(presence) = &mut self.presence else { return };
        let Some(server) = self.servers.get_mut(presence.server) else { return };
        let secret = self.settings.identity.mailbox();
        let days: [u64; MAILBOXES] = [unix.day().saturating_sub(1), unix.day(), unix.day() + 1];
        let tokens: Vec<Token> = days.into_iter().map(|day| Token::new(*secret.mailbox_token(day))).collect();
        for old in presence.tokens.iter().filter(|old| !tokens.contains(old)) {
            // Without room now it is forgotten with the connection.
            let _full = server.client.forget(old, now);
        }
        let listens: Result<Vec<_>, CommandError> =
            tokens.iter().map(|token| server.client.listen(*token, now)).collect();
        let record = prekey_record(&self.settings.identity, unix);
        let token = Token::new(*secret.prekey_token());
        let publication =
            record.and_then(|bytes| server.client.publish(token, unix.as_secs(), &bytes, LIFETIME, now).ok());
        presence.tokens = tokens;
        if let Ok(listens) = listens {
            presence.listening = if listens == presence.listens { presence.listening } else { 0 };
            presence.listens = listens;
        }
        presence.publication = publication;
        presence.next = now + if publication.is_some() { REFRESH } else { RETRY };
    }

    /// Listens no longer at our mailboxes.
    pub(super) fn leave(&mut self, now: Instant) {
        let Some(presence) = self.presence.take() else { return };
        for token in &presence.tokens {
            self.servers.forget(presence.server, token, now);
        }
    }

    /// The server passes on what comes to one of our mailboxes.
    pub(super) fn on_listening(&mut self, id: RequestId) {
        if let Some(presence) = &mut self.presence
            && presence.listens.contains(&id)
        {
            presence.listening = (presence.listening + 1).min(presence.listens.len());
            self.tell_online();
        }
    }

    /// The server has our record.
    pub(super) fn on_published(&mut self, id: RequestId) {
        if let Some(presence) = &mut self.presence
            && presence.publication == Some(id)
        {
            presence.published = true;
            presence.publication = None;
            self.tell_online();
        }
    }

    /// The server did not take the record, or did not say so in time.
    pub(super) fn on_publication_failed(&mut self, id: RequestId) -> bool {
        let now = self.now;
        let concerns =
            |presence: &&mut Presence| presence.publication == Some(id) || presence.listens.contains(&id);
        let Some(presence) = self.presence.as_mut().filter(concerns) else { return false };
        tracing::warn!(
            "the rendezvous server does not let this endpoint be called for now; it is asked again"
        );
        presence.publication = None;
        presence.next = now + RETRY;
        true
    }

    /// The connection to our server is gone: listening starts anew with the next one.
    pub(super) fn on_offline(&mut self, server: ServerId) {
        let Some(presence) = self.presence.as_mut().filter(|presence| presence.server == server) else {
            return;
        };
        presence.listening = 0;
        presence.published = false;
        if core::mem::take(&mut presence.online) {
            self.events.push_back(Event::Offline);
        }
    }

    /// Our server welcomes us: if it did before, it may have lost our record since, so it gets it again.
    pub(super) fn on_online(&mut self, server: ServerId) {
        let now = self.now;
        let lost = |presence: &Presence| presence.server == server && presence.publication.is_none();
        if self.presence.as_ref().is_some_and(lost) {
            self.refresh_presence(now);
        }
    }

    fn tell_online(&mut self) {
        if let Some(presence) =
            self.presence.as_mut().filter(|presence| presence.is_complete() && !presence.online)
        {
            presence.online = true;
            self.events.push_back(Event::Online);
            self.publish_when_online();
        }
    }
}

/// The record that our contacts find: our prekeys, sealed to those who hold our card.
fn prekey_record(identity: &p2pvoip_crypto::Identity, unix: UnixTime) -> Option<Vec<u8>> {
    let bundle = identity.prekey_bundle(unix);
    super::super::record::publish(identity.mailbox(), &bundle, unix, LIFETIME)
}
