//! One discovery whose servers are played by hand: what each pattern of answers means, and what is refused.

mod hostile;
mod laws;
mod story;

use core::time::Duration;

use p2pvoip_core::wire::Writer;

use super::*;

pub(super) const MAPPING: &str = "10.0.0.2:5000";
pub(super) const FILTERING: &str = "10.0.0.2:5001";
pub(super) const SERVER: &str = "203.0.113.10:3478";
pub(super) const OTHER: &str = "203.0.113.11:3479";
pub(super) const SECOND: &str = "198.51.100.20:3478";
pub(super) const TURN: &str = "203.0.113.30:3478";

pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn millis(number: u64) -> Instant {
    Instant::from_millis(number)
}

pub(super) fn config(stun: &[&str]) -> Config {
    let mut config = Config::new(at(MAPPING), at(FILTERING));
    config.stun_servers = stun.iter().map(|server| at(server)).collect();
    config
}

pub(super) fn discovery(stun: &[&str]) -> Discovery {
    Discovery::new(config(stun), Seed::from_u64(7), millis(0)).unwrap()
}

/// The bytes of a server's answer to `request`.
pub(super) fn answer(request: &[u8], mapped: &str, other: Option<&str>) -> Vec<u8> {
    let mut buf = [0; 128];
    let len = stun::answer_binding(&strip(request), at(mapped), &mut buf).unwrap();
    let mut bytes = buf[..len].to_vec();
    if let Some(SocketAddr::V4(other)) = other.map(at) {
        bytes.extend([0x80, 0x2c, 0, 8, 0, 1]);
        bytes.extend(other.port().to_be_bytes());
        bytes.extend(other.ip().octets());
        bytes[3] += 12;
    }
    bytes
}

/// The header of a request alone, which is a request without fingerprint.
fn strip(request: &[u8]) -> Vec<u8> {
    let mut header = request[..20].to_vec();
    header[2..4].copy_from_slice(&[0, 0]);
    header
}

/// A TURN server's refusal of `request`.
pub(super) fn refusal(request: &[u8], code: u8) -> Vec<u8> {
    let mut buf = [0; 28];
    let mut writer = Writer::new(&mut buf);
    writer.bytes(&[0x01, 0x13, 0, 8]).unwrap();
    writer.bytes(&request[4..20]).unwrap();
    writer.bytes(&[0, 9, 0, 4, 0, 0, 4, code]).unwrap();
    buf.to_vec()
}

/// All outputs that a discovery has now.
#[derive(Default, Debug)]
pub(super) struct Drained {
    pub(super) sent: Vec<(Transmit, Vec<u8>)>,
    pub(super) events: Vec<Event>,
    pub(super) wake: Option<Instant>,
}

pub(super) fn drain(discovery: &mut Discovery) -> Drained {
    let mut drained = Drained::default();
    let mut buf = [0; Discovery::MAX_TRANSMIT];
    loop {
        match discovery.poll_output(&mut buf) {
            Output::Transmit { to, len } => drained.sent.push((to, buf[..len].to_vec())),
            Output::Event(event) => drained.events.push(event),
            Output::Wait(wake) => {
                drained.wake = wake.map(|wake| wake.at);
                return drained;
            }
        }
    }
}

pub(super) fn hear(
    discovery: &mut Discovery,
    local: &str,
    remote: &str,
    bytes: &[u8],
    now: Instant,
) -> Result<(), Refused> {
    discovery.handle_input(Datagram { local: at(local), remote: at(remote), bytes }, now)
}

/// Plays a world: `world` gives the answer to each datagram, from where and to which socket. Returns all events and the end.
pub(super) fn play(
    discovery: &mut Discovery,
    mut world: impl FnMut(&Transmit, &[u8]) -> Option<(SocketAddr, SocketAddr, Vec<u8>)>,
) -> (Vec<Event>, Instant) {
    let (mut now, mut events) = (millis(0), Vec::new());
    loop {
        let drained = drain(discovery);
        events.extend(drained.events);
        let mut answers = drained.sent.iter().filter_map(|(to, bytes)| world(to, bytes)).collect::<Vec<_>>();
        if !answers.is_empty() {
            now += Duration::from_millis(20);
        }
        let silent = answers.is_empty();
        for (local, remote, bytes) in answers.drain(..) {
            let _ = discovery.handle_input(Datagram { local, remote, bytes: &bytes }, now);
        }
        match drained.wake {
            _ if !silent => {}
            Some(at) => {
                now = at;
                discovery.handle_timeout(now);
            }
            None if discovery.is_done() => return (events, now),
            None => panic!("it waits for nothing and is not done"),
        }
    }
}
