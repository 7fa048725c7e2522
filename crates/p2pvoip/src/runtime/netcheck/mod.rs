//! A check of the network: which servers answer, and how what is in between behaves.
//!
//! Everything is asked at once: each family of addresses by a machine of its own ([`p2pvoip_nat::discovery`]), and the
//! rendezvous server. It ends by itself.

mod family;
mod rendezvous;
mod report;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use p2pvoip_nat::discovery;

use super::clock::Clock;
use super::endpoint::{StartError, system_seed};
use super::tls;
use crate::server_url::ServerUrl;
use crate::turn_url::TurnUrl;
pub use report::{FamilyReport, Named, NetReport, Outlook, Relay, RendezvousFinding};

/// How long looking up names may take.
const NAMES: Duration = Duration::from_secs(2);
/// How long everything else may take; what is not known by then stays unknown.
const LIMIT: Duration = Duration::from_secs(5);

/// What is checked.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct NetcheckConfig {
    /// STUN servers, `host:port`; of each family the first four are asked.
    pub stun_servers: Vec<String>,
    /// TURN servers; of each family the first two are asked.
    pub turn_servers: Vec<TurnUrl>,
    /// The rendezvous server.
    pub server: Option<ServerUrl>,
    /// The local addresses to check from, one of each family; when empty, those that the system would choose.
    pub bind: Vec<IpAddr>,
    /// A PEM file of a certificate that is trusted besides the system's roots.
    pub trusted_certificate: Option<PathBuf>,
}

impl core::fmt::Debug for NetcheckConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NetcheckConfig")
            .field("stun_servers", &self.stun_servers.len())
            .field("turn_servers", &self.turn_servers.len())
            .finish_non_exhaustive()
    }
}

/// What was found out just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// About the network or a server of it.
    Network {
        /// With IPv6 addresses; else with IPv4 ones.
        ipv6: bool,
        /// What.
        event: discovery::Event,
    },
    /// About the rendezvous server.
    Rendezvous(RendezvousFinding),
}

/// A server by its name and its addresses.
struct Found {
    name: String,
    addresses: Vec<SocketAddr>,
}

/// Checks the network, in seven seconds at most; `progress` is told what is found out, as it is.
///
/// # Errors
/// [`StartError`] when the certificates or the local addresses cannot be used, or the system gives no randomness. A
/// server that does not answer is no error.
///
/// # Panics
/// Outside a tokio runtime with its timer and IO.
pub async fn netcheck(config: NetcheckConfig, progress: impl Fn(Progress)) -> Result<NetReport, StartError> {
    let tls = tls::client(config.trusted_certificate.as_deref())?;
    let seed = system_seed()?;
    let clock = Clock::start();
    let turn: Vec<(String, String)> = config.turn_servers.iter().map(turn_names).collect();
    let stun = config.stun_servers.iter().map(|name| (name.clone(), name.clone()));
    let (stun, turn) = tokio::join!(look_up(stun), look_up(turn.into_iter()));
    let absent = stun.iter().chain(&turn).filter(|found| found.addresses.is_empty());
    let not_found = absent.map(|found| found.name.clone()).collect();

    let progress = &progress;
    let ask = |ipv6: bool| {
        let seed = seed.derive(if ipv6 { "ipv6" } else { "ipv4" });
        let plan = family::Plan::new(ipv6, &config.bind, &stun, &turn);
        let tell = move |event| progress(Progress::Network { ipv6, event });
        plan.check(seed, clock, LIMIT, tell)
    };
    let rendezvous = async {
        let Some(url) = &config.server else { return None };
        let finding = rendezvous::check(url.clone(), tls, clock, LIMIT).await;
        progress(Progress::Rendezvous(finding));
        Some(finding)
    };
    let (ipv4, ipv6, rendezvous) = tokio::join!(ask(false), ask(true), rendezvous);
    let relay_named = !config.turn_servers.is_empty();
    Ok(NetReport { ipv4: ipv4?, ipv6: ipv6?, rendezvous, not_found, relay_named })
}

/// How a TURN server is called, and where it is looked up.
fn turn_names(url: &TurnUrl) -> (String, String) {
    let bracketed =
        if url.host().contains(':') { format!("[{}]", url.host()) } else { url.host().to_owned() };
    let place = format!("{bracketed}:{}", url.port());
    (format!("turn:{place}"), place)
}

/// Looks all names up at once.
async fn look_up(names: impl Iterator<Item = (String, String)>) -> Vec<Found> {
    let each = names.map(|(name, place)| async move {
        let found = tokio::time::timeout(NAMES, tokio::net::lookup_host(place)).await;
        let found = found.ok().and_then(Result::ok).into_iter().flatten();
        let addresses = found.filter(|address| discovery::can_ask(*address)).collect();
        Found { name, addresses }
    });
    join_all(each).await
}
