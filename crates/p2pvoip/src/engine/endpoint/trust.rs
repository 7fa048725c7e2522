//! Whom the endpoint knows: what its contact book says before a call, and what a call adds to it.
//!
//! # Left out
//! - The book on disk: the owner notes there what the events of a call tell (`contacts::Book::note_call`, `note_devices`,
//!   `note_same_code`).

use p2pvoip_core::Instant;
use p2pvoip_crypto::{Fingerprint, How, PeerIdentity, Pin, Trust, VERSION_1_1};
use p2pvoip_signal::EndReason;

use super::search::Search;
use super::{CallKey, Endpoint};
use crate::contacts::{Book, Contact};
use crate::event::{CallEvent, CallState, Encryption};

impl Endpoint {
    /// Whom we know from now on. Of who was known before, what the calls of this run have taught is kept where it is
    /// [stricter](Book::keep_stricter); who is not in the new book is forgotten. Calls that are open go on with what was known
    /// when they began.
    pub fn set_contacts(&mut self, mut contacts: Book) {
        contacts.keep_stricter(&self.settings.contacts);
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

    /// Pins a newer list of a contact's devices; whether it was one.
    pub(super) fn note_devices(&mut self, peer: &PeerIdentity) -> bool {
        let rose = self.settings.contacts.note_devices(peer).unwrap_or(false);
        if rose {
            self.refresh_hints();
        }
        rose
    }

    /// Notes what a call tells: whom it was with, once keys are agreed and once it is connected, what was verified, and that a code differed.
    pub(super) fn note(&mut self, index: usize, event: &CallEvent) {
        if let CallEvent::Encrypted(Encryption { identity, .. }) = event {
            self.note_devices(identity);
        }
        let connected = matches!(event, CallEvent::State(CallState::Connected));
        let verified = matches!(event, CallEvent::Trust(Trust::Verified(How::Sas)));
        let differs = matches!(event, CallEvent::State(CallState::Ended(EndReason::CodeDiffers)));
        if !connected && !verified && !differs {
            return;
        }
        let unix = self.unix(self.now);
        let Some(entry) = self.calls.get(index) else { return };
        let Some(peer) = entry.call.identity().copied() else { return };
        let contacts = &mut self.settings.contacts;
        let noted = if differs {
            let name = contacts.find(&peer.fingerprint).map(|contact| contact.name().to_owned());
            name.map_or(Ok(false), |name| contacts.unverify(&name).map(|_| false))
        } else if verified {
            // By another key than was known, when that is what the owner has dialled.
            let dialled = entry.call.contact().and_then(|contact| contacts.find(contact.fingerprint()));
            let dialled = dialled.map(|contact| contact.name().to_owned());
            let dialled = dialled.as_deref().zip(entry.search.as_ref().map(Search::card));
            contacts.note_same_code(&peer, dialled, VERSION_1_1, unix)
        } else {
            contacts.note_call(&peer, VERSION_1_1, unix)
        };
        match noted {
            Ok(true) => self.refresh_hints(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the contact book does not take what a call tells"),
        }
    }
}
