//! The facade's endpoint as the command line describes it.

use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip::contacts::Book;
use p2pvoip::nat::CandidatePolicy;
use p2pvoip::{Config, Endpoint, Identity, StartError};

use crate::args::{self, Network};
use crate::dht;
use crate::environment;
use crate::exit::Failure;
use crate::turn;

/// How long the farewell to servers and peers may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts an endpoint; with a server it can be called.
pub(crate) async fn start(
    identity: Identity,
    contacts: Book,
    server: Option<&str>,
    network: &Network,
) -> Result<Endpoint, Failure> {
    let mut config = Config::new(identity);
    config.contacts = contacts;
    config.server = server.map(ToOwned::to_owned);
    config.bind.clone_from(&network.bind);
    config.stun_servers = stun_servers(&network.stun).await?;
    config.turn_servers = turn::servers(network, |name| std::env::var(name).ok())?;
    config.trusted_certificate.clone_from(&network.trust);
    if network.reflexive_only {
        config.candidates = CandidatePolicy::ReflexiveOnly;
    }
    if network.relay_only {
        config.candidates = CandidatePolicy::RelayOnly;
    }
    dht::configure(&mut config, &network.dht_peers)?;
    Endpoint::start(config).await.map_err(|error| cannot_start(&error, network))
}

/// The server that the command line names, or else the environment; an empty variable is no variable.
pub(crate) fn server(given: Option<&str>) -> Result<Option<String>, Failure> {
    if let Some(given) = given {
        return Ok(Some(given.to_owned()));
    }
    let variable = std::env::var_os(environment::SERVER).filter(|value| !value.is_empty());
    let url = variable.map(|value| args::server(&value.to_string_lossy()));
    url.transpose()
        .map_err(|error| Failure::Usage(format!("{} in the environment: {error}", environment::SERVER)))
}

/// Hangs up what is open and leaves.
pub(crate) async fn close(endpoint: Endpoint) {
    // Who does not hear the farewell notices by itself, later.
    let _ = tokio::time::timeout(FAREWELL, endpoint.close()).await;
}

/// The failure for a server that does not answer in time.
pub(crate) fn unreachable_server(url: &str) -> Failure {
    Failure::Server(format!(
        "The rendezvous server {url} cannot be reached; check its address, that it runs, and your connection."
    ))
}

/// The failure of a call for which neither the server on the card nor one that the DHT names was of use.
pub(crate) fn unreachable_contact(url: &str) -> Failure {
    Failure::Server(format!(
        "The rendezvous server {url} cannot be reached, and the DHT names no other that can; try again later, or ask your contact for a new card."
    ))
}

async fn stun_servers(names: &[String]) -> Result<Vec<SocketAddr>, Failure> {
    let mut addresses = Vec::new();
    for name in names {
        let found = tokio::net::lookup_host(name).await.map_err(|error| {
            Failure::Usage(format!("the STUN server {name} is not found ({error}); write HOST:PORT"))
        })?;
        addresses.extend(found.take(1));
    }
    Ok(addresses)
}

/// Whose fault it is that an endpoint does not start.
pub(crate) fn cannot_start(error: &StartError, network: &Network) -> Failure {
    match (error, &network.trust) {
        (StartError::Server(_), _) => Failure::Usage(format!("--server: {error}")),
        (StartError::Turn { .. }, _) => Failure::Usage(format!("--turn: {error}")),
        (StartError::Bind { .. }, _) => Failure::Usage(format!("--bind: {error}")),
        (StartError::Card(_) | StartError::Settings(_), _) => Failure::Usage(error.to_string()),
        (StartError::Tls(_), Some(path)) => Failure::file(path, &error),
        _ => Failure::Internal(error.to_string()),
    }
}
