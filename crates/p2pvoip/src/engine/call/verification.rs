//! Verification: the code that two people compare, made of what each side drew.

use p2pvoip_core::Instant;
use p2pvoip_signal::{EndReason, Message};

use super::Call;
use crate::event::CallEvent;

impl Call {
    /// The caller tells what it committed to, now that the answer is authentic and nothing can be chosen any more.
    pub(super) fn reveal(&mut self) {
        if let Some(nonce) = self.sas.as_ref().and_then(p2pvoip_crypto::SasPart::to_reveal) {
            self.letters.tell(&Message::Reveal { nonce });
        }
        self.tell_sas();
    }

    /// The caller has told it: the code is known here too, or somebody sits in between.
    pub(super) fn on_reveal(&mut self, nonce: &[u8; 16], now: Instant) {
        match self.sas.as_mut().map(|sas| sas.reveal(nonce)) {
            Some(Ok(_)) => self.tell_sas(),
            Some(Err(error)) => {
                tracing::warn!(%error, "the call is ended, since its code for comparison cannot be trusted");
                self.step(now, |state| state.fail(EndReason::NotTrusted));
            }
            None => {}
        }
    }

    fn tell_sas(&mut self) {
        if let Some(sas) = self.sas.as_ref().and_then(p2pvoip_crypto::SasPart::sas) {
            self.events.push_back(CallEvent::Sas(sas));
        }
    }
}
