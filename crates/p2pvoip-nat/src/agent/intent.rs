//! What the agent means to say, small and frozen, and how it becomes bytes when it is polled.

use core::net::SocketAddr;

use p2pvoip_core::Output;

use super::{Agent, Event, Transmit};
use crate::check::Check;
use crate::gather::Query;
use crate::stun::{self, TransactionId};

/// One entry of the outbox.
#[derive(Clone, Copy)]
pub(super) enum Intent {
    /// Tell the owner.
    Tell(Event),
    /// Ask a STUN server.
    Query(Query),
    /// Ask the peer.
    Check(Check),
    /// Answer the peer's check with the address that it came from.
    Answer { id: TransactionId, local: SocketAddr, remote: SocketAddr },
    /// Refuse the peer's check since both sides have the same role.
    Conflict { id: TransactionId, local: SocketAddr, remote: SocketAddr },
}

impl Agent {
    /// Queues an event. Room was required before.
    pub(super) fn say(&mut self, event: Event) {
        self.queue(Intent::Tell(event));
    }

    /// Queues an intent. Room was required before.
    pub(super) fn queue(&mut self, intent: Intent) {
        let queued = self.outbox.push(intent);
        debug_assert!(queued.is_ok(), "an intent without required room");
    }

    /// The output of an intent; `None` when it has no bytes, which is a bug of this crate and never ends a call.
    pub(super) fn say_aloud(&self, intent: Intent, buf: &mut [u8]) -> Option<Output<Transmit, Event>> {
        let (local, remote, len) = match intent {
            Intent::Tell(event) => return Some(Output::Event(event)),
            Intent::Query(query) => (query.local, query.server, stun::emit_query(query.id, buf)),
            Intent::Check(check) => {
                let peer = self.peer.as_ref()?;
                (check.local, check.remote, stun::emit_check(&check, &peer.username, &peer.key, buf))
            }
            Intent::Answer { id, local, remote } => {
                (local, remote, stun::emit_answer(id, remote, &self.own.key, buf))
            }
            Intent::Conflict { id, local, remote } => {
                (local, remote, stun::emit_conflict(id, &self.own.key, buf))
            }
        };
        debug_assert!(len.is_some(), "an intent without bytes");
        Some(Output::Transmit { to: Transmit { local, remote }, len: len? })
    }
}
