//! Where a node of the network is: `HOST:PORT`, or a multiaddr `/ip4/../tcp/..`, as libp2p's programs write it.

use libp2p_core::Multiaddr;
use libp2p_core::multiaddr::Protocol;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The address of a node by which the network is entered.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PeerAddress(Kind);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    Address(SocketAddr),
    Name(String),
}

/// The text is not the address of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the address of a DHT node; write HOST:PORT, or /ip4/ADDRESS/tcp/PORT")]
pub struct BadPeerAddress;

impl PeerAddress {
    /// What it stands for; a name is looked up by the system.
    pub(super) async fn resolve(&self) -> Vec<SocketAddr> {
        match &self.0 {
            Kind::Address(address) => vec![*address],
            Kind::Name(name) => {
                tokio::net::lookup_host(name.as_str()).await.map(Iterator::collect).unwrap_or_default()
            }
        }
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self(Kind::Address(address))
    }
}

impl FromStr for PeerAddress {
    type Err = BadPeerAddress;

    fn from_str(text: &str) -> Result<Self, BadPeerAddress> {
        if text.starts_with('/') {
            let address: Multiaddr = text.parse().map_err(|_| BadPeerAddress)?;
            return name_of(&address).or_else(|| socket_of(&address).map(Self::from)).ok_or(BadPeerAddress);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return if address.port() == 0 { Err(BadPeerAddress) } else { Ok(address.into()) };
        }
        let (host, port) = text.rsplit_once(':').ok_or(BadPeerAddress)?;
        named(host, port.parse().map_err(|_| BadPeerAddress)?).ok_or(BadPeerAddress)
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Address(address) => write!(f, "{address}"),
            Kind::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerAddress([redacted])")
    }
}

fn named(host: &str, port: u16) -> Option<PeerAddress> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let good = !host.is_empty() && host.len() <= 253 && host.bytes().all(fits) && port != 0;
    good.then(|| PeerAddress(Kind::Name(format!("{host}:{port}"))))
}

fn name_of(address: &Multiaddr) -> Option<PeerAddress> {
    let mut parts = address.iter();
    match (parts.next()?, parts.next()?) {
        (Protocol::Dns(host) | Protocol::Dns4(host) | Protocol::Dns6(host), Protocol::Tcp(port)) => {
            named(&host, port)
        }
        _ => None,
    }
}

/// The IP address and TCP port at the start of a multiaddr; what follows may name the peer alone.
pub(super) fn socket_of(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    let port = match parts.next()? {
        Protocol::Tcp(port) if port != 0 => port,
        _ => return None,
    };
    let rest: Vec<_> = parts.collect();
    matches!(rest.as_slice(), [] | [Protocol::P2p(_)]).then(|| SocketAddr::new(ip, port))
}

/// The multiaddr of an address.
pub(super) fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_ways_of_writing_an_address_are_read() {
        for (text, shown) in [
            ("127.0.0.1:4001", "127.0.0.1:4001"),
            ("[::1]:4001", "[::1]:4001"),
            ("dht.example.org:4001", "dht.example.org:4001"),
            ("/ip4/192.0.2.1/tcp/4001", "192.0.2.1:4001"),
            ("/ip6/::1/tcp/4001", "[::1]:4001"),
            ("/dns4/dht.example.org/tcp/4001", "dht.example.org:4001"),
            (
                "/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
                "192.0.2.1:4001",
            ),
        ] {
            assert_eq!(text.parse::<PeerAddress>().map(|peer| peer.to_string()), Ok(shown.into()), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "host",
            "host:",
            "host:0",
            "127.0.0.1:0",
            ":4001",
            "a b:1",
            "/ip4/192.0.2.1/udp/4001",
            "/",
            "/ip4/1.2.3.4",
        ] {
            assert_eq!(text.parse::<PeerAddress>(), Err(BadPeerAddress), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}", tail in "(/ip4|/ip6|/tcp|/dns4|/p2p|/[0-9a-z.:]{1,12}){0,6}") {
            let _ = text.parse::<PeerAddress>();
            let _ = tail.parse::<PeerAddress>();
        }
    }
}
