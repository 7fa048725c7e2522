//! What a TURN server can send to an ICE agent that it relays for: ChannelData, indications, and answers under the right key.

use std::net::SocketAddr;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_nat::{Agent, Candidate, Config, Credentials, Datagram, Event, Kind, Password, Role, TurnServer};

use crate::drive::{pass, rest};
use crate::script::{millis, steps};
use crate::stun::{fingerprinted, id_of, plain, sealed_by};

const LOCAL: SocketAddr = address(7, 4_000);
const PEER: SocketAddr = address(8, 5_000);
const SERVER: SocketAddr = address(9, 3_478);

/// The key of `alice` with the password `secret` in the realm `example.org` (RFC 8489 section 9.2.2).
const KEY: [u8; 16] =
    [0x54, 0x3e, 0x1a, 0xec, 0x5d, 0x36, 0x14, 0xf0, 0x31, 0x41, 0x65, 0x2d, 0x6a, 0xda, 0x51, 0xb2];
/// The class bits of a message's type (RFC 8489 section 5).
const SUCCESS: u16 = 0x0100;
const ERROR: u16 = 0x0110;
/// A Data indication (RFC 8656 section 17).
const DATA_INDICATION: u16 = 0x0017;
/// The most allocations of one agent.
const MOST_RELAYS: usize = 8;

/// An address of the documentation network (RFC 5737).
const fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, host)), port)
}

/// A script for an agent whose TURN server is hostile but knows the key.
///
/// 0: any datagram. 1: any attributes, rightly signed, as success for the last request. 2: the same as an error. 3: as an
/// error that is not signed, as challenges are. 4: ChannelData with any payload; the high bits of the step choose the
/// channel. 5: a Data indication with any attributes. 6: time passes. 7: a candidate of the peer.
pub fn relay_script(script: &[u8]) {
    let now = Instant::from_millis(5);
    let mut relaying = Relaying { agent: agent(now), now, last: None };
    relaying.settle();
    for (step, bytes) in steps(script) {
        let (kind, id) = relaying.last.unwrap_or((3, [0; 12]));
        match step % 8 {
            0 => relaying.deliver(bytes),
            1 => relaying.deliver(&sealed_by(kind | SUCCESS, id, bytes, &KEY)),
            2 => relaying.deliver(&sealed_by(kind | ERROR, id, bytes, &KEY)),
            3 => relaying.deliver(&fingerprinted(plain(kind | ERROR, id, bytes))),
            4 => {
                let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
                relaying.deliver(&[&[0x40, step >> 3], &len[..], bytes].concat());
            }
            5 => relaying.deliver(&plain(DATA_INDICATION, [step; 12], bytes)),
            6 => relaying.wait(bytes),
            _ => {
                if let Ok(candidate) = Candidate::parse(bytes) {
                    let _limit = relaying.agent.add_remote_candidate(candidate, relaying.now);
                    relaying.settle();
                }
            }
        }
    }
    let stats = relaying.agent.stats();
    assert!(stats.relays <= MOST_RELAYS && stats.channels <= stats.relays * 32, "{stats:?}");
    assert_eq!(stats.valid_pairs, 0, "a server without the peer's password proves no path");
    relaying.agent.close(relaying.now).expect("all outputs are taken");
    relaying.settle();
}

fn agent(now: Instant) -> Agent {
    let mut config = Config::default();
    config.turn_servers.push(TurnServer::new(SERVER, "alice", Password::new("secret")));
    let mut agent = Agent::new(config, Role::Controlling, Seed::from_u64(1), now).expect("it is valid");
    agent.gather(&[LOCAL], now).expect("one base is allowed");
    let theirs = Credentials::parse(&[b'p'; Credentials::LEN]).expect("they are ice-chars");
    agent.set_remote_credentials(theirs, now).expect("there are none yet");
    let candidate = Candidate::new(Kind::Host, PEER, 0x7eff_ffff, 1);
    agent.add_remote_candidate(candidate, now).expect("it is the first");
    agent
}

/// The address of a TURN server: what parses is written in one way, which is read as the same.
pub fn turn_url(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(url) = text.parse::<p2pvoip::TurnUrl>() else { return };
    assert_eq!(url.to_string().parse(), Ok(url.clone()));
    assert!(url.port() != 0 && !url.host().is_empty());
}

struct Relaying {
    agent: Agent,
    now: Instant,
    /// The type and the id of the agent's last request to the server.
    last: Option<(u16, [u8; 12])>,
}

impl Relaying {
    fn deliver(&mut self, bytes: &[u8]) {
        let datagram = Datagram { local: LOCAL, remote: SERVER, bytes };
        if let Some(inner) = self.agent.unwrap(datagram) {
            assert!(inner.bytes.len() + 4 <= bytes.len(), "what is inside is shorter");
            assert!(inner.local != LOCAL, "it came to a relayed address");
        }
        let _refused = self.agent.handle_input(datagram, self.now);
        self.settle();
    }

    fn wait(&mut self, bytes: &[u8]) {
        let mut buf = [0; Agent::MAX_TRANSMIT];
        let (agent, last) = (&mut self.agent, &mut self.last);
        pass(agent, &mut buf, &mut self.now, millis(bytes), |output, bytes| note(&output, bytes, last));
    }

    fn settle(&mut self) {
        let mut buf = [0; Agent::MAX_TRANSMIT];
        let last = &mut self.last;
        rest(&mut self.agent, &mut buf, |output, bytes| note(&output, bytes, last));
    }
}

/// Looks at what the agent says.
fn note(output: &Output<p2pvoip_nat::Transmit, Event>, bytes: &[u8], last: &mut Option<(u16, [u8; 12])>) {
    match output {
        Output::Transmit { to, .. } => {
            assert_eq!(to.local, LOCAL, "it leaves from a base");
            assert!(matches!(bytes.first(), Some(0..=3 | 64..=79)), "STUN or ChannelData");
            let is_request = matches!(bytes.get(..2), Some([0, 3 | 4 | 9]));
            if let (true, true, Some(id)) = (to.remote == SERVER, is_request, id_of(bytes)) {
                *last = Some((u16::from(bytes[1]), id));
            }
        }
        Output::Event(Event::Candidate(candidate)) => {
            assert!(candidate.address.port() != 0, "nothing is told that nothing can be sent to");
        }
        Output::Event(_) | Output::Wait(_) => {}
    }
}
