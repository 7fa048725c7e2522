//! One agent and a peer, a server and an attacker that are driven by hand.

mod hostile;
mod laws;
mod relay;
mod roles;
mod story;

use core::time::Duration;

use super::*;
use crate::check::Check;
use crate::error::Failure;
use crate::stun::{self, Header};

pub(super) const BASE: &str = "10.0.0.1:1000";
pub(super) const SERVER: &str = "203.0.113.1:3478";
pub(super) const PEER: &str = "198.51.100.2:2000";
pub(super) const OTHER: &str = "198.51.100.3:3000";

pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn millis(number: u64) -> Instant {
    Instant::from_millis(number)
}

pub(super) fn peer_credentials() -> Credentials {
    Credentials::draw(&mut Seed::from_u64(99).rng())
}

pub(super) fn config() -> Config {
    Config { stun_servers: vec![at(SERVER)], ..Config::default() }
}

pub(super) fn agent(role: Role) -> Agent {
    Agent::new(config(), role, Seed::from_u64(7), millis(0)).unwrap()
}

/// An agent that has gathered from `BASE`, knows the peer and checks `PEER`; all outputs are taken.
pub(super) fn checking(role: Role) -> Agent {
    let mut agent = agent(role);
    agent.gather(&[at(BASE)], millis(0)).unwrap();
    agent.set_remote_credentials(peer_credentials(), millis(0)).unwrap();
    agent.add_remote_candidate(host(PEER), millis(0)).unwrap();
    let _ = drain(&mut agent);
    agent
}

pub(super) fn host(address: &str) -> Candidate {
    Candidate::new(Kind::Host, at(address), crate::candidate::priority(Kind::Host, 9), 1)
}

/// All outputs that an agent has now, and what it waits for.
#[derive(Default, Debug)]
pub(super) struct Drained {
    pub(super) sent: Vec<(Transmit, Vec<u8>)>,
    pub(super) events: Vec<Event>,
    pub(super) wake: Option<Wake>,
}

impl Drained {
    /// The requests that went to `remote`.
    pub(super) fn requests_to(&self, remote: &str) -> Vec<Vec<u8>> {
        let to_it = self.sent.iter().filter(|(to, bytes)| to.remote == at(remote) && bytes[..2] == [0, 1]);
        to_it.map(|(_, bytes)| bytes.clone()).collect()
    }

    pub(super) fn route(&self) -> Option<Route> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Route(route) => Some(*route),
            Event::Candidate(_)
            | Event::GatheringDone
            | Event::RelayFailed(_)
            | Event::ConsentLost
            | Event::Failed(_) => None,
        })
    }
}

pub(super) fn drain(agent: &mut Agent) -> Drained {
    let mut drained = Drained::default();
    let mut buf = [0; Agent::MAX_TRANSMIT];
    loop {
        match agent.poll_output(&mut buf) {
            Output::Transmit { to, len } => drained.sent.push((to, buf[..len].to_vec())),
            Output::Event(event) => drained.events.push(event),
            Output::Wait(wake) => {
                drained.wake = wake;
                return drained;
            }
        }
    }
}

/// Lets time pass until `until`, calling the agent when it wants to be; all that it gave out.
pub(super) fn pass(agent: &mut Agent, until: Instant) -> Drained {
    let mut all = drain(agent);
    while let Some(wake) = all.wake.filter(|wake| wake.at <= until) {
        agent.handle_timeout(wake.at);
        let drained = drain(agent);
        assert!(drained.wake.is_none_or(|next| next.at > wake.at), "it spins on {}", wake.why);
        all.sent.extend(drained.sent);
        all.events.extend(drained.events);
        all.wake = drained.wake;
    }
    all
}

pub(super) fn give(agent: &mut Agent, from: &str, bytes: &[u8], now: Instant) -> Result<(), Refused> {
    agent.handle_input(Datagram { local: at(BASE), remote: at(from), bytes }, now)
}

fn emitted(make: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut buf = [0; Agent::MAX_TRANSMIT];
    let len = make(&mut buf).unwrap();
    buf[..len].to_vec()
}

/// The peer's answer to a check.
pub(super) fn answer(request: &[u8], mapped: &str) -> Vec<u8> {
    let id = Header::parse(request).unwrap().id;
    emitted(|buf| stun::emit_answer(id, at(mapped), &peer_credentials().key().unwrap(), buf))
}

/// The server's answer to a query.
pub(super) fn server_answer(query: &[u8], mapped: &str) -> Vec<u8> {
    emitted(|buf| stun::answer_binding(query, at(mapped), buf))
}

/// A check of the peer; `number` tells its transaction from others.
pub(super) fn check(agent: &Agent, number: u8, change: impl FnOnce(&mut Check)) -> Vec<u8> {
    let mut check = Check {
        id: [number; 12],
        local: at(PEER),
        remote: at(BASE),
        priority: crate::candidate::priority(Kind::PeerReflexive, 9),
        controlling: !agent.controlling(),
        tie_breaker: 5,
        nominate: false,
    };
    change(&mut check);
    let username = format!("{}:{}", agent.credentials().ufrag(), peer_credentials().ufrag());
    emitted(|buf| stun::emit_check(&check, &username, &agent.own.key, buf))
}

/// An agent whose pair with `PEER` works since 80 ms.
pub(super) fn connected(role: Role) -> Agent {
    let mut agent = checking(role);
    let checks = pass(&mut agent, millis(60)).requests_to(PEER);
    give(&mut agent, PEER, &answer(checks.last().unwrap(), BASE), millis(80)).unwrap();
    agent
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
