//! One connection as the hub knows it: what it listens to and owns, how often it may speak, and what it has not read yet.

use super::budget::Budget;
use super::mailboxes::Shared;
use super::shares::Origin;
use super::{ConnectionId, Hub, Intent, Refused};
use p2pvoip_core::Instant;
use p2pvoip_signal::rendezvous::CHALLENGE_LEN;
use p2pvoip_signal::{MailboxId, OwnerKey};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub(super) struct Connection {
    pub(super) from: Origin,
    pub(super) greeted: bool,
    pub(super) heard: Instant,
    budget: Budget,
    excess: u32,
    /// Mailboxes of tokens.
    pub(super) listens: BTreeSet<MailboxId>,
    /// What the owner of a key signs on this connection.
    pub(super) challenge: [u8; CHALLENGE_LEN],
    /// Keys that it has proven to own, and their mailboxes.
    pub(super) keys: BTreeMap<OwnerKey, MailboxId>,
    pub(super) checks: Budget,
    pub(super) failed_proofs: u32,
    serial: u32,
    unread: VecDeque<Unread>,
}

/// An envelope that was sent to a connection, which has not said that it arrived.
struct Unread {
    serial: u32,
    until: Instant,
    mailbox: MailboxId,
    envelope: Shared,
}

impl Hub {
    pub(super) fn on_opened(&mut self, id: ConnectionId, from: Origin, now: Instant) -> Result<(), Refused> {
        if self.connections.contains_key(&id) {
            return Err(Refused::Unexpected);
        }
        if self.connections.len() >= self.limits.connections {
            return Err(Refused::TooManyConnections);
        }
        let connection = Connection {
            from,
            greeted: false,
            heard: now,
            budget: Budget::new(self.limits.frames, now),
            excess: 0,
            listens: BTreeSet::new(),
            challenge: self.chance.array(),
            keys: BTreeMap::new(),
            checks: Budget::new(self.limits.ownership_checks, now),
            failed_proofs: 0,
            serial: 0,
            unread: VecDeque::new(),
        };
        self.connections.insert(id, connection);
        Ok(())
    }

    /// Also for one that is not known: the owner tells it of a connection that a sweep has closed.
    pub(super) fn on_closed(&mut self, id: ConnectionId, now: Instant) {
        if let Some(connection) = self.connections.remove(&id) {
            for mailbox in connection.listens.iter().chain(connection.keys.values()) {
                self.mailboxes.leave(mailbox, id, connection.from, now);
            }
            for unread in connection.unread.into_iter().filter(|unread| unread.until > now) {
                let Unread { until, mailbox, envelope, .. } = unread;
                self.mailboxes.keep_unread(&mailbox, until, envelope, &self.limits);
            }
        }
    }

    /// Whether it acknowledges an envelope. Such a frame costs no permit: others decide how many envelopes come.
    pub(super) fn on_received(&mut self, from: ConnectionId, serial: u32, now: Instant) -> bool {
        let Some(connection) = self.connections.get_mut(&from) else { return false };
        let before = connection.unread.len();
        connection.unread.retain(|unread| unread.serial != serial);
        let known = connection.unread.len() < before;
        if known {
            connection.heard = now;
        }
        known
    }

    /// Takes a permit of the connection; whether there was one.
    pub(super) fn charge(&mut self, from: ConnectionId, now: Instant) -> Result<bool, Refused> {
        let connection = self.connections.get_mut(&from).ok_or(Refused::Unexpected)?;
        let in_time = connection.budget.take(self.limits.frames, now);
        if !in_time && connection.excess >= self.limits.excess_frames {
            return Err(Refused::Flood);
        }
        connection.excess = if in_time { 0 } else { connection.excess + 1 };
        connection.heard = now;
        connection.greeted = true;
        Ok(in_time)
    }

    /// What other listeners were sent and have not read: one of them may be this client's dead connection.
    pub(super) fn unread_in(&self, mailbox: &MailboxId, now: Instant) -> Vec<Shared> {
        let mut found: Vec<Shared> = Vec::new();
        let listeners = self.mailboxes.listeners_of(mailbox).iter();
        for unread in listeners.filter_map(|id| self.connections.get(id)).flat_map(|known| &known.unread) {
            let is_new = !found.iter().any(|known| Arc::ptr_eq(known, &unread.envelope));
            if unread.mailbox == *mailbox && unread.until > now && is_new {
                found.push(Arc::clone(&unread.envelope));
            }
        }
        found
    }

    pub(super) fn send_envelope(
        &mut self,
        to: ConnectionId,
        mailbox: MailboxId,
        envelope: Shared,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get_mut(&to) else { return };
        connection.serial = connection.serial.wrapping_add(1);
        let (serial, until) = (connection.serial, now + self.limits.unread_age);
        if connection.unread.len() >= self.limits.unread {
            connection.unread.pop_front();
        }
        connection.unread.push_back(Unread { serial, until, mailbox, envelope: Arc::clone(&envelope) });
        self.push(Intent::Envelope { to, serial, mailbox, envelope });
    }
}
