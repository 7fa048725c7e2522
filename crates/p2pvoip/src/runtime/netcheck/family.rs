//! One family of addresses: its sockets, and the discovery that speaks through them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use p2pvoip_core::{Instant, Machine as _, Output, Seed};
use p2pvoip_nat::Datagram;
use p2pvoip_nat::discovery::{Config, Discovery, Event, Findings, MAX_STUN_SERVERS, MAX_TURN_SERVERS};
use tokio::net::UdpSocket;

use super::super::clock::Clock;
use super::super::endpoint::StartError;
use super::Found;
use super::report::{FamilyReport, Named};

/// Addresses of documentation (RFC 5737, RFC 3849): asking the system for the way there sends nothing.
const ANYWHERE: (&str, &str) = ("192.0.2.1:9", "[2001:db8::1]:9");
/// The longest datagram that is read.
const DATAGRAM: usize = 1_500;

/// Who is asked in this family, and from where.
pub(super) struct Plan {
    ipv6: bool,
    bind: Option<IpAddr>,
    stun: Vec<(String, SocketAddr)>,
    turn: Vec<(String, SocketAddr)>,
}

impl Plan {
    /// The part of the configuration that concerns this family.
    pub(super) fn new(ipv6: bool, bind: &[IpAddr], stun: &[Found], turn: &[Found]) -> Self {
        let of_family = |servers: &[Found], most: usize| -> Vec<(String, SocketAddr)> {
            let first = |found: &Found| {
                let address = found.addresses.iter().find(|address| address.is_ipv6() == ipv6)?;
                Some((found.name.clone(), *address))
            };
            servers.iter().filter_map(first).take(most).collect()
        };
        Self {
            ipv6,
            bind: bind.iter().copied().find(|address| address.is_ipv6() == ipv6),
            stun: of_family(stun, MAX_STUN_SERVERS),
            turn: of_family(turn, MAX_TURN_SERVERS),
        }
    }

    /// Finds out what there is to find out; not longer than `limit`.
    pub(super) async fn check(
        self,
        seed: Seed,
        clock: Clock,
        limit: Duration,
        tell: impl Fn(Event),
    ) -> Result<FamilyReport, StartError> {
        let mut report = FamilyReport { local: self.local().await, ..FamilyReport::default() };
        let Some(local) = report.local.filter(|_| !self.stun.is_empty() || !self.turn.is_empty()) else {
            return Ok(report);
        };
        let cannot = |why| StartError::Bind { address: local, why };
        let sockets = match Sockets::open(local).await {
            Ok(sockets) => sockets,
            Err(why) if self.bind.is_some() => return Err(cannot(why)),
            // The system offers an address that it cannot use yet, or no more: as good as none.
            Err(_) => return Ok(FamilyReport::default()),
        };
        let mut config = Config::new(sockets.mapping.1, sockets.filtering.1);
        config.stun_servers = self.stun.iter().map(|(_, address)| *address).collect();
        config.turn_servers = self.turn.iter().map(|(_, address)| *address).collect();
        let discovery = Discovery::new(config, seed, clock.now());
        let discovery = discovery.map_err(|why| cannot(io::Error::other(why)))?;
        let findings = sockets.converse(discovery, clock, clock.now() + limit, tell).await;
        let name = |of: &[(String, SocketAddr)], index: usize| {
            of.get(index).map(|(name, _)| name.clone()).unwrap_or_default()
        };
        report.stun = findings
            .stun
            .iter()
            .enumerate()
            .map(|(n, f)| Named { name: name(&self.stun, n), finding: *f })
            .collect();
        report.turn = findings
            .turn
            .iter()
            .enumerate()
            .map(|(n, f)| Named { name: name(&self.turn, n), finding: *f })
            .collect();
        report.findings = Some(findings).filter(|_| !self.stun.is_empty());
        Ok(report)
    }

    /// The address from which the family's servers are reached, or any host where there is no server.
    async fn local(&self) -> Option<IpAddr> {
        if self.bind.is_some() {
            return self.bind;
        }
        let anywhere = if self.ipv6 { ANYWHERE.1 } else { ANYWHERE.0 }.parse().ok();
        let there = self.stun.iter().chain(&self.turn).map(|(_, address)| *address).next().or(anywhere)?;
        let any: IpAddr = if self.ipv6 { [0; 16].into() } else { [0; 4].into() };
        let socket = UdpSocket::bind((any, 0)).await.ok()?;
        socket.connect(there).await.ok()?;
        Some(socket.local_addr().ok()?.ip()).filter(|local| !local.is_unspecified())
    }
}

/// The two sockets of a discovery, and their addresses.
struct Sockets {
    mapping: (UdpSocket, SocketAddr),
    filtering: (UdpSocket, SocketAddr),
}

impl Sockets {
    async fn open(local: IpAddr) -> io::Result<Self> {
        let open = || async {
            let socket = UdpSocket::bind((local, 0)).await?;
            let address = socket.local_addr()?;
            Ok::<_, io::Error>((socket, address))
        };
        Ok(Self { mapping: open().await?, filtering: open().await? })
    }

    /// Carries datagrams until the discovery is done or the time is over.
    async fn converse(
        &self,
        mut discovery: Discovery,
        clock: Clock,
        end: Instant,
        tell: impl Fn(Event),
    ) -> Findings {
        let mut out = [0; Discovery::MAX_TRANSMIT];
        let (mut input, mut other) = (vec![0; DATAGRAM], vec![0; DATAGRAM]);
        while !discovery.is_done() && clock.now() < end {
            let wake = match discovery.poll_output(&mut out) {
                Output::Transmit { to, len } => {
                    let at_mapping = to.local == self.mapping.1;
                    let socket = if at_mapping { &self.mapping.0 } else { &self.filtering.0 };
                    // What cannot be sent is lost, as the network might lose it.
                    let _lost = socket.send_to(out.get(..len).unwrap_or_default(), to.remote).await;
                    continue;
                }
                Output::Event(event) => {
                    tell(event);
                    continue;
                }
                Output::Wait(wake) => wake.map_or(end, |wake| wake.at.min(end)),
            };
            let (local, received, bytes) = tokio::select! {
                received = self.mapping.0.recv_from(&mut input) => (self.mapping.1, received, &input),
                received = self.filtering.0.recv_from(&mut other) => (self.filtering.1, received, &other),
                () = tokio::time::sleep_until(clock.deadline(wake)) => {
                    discovery.handle_timeout(clock.now());
                    continue;
                }
            };
            // An error is a message of the network about an earlier datagram (ICMP).
            if let Ok((len, remote)) = received {
                let bytes = bytes.get(..len).unwrap_or_default();
                // What is refused is counted by the discovery.
                let _refused = discovery.handle_input(Datagram { local, remote, bytes }, clock.now());
            }
        }
        // The last word may still be waiting.
        while let Output::Event(event) = discovery.poll_output(&mut out) {
            tell(event);
        }
        discovery.findings()
    }
}
