//! Which addresses a swarm dials: what nodes tell may name anything, also what only this machine or its network can reach.
//!
//! The classes follow the IANA special-purpose address registries (RFC 6890). An address outside the public internet
//! is dialled only when a configured peer, or the address that we listen at, is of its class.
//!
//! # Left out
//! - Public addresses: whose they are shows on connecting alone, so that a lie about one costs that host an attempt.

use libp2p_core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p_core::{Multiaddr, Transport};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use super::address::socket_of;

/// Where an address leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    /// Into the internet.
    Public = 1,
    /// To this machine.
    Loopback = 2,
    /// Into a network that is somebody's own: private, shared by a provider, or for benchmarks.
    Private = 4,
    /// To this link.
    Link = 8,
    /// To no single host, or where nobody can tell: never dialled.
    Nowhere = 0,
}

/// The classes that a swarm dials; its clones are the same ones.
#[derive(Clone, Debug)]
pub(super) struct Reach(Arc<AtomicU8>);

impl Reach {
    /// The public internet alone.
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(Class::Public as u8)))
    }

    /// Who set us up named this address, so others of its class are dialled too.
    pub(super) fn open(&self, address: IpAddr) {
        self.0.fetch_or(class_of(address) as u8, Ordering::Relaxed);
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.0.load(Ordering::Relaxed) & class_of(address) as u8 != 0
    }
}

fn class_of(address: IpAddr) -> Class {
    match address.to_canonical() {
        IpAddr::V4(address) => class_of_v4(address),
        IpAddr::V6(address) => class_of_v6(address),
    }
}

fn class_of_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => {
            Class::Private
        }
        [169, 254, ..] => Class::Link,
        // This network, protocol assignments, documentation, old 6to4 relays, multicast, reserved and broadcast.
        [0 | 224..=255, ..]
        | [192, 0, 0 | 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 88, 99, _] => Class::Nowhere,
        _ => Class::Public,
    }
}

fn class_of_v6(address: Ipv6Addr) -> Class {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        // NAT64 (RFC 6052): the last 32 bits are an IPv4 address, and lead where that does.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            class_of_v4(Ipv4Addr::new(a, b, c, d))
        }
        [0xfc00..=0xfdff, ..] => Class::Private,
        [0xfe80..=0xfebf, ..] => Class::Link,
        // Teredo, ORCHID and other protocol assignments, documentation, and 6to4, which can hide any IPv4 address.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => Class::Nowhere,
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Nowhere,
    }
}

/// A transport that dials within reach alone.
pub(super) struct Guard<T> {
    inner: T,
    reach: Reach,
}

impl<T> Guard<T> {
    pub(super) const fn new(inner: T, reach: Reach) -> Self {
        Self { inner, reach }
    }
}

impl<T: Transport + Unpin> Transport for Guard<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<T::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<T::Dial, TransportError<T::Error>> {
        if socket_of(&address).is_some_and(|socket| self.reach.allows(socket.ip())) {
            self.inner.dial(address, options)
        } else {
            Err(TransportError::MultiaddrNotSupported(address))
        }
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<T::ListenerUpgrade, T::Error>> {
        Pin::new(&mut self.inner).poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_public_internet_alone_is_dialled_until_somebody_names_more() {
        let reach = Reach::new();
        for public in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
        {
            assert!(reach.allows(ip(public)), "{public}");
        }
        for other in [
            "127.0.0.1",
            "127.255.0.9",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "169.254.169.254",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "fec0::1",
            "192.0.2.1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::1",
            "::127.0.0.1",
            "64:ff9b:1::1",
        ] {
            assert!(!reach.allows(ip(other)), "{other}");
        }
    }

    #[test]
    fn a_configured_address_opens_its_own_class() {
        for (named, opened, closed) in [
            ("127.0.0.1", "::1", "10.0.0.1"),
            ("10.0.0.1", "fd00::1", "127.0.0.1"),
            ("fe80::1", "169.254.0.1", "192.168.0.1"),
            ("8.8.8.8", "1.1.1.1", "127.0.0.1"),
        ] {
            let reach = Reach::new();
            reach.open(ip(named));
            assert!(reach.allows(ip(opened)) && !reach.allows(ip(closed)), "{named}");
        }
        let reach = Reach::new();
        reach.open(ip("224.0.0.1"));
        assert!(!reach.allows(ip("224.0.0.1")), "what leads to no host is never dialled");
    }
}
