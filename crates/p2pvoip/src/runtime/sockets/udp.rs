//! One UDP socket that sends and tells the ECN mark of each datagram (RFC 3168), where the system can.
//!
//! quinn-udp also asks the system to hand over datagrams of one sender in one piece; they are taken apart by who reads.
//! Nothing is sent in pieces: a call's datagrams leave one by one.
//!
//! # Left out
//! - Path MTU discovery: the system is told not to fragment, and no datagram of a call comes near the smallest MTU.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, ready};

use p2pvoip_core::Ecn;
use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

use crate::engine::Arrival;
use crate::runtime::clock::Clock;

/// A bound socket.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    /// What knows how marks are set and read here; `None` where the system knows nothing of them.
    marks: Option<UdpSocketState>,
}

/// What was read in one go: datagrams of `stride` bytes one behind the other, the last one perhaps shorter, `len` bytes in
/// all, which arrived together with one mark.
#[derive(Clone, Copy)]
pub(super) struct Batch {
    pub(super) len: usize,
    pub(super) stride: usize,
    pub(super) remote: SocketAddr,
    pub(super) arrival: Arrival,
}

impl Udp {
    /// A socket on a free port that can send at once: until it was seen to be writable, tokio drops what is tried.
    pub(super) async fn bind(address: IpAddr) -> io::Result<(SocketAddr, Self)> {
        let socket = UdpSocket::bind((address, 0)).await?;
        socket.writable().await?;
        let marks = UdpSocketState::new(UdpSockRef::from(&socket));
        if let Err(error) = &marks {
            tracing::debug!(%error, "the system knows no ECN on this socket; it goes without");
        }
        Ok((socket.local_addr()?, Self { socket, marks: marks.ok() }))
    }

