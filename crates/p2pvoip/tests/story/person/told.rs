//! What a call tells its person, kept for the test to look at.

use super::{CallEvent, CallKey, CallState, Person};

impl Person {
    pub(super) fn on_call(&mut self, call: CallKey, event: CallEvent) {
        // Of a call that was superseded only its end is of interest.
        if self.call != Some(call) {
            if let CallEvent::State(CallState::Ended(reason)) = event {
                self.all_ends.push(reason);
            }
            return;
        }
        match event {
            CallEvent::State(state) => {
                if let CallState::Ended(reason) = state {
                    self.all_ends.push(reason);
                }
                self.state = Some(state);
                self.next_tick = (state == CallState::Connected).then(|| self.now + self.phase);
            }
            CallEvent::Lookup(how) => self.lookups.push(how),
            CallEvent::Encrypted(encryption) => {
                self.encrypted = true;
                self.identity = Some(encryption.identity);
            }
            CallEvent::Trust(trust) => self.trust.push(trust),
            CallEvent::TrustFell { from, to } => self.fell.push((from, to)),
            CallEvent::Sas(sas) => self.sas = Some(sas),
            CallEvent::Devices(peer) => self.newer.push(peer),
            CallEvent::Rekeyed => self.rekeys += 1,
            CallEvent::Path(path) => self.paths.push(path.kind),
            CallEvent::Stats(stats) => self.stats = Some(stats),
            _ => {}
        }
    }
}
