//! Two endpoints in mid-call without a world between them: what one sends the other gets, five milliseconds later; where
//! they talk through relays, by the channel that each of them has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use p2pvoip::engine::{CallKey, Endpoint, Event, Input, Refused, Transmit};
use p2pvoip::{CallEvent, Frame};
use p2pvoip_core::{Ecn, Instant, Machine, Output};

const TICK: Duration = Duration::from_millis(10);
/// Where a datagram from nowhere comes to, and from: addresses of no end.
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 250)), 4_000);
const THERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 251)), 5_000);
/// The largest packet of a call.
const MAX_PACKET: usize = 1_200;

/// Two ends of a call.
pub struct Direct {
    ends: [(Endpoint, CallKey); 2],
    now: Instant,
    /// Of the packets on their way every so manieth is lost.
    pub loses_every: Option<u64>,
    sent: u64,
    buf: Vec<u8>,
    /// Packets on their way: to whom, how long.
    under_way: Vec<(usize, usize, [u8; MAX_PACKET])>,
    /// How each end sends: from where, to where, and by which channel of its relay, if any.
    ways: [Option<Way>; 2],
}

type Way = (SocketAddr, SocketAddr, Option<[u8; 2]>);

impl Direct {
    pub fn new(ends: [(Endpoint, CallKey); 2], now: Instant) -> Self {
        Self {
            ends,
            now,
            loses_every: None,
            sent: 0,
            buf: vec![0; Endpoint::MAX_TRANSMIT],
            under_way: Vec::with_capacity(64),
            ways: [None; 2],
        }
    }

    /// Both speak and listen for that long; gives the number of packets that arrived.
    pub fn talk(&mut self, duration: Duration) -> u64 {
        let (until, mut packets) = (self.now + duration, 0);
        let frame = Frame([77; 480]);
        while self.now < until {
            self.now += TICK;
            for end in 0..2 {
                let (endpoint, call) = &mut self.ends[end];
                endpoint.handle_timeout(self.now);
                endpoint.capture(*call, &frame, self.now);
                endpoint.playout(*call, &mut Frame::default(), self.now);
                self.drain(end);
            }
            while let Some((end, len, bytes)) = self.under_way.pop() {
                // Until the other end has sent something it is not known where it listens.
                let Some((local, remote, channel)) = self.ways[end] else { continue };
                let mut wrapped = [0; MAX_PACKET + 4];
                let start = channel.map_or(0, |channel| {
                    wrapped[..2].copy_from_slice(&channel);
                    wrapped[2..4].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
                    4
                });
                wrapped[start..start + len].copy_from_slice(&bytes[..len]);
                let (endpoint, call) = &mut self.ends[end];
                let bytes = &wrapped[..start + len];
                let input =
                    Input::Datagram { call: *call, local, remote, arrival: Ecn::NotEct.into(), bytes };
                packets += u64::from(endpoint.handle_input(input, self.now + TICK / 2).is_ok());
                self.drain(end);
            }
        }
        packets
    }

    /// A datagram from nowhere comes to the first end.
    pub fn give(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let (endpoint, call) = &mut self.ends[0];
        let input =
            Input::Datagram { call: *call, local: HERE, remote: THERE, arrival: Ecn::NotEct.into(), bytes };
        let taken = endpoint.handle_input(input, self.now);
        self.drain(0);
        taken
    }

    /// How many events wait when nobody polled for that long.
    pub fn events_of(&mut self, duration: Duration) -> usize {
        let until = self.now + duration;
        let endpoint = &mut self.ends[0].0;
        while self.now < until {
            self.now += TICK;
            endpoint.handle_timeout(self.now);
        }
        let mut events = 0;
        loop {
            match endpoint.poll_output(&mut self.buf) {
                Output::Event(Event::Call { event: CallEvent::Stats(_), .. }) => events += 1,
                Output::Event(_) | Output::Transmit { .. } => {}
                Output::Wait(_) => return events,
            }
        }
    }

    fn drain(&mut self, end: usize) {
        loop {
            match self.ends[end].0.poll_output(&mut self.buf) {
                Output::Transmit { to: Transmit::Datagram { local, remote, .. }, len } => {
                    let channel = matches!(self.buf[0], 64..=79).then(|| [self.buf[0], self.buf[1]]);
                    let packet = if channel.is_some() { &self.buf[4..len] } else { &self.buf[..len] };
                    // Checks and requests to servers go astray.
                    if packet[0] < 192 {
                        continue;
                    }
                    self.ways[end] = Some((local, remote, channel));
                    self.sent += 1;
                    if self.loses_every.is_some_and(|every| self.sent.is_multiple_of(every)) {
                        continue;
                    }
                    let mut bytes = [0; MAX_PACKET];
                    bytes[..packet.len()].copy_from_slice(packet);
                    self.under_way.push((1 - end, packet.len(), bytes));
                }
                Output::Transmit { .. } | Output::Event(_) => {}
                Output::Wait(_) => return,
            }
        }
    }
}
