//! Being found: the endpoint owns the mailbox of each day, and keeps its prekeys published there.
//!
//! A mailbox is owned by a key of the day, which it proves to the server on each connection anew. The mailboxes of two days
//! are owned at once for as short as clocks demand, since a connection that owns two links them for the server.
//!
//! # Timers
//! - `presence`: every [`REFRESH`] the prekeys are published anew; the mailboxes follow the date, [`OVERLAP`] around midnight.

use core::time::Duration;

use p2pvoip_core::{Instant, UnixTime, Wake};
use p2pvoip_crypto::BlindedKey;
use p2pvoip_signal::rendezvous::{Client, RequestId, own_statement};
use p2pvoip_signal::{MailboxId, OwnerKey};

use super::servers::ServerId;
use super::{Endpoint, Event};
use crate::engine::hash;

/// Mailboxes that are owned at once: those of two days, around midnight.
pub(super) const MAILBOXES: usize = 2;
/// How often the prekeys are published anew.
const REFRESH: Duration = Duration::from_secs(3_600);
/// How soon it is tried again when the server did not take them.
const RETRY: Duration = Duration::from_secs(30);
/// How long published prekeys stay: long enough that a callee who is offline for a day is told from one who is unknown.
const LIFETIME: Duration = Duration::from_secs(86_400);
/// How long before its day a mailbox is owned, and how long after: the most that a caller's clock may be off.
const OVERLAP: Duration = p2pvoip_crypto::CLOCK_SKEW;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// The mailbox of one day.
struct Mailbox {
    day: u64,
    key: BlindedKey,
    address: MailboxId,
    /// The request to own it, as long as it is not answered.
    owning: Option<RequestId>,
    publication: Option<RequestId>,
    published: bool,
}

impl Mailbox {
    fn owner(&self) -> OwnerKey {
        OwnerKey::new(self.key.public())
    }

    /// Asks for it, and to publish in it.
    fn claim(
        &mut self,
        client: &mut Client,
        challenge: &[u8; 32],
        bundle: &[u8],
        unix: UnixTime,
        now: Instant,
    ) -> bool {
        let owner = self.owner();
        if !client.owns(&owner) && self.owning.is_none() {
            self.owning = client.own(owner, self.key.sign(&own_statement(challenge)), now).ok();
        }
        self.publication = client.publish(owner, unix.as_secs(), bundle, LIFETIME, now).ok();
        self.publication.is_some()
    }
}

pub(super) struct Presence {
    pub(super) server: ServerId,
    /// What the server wants signed on this connection.
    challenge: Option<[u8; 32]>,
    mailboxes: Vec<Mailbox>,
    online: bool,
    /// Whether it was told that the prekeys do not reach this date.
    warned: bool,
    next: Instant,
}

impl Presence {
    pub(super) const fn new(server: ServerId) -> Self {
        let next = Instant::from_micros(0);
        Self { server, challenge: None, mailboxes: Vec::new(), online: false, warned: false, next }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next <= now
    }

    pub(super) const fn wake(&self) -> Wake {
        Wake { at: self.next, why: "presence" }
    }

    /// Whether our server is there.
    pub(super) const fn is_welcome(&self) -> bool {
        self.challenge.is_some()
    }

    pub(super) const fn is_online(&self) -> bool {
        self.online
    }

    fn is_complete(&self) -> bool {
        let ready = |mailbox: &Mailbox| mailbox.owning.is_none() && mailbox.published;
        !self.mailboxes.is_empty() && self.mailboxes.iter().all(ready)
    }

    fn find(&mut self, is_it: impl Fn(&Mailbox) -> bool) -> Option<&mut Mailbox> {
        self.mailboxes.iter_mut().find(|mailbox| is_it(mailbox))
    }
}

/// The days whose mailboxes are owned now, and how long that holds.
fn days_of(unix: UnixTime) -> (Vec<u64>, Duration) {
    let (day, second) = (unix.day(), unix.as_secs() % DAY);
    let overlap = OVERLAP.as_secs();
    let (other, until) = if second < overlap {
        (day.checked_sub(1), overlap)
    } else if second < DAY - overlap {
        (None, DAY - overlap)
    } else {
        (Some(day + 1), DAY)
    };
    ([Some(day), other].into_iter().flatten().collect(), Duration::from_secs(until - second))
}

impl Endpoint {
    /// Whether an envelope to this mailbox is an offer to us.
    pub(super) fn is_own_mailbox(&self, address: MailboxId) -> bool {
        self.presence
            .as_ref()
            .is_some_and(|presence| presence.mailboxes.iter().any(|mailbox| mailbox.address == address))
    }

