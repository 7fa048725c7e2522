//! Verification: how far the peer is trusted, and the code that two people compare, made of what each side drew.
//!
//! # Left out
//! - Writing down what was found: the endpoint notes it in its contact book, and the owner in the one on disk.

use p2pvoip_core::Instant;
use p2pvoip_crypto::{Fingerprint, How, PeerIdentity, Sas, SasPart, Trust};
use p2pvoip_signal::{EndReason, Message};

use super::Call;
use crate::contacts::Contact;
use crate::event::CallEvent;

/// Who the peer should be, who it is, and how sure that is.
#[derive(Default)]
pub(super) struct Verification {
    /// What the contact book says of whom we call, or of who calls.
    contact: Option<Contact>,
    /// Who it has proven to be.
    peer: Option<PeerIdentity>,
    trust: Option<Trust>,
    /// The code that both people compare, or what it is still made of.
    sas: Option<SasPart>,
}

impl Verification {
    pub(super) fn of(contact: Option<Contact>) -> Self {
        Self { contact, ..Self::default() }
    }

    fn sas(&self) -> Option<Sas> {
        self.sas.as_ref().and_then(SasPart::sas)
    }
}

impl Call {
    /// Who the handshake has proven the peer to be.
    pub(crate) const fn identity(&self) -> Option<&PeerIdentity> {
        self.verification.peer.as_ref()
    }

    /// What the contact book said of whom we call, or of who calls, when the call began.
    pub(crate) const fn contact(&self) -> Option<&Contact> {
        self.verification.contact.as_ref()
    }

    /// The contact that is called publishes a newer list of its devices than was pinned.
    pub(crate) fn tell_devices(&mut self, peer: PeerIdentity) {
        self.events.push_back(CallEvent::Devices(peer));
    }

    /// Its fingerprint, or that of whom an offer is out to.
    pub(crate) fn peer(&self) -> Option<Fingerprint> {
        self.peer
    }

    /// How far the peer is trusted, once keys are agreed.
    pub(crate) const fn trust(&self) -> Option<Trust> {
        self.verification.trust
    }

    /// Keys are agreed with `peer`: measures it against what is known. Whether the call may go on.
    pub(super) fn prove(&mut self, peer: PeerIdentity, sas: SasPart) -> bool {
        let known = self.verification.contact.as_ref();
        let judged = known.map_or(Ok(Trust::FirstContact), |contact| contact.judge(&peer));
        self.verification.peer = Some(peer);
        self.verification.sas = Some(sas);
        match judged {
            Ok(trust) => {
                self.verification.trust = Some(trust);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the call is refused");
                false
            }
        }
    }

    /// Tells the owner how far the peer is trusted, and whether that is less than before.
    pub(super) fn tell_trust(&mut self) {
        let Some(trust) = self.verification.trust else { return };
        let before = self.verification.contact.as_ref().map(Contact::relied_on);
        self.tell_trust_after(before.unwrap_or(trust), trust);
    }

    fn tell_trust_after(&mut self, from: Trust, to: Trust) {
        self.verification.trust = Some(to);
        self.events.push_back(CallEvent::Trust(to));
        self.tell_fall(from, to);
    }

    fn tell_fall(&mut self, from: Trust, to: Trust) {
        if to.is_below(from) {
            self.events.push_back(CallEvent::TrustFell { from, to });
        }
    }

    /// The caller tells what it committed to, now that the answer is authentic and nothing can be chosen any more.
    pub(super) fn reveal(&mut self) {
        if let Some(nonce) = self.verification.sas.as_ref().and_then(SasPart::to_reveal) {
            self.letters.tell(&Message::Reveal { nonce });
        }
        self.tell_sas();
    }

    /// The caller has told it: the code is known here too, or somebody sits in between.
    pub(super) fn on_reveal(&mut self, nonce: &[u8; 16], now: Instant) {
        match self.verification.sas.as_mut().map(|sas| sas.reveal(nonce)) {
            Some(Ok(_)) => self.tell_sas(),
            Some(Err(error)) => {
                tracing::warn!(%error, "the call is ended, since its code for comparison cannot be trusted");
                self.step(now, |state| state.fail(EndReason::CodeDiffers));
            }
            None => {}
        }
    }

    fn tell_sas(&mut self) {
        if let Some(sas) = self.verification.sas() {
            self.events.push_back(CallEvent::Sas(sas));
        }
    }

    /// The two people have compared the code: it is the same, or it is not, and then somebody sits in between.
    ///
    /// Nothing happens while there is no code, or after the call's end.
    pub(crate) fn confirm_sas(&mut self, same: bool, now: Instant) {
        let Some(before) = self.verification.trust.filter(|_| !self.state().is_ended()) else { return };
        if self.verification.sas().is_none() {
            return;
        }
        if same {
            return self.tell_trust_after(before, Trust::Verified(How::Sas));
        }
        // The level is not told by itself: it would say that the contact has a new key, which nobody knows.
        self.verification.trust = Some(Trust::Changed);
        self.tell_fall(before, Trust::Changed);
        self.step(now, |state| state.fail(EndReason::CodeDiffers));
    }
}
