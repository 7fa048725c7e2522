//! The packets of one epoch of MLS: every member's sender secret follows from what the epoch exports.
//!
//! ```text
//! exported  = MLS-Exporter("p2pvoip group", "", 32)
//! S(leaf)   = Derive(exported, "group sender", leaf (4))
//! scope     = algorithm | name of the group | leaf (1) | low 32 bits of the epoch (4)
//! ```
//! Packet numbers begin at 0 in each epoch, under keys of its own.

use p2pvoip_core::Instant;

use crate::group::{GroupId, Listener, Notice, Received, Refused, Sender, SenderScope, SenderSecret};
use crate::identity::PUBLIC_LEN;
use crate::kdf::{self, Key};
use crate::suite::Aead;

/// The label of what an epoch exports.
pub(super) const LABEL: &str = "p2pvoip group";

/// One epoch: the own sender, and a listener to each other member, made when its first packet comes.
pub(super) struct Era {
    exported: Key,
    scope: SenderScope,
    pub(super) sender: Sender,
    /// The keys of all leaves by their number; none where nobody is.
    leaves: Vec<Option<[u8; PUBLIC_LEN]>>,
    listeners: Vec<Option<Box<Listener>>>,
}

impl Era {
    pub(super) fn new(
        (aead, group): (Aead, GroupId),
        epoch: u64,
        exported: Key,
        (own, signing): (u8, &Key),
        leaves: Vec<Option<[u8; PUBLIC_LEN]>>,
    ) -> Self {
        let [.., a, b, c, d] = epoch.to_be_bytes();
        let scope = SenderScope { aead, group, member: own, since: u32::from_be_bytes([a, b, c, d]) };
        let sender = Sender::new(scope, secret(&exported, &scope), signing, 0);
        let listeners = leaves.iter().map(|_| None).collect();
        Self { exported, scope, sender, leaves, listeners }
    }

    /// The low bits of its epoch.
    pub(super) const fn epoch(&self) -> u32 {
        self.scope.since
    }

    /// Opens a packet of that member, and tells what its owner should know.
    pub(super) fn open<'b>(
        &mut self,
        member: u8,
        packet: &'b mut [u8],
        now: Instant,
    ) -> (Result<Received<'b>, Refused>, Option<Notice>) {
        let Some(listener) = self.listener(member) else { return (Err(Refused::Stranger), None) };
        let received = listener.open(packet, now);
        (received, listener.take_notice())
    }

    fn listener(&mut self, member: u8) -> Option<&mut Listener> {
        let verifying = (*self.leaves.get(usize::from(member))?)?;
        if member == self.scope.member {
            return None;
        }
        let scope = SenderScope { member, ..self.scope };
        let place = self.listeners.get_mut(usize::from(member))?;
        let listener = place.get_or_insert_with(|| {
            Box::new(Listener::new(scope, verifying, secret(&self.exported, &scope), 0))
        });
        Some(listener)
    }

    /// When the listeners or the sender have something to do.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let listeners = self.listeners.iter().flatten().filter_map(|listener| listener.next_at());
        listeners.chain(self.sender.next_at()).min()
    }

    /// Time has passed for the listeners; gives the first that has something to tell.
    pub(super) fn on_time(&mut self, now: Instant) -> Option<(u8, Notice)> {
        for (number, listener) in (0..=u8::MAX).zip(&mut self.listeners) {
            let Some(listener) = listener else { continue };
            listener.on_time(now);
            if let Some(notice) = listener.take_notice() {
                return Some((number, notice));
            }
        }
        None
    }

    /// Plays that member again.
    pub(super) fn restore(&mut self, member: u8) {
        if let Some(Some(listener)) = self.listeners.get_mut(usize::from(member)) {
            listener.restore();
        }
    }
}

fn secret(exported: &Key, scope: &SenderScope) -> SenderSecret {
    let leaf = u32::from(scope.member).to_be_bytes();
    SenderSecret::new(scope.since, *kdf::derive(exported, "group sender", &leaf))
}
