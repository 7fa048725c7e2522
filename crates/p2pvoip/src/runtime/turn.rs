//! TURN servers by name to TURN servers by address: ICE knows addresses alone.
//!
//! # Timers
//! - Each look-up: [`PATIENCE`].
//!
//! # Left out
//! - To look a name up again later: who had no network at the start has no relay until the next one.

use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::Redacted;
use p2pvoip_nat::{self as nat, CandidatePolicy};
use tokio::time::timeout;

use super::endpoint::StartError;
use crate::turn_url::{TurnServer, TurnUrl};

/// How long a name may take: two tries of a usual resolver, which waits for five seconds each.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks up every server's name; its first IPv4 and its first IPv6 address count, since a base asks its own family alone.
///
/// A server that is not found is done without, since most calls need none. Under [`CandidatePolicy::RelayOnly`] no call works
/// without one, so that none at all is an error then.
pub(super) async fn resolve(
    servers: &[TurnServer],
    policy: CandidatePolicy,
) -> Result<Vec<nat::TurnServer>, StartError> {
    let (mut resolved, mut failure) = (Vec::new(), None);
    for TurnServer { url, username, password } in servers {
        let found = match look_up(url).await {
            Ok(found) => found,
            Err(why) => {
                tracing::warn!(server = ?Redacted(url), %why, "a TURN server is not found; calls do without it");
                failure.get_or_insert(StartError::Turn { server: url.clone(), why });
                continue;
            }
        };
        let of_family = |is_ipv6| found.iter().find(move |address| address.is_ipv6() == is_ipv6);
        let addresses = [of_family(false), of_family(true)].into_iter().flatten();
        resolved.extend(addresses.map(|a| nat::TurnServer::new(*a, username.clone(), password.clone())));
    }
    match failure {
        Some(failure) if policy == CandidatePolicy::RelayOnly && resolved.is_empty() => Err(failure),
        Some(_) | None => Ok(resolved),
    }
}

/// The addresses of a server, at least one.
async fn look_up(url: &TurnUrl) -> std::io::Result<Vec<SocketAddr>> {
    let answer = timeout(PATIENCE, tokio::net::lookup_host((url.host(), url.port()))).await;
    let found: Vec<SocketAddr> = answer.map_err(|_| std::io::ErrorKind::TimedOut)??.collect();
    if found.is_empty() { Err(std::io::Error::other("it has no address")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use p2pvoip_nat::Password;

    use super::*;

    async fn addresses(urls: &[&str], policy: CandidatePolicy) -> Result<Vec<String>, StartError> {
        let server = |url: &&str| TurnServer::new(url.parse().unwrap(), "alice", Password::new("secret"));
        let servers: Vec<TurnServer> = urls.iter().map(server).collect();
        let resolved = resolve(&servers, policy).await?;
        Ok(resolved.iter().map(|server| server.address.to_string()).collect())
    }

    #[tokio::test]
    async fn numbers_need_no_look_up() {
        let found = addresses(&["turn:192.0.2.1", "turn:[2001:db8::1]:9"], CandidatePolicy::All).await;
        assert_eq!(found.unwrap(), ["192.0.2.1:3478", "[2001:db8::1]:9"]);
    }

    #[tokio::test]
    async fn a_server_that_is_not_found_is_done_without_unless_all_depends_on_it() {
        let nobody = "turn:nobody.invalid";
        assert!(addresses(&[nobody], CandidatePolicy::All).await.unwrap().is_empty());
        for policy in [CandidatePolicy::All, CandidatePolicy::RelayOnly] {
            let found = addresses(&[nobody, "turn:192.0.2.1"], policy).await;
            assert_eq!(found.unwrap(), ["192.0.2.1:3478"], "the other one is used");
        }
        let failed = addresses(&[nobody], CandidatePolicy::RelayOnly).await;
        assert!(matches!(failed, Err(StartError::Turn { .. })));
    }
}
