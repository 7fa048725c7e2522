//! Which transport addresses are worth a packet, and which may meet (RFC 8445 sections 5.1.1.1 and 6.1.2.2).
//!
//! # Left out
//! - IPv6 link-local addresses: they need a zone that the peer cannot know.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The address without IPv6 flow label and zone, so that one place has one name.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => SocketAddrV6::new(*v6.ip(), v6.port(), 0, 0).into(),
    }
}

/// Whether nothing is ever sent to this address: no port, no single host, or not usable without a zone.
pub(crate) fn is_dubious(address: SocketAddr) -> bool {
    address.port() == 0
        || match address.ip() {
            IpAddr::V4(ip) => ip.octets()[0] == 0 || ip.octets()[0] >= 224,
            IpAddr::V6(ip) => {
                ip.is_unspecified()
                    || ip.is_multicast()
                    || ip.is_unicast_link_local()
                    || ip.to_ipv4_mapped().is_some()
            }
        }
}

/// Whether the address has a meaning only inside somebody's network.
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared(ip),
        IpAddr::V6(ip) => ip.is_loopback() || is_unique_local(ip) || ip.is_unicast_link_local(),
    }
}

/// Whether a packet from `base` can reach `remote` at all: the same family, and loopback only with loopback.
///
/// The second keeps a peer from making this host talk to its own local services.
pub(crate) fn can_meet(base: SocketAddr, remote: SocketAddr) -> bool {
    base.is_ipv4() == remote.is_ipv4() && base.ip().is_loopback() == remote.ip().is_loopback()
}

/// The space that carriers share between customers (RFC 6598): 100.64.0.0/10.
fn is_shared(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && b & 0xc0 == 64
}

/// The unique local addresses (RFC 4193): fc00::/7.
fn is_unique_local(ip: Ipv6Addr) -> bool {
    ip.octets()[0] & 0xfe == 0xfc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_is_sent_to_addresses_that_are_no_single_host() {
        for text in [
            "0.0.0.0:9",
            "192.0.2.1:0",
            "224.0.0.1:9",
            "255.255.255.255:9",
            "[::]:9",
            "[ff02::1]:9",
            "[fe80::1]:9",
            "[::ffff:192.0.2.1]:9",
        ] {
            assert!(is_dubious(at(text)), "{text}");
        }
        for text in ["192.0.2.1:9", "10.0.0.1:9", "127.0.0.1:9", "[2001:db8::1]:9", "[fd00::1]:9"] {
            assert!(!is_dubious(at(text)), "{text}");
        }
    }

    #[test]
    fn loopback_meets_loopback_alone_and_families_do_not_mix() {
        assert!(can_meet(at("127.0.0.1:1"), at("127.0.0.2:2")));
        assert!(!can_meet(at("192.0.2.1:1"), at("127.0.0.1:2")));
        assert!(!can_meet(at("127.0.0.1:1"), at("192.0.2.1:2")));
        assert!(!can_meet(at("192.0.2.1:1"), at("[2001:db8::1]:2")));
    }

    #[test]
    fn private_space_is_told_from_public_space() {
        for text in
            ["10.0.0.1:9", "172.16.0.1:9", "192.168.0.1:9", "100.64.0.1:9", "169.254.0.1:9", "[fd00::1]:9"]
        {
            assert!(is_private(at(text).ip()), "{text}");
        }
        for text in ["192.0.2.1:9", "100.128.0.1:9", "[2001:db8::1]:9"] {
            assert!(!is_private(at(text).ip()), "{text}");
        }
    }

    #[test]
    fn zones_and_flow_labels_do_not_tell_addresses_apart() {
        let with = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 9, 7, 3);
        assert_eq!(canonical(with.into()), at("[::1]:9"));
    }
}
