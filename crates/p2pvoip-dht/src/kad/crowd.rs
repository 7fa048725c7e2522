//! How many connections one network may have with a node, so that no network takes them all.

use libp2p_core::transport::PortUse;
use libp2p_core::{Endpoint, Multiaddr};
use libp2p_identity::PeerId;
use libp2p_swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::task::{Context, Poll};

use super::swarm::ip_of;
use crate::shelf::{Network, narrow_network};

/// Connections that one network (an IPv4 /24, an IPv6 /48) may open: a sixteenth of all.
pub(super) const MAX_PER_NETWORK: usize = 32;

/// The network of whom a connection is refused has as many as it may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the network of this peer has {MAX_PER_NETWORK} connections already")]
struct Crowded;

/// Stage: counts the open connections that came from each network.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    came: BTreeMap<ConnectionId, Network>,
}

impl Crowd {
    fn enter(&mut self, id: ConnectionId, from: &Multiaddr) -> Result<(), Crowded> {
        let Some(network) = ip_of(from).map(narrow_network) else { return Ok(()) };
        if self.came.values().filter(|other| **other == network).count() >= MAX_PER_NETWORK {
            return Err(Crowded);
        }
        self.came.insert(id, network);
        Ok(())
    }
}

impl NetworkBehaviour for Crowd {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.enter(id, from).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.came.remove(&connection_id);
            }
            // Another part of the swarm refused it after us.
            FromSwarm::ListenFailure(failure) => {
                self.came.remove(&failure.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_so_many_connections_and_not_one_more() {
        let mut crowd = Crowd::default();
        let id = ConnectionId::new_unchecked;
        let from = |text: &str| text.parse::<Multiaddr>().unwrap();
        for n in 0..MAX_PER_NETWORK {
            assert_eq!(crowd.enter(id(n), &from(&format!("/ip4/20.1.1.{n}/tcp/9"))), Ok(()));
        }
        assert_eq!(crowd.enter(id(90), &from("/ip4/20.1.1.200/tcp/9")), Err(Crowded));
        assert_eq!(crowd.enter(id(91), &from("/ip4/20.1.2.200/tcp/9")), Ok(()));
        crowd.came.remove(&id(0));
        assert_eq!(crowd.enter(id(92), &from("/ip4/20.1.1.200/tcp/9")), Ok(()));
    }
}
