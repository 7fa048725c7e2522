//! TURN servers by name to TURN servers by address: ICE knows addresses alone.

use std::net::SocketAddr;

use p2pvoip_nat as nat;

use super::endpoint::StartError;
use crate::turn_url::TurnServer;

/// Looks up every server's name; its first IPv4 and its first IPv6 address count, since a base asks its own family alone.
pub(super) async fn resolve(servers: &[TurnServer]) -> Result<Vec<nat::TurnServer>, StartError> {
    let mut resolved = Vec::new();
    for TurnServer { url, username, password } in servers {
        let failed = |why| StartError::Turn { server: url.clone(), why };
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host((url.host(), url.port())).await.map_err(failed)?.collect();
        if found.is_empty() {
            return Err(failed(std::io::Error::other("it has no address")));
        }
        let of_family = |is_ipv6| found.iter().find(move |address| address.is_ipv6() == is_ipv6);
        let addresses = [of_family(false), of_family(true)].into_iter().flatten();
        resolved.extend(addresses.map(|a| nat::TurnServer::new(*a, username.clone(), password.clone())));
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use p2pvoip_nat::Password;

    use super::*;

    #[tokio::test]
    async fn numbers_need_no_look_up_and_a_name_that_is_none_is_told() {
        let server = |url: &str| TurnServer::new(url.parse().unwrap(), "alice", Password::new("secret"));
        let resolved = resolve(&[server("turn:192.0.2.1"), server("turn:[2001:db8::1]:9")]).await.unwrap();
        let addresses: Vec<String> = resolved.iter().map(|server| server.address.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.1:3478", "[2001:db8::1]:9"]);
        let failed = resolve(&[server("turn:nobody.invalid")]).await;
        assert!(matches!(failed, Err(StartError::Turn { .. })));
    }
}
