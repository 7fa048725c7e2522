//! The hidden command `forwarder`: the sockets around the demo's [`Network`].
//!
//! A STUN server on 127.0.0.1 answers Binding requests (RFC 8489) with the address of the asker's face. The first line
//! printed names the server; the last one, when standard input ends, holds the counters.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use p2pvoip::core::Instant;
use p2pvoip::nat::stun::{ANSWER_LEN, answer_binding};
use serde_json::json;
use tokio::net::UdpSocket;

use super::network::Network;
use crate::args::Impairment;
use crate::exit::Failure;
use crate::{clock, events, interrupt};

/// The largest datagram of UDP over IPv4, in bytes.
const LARGEST: usize = 65_507;

/// The longest sleep when nothing is under way: an hour.
const IDLE_SECONDS: u64 = 3_600;

/// The same as a duration.
const IDLE: Duration = Duration::from_secs(IDLE_SECONDS);

/// The three sockets.
struct Sockets {
    stun: UdpSocket,
    faces: [UdpSocket; 2],
    addresses: [SocketAddr; 2],
}

/// Runs until standard input ends.
pub(crate) async fn run(impairment: Impairment) -> Result<(), Failure> {
    let sockets = Sockets::bind().await.map_err(|error| {
        Failure::Internal(format!("the demo's network cannot open its sockets on 127.0.0.1: {error}"))
    })?;
    let stun = sockets.stun.local_addr().map_err(|error| Failure::Internal(error.to_string()))?;
    events::line(&json!({ "event": "forwarding", "stun": stun.to_string() }));
    let mut network = Network::new(impairment);
    let mut parent = interrupt::end_of_input();
    tokio::select! {
        () = sockets.forward(&mut network) => {}
        _ = parent.recv() => {}
    }
    events::line(&network.report());
    Ok(())
}

impl Sockets {
    async fn bind() -> std::io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (stun, first, second) =
            (UdpSocket::bind(any).await?, UdpSocket::bind(any).await?, UdpSocket::bind(any).await?);
        let addresses = [first.local_addr()?, second.local_addr()?];
        Ok(Self { stun, faces: [first, second], addresses })
    }

    /// Never returns; dropped by its caller.
    async fn forward(&self, network: &mut Network) {
        let started = clock::now();
        let now = || Instant::default() + started.elapsed();
        let [first, second] = &self.faces;
        let mut asked = vec![0; LARGEST];
        let (mut to_first, mut to_second) = (asked.clone(), asked.clone());
        loop {
            let wait = network.next_at().map_or(IDLE, |at| at.saturating_since(now()));
            // A refusal by the kernel ("port unreachable" of an earlier datagram) concerns a client that went away.
            tokio::select! {
                Ok((len, from)) = self.stun.recv_from(&mut asked) => {
                    self.answer(network, asked.get(..len).unwrap_or_default(), from).await;
                }
                Ok((len, from)) = first.recv_from(&mut to_first) => {
                    network.arrive(0, from, to_first.get(..len).unwrap_or_default(), now());
                }
                Ok((len, from)) = second.recv_from(&mut to_second) => {
                    network.arrive(1, from, to_second.get(..len).unwrap_or_default(), now());
                }
                () = tokio::time::sleep(wait) => {}
            }
            while let Some(due) = network.pull(now()) {
                if let Some(face) = self.faces.get(due.face) {
                    let _ = face.send_to(&due.bytes, due.to).await;
                }
            }
        }
    }

    async fn answer(&self, network: &mut Network, request: &[u8], from: SocketAddr) {
        let face = network.asked(from).and_then(|face| self.addresses.get(face));
        let mut reply = [0; ANSWER_LEN];
        let len = face.and_then(|mapped| answer_binding(request, *mapped, &mut reply));
        if let Some(reply) = len.and_then(|len| reply.get(..len)) {
            let _ = self.stun.send_to(reply, from).await;
        }
    }
}
