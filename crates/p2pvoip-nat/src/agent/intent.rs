//! What the agent means to say, small and frozen, and how it becomes bytes when it is polled.

use core::net::SocketAddr;

use p2pvoip_core::Output;

use super::{Agent, Event, Transmit};
use crate::check::Check;
use crate::gather::Query;
use crate::stun::turn::{Request, emit_request};
use crate::stun::{self, TransactionId};
use crate::turn::way::Way;

/// One entry of the outbox.
#[derive(Clone)]
pub(super) enum Intent {
    /// Tell the owner.
    Tell(Event),
    /// Ask a STUN server.
    Query(Query),
    /// Ask a TURN server.
    Relay { base: SocketAddr, server: SocketAddr, request: Request },
    /// Give a TURN server a sign of life.
    Keep { base: SocketAddr, server: SocketAddr, id: TransactionId },
    /// Ask the peer.
    Check(Check, Way),
    /// Answer the peer's check with the address that it came from.
    Answer { id: TransactionId, remote: SocketAddr, way: Way },
    /// Refuse the peer's check since both sides have the same role.
    Conflict { id: TransactionId, way: Way },
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
        let ((local, remote), len) = match intent {
            Intent::Tell(event) => return Some(Output::Event(event)),
            Intent::Query(query) => ((query.local, query.server), stun::emit_query(query.id, buf)),
            Intent::Relay { base, server, request } => ((base, server), emit_request(&request, buf)),
            Intent::Keep { base, server, id } => ((base, server), stun::emit_keep(id, buf)),
            Intent::Check(check, way) => {
                let peer = self.peer.as_ref()?;
                let emit = |buf: &mut [u8]| stun::emit_check(&check, &peer.username, &peer.key, buf);
                (way.ends(), way.write(check.id, buf, emit))
            }
            Intent::Answer { id, remote, way } => {
                let emit = |buf: &mut [u8]| stun::emit_answer(id, remote, &self.own.key, buf);
                (way.ends(), way.write(id, buf, emit))
            }
            Intent::Conflict { id, way } => {
                let emit = |buf: &mut [u8]| stun::emit_conflict(id, &self.own.key, buf);
                (way.ends(), way.write(id, buf, emit))
            }
        };
        debug_assert!(len.is_some(), "an intent without bytes");
        Some(Output::Transmit { to: Transmit { local, remote }, len: len? })
    }
}