    /// Sends a datagram with this mark; without it where the system refuses the mark.
    pub(super) fn send(&self, remote: SocketAddr, ecn: Ecn, bytes: &[u8]) -> io::Result<()> {
        if let (Some(marks), Some(ecn)) = (&self.marks, EcnCodepoint::from_bits(ecn.bits())) {
            let transmit = Transmit {
                destination: remote,
                ecn: Some(ecn),
                contents: bytes,
                segment_size: None,
                src_ip: None,
            };
            let sent = self
                .socket
                .try_io(Interest::WRITABLE, || marks.try_send(UdpSockRef::from(&self.socket), &transmit));
            match sent {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
        self.socket.try_send_to(bytes, remote).map(|_| ())
    }

    /// Reads what there is. An error is a message of the network about an earlier datagram (ICMP); the socket itself goes on.
    pub(super) fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<Batch>> {
        let Some(marks) = &self.marks else {
            let mut read = ReadBuf::new(buf);
            let remote = ready!(self.socket.poll_recv_from(cx, &mut read))?;
            let len = read.filled().len();
            return Poll::Ready(Ok(Batch { len, stride: len, remote, arrival: Arrival::default() }));
        };
        loop {
            ready!(self.socket.poll_recv_ready(cx))?;
            let mut meta = [RecvMeta::default()];
            let received = self.socket.try_io(Interest::READABLE, || {
                marks.recv(UdpSockRef::from(&self.socket), &mut [IoSliceMut::new(buf)], &mut meta)
            });
            match received {
                // Now it is asked to wake us.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(_) => {
                    let [RecvMeta { len, stride, addr: remote, ecn, timestamp, .. }] = meta;
                    let ecn = ecn.map_or(Ecn::NotEct, |mark| Ecn::from_bits(mark as u8));
                    let waited = timestamp.map(Clock::since).unwrap_or_default();
                    let arrival = Arrival { ecn, waited };
                    return Poll::Ready(Ok(Batch { len, stride, remote, arrival }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use super::*;

    const LOOPBACKS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

    async fn next(udp: &Udp) -> (Ecn, Vec<u8>) {
        let mut buf = vec![0; 65_536];
        let reading = poll_fn(|cx| udp.poll_receive(cx, &mut buf));
        let batch = tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap().unwrap();
        assert_eq!(batch.len, batch.stride, "datagrams sent one by one arrive so");
        buf.truncate(batch.len);
        (batch.arrival.ecn, buf)
    }

    /// Two sockets on this address, unless the machine has none of that family.
    async fn pair(address: IpAddr) -> Option<((SocketAddr, Udp), (SocketAddr, Udp))> {
        match Udp::bind(address).await {
            Ok(first) => Some((first, Udp::bind(address).await.unwrap())),
            Err(error) if address.is_ipv6() => {
                eprintln!("not tested over IPv6: {error}");
                None
            }
            Err(error) => panic!("no loopback: {error}"),
        }
    }

    #[tokio::test]
    async fn a_new_socket_sends_at_once() {
        let other = std::net::UdpSocket::bind((LOOPBACKS[0], 0)).unwrap();
        for ecn in [Ecn::NotEct, Ecn::Ect1] {
            let (_, udp) = Udp::bind(LOOPBACKS[0]).await.unwrap();
            udp.send(other.local_addr().unwrap(), ecn, b"first").unwrap();
            let mut buf = [0; 8];
            assert_eq!(other.recv(&mut buf).unwrap(), 5);
        }
    }

    #[tokio::test]
    async fn every_mark_arrives_as_it_was_sent() {
        for address in LOOPBACKS {
            let Some(((from, sender), (to, receiver))) = pair(address).await else { continue };
            for ecn in [Ecn::Ect1, Ecn::NotEct, Ecn::Ect0, Ecn::Ce, Ecn::NotEct] {
                sender.send(to, ecn, &[ecn.bits(); 100]).unwrap();
                assert_eq!(next(&receiver).await, (ecn, vec![ecn.bits(); 100]), "{address}");
                receiver.send(from, ecn, b"back").unwrap();
                assert_eq!(next(&sender).await, (ecn, b"back".to_vec()), "{address}");
            }
        }
    }

    #[tokio::test]
    async fn a_socket_without_marks_still_carries_datagrams() {
        for address in LOOPBACKS {
            let Some(((from, mut plain), (to, other))) = pair(address).await else { continue };
            plain.marks = None;
            plain.send(to, Ecn::Ect1, b"out").unwrap();
            assert_eq!(next(&other).await, (Ecn::NotEct, b"out".to_vec()));
            other.send(from, Ecn::Ce, b"in").unwrap();
            assert_eq!(next(&plain).await, (Ecn::NotEct, b"in".to_vec()));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_read_late_is_said_to_have_waited() {
        const LATE: Duration = Duration::from_millis(60);
        for address in LOOPBACKS {
            let Some(((_, sender), (to, receiver))) = pair(address).await else { continue };
            let mut waited = Vec::new();
            // Linux begins to note arrivals a moment after the first socket has asked for it.
            for _ in 0..20 {
                sender.send(to, Ecn::Ect1, b"early").unwrap();
                tokio::time::sleep(LATE).await;
                let mut buf = vec![0; 65_536];
                let batch = poll_fn(|cx| receiver.poll_receive(cx, &mut buf)).await.unwrap();
                waited.push(batch.arrival.waited);
                if batch.arrival.waited >= LATE - Duration::from_millis(5) {
                    break;
                }
            }
            assert!(
                waited.last().is_some_and(|waited| *waited >= LATE - Duration::from_millis(5)),
                "{waited:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_nobody_takes_does_not_end_the_socket() {
        let Some(((_, sender), (gone, closed))) = pair(LOOPBACKS[0]).await else { return };
        drop(closed);
        // The first draws a message of the network, which the next call may be told.
        for _ in 0..3 {
            let _told = sender.send(gone, Ecn::Ect1, b"to nobody");
            tokio::task::yield_now().await;
        }
        let (to, receiver) = Udp::bind(LOOPBACKS[0]).await.unwrap();
        sender.send(to, Ecn::Ect1, b"to somebody").unwrap();
        assert_eq!(next(&receiver).await.1, b"to somebody");
    }
}
