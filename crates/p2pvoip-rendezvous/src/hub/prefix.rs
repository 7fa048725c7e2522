//! The part of an address by which connections are counted: all of IPv4, the first 64 bits of IPv6.
//!
//! One subscriber is given a whole /64 of IPv6 at least (RFC 6177), and can take any address in it.

use std::net::IpAddr;

/// Where a connection comes from, as far as shares and limits look: an IPv4 address or an IPv6 /64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix(Network);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    V4(u32),
    V6(u64),
}

impl Prefix {
    /// The prefix of an address. An IPv4 address that is written as an IPv6 one (RFC 4291 section 2.5.5.2) counts as
    /// IPv4: else a socket for both would see all of IPv4 in one /64.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(Network::V4(v4.to_bits())),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                let bits = (a as u64) << 48 | (b as u64) << 32 | (c as u64) << 16 | d as u64;
                Self(Network::V6(bits))
            }
        }
    }
}

/// Shows nothing of the address.
impl core::fmt::Debug for Prefix {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Prefix(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(address: &str) -> Prefix {
        Prefix::of(address.parse().unwrap())
    }

    #[test]
    fn a_slash_64_is_one_prefix_and_every_ipv4_address_is_its_own() {
        assert_eq!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:3::1"));
        assert_ne!(prefix("2001:db8:1:2::1"), prefix("2001:db9:1:2::1"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.2.2"));
        assert_eq!(prefix("192.0.2.1"), prefix("::ffff:192.0.2.1"));
        assert_ne!(prefix("::ffff:192.0.2.2"), prefix("::ffff:192.0.2.1"));
        assert_ne!(prefix("0.0.0.1"), prefix("::"));
        assert_eq!(format!("{:?}", prefix("192.0.2.1")), "Prefix(..)");
    }
}
