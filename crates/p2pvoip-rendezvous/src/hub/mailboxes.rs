//! Who listens to which mailbox, and the few envelopes that wait for a listener who is expected back.

use super::budget::Budget;
use super::senders::Senders;
use super::shares::{Origin, Shares};
use super::{ConnectionId, Limits};
use p2pvoip_core::Instant;
use p2pvoip_signal::{ENVELOPE_LEN, MailboxId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An envelope as it came; shared by all to whom it is sent.
pub(super) type Shared = Arc<[u8; ENVELOPE_LEN]>;

/// What became of an envelope.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Put {
    /// To be sent to these.
    To(Vec<ConnectionId>),
    /// It waits for a listener.
    Kept,
    /// Nobody listens, or will soon.
    Absent,
    /// Too many envelopes for this mailbox in a short time.
    TooFast,
}

struct Mailbox {
    listeners: Vec<ConnectionId>,
    /// When the last listener left; means nothing while there are some.
    left: Instant,
    waiting: Vec<(Instant, Shared)>,
    budget: Budget,
}

#[derive(Default)]
pub(super) struct Mailboxes {
    boxes: BTreeMap<MailboxId, Mailbox>,
    /// Those without a listener, by the connection that was last.
    left: Shares<MailboxId>,
    waiting: usize,
    senders: Senders,
}

impl Mailboxes {
    /// Whether one more may listen to this mailbox: in a full table one that nobody listens to makes room.
    pub(super) fn admits(&self, id: &MailboxId, limits: &Limits) -> bool {
        match self.boxes.get(id) {
            Some(mailbox) => mailbox.listeners.len() < limits.most_listeners(),
            None => self.boxes.len() < limits.mailboxes || !self.left.is_empty(),
        }
    }

    /// Adds a listener, which was admitted, and hands over what still waits.
    pub(super) fn listen(
        &mut self,
        id: MailboxId,
        connection: ConnectionId,
        limits: &Limits,
        now: Instant,
    ) -> Vec<Shared> {
        if !self.boxes.contains_key(&id) && self.boxes.len() >= limits.mailboxes {
            self.make_room();
        }
        self.left.remove(&id);
        let budget = Budget::new(limits.puts_per_mailbox, now);
        let new = || Mailbox { listeners: Vec::new(), left: now, waiting: Vec::new(), budget };
        let mailbox = self.boxes.entry(id).or_insert_with(new);
        mailbox.listeners.push(connection);
        let waiting = std::mem::take(&mut mailbox.waiting);
        self.waiting -= waiting.len();
        waiting.into_iter().filter(|(until, _)| *until > now).map(|(_, envelope)| envelope).collect()
    }

    fn make_room(&mut self) {
        if let Some(mailbox) = self.left.make_room().and_then(|id| self.boxes.remove(&id)) {
            self.waiting -= mailbox.waiting.len();
        }
    }

    /// The connection is gone, and may come back.
    pub(super) fn leave(&mut self, id: &MailboxId, connection: ConnectionId, from: Origin, now: Instant) {
        if let Some(mailbox) = self.boxes.get_mut(id) {
            mailbox.listeners.retain(|known| *known != connection);
            mailbox.left = now;
            if mailbox.listeners.is_empty() {
                self.left.insert(*id, from);
            }
        }
    }

    /// The connection said that it does not want the mailbox any more: it is not expected back.
    pub(super) fn forget(&mut self, id: &MailboxId, connection: ConnectionId, now: Instant) {
        self.leave(id, connection, None, now);
        // Nothing waits in it: it was listened to until now.
        if self.listeners_of(id).is_empty() {
            self.left.remove(id);
            self.boxes.remove(id);
        }
    }

    /// Who would be sent an envelope.
    pub(super) fn listeners_of(&self, id: &MailboxId) -> &[ConnectionId] {
        self.boxes.get(id).map_or(&[], |mailbox| &mailbox.listeners)
    }

    /// An envelope was sent to a connection that is gone, and not read: it waits if nobody else has got it.
    pub(super) fn keep_unread(&mut self, id: &MailboxId, until: Instant, envelope: Shared, limits: &Limits) {
        let room = self.waiting < limits.waiting;
        if let Some(mailbox) = self.boxes.get_mut(id)
            && mailbox.listeners.is_empty()
            && room
            && mailbox.waiting.len() < limits.waiting_per_mailbox.min(super::MAX_FAN_OUT)
        {
            mailbox.waiting.push((until, envelope));
            self.waiting += 1;
        }
    }

    /// An envelope comes from the prefix; when many come, those of a prefix that sent few to this mailbox go first.
    pub(super) fn put(
        &mut self,
        (id, from): (&MailboxId, Origin),
        envelope: &Shared,
        limits: &Limits,
        now: Instant,
    ) -> Put {
        let Some(mailbox) = self.boxes.get_mut(id) else { return Put::Absent };
        let listened = !mailbox.listeners.is_empty();
        if !listened && mailbox.left + limits.expected_back <= now {
            return Put::Absent;
        }
        let rest = limits.puts_left_by(self.senders.sent_lately(*id, from, limits, now));
        if !mailbox.budget.take_above(rest, limits.puts_per_mailbox, now) {
            return Put::TooFast;
        }
        self.senders.count(*id, from, limits, now);
        if listened {
            return Put::To(mailbox.listeners.clone());
        }
        let per_mailbox = limits.waiting_per_mailbox.min(super::MAX_FAN_OUT);
        if mailbox.waiting.len() >= per_mailbox || self.waiting >= limits.waiting {
            return Put::Absent;
        }
        mailbox.waiting.push((now + limits.keep, Arc::clone(envelope)));
        self.waiting += 1;
        Put::Kept
    }

    /// Forgets what is over.
    pub(super) fn sweep(&mut self, limits: &Limits, now: Instant) {
        let mut dropped = 0;
        let left = &mut self.left;
        self.boxes.retain(|id, mailbox| {
            let before = mailbox.waiting.len();
            mailbox.waiting.retain(|(until, _)| *until > now);
            dropped += before - mailbox.waiting.len();
            let lasts = !mailbox.listeners.is_empty()
                || !mailbox.waiting.is_empty()
                || mailbox.left + limits.expected_back > now;
            if !lasts {
                left.remove(id);
            }
            lasts
        });
        self.waiting -= dropped;
        self.senders.sweep(limits, now);
    }

    /// Whether there is nothing that could be over one day.
    pub(super) fn is_empty(&self) -> bool {
        self.boxes.is_empty() && self.senders.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.boxes.len()
    }
}