    /// Follows the date with the mailboxes, and publishes the prekeys; without a connection that waits for one.
    pub(super) fn refresh_presence(&mut self, now: Instant) {
        let unix = self.unix(now);
        let Some(presence) = &mut self.presence else { return };
        let Some(server) = self.servers.get_mut(presence.server) else { return };
        let identity = &self.settings.identity;
        let (days, holds) = days_of(unix);
        for old in presence.mailboxes.extract_if(.., |mailbox| !days.contains(&mailbox.day)) {
            // Without room now it is given up with the connection.
            let _full = server.client.disown(&old.owner(), now);
        }
        for day in days {
            if presence.mailboxes.iter().all(|mailbox| mailbox.day != day) {
                let key = identity.owner_key(day, server.url.as_str());
                let address = hash::owned_mailbox_of(&key.public());
                let (owning, publication) = (None, None);
                presence.mailboxes.push(Mailbox { day, key, address, owning, publication, published: false });
            }
        }
        let (mut claimed, mut covered) = (true, true);
        if let Some(challenge) = presence.challenge {
            for mailbox in &mut presence.mailboxes {
                let bundle = identity.prekey_bundle(mailbox.day, unix);
                if bundle.is_empty() {
                    covered = false;
                    continue;
                }
                claimed &= mailbox.claim(&mut server.client, &challenge, &bundle, unix, now);
            }
        }
        if !core::mem::replace(&mut presence.warned, !covered) && !covered {
            tracing::warn!(
                "the identity has no prekeys for this date, so nobody can call; check the clock, or open its store anew"
            );
        }
        presence.next = now + if claimed && covered { REFRESH.min(holds) } else { RETRY };
    }

    /// Owns our mailboxes no longer.
    pub(super) fn leave(&mut self, now: Instant) {
        let Some(presence) = self.presence.take() else { return };
        let Some(server) = self.servers.get_mut(presence.server) else { return };
        for mailbox in &presence.mailboxes {
            // Without room the server goes on passing on what nobody reads, until the connection ends.
            let _full = server.client.disown(&mailbox.owner(), now);
        }
    }

    /// A server welcomes us and says what is to be signed by who owns something there.
    pub(super) fn on_challenge(&mut self, server: ServerId, challenge: [u8; 32]) {
        let now = self.now;
        if let Some(presence) = self.presence.as_mut().filter(|presence| presence.server == server) {
            presence.challenge = Some(challenge);
            self.refresh_presence(now);
            self.refresh_home(now);
        }
    }

    /// The server passes on what comes to one of our mailboxes.
    pub(super) fn on_owned(&mut self, id: RequestId) {
        if let Some(presence) = &mut self.presence
            && let Some(mailbox) = presence.find(|mailbox| mailbox.owning == Some(id))
        {
            mailbox.owning = None;
            self.tell_online();
        }
    }

    /// The server has our prekeys.
    pub(super) fn on_published(&mut self, id: RequestId) {
        if let Some(presence) = &mut self.presence
            && let Some(mailbox) = presence.find(|mailbox| mailbox.publication == Some(id))
        {
            mailbox.publication = None;
            mailbox.published = true;
            self.tell_online();
        }
    }

    /// The server did not do what being called takes, or did not say so in time.
    pub(super) fn on_presence_failed(&mut self, id: RequestId) -> bool {
        let now = self.now;
        let Some(presence) = &mut self.presence else { return false };
        let concerns = |mailbox: &Mailbox| mailbox.owning == Some(id) || mailbox.publication == Some(id);
        let Some(mailbox) = presence.find(concerns) else { return false };
        tracing::warn!(
            "the rendezvous server does not let this endpoint be called for now; it is asked again"
        );
        if mailbox.owning == Some(id) {
            mailbox.owning = None;
            mailbox.published = false;
        } else {
            mailbox.publication = None;
        }
        presence.next = now + RETRY;
        true
    }

    /// The connection to our server is gone: all is proven anew on the next one.
    pub(super) fn on_offline(&mut self, server: ServerId) {
        let Some(presence) = self.presence.as_mut().filter(|presence| presence.server == server) else {
            return;
        };
        presence.challenge = None;
        for mailbox in &mut presence.mailboxes {
            (mailbox.owning, mailbox.publication, mailbox.published) = (None, None, false);
        }
        if core::mem::take(&mut presence.online) {
            self.events.push_back(Event::Offline);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_days_are_owned_around_midnight_alone() {
        let midnight = 20_833 * DAY;
        let (before, after) = (midnight - 7_200, midnight + 7_200);
        for (second, days, holds) in [
            (before - 1, vec![20_832], 1),
            (before, vec![20_832, 20_833], 7_200),
            (midnight - 1, vec![20_832, 20_833], 1),
            (midnight, vec![20_833, 20_832], 7_200),
            (after - 1, vec![20_833, 20_832], 1),
            (after, vec![20_833], DAY - 14_400),
        ] {
            assert_eq!(days_of(UnixTime::from_secs(second)), (days, Duration::from_secs(holds)), "{second}");
        }
    }
}
