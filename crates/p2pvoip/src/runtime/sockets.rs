//! UDP sockets: one for each local address of each call, so that nothing links two calls and a datagram's socket tells its call.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::engine::CallKey;

/// Addresses of this machine that a call uses at most.
const MAX_BASES: usize = 8;
/// Failed reads in a row after which other work gets its turn.
const MAX_ERRORS: usize = 4;

/// All open sockets.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    entries: Vec<Entry>,
    /// The socket that is asked first next time, so that a flood on one does not starve the others.
    turn: usize,
}

#[derive(Debug)]
struct Entry {
    call: CallKey,
    local: SocketAddr,
    socket: UdpSocket,
}

/// A datagram that was read: its length, and between which addresses it travelled.
#[derive(Clone, Copy)]
pub(crate) struct Received {
    pub(crate) len: usize,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

impl Sockets {
    /// Opens a call's sockets on these addresses, or on every usable one of the machine when there is none, and gives their addresses.
    pub(crate) async fn open(&mut self, call: CallKey, bind: &[IpAddr]) -> io::Result<Vec<SocketAddr>> {
        let addresses = if bind.is_empty() { usable_addresses() } else { bind.to_vec() };
        let mut bases = Vec::new();
        let mut failure = None;
        for address in addresses.into_iter().take(MAX_BASES) {
            match bound(address).await {
                Ok((local, socket)) => {
                    bases.push(local);
                    self.entries.push(Entry { call, local, socket });
                }
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if bases.is_empty() => Err(error),
            _ => Ok(bases),
        }
    }

    /// Closes a call's sockets.
    pub(crate) fn close(&mut self, call: CallKey) {
        self.entries.retain(|entry| entry.call != call);
    }

    /// Whose socket has this address.
    pub(crate) fn owner(&self, local: SocketAddr) -> Option<CallKey> {
        self.entries.iter().find(|entry| entry.local == local).map(|entry| entry.call)
    }

    /// Sends a datagram; a socket that would block loses it, as the network might.
    pub(crate) fn send(&self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let entry =
            self.entries.iter().find(|entry| entry.local == local).ok_or(io::ErrorKind::NotConnected)?;
        entry.socket.try_send_to(bytes, remote).map(|_| ())
    }

    /// Reads the next datagram of any socket.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Received> {
        let count = self.entries.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            let Some(entry) = self.entries.get(index) else { break };
            if let Poll::Ready(received) = entry.poll_receive(cx, buf) {
                self.turn = index + 1;
                return Poll::Ready(received);
            }
        }
        Poll::Pending
    }
}

/// A socket on a free port that can send at once: until it was seen to be writable, tokio drops what is tried.
async fn bound(address: IpAddr) -> io::Result<(SocketAddr, UdpSocket)> {
    let socket = UdpSocket::bind((address, 0)).await?;
    socket.writable().await?;
    Ok((socket.local_addr()?, socket))
}

impl Entry {
    fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Received> {
        for _ in 0..MAX_ERRORS {
            let mut read = ReadBuf::new(buf);
            // An error here is a message of the network about an earlier datagram (ICMP); the socket itself goes on.
            if let Ok(remote) = ready!(self.socket.poll_recv_from(cx, &mut read)) {
                return Poll::Ready(Received { len: read.filled().len(), local: self.local, remote });
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The machine's addresses by which others may reach it; the loopback address when there is no other.
fn usable_addresses() -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        addresses.push(Ipv4Addr::LOCALHOST.into());
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_new_socket_sends_at_once() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let other = std::net::UdpSocket::bind((loopback, 0)).unwrap();
        let (_, socket) = bound(loopback).await.unwrap();
        assert_eq!(socket.try_send_to(b"first", other.local_addr().unwrap()).unwrap(), 5);
    }
}
