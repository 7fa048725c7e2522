//! Being called: from an envelope in one of our mailboxes to a call that rings.
//!
//! It rings when the caller's first letter has come: the offer alone could be a replay, or be written by who has stolen our
//! prekeys and claims to be anybody (the specification of the handshake). Until then the owner hears nothing of it.
//!
//! # Timers
//! - `proof`: an offer whose caller has not written after [`PROOF_WAIT`] is given up in silence.

use core::time::Duration;

use p2pvoip_core::{Instant, Machine, Wake};
use p2pvoip_crypto::{Fingerprint, Responder};
use p2pvoip_signal::call::{Glare, glare};
use p2pvoip_signal::{CallId, EndReason, Envelope, MailboxId, OfferBody, RejectReason, unpad};

use super::dialing::Stage;
use super::servers::ServerId;
use super::{CallKey, Endpoint, Entry, Event, MAX_CALLS};
use crate::engine::call::{self, Call};
use crate::engine::hash::mailbox_of;
use crate::event::{CallEvent, CallState};

/// How long a caller's first letter is waited for.
const PROOF_WAIT: Duration = Duration::from_secs(30);
/// Offers whose callers are not proven yet; further ones are refused.
const MAX_UNPROVEN: usize = 8;

/// A call that does not ring yet, since its caller is not proven.
pub(super) struct Unproven {
    until: Instant,
    /// What the owner hears once it rings.
    held: Vec<CallEvent>,
}

impl Unproven {
    pub(super) const fn wake(&self) -> Wake {
        Wake { at: self.until, why: "proof" }
    }

    /// Keeps what the call tells; it tells few things before it rings.
    pub(super) fn hold(&mut self, event: CallEvent) {
        if self.held.len() < MAX_UNPROVEN {
            self.held.push(event);
        }
    }
}

impl Endpoint {
    /// An envelope came: for a call of ours, or an offer.
    pub(super) fn on_envelope(&mut self, server: ServerId, mailbox: MailboxId, envelope: &Envelope) {
        let now = self.now;
        let addressed =
            |entry: &&mut Entry| entry.server == server && mailbox_of(entry.call.mailbox()) == mailbox;
        if let Some(entry) = self.calls.iter_mut().find(addressed) {
            if let Err(error) = entry.call.handle_input(call::Input::Envelope(envelope), now) {
                tracing::debug!(%error, "an envelope was refused");
            } else if entry.unproven.is_some() {
                let key = entry.key;
                self.announce(key);
            }
        } else if self.is_own_mailbox(mailbox) && !self.ring(server, envelope) {
            self.refused_offers += 1;
        }
    }

    /// Lets an offer ring; whether it was one.
    fn ring(&mut self, server: ServerId, envelope: &Envelope) -> bool {
        let (now, unix) = (self.now, self.unix(self.now));
        // Beyond this not even a refusal is worth the work.
        let unproven = self.calls.iter().filter(|entry| entry.unproven.is_some()).count();
        if self.calls.len() >= MAX_CALLS || unproven >= MAX_UNPROVEN {
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
        if matches!(self.crossing(&peer, &offer.call_id), Some((_, Glare::KeepOurs | Glare::Reflected))) {
            return false;
        }
        let is_stranger = !responder.known() && self.known(&peer).is_none();
        let busy = self.is_busy_for(is_stranger);
        let known = self.known(&peer).cloned();
        let (key, seed) = self.new_key();
        let Ok(mut call) = Call::ring(&self.parts(seed, known), responder, &offer, now) else { return false };
        if busy {
            call.reject(RejectReason::Busy, now);
        }
        if let Some(server) = self.servers.get_mut(server) {
            // Without a mailbox the call cannot be told of candidates, and ends by its timers.
            let _refused = server.client.listen(*call.mailbox(), now);
        }
        let unproven =
            (!call.state().is_ended()).then(|| Unproven { until: now + PROOF_WAIT, held: Vec::new() });
        self.calls.push(Entry {
            key,
            server,
            stage: Stage::Talking,
            search: None,
            unproven,
            is_stranger,
            call,
            warmed: false,
        });
        true
    }

    /// Whether a further caller hears that we are busy. Strangers hold at most half of the calls, so that they keep no friend out.
    fn is_busy_for(&self, stranger: bool) -> bool {
        let open = || self.calls.iter().filter(|entry| !entry.call.state().is_ended());
        let most = self.settings.max_calls;
        let strangers = open().filter(|entry| entry.is_stranger).count();
        open().count() >= most || (stranger && strangers >= most.div_ceil(2))
    }

    /// A call of ours to that peer which it has not taken yet, and which of the two goes on.
    fn crossing(&self, peer: &Fingerprint, theirs: &CallId) -> Option<(CallKey, Glare)> {
        let crossing = |entry: &&Entry| {
            let waiting = matches!(entry.call.state(), CallState::Dialing | CallState::Ringing);
            waiting && entry.call.peer() == Some(*peer) && entry.call.is_outgoing()
        };
        let entry = self.calls.iter().find(crossing)?;
        Some((entry.key, glare(&entry.call.id(), theirs)))
    }

    /// The caller's first letter came: it is who it says, and the call rings.
    fn announce(&mut self, key: CallKey) {
        let now = self.now;
        let Some(entry) = self.calls.iter_mut().find(|entry| entry.key == key) else { return };
        let Some(peer) = entry.call.peer() else { return };
        let held = entry.unproven.take().map(|unproven| unproven.held).unwrap_or_default();
        let id = entry.call.id();
        self.events.push_back(Event::Incoming { call: key, peer });
        self.events.extend(held.into_iter().map(|event| Event::Call { call: key, event }));
        match self.crossing(&peer, &id) {
            Some((ours, Glare::TakeTheirs)) => {
                self.with_call(ours, now, |call| call.fail(EndReason::Superseded, now));
            }
            // Dialled since the offer came.
            Some((_, Glare::KeepOurs | Glare::Reflected)) => self.reject(key, RejectReason::Busy, now),
            None => {}
        }
    }

    /// Gives up offers whose callers did not write.
    pub(super) fn drop_unproven(&mut self, now: Instant) {
        for entry in &mut self.calls {
            if entry.unproven.as_ref().is_some_and(|unproven| unproven.until <= now)
                && !entry.call.state().is_ended()
            {
                entry.call.fail(EndReason::NoAnswer, now);
            }
        }
    }

    pub(super) fn proof_wake(&self) -> Option<Wake> {
        let waiting = self.calls.iter().filter(|entry| !entry.call.state().is_ended());
        let wakes = waiting.filter_map(|entry| entry.unproven.as_ref().map(Unproven::wake));
        wakes.fold(None, |first, wake| Wake::earliest(first, Some(wake)))
    }
}
