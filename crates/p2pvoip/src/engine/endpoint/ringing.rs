//! Being called: from an envelope in one of our mailboxes to a call that rings.

use p2pvoip_core::Machine;
use p2pvoip_crypto::Responder;
use p2pvoip_signal::call::{Glare, glare};
use p2pvoip_signal::{EndReason, Envelope, MailboxId, OfferBody, RejectReason, unpad};

use super::dialing::Stage;
use super::servers::ServerId;
use super::{Endpoint, Entry, Event, MAX_CALLS};
use crate::engine::call::{self, Call};
use crate::engine::hash::mailbox_of;
use crate::event::CallState;

impl Endpoint {
    /// An envelope came: for a call of ours, or an offer.
    pub(super) fn on_envelope(&mut self, server: ServerId, mailbox: MailboxId, envelope: &Envelope) {
        let now = self.now;
        let addressed =
            |entry: &&mut Entry| entry.server == server && mailbox_of(entry.call.mailbox()) == mailbox;
        if let Some(entry) = self.calls.iter_mut().find(addressed) {
            if let Err(error) = entry.call.handle_input(call::Input::Envelope(envelope), now) {
                tracing::debug!(%error, "an envelope was refused");
            }
        } else if self.is_own_mailbox(mailbox) && !self.ring(server, envelope) {
            self.refused_offers += 1;
        }
    }

    /// Lets an offer ring; whether it was one.
    fn ring(&mut self, server: ServerId, envelope: &Envelope) -> bool {
        let (now, unix) = (self.now, self.unix(self.now));
        // Beyond this not even a refusal is worth the work.
        if self.calls.len() >= MAX_CALLS {
            return false;
        }
        // Before any public key is touched.
        let admitted = match self.gatekeeper.admit(envelope.as_bytes(), now, unix) {
            Ok(admitted) => admitted,
            Err(why) => {
                tracing::debug!(%why, "an offer did not pass the gate");
                return false;
            }
        };
        let Ok(responder) = Responder::read(&self.settings.identity, admitted, unix) else { return false };
        let peer = responder.peer().fingerprint;
        let Ok(offer) = unpad(responder.payload()).and_then(OfferBody::parse) else { return false };
        if let Err(why) = self.offers.admit(&offer, &responder.peer().root, unix) {
            tracing::warn!(%why, "an offer was refused");
            return false;
        }
        let crossing = |entry: &&mut Entry| {
            let waiting = matches!(entry.call.state(), CallState::Dialing | CallState::Ringing);
            waiting && entry.call.peer() == Some(peer) && entry.call.is_outgoing()
        };
        if let Some(entry) = self.calls.iter_mut().find(crossing) {
            match glare(&entry.call.id(), &offer.call_id) {
                Glare::KeepOurs | Glare::Reflected => return false,
                Glare::TakeTheirs => entry.call.fail(EndReason::Superseded, now),
            }
        }
        let busy = self.calls.iter().filter(|entry| !entry.call.state().is_ended()).count()
            >= self.settings.max_calls;
        let known = self.known(&peer).cloned();
        let (key, seed) = self.new_key();
        let Ok(mut call) = Call::ring(&self.parts(seed, known), responder, &offer, now) else { return false };
        if busy {
            call.reject(RejectReason::Busy, now);
        }
        let rings = !call.state().is_ended();
        if let Some(server) = self.servers.get_mut(server) {
            // Without a mailbox the call cannot be told of candidates, and ends by its timers.
            let _refused = server.client.listen(*call.mailbox(), now);
        }
        self.calls.push(Entry { key, server, stage: Stage::Talking, search: None, call });
        if rings {
            self.events.push_back(Event::Incoming { call: key, peer });
        }
        true
    }
}
