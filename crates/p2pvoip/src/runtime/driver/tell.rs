//! What the owner of a call is told: events in their order, and figures that can be asked for.

use super::{CallEvent, CallKey, CallState, Driver, RESERVED_EVENTS};

impl Driver {
    pub(super) fn tell(&mut self, call: CallKey, event: CallEvent) {
        let Some(port) = self.calls.get_mut(&call) else { return };
        match &event {
            CallEvent::State(state) => {
                tracing::info!(call = call.number(), state = state.as_str(), "a call has moved on");
                port.plays = *state == CallState::Connected;
                if state.is_ended() {
                    port.rings = None;
                }
                port.state.send_replace(*state);
            }
            CallEvent::Encrypted(encryption) => {
                tracing::info!(call = call.number(), aead = encryption.aead, "keys are agreed");
                port.facts.send_modify(|facts| facts.encryption = Some(*encryption));
            }
            CallEvent::Trust(trust) => {
                tracing::info!(call = call.number(), trust = trust.word(), "how far the peer is trusted");
                port.facts.send_modify(|facts| facts.trust = Some(*trust));
            }
            CallEvent::TrustFell { from, to } => {
                tracing::warn!(
                    call = call.number(),
                    from = from.word(),
                    to = to.word(),
                    "the peer is trusted less"
                );
            }
            CallEvent::Sas(sas) => {
                tracing::debug!(call = call.number(), "the code for comparison is known");
                port.facts.send_modify(|facts| facts.sas = Some(*sas));
            }
            CallEvent::Stats(stats) => port.facts.send_modify(|facts| facts.stats.clone_from(stats)),
            CallEvent::Path(path) => tracing::info!(call = call.number(), kind = ?path.kind, "a path works"),
            CallEvent::Lookup(how) => {
                tracing::info!(
                    call = call.number(),
                    how = how.as_str(),
                    "the contact is looked for in the DHT"
                );
            }
            CallEvent::RelayFailed(failure) => {
                tracing::warn!(call = call.number(), %failure, "a relay cannot be used");
            }
            CallEvent::Devices(_) => {
                tracing::info!(call = call.number(), "the contact's devices have changed");
            }
            CallEvent::Rekeyed => tracing::debug!(call = call.number(), "fresh keys are agreed"),
            CallEvent::Summary(_) => {}
        }
        let figures = matches!(event, CallEvent::Stats(_));
        if !figures || port.events.capacity() > RESERVED_EVENTS {
            // An owner that reads no events can still ask for state and figures.
            let _unread = port.events.try_send(event);
        }
    }
}
