//! TURN servers by name to TURN servers by address: ICE knows addresses alone.

use p2pvoip_nat as nat;

use super::endpoint::StartError;
use crate::turn_url::TurnServer;

/// Looks up every server's name; the first address of each counts.
pub(super) async fn resolve(servers: &[TurnServer]) -> Result<Vec<nat::TurnServer>, StartError> {
    let mut resolved = Vec::new();
    for TurnServer { url, username, password } in servers {
        let failed = |why| StartError::Turn { server: url.clone(), why };
        let mut found = tokio::net::lookup_host((url.host(), url.port())).await.map_err(failed)?;
        let address = found.next().ok_or_else(|| failed(std::io::Error::other("it has no address")))?;
        resolved.push(nat::TurnServer::new(address, username.clone(), password.clone()));
    }
    Ok(resolved)
}
