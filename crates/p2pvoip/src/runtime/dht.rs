//! Between the engine and the directory in the network: carries questions there and findings back.

use std::collections::{BTreeMap, VecDeque};

use p2pvoip_dht::{Directory, DirectoryError, Outcome, Query, Record, Slot};

use super::clock::Clock;
use crate::engine::QueryKey;

#[cfg(feature = "dht")]
use p2pvoip_dht::kad::KadDirectory as Network;

/// Without the feature `dht` there is no directory in the network.
#[cfg(not(feature = "dht"))]
#[derive(Debug)]
pub(super) enum Network {}

/// The driver's end of a directory, if one is used.
#[derive(Debug, Default)]
pub(super) struct Port {
    network: Option<Network>,
    asked: BTreeMap<Query, QueryKey>,
    /// Questions that the directory did not even take.
    refused: VecDeque<QueryKey>,
}

impl Port {
    /// An end of this directory.
    #[cfg(feature = "dht")]
    pub(super) fn new(network: Option<Network>) -> Self {
        Self { network, ..Self::default() }
    }

    /// Asks the directory to publish a record.
    pub(super) fn publish(&mut self, key: QueryKey, record: Record) {
        let asked = self.with_directory(|directory| directory.publish(record, Clock::unix()));
        self.note(key, asked);
    }

    /// Asks the directory what lies in a slot.
    pub(super) fn lookup(&mut self, key: QueryKey, slot: Slot) {
        let asked = self.with_directory(|directory| directory.lookup(slot, Clock::unix()));
        self.note(key, asked);
    }

    fn note(&mut self, key: QueryKey, asked: Option<Result<Query, DirectoryError>>) {
        match asked {
            Some(Ok(query)) => drop(self.asked.insert(query, key)),
            Some(Err(error)) => {
                tracing::warn!(%error, "the directory does not take a question");
                self.refused.push_back(key);
            }
            None => self.refused.push_back(key),
        }
    }

    fn with_directory(
        &mut self,
        ask: impl FnOnce(&mut dyn Directory) -> Result<Query, DirectoryError>,
    ) -> Option<Result<Query, DirectoryError>> {
        #[cfg(feature = "dht")]
        return self.network.as_mut().map(|network| ask(network));
        #[cfg(not(feature = "dht"))]
        {
            drop(ask);
            self.network.as_mut().map(|never| match *never {})
        }
    }

    /// What came of a question; may be dropped at any time.
    pub(super) async fn next(&mut self) -> (QueryKey, Outcome) {
        if let Some(key) = self.refused.pop_front() {
            return (key, Outcome::Failed);
        }
        #[cfg(feature = "dht")]
        if let Some(network) = &mut self.network {
            while let Some(finding) = network.next().await {
                if let Some(key) = self.asked.remove(&finding.query) {
                    return (key, finding.outcome);
                }
            }
        }
        std::future::pending().await
    }
}

/// The configuration of a DHT node at this address, entering by these nodes, with the system's date.
#[cfg(feature = "dht")]
pub fn dht_node(
    listen: std::net::SocketAddr,
    peers: Vec<p2pvoip_dht::kad::PeerAddress>,
) -> p2pvoip_dht::kad::NodeConfig {
    let mut config = p2pvoip_dht::kad::NodeConfig::new(listen, Clock::unix);
    config.peers = peers;
    config
}
