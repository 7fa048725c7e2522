//! Which addresses a server's word may make us send to: a server that lies must not aim us at others.
//!
//! What a server says is its other address is sent at most eight packets of 28 bytes, what it says is our own at most
//! eight: no flood comes of it. These rules keep those few from where they could do harm.

use core::net::SocketAddr;

use crate::address;

/// The ports below this are of services that the system vouches for (RFC 6335 section 6).
const FIRST_USER_PORT: u16 = 1024;

/// Whether the other address that `server` told may be asked from `local` (RFC 5780 section 4.3).
///
/// Both address and port must differ from the server's, or the tests say nothing.
pub(super) fn may_ask(other: SocketAddr, server: SocketAddr, local: SocketAddr) -> bool {
    other.ip() != server.ip() && other.port() != server.port() && may_send(other, server, local)
}

/// Whether anything is sent from `local` to `told`, since `server` told so.
///
/// Not to what is no single host, not from one family to the other, not to loopback unless the server is there, not to
/// private space unless the server itself is in such, and not to a system's port unless the server itself is at one.
pub(super) fn may_send(told: SocketAddr, server: SocketAddr, local: SocketAddr) -> bool {
    !address::is_dubious(told)
        && address::can_meet(local, told)
        && told.ip().is_loopback() == server.ip().is_loopback()
        && (!address::is_private(told.ip()) || address::is_private(server.ip()))
        && (told.port() >= FIRST_USER_PORT || server.port() < FIRST_USER_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_public_server_may_name_a_public_host_and_nobody_at_home() {
        let (server, local) = (at("203.0.113.10:3478"), at("10.0.0.2:5000"));
        assert!(may_ask(at("203.0.113.11:3479"), server, local));
        assert!(may_ask(at("198.51.100.9:40000"), server, local));
        for bad in [
            "10.0.0.1:3479",
            "192.168.1.1:3479",
            "100.64.0.1:3479",
            "127.0.0.1:3479",
            "169.254.169.254:8080",
            "224.0.0.1:3479",
            "0.0.0.0:3479",
            "203.0.113.11:0",
            "203.0.113.11:53",
            "[2001:db8::1]:3479",
        ] {
            assert!(!may_ask(at(bad), server, local), "{bad}");
        }
    }

    #[test]
    fn both_address_and_port_must_differ_from_the_servers() {
        let (server, local) = (at("203.0.113.10:3478"), at("10.0.0.2:5000"));
        assert!(!may_ask(at("203.0.113.10:3479"), server, local));
        assert!(!may_ask(at("203.0.113.11:3478"), server, local));
    }

    #[test]
    fn a_server_at_home_may_name_its_neighbours_and_one_on_loopback_loopback() {
        assert!(may_ask(at("192.168.1.3:3479"), at("192.168.1.2:3478"), at("192.168.1.9:5000")));
        assert!(may_ask(at("127.0.0.2:3479"), at("127.0.0.1:3478"), at("127.0.0.1:5000")));
        assert!(!may_ask(at("192.168.1.3:3479"), at("127.0.0.1:3478"), at("127.0.0.1:5000")));
    }

    #[test]
    fn a_server_at_a_systems_port_may_name_another() {
        assert!(may_ask(at("203.0.113.11:444"), at("203.0.113.10:443"), at("10.0.0.2:5000")));
    }
}
