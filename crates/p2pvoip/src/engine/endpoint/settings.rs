//! What an endpoint is made of.

use std::sync::Arc;

use p2pvoip_core::wire::Malformed;
use p2pvoip_crypto::{Identity, Policy};
use p2pvoip_nat as nat;

use super::MAX_CALLS;
use crate::codec::Codec;
use crate::contacts::Book;
use crate::server_url::ServerUrl;

/// What an endpoint is made of. Validated by [`Endpoint::new`](super::Endpoint::new).
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Who this is.
    pub identity: Arc<Identity>,
    /// The server at which this endpoint can be called; without one it can only call.
    pub server: Option<ServerUrl>,
    /// Whether the owner carries questions to a directory: whereabouts are published while we listen, and contacts looked up.
    pub directory: bool,
    /// How paths are found.
    pub nat: nat::Config,
    /// The codec of every call.
    pub codec: Arc<dyn Codec>,
    /// Whom we know, so that it can be told how far a peer is trusted. [`Endpoint::set_contacts`](super::Endpoint::set_contacts) changes it.
    pub contacts: Book,
    /// Whether calls may be in clear with contacts of version 1.0: never, by default. (None can be made yet: this program
    /// speaks version 1.1 alone.)
    pub policy: Policy,
    /// What [`Endpoint::remembered_offers`](super::Endpoint::remembered_offers) gave before, so that an offer which came then
    /// does not ring again now; empty for an endpoint that remembers nothing.
    pub remembered_offers: Vec<u8>,
    /// Calls at once, at most [`MAX_CALLS`]; further callers hear that this endpoint is busy.
    pub max_calls: usize,
}

impl Settings {
    /// Settings of which all else has its default.
    pub fn new(identity: Arc<Identity>, codec: Arc<dyn Codec>) -> Self {
        Self {
            identity,
            server: None,
            directory: false,
            nat: nat::Config::default(),
            codec,
            contacts: Book::default(),
            policy: Policy::default(),
            remembered_offers: Vec::new(),
            max_calls: 8,
        }
    }
}

impl core::fmt::Debug for Settings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Settings")
            .field("nat", &self.nat)
            .field("max_calls", &self.max_calls)
            .finish_non_exhaustive()
    }
}

/// Why an endpoint cannot be made of such settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// What ICE says of its part.
    #[error(transparent)]
    Nat(#[from] nat::ConfigError),
    /// What is remembered of offers is not what an endpoint gave.
    #[error(
        "what was kept of earlier offers is damaged ({0}); leave it out, and offers of the last minutes may ring once more"
    )]
    RememberedOffers(Malformed),
    /// Not a number of calls.
    #[error("an endpoint takes part in 1 to {MAX_CALLS} calls at once; correct `max_calls`")]
    MaxCalls,
}
