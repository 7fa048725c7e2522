//! Candidates and credentials of the peer, and what a socket of an ICE agent can be sent.

use std::net::SocketAddr;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_nat::{Agent, Candidate, Config, Credentials, Datagram, Event, Kind, Role, is_stun, stun};

use crate::drive::{pass, rest};
use crate::script::{millis, steps};
use crate::stun::{ERROR, INDICATION, REQUEST, SUCCESS, fingerprinted, id_of, plain, sealed};

const LOCAL: SocketAddr = address(7, 4_000);
const PEER: SocketAddr = address(8, 5_000);
const SERVER: SocketAddr = address(9, 3_478);
const STRANGER: SocketAddr = address(66, 6_666);

/// An address of the documentation network (RFC 5737).
const fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, host)), port)
}

/// A candidate: what parses is emitted as the same bytes.
pub fn candidate(data: &[u8]) {
    let Ok(candidate) = Candidate::parse(data) else { return };
    let mut buf = [0; Candidate::MAX_LEN];
    let len = candidate.emit(&mut buf).expect("MAX_LEN bytes hold every candidate");
    assert_eq!(&buf[..len], data, "emit undoes parse");
}

/// Credentials: what parses is emitted as the same bytes.
pub fn credentials(data: &[u8]) {
    let Ok(credentials) = Credentials::parse(data) else { return };
    let mut buf = [0; Credentials::LEN];
    assert_eq!(credentials.emit(&mut buf), Ok(Credentials::LEN));
    assert_eq!(buf, data, "emit undoes parse");
    assert_eq!([credentials.ufrag(), credentials.pwd()].concat().as_bytes(), data);
}

/// A request to a small STUN server: an answer is STUN, is short, and has the id of its request.
pub fn stun_server(data: &[u8]) {
    let mut out = [0; stun::ANSWER_LEN];
    for source in [PEER, SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), 9)] {
        if let Some(len) = stun::answer_binding(data, source, &mut out) {
            assert!(is_stun(data) && is_stun(&out[..len]), "both are STUN");
            assert_eq!(id_of(&out), id_of(data));
        }
    }
}

/// A datagram of a stranger: no answer, no event, whatever it says.
pub fn stun_stranger(data: &[u8]) {
    let now = Instant::from_millis(5);
    let mut buf = [0; Agent::MAX_TRANSMIT];
    let mut agent = agent(Role::Controlled, 1, LOCAL, now);
    rest(&mut agent, &mut buf, |_, _| {});
    let datagram = Datagram { local: LOCAL, remote: STRANGER, bytes: data };
    let refused = agent.handle_input(datagram, now).is_err();
    assert!(refused || !data.is_empty());
    rest(&mut agent, &mut buf, |output, _| assert!(!refused, "{output:?} after a refusal"));
    assert!(agent.route().is_none(), "no path by a stranger");
}

/// A script for an agent whose peer is hostile but knows the password.
///
/// 0: any datagram. 1 to 4: any attributes, rightly sealed, as a request, an answer, an error or an indication. 5: any
/// attributes as the server's answer. 6: time passes, and both agents hear one another. 7: a candidate.
pub fn agent_script(script: &[u8]) {
    let mut meeting = Meeting::new();
    for (step, bytes) in steps(script) {
        let id = meeting.last_check.unwrap_or_default();
        let own = meeting.agent.credentials().pwd().to_owned();
        let theirs = meeting.peer.credentials().pwd().to_owned();
        match step % 8 {
            0 => meeting.deliver(if step & 8 == 0 { PEER } else { STRANGER }, bytes),
            1 => {
                let id = [step; 12];
                meeting.deliver(PEER, &sealed(REQUEST, id, bytes, &own));
            }
            2 => meeting.deliver(PEER, &sealed(SUCCESS, id, bytes, &theirs)),
            3 => meeting.deliver(PEER, &sealed(ERROR, id, bytes, &theirs)),
            4 => meeting.deliver(PEER, &sealed(INDICATION, id, bytes, &own)),
            5 => {
                let id = meeting.last_query.unwrap_or_default();
                meeting.deliver(SERVER, &fingerprinted(plain(SUCCESS, id, bytes)));
            }
            6 => meeting.talk(bytes),
            _ => {
                if let Ok(candidate) = Candidate::parse(bytes) {
                    let _limit = meeting.agent.add_remote_candidate(candidate, meeting.now);
                }
            }
        }
    }
    let stats = meeting.agent.stats();
    assert!(stats.remote_candidates <= 64 && stats.valid_pairs <= stats.pairs, "{stats:?}");
}

