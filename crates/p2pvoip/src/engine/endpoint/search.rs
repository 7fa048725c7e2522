//! Where a contact is looked for: at which server, on which of its devices, and how far the search in a directory is.

use std::collections::VecDeque;

use p2pvoip_core::{Instant, UnixTime, Wake};
use p2pvoip_crypto::{BundleError, ContactCard, MAX_DEVICES, Prekeys};
use p2pvoip_signal::{EndReason, Envelope, MailboxId, Slot};

use super::directory::{PATIENCE, QueryKey};
use crate::server_url::ServerUrl;

/// How far one call's search in the directory is.
pub(super) enum Step {
    /// Not needed so far.
    Idle,
    /// It begins when the server has not answered by then.
    Patient { at: Instant },
    /// The directory was asked for that day's record; another day may be asked for afterwards.
    Asking { query: QueryKey, day: u64, until: Instant, other: Option<u64> },
    /// What it told is known.
    Done,
}

/// Where a contact may be found.
pub(super) struct Search {
    pub(super) card: Box<ContactCard>,
    pub(super) step: Step,
    /// How the call ends when nothing is found: the server that was tried is of no use.
    pub(super) failed: Option<EndReason>,
    /// Servers that were told and not tried yet.
    pub(super) servers: VecDeque<ServerUrl>,
    /// The offer, once it is made: it can be put elsewhere unchanged.
    pub(super) offer: Option<Envelope>,
    /// The device that is tried, the day by whose key its mailbox is named, and that mailbox.
    device: u8,
    day: u64,
    mailbox: MailboxId,
    /// The contact's devices, once a bundle has told; before, all that there can be.
    devices: Vec<u8>,
}

impl Search {
    pub(super) fn new(card: &ContactCard, uses_directory: bool, now: Instant) -> Self {
        let step = if uses_directory { Step::Patient { at: now + PATIENCE } } else { Step::Idle };
        Self {
            card: Box::new(card.clone()),
            step,
            failed: None,
            servers: VecDeque::new(),
            offer: None,
            device: 0,
            day: 0,
            mailbox: MailboxId::new([0; 16]),
            devices: (0..u8::try_from(MAX_DEVICES).unwrap_or(u8::MAX)).collect(),
        }
    }

    pub(super) const fn card(&self) -> &ContactCard {
        &self.card
    }

    /// The contact's device is looked for at that server: in this slot, and its mailbox.
    pub(super) fn place(&mut self, server: &ServerUrl, day: u64) -> Slot {
        let address = self.card.mailbox().address(day, self.device, server.as_str());
        (self.day, self.mailbox) = (day, MailboxId::new(address));
        Slot::new(address)
    }

    /// The mailbox of the device that is tried.
    pub(super) const fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// Whether the contact has a device that was not tried yet.
    pub(super) fn has_next_device(&self) -> bool {
        self.devices.iter().any(|device| *device > self.device)
    }

    /// Goes on to the contact's next device; whether there is one.
    pub(super) fn next_device(&mut self) -> bool {
        let Some(next) = self.devices.iter().copied().find(|device| *device > self.device) else {
            return false;
        };
        (self.device, self.offer) = (next, None);
        true
    }

    /// Begins anew at another server; the offer to a contact's only device stays as it is.
    pub(super) fn restart(&mut self) {
        if self.device != 0 || self.devices.len() > 1 {
            (self.device, self.offer) = (0, None);
        }
    }

    /// The prekeys that were found.
    pub(super) fn open(&mut self, bytes: &[u8], unix: UnixTime) -> Result<Prekeys, BundleError> {
        let card = &self.card;
        let prekeys = card.mailbox().open_bundle(bytes, self.device, self.day, card.fingerprint(), unix)?;
        self.devices = prekeys.device_indices().collect();
        Ok(prekeys)
    }

    /// The offer goes out: keep it.
    pub(super) fn keep(&mut self, envelope: &Envelope) {
        self.offer.get_or_insert_with(|| envelope.clone());
    }

    pub(super) const fn wake(&self) -> Option<Wake> {
        match self.step {
            Step::Patient { at } => Some(Wake { at, why: "patience" }),
            Step::Asking { until, .. } => Some(Wake { at: until, why: "lookup" }),
            Step::Idle | Step::Done => None,
        }
    }
}
