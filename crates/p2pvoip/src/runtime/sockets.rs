//! UDP sockets: one for each local address of each call, so that nothing links two calls and a datagram's socket tells its call.

mod udp;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::task::{Context, Poll, ready};

use p2pvoip_core::Ecn;

use self::udp::{Batch, Udp};
use crate::engine::{Arrival, CallKey};

/// Addresses of this machine that a call uses at most.
const MAX_BASES: usize = 8;
/// Failed reads in a row after which other work gets its turn.
const MAX_ERRORS: usize = 4;
/// Bytes that one read may give: the most that the system hands over in one piece.
const READ: usize = 65_536;

/// All open sockets, and what was read from them.
#[derive(Debug)]
pub(crate) struct Sockets {
    entries: Vec<Entry>,
    /// The socket that is asked first next time, so that a flood on one does not starve the others.
    turn: usize,
    buf: Vec<u8>,
    /// The rest of what was read in one piece.
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Entry {
    call: CallKey,
    local: SocketAddr,
    udp: Udp,
}

/// A datagram that was read: where its bytes are, between which addresses it travelled, and how it arrived.
#[derive(Clone)]
pub(crate) struct Received {
    at: Range<usize>,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) arrival: Arrival,
}

/// Datagrams of one batch that were not given out yet.
struct Rest {
    next: usize,
    batch: Batch,
    local: SocketAddr,
}

impl Rest {
    fn pop(&mut self) -> Option<Received> {
        let Batch { len, stride, remote, arrival } = self.batch;
        let at = self.next..self.next.saturating_add(stride.max(1)).min(len);
        // An empty datagram is one, too.
        let first = self.next == 0 && len == 0;
        self.next = if first { 1 } else { at.end };
        (first || !at.is_empty()).then_some(Received { at, local: self.local, remote, arrival })
    }
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Default for Sockets {
    fn default() -> Self {
        Self { entries: Vec::new(), turn: 0, buf: vec![0; READ], rest: None }
    }
}

impl Sockets {
    /// Opens a call's sockets on these addresses, or on every usable one of the machine when there is none, and gives their addresses.
    pub(crate) async fn open(&mut self, call: CallKey, bind: &[IpAddr]) -> io::Result<Vec<SocketAddr>> {
        let addresses = if bind.is_empty() { usable_addresses() } else { bind.to_vec() };
        let mut bases = Vec::new();
        let mut failure = None;
        for address in addresses.into_iter().take(MAX_BASES) {
            match Udp::bind(address).await {
                Ok((local, udp)) => {
                    bases.push(local);
                    self.entries.push(Entry { call, local, udp });
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

    /// Sends a datagram with this mark, if it can; a socket that would block loses it, as the network might.
    pub(crate) fn send(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        ecn: Ecn,
        bytes: &[u8],
    ) -> io::Result<()> {
        let entry =
            self.entries.iter().find(|entry| entry.local == local).ok_or(io::ErrorKind::NotConnected)?;
        entry.udp.send(remote, ecn, bytes)
    }

    /// Reads the next datagram of any socket.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        if let Some(received) = self.rest.as_mut().and_then(Rest::pop) {
            return Poll::Ready(received);
        }
        let count = self.entries.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            let Some(entry) = self.entries.get(index) else { break };
            if let Poll::Ready(batch) = entry.poll_receive(cx, &mut self.buf) {
                self.turn = index + 1;
                let rest = self.rest.insert(Rest { next: 0, batch, local: entry.local });
                if let Some(received) = rest.pop() {
                    return Poll::Ready(received);
                }
            }
        }
        Poll::Pending
    }

    /// What a datagram carries, until the next one is read.
    pub(crate) fn bytes(&self, received: &Received) -> &[u8] {
        self.buf.get(received.at.clone()).unwrap_or_default()
    }
}

impl Entry {
    fn poll_receive(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Batch> {
        for _ in 0..MAX_ERRORS {
            if let Ok(batch) = ready!(self.udp.poll_receive(cx, buf)) {
                return Poll::Ready(batch);
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

    #[test]
    fn what_came_in_one_piece_is_taken_apart() {
        let here: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let sizes = |len, stride| {
            let batch = Batch { len, stride, remote: here, arrival: Ecn::Ce.into() };
            let mut rest = Rest { next: 0, batch, local: here };
            std::iter::from_fn(move || rest.pop().map(|received| received.at.len())).collect::<Vec<_>>()
        };
        assert_eq!(sizes(250, 100), [100, 100, 50]);
        assert_eq!(sizes(200, 100), [100, 100]);
        assert_eq!(sizes(100, 100), [100]);
        assert_eq!(sizes(0, 0), [0], "an empty datagram is one");
        assert_eq!(sizes(3, 0), [1, 1, 1], "a stride of nothing ends all the same");
    }
}