fn agent(role: Role, seed: u64, base: SocketAddr, now: Instant) -> Agent {
    let mut config = Config::default();
    config.stun_servers.push(SERVER);
    let mut agent = Agent::new(config, role, Seed::from_u64(seed), now).expect("the default is valid");
    agent.gather(&[base], now).expect("one base is allowed");
    agent
}

/// An agent, and the one that it is to meet.
struct Meeting {
    agent: Agent,
    peer: Agent,
    now: Instant,
    /// The transaction of the agent's last check, and of its last query to the server.
    last_check: Option<[u8; 12]>,
    last_query: Option<[u8; 12]>,
}

impl Meeting {
    fn new() -> Self {
        let now = Instant::from_millis(5);
        let mut agent = agent(Role::Controlling, 1, LOCAL, now);
        let mut peer = self::agent(Role::Controlled, 2, PEER, now);
        agent.set_remote_credentials(*peer.credentials(), now).expect("there are none yet");
        peer.set_remote_credentials(*agent.credentials(), now).expect("there are none yet");
        for (one, other) in [(&mut agent, PEER), (&mut peer, LOCAL)] {
            let candidate = Candidate::new(Kind::Host, other, 0x7eff_ffff, 1);
            one.add_remote_candidate(candidate, now).expect("it is the first");
        }
        Self { agent, peer, now, last_check: None, last_query: None }
    }

    fn deliver(&mut self, remote: SocketAddr, bytes: &[u8]) {
        let datagram = Datagram { local: LOCAL, remote, bytes };
        if self.agent.handle_input(datagram, self.now).is_ok() {
            assert!(is_stun(bytes), "only STUN is taken");
        }
        self.settle(&[]);
    }

    /// Lets time pass at both ends; what the peer sends has the bytes after the time xored into it.
    fn talk(&mut self, bytes: &[u8]) {
        let noise = bytes.get(2..).unwrap_or_default();
        let by = millis(bytes) / 4;
        for _ in 0..4 {
            let mut peers_now = self.now;
            let mut buf = [0; Agent::MAX_TRANSMIT];
            let mut sent = Vec::new();
            pass(&mut self.peer, &mut buf, &mut peers_now, by, |output, bytes| {
                keep(&output, bytes, PEER, LOCAL, &mut sent);
            });
            let mut here = Vec::new();
            pass(&mut self.agent, &mut buf, &mut self.now, by, |output, bytes| {
                keep(&output, bytes, LOCAL, PEER, &mut here);
            });
            self.note(&here);
            for mut datagram in sent {
                datagram.iter_mut().zip(noise).for_each(|(byte, noise)| *byte ^= noise);
                let _refused = self
                    .agent
                    .handle_input(Datagram { local: LOCAL, remote: PEER, bytes: &datagram }, self.now);
            }
            self.settle(&here);
        }
    }

    /// Takes what the agent says, and gives it and `before` to the peer.
    fn settle(&mut self, before: &[Vec<u8>]) {
        let mut buf = [0; Agent::MAX_TRANSMIT];
        let mut sent = before.to_vec();
        rest(&mut self.agent, &mut buf, |output, bytes| {
            if let Output::Event(Event::Route(route)) = &output {
                assert_eq!(route.local, LOCAL, "a route leaves from a base");
            }
            keep(&output, bytes, LOCAL, PEER, &mut sent);
        });
        self.note(&sent);
        for datagram in sent {
            let datagram = Datagram { local: PEER, remote: LOCAL, bytes: &datagram };
            let _refused = self.peer.handle_input(datagram, self.now);
        }
    }

    fn note(&mut self, sent: &[Vec<u8>]) {
        for message in sent.iter().filter(|message| message.starts_with(&REQUEST.to_be_bytes())) {
            // A query to the server has no user name, so that it is short.
            let last = if message.len() < 40 { &mut self.last_query } else { &mut self.last_check };
            *last = id_of(message);
        }
    }
}

/// Keeps a datagram that goes between these two, or to the server.
fn keep(
    output: &Output<p2pvoip_nat::Transmit, Event>,
    bytes: &[u8],
    from: SocketAddr,
    to: SocketAddr,
    sent: &mut Vec<Vec<u8>>,
) {
    if let Output::Transmit { to: way, .. } = output {
        assert_eq!(way.local, from, "it leaves from a base");
        assert!(is_stun(bytes), "an agent says nothing but STUN");
        if way.remote == to || way.remote == SERVER {
            sent.push(bytes.to_vec());
        }
    }
}
