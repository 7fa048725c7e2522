//! Whom the endpoint knows: what its contact book says before a call, and what a call adds to it.
//!
//! # Left out
//! - The book on disk: the owner notes there what the events of a call tell (`contacts::Book::note_call`, `verify`).

use p2pvoip_core::Instant;
use p2pvoip_crypto::{Fingerprint, How, Pin, Trust, VERSION_1_1};
use p2pvoip_signal::EndReason;

use super::{CallKey, Endpoint};
use crate::contacts::{Book, Contact};
use crate::event::{CallEvent, CallState};

impl Endpoint {
    /// Whom we know from now on. Calls that are open go on with what was known when they began.
    pub fn set_contacts(&mut self, contacts: Book) {
        self.settings.contacts = contacts;
        self.refresh_hints();
    }

    /// Whom we know, calls of this run included.
    pub const fn contacts(&self) -> &Book {
        &self.settings.contacts
    }

    /// How far the peer of a call is trusted, once keys are agreed.
    pub fn trust(&self, call: CallKey) -> Option<Trust> {
        self.calls.iter().find(|entry| entry.key == call)?.call.trust()
    }

    /// The two people have compared the code of a call: it is the same, or it is not, which ends the call.
    pub fn confirm_sas(&mut self, call: CallKey, same: bool, now: Instant) {
        self.with_call(call, now, |call| call.confirm_sas(same, now));
    }

    /// What is known of who has that fingerprint.
    pub(super) fn known(&self, fingerprint: &Fingerprint) -> Option<&Contact> {
        self.settings.contacts.find(fingerprint)
    }

    /// Callers who were spoken with before are let in without a token: the gate knows them by their devices.
    pub(super) fn refresh_hints(&mut self) {
        let pins = self.settings.contacts.iter().filter_map(Contact::pin);
        let devices: Vec<_> = pins.flat_map(Pin::devices).copied().collect();
        let left_out = self.gatekeeper.set_contacts(&self.settings.identity, devices);
        if left_out > 0 {
            tracing::warn!(left_out, "more devices of contacts are known than are let in as known");
        }
    }

    /// Notes what a call tells: whom it was with once it is connected, what was verified, and that a code differed.
    pub(super) fn note(&mut self, index: usize, event: &CallEvent) {
        let connected = matches!(event, CallEvent::State(CallState::Connected));
        let verified = matches!(event, CallEvent::Trust(Trust::Verified(How::Sas)));
        let differs = matches!(event, CallEvent::State(CallState::Ended(EndReason::CodeDiffers)));
        if !connected && !verified && !differs {
            return;
        }
        let Some(peer) = self.calls.get(index).and_then(|entry| entry.call.identity()).copied() else {
            return;
        };
        let unix = self.unix(self.now);
        let Some(contact) = self.known(&peer.fingerprint) else { return };
        let name = contact.name().to_owned();
        let is_new = contact.pin().is_none_or(|pin| !pin.devices().contains(&peer.device));
        let contacts = &mut self.settings.contacts;
        let noted = if differs {
            contacts.unverify(&name).map(drop)
        } else if verified {
            contacts.verify(&name, &peer.fingerprint, How::Sas).map(drop)
        } else {
            contacts.note_call(&peer, VERSION_1_1, unix).map(drop)
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "the contact book does not take what a call tells");
        } else if connected && is_new {
            self.refresh_hints();
        }
    }
}
