//! Two agents find a way to each other in memory: no sockets, and a clock that is a number.

use std::net::SocketAddr;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_nat::{Agent, Config, Datagram, Event, Role};

/// An agent, and the address of its one socket.
struct Peer {
    agent: Agent,
    base: SocketAddr,
}

impl Peer {
    fn new(role: Role, base: &str, seed: u64, now: Instant) -> Result<Self, Box<dyn std::error::Error>> {
        let mut agent = Agent::new(Config::default(), role, Seed::from_u64(seed), now)?;
        let base = base.parse()?;
        agent.gather(&[base], now)?;
        Ok(Self { agent, base })
    }
}

/// What one agent asked for.
struct Carried {
    /// Whether the other agent was given anything.
    any: bool,
    /// When it wants to be called.
    wake: Option<Instant>,
}

/// Does what one agent asks for: its datagrams go through the network, its candidates by signalling.
fn carry(from: &mut Peer, to: &mut Peer, now: Instant) -> Result<Carried, Box<dyn std::error::Error>> {
    let mut buf = [0; Agent::MAX_TRANSMIT];
    let mut any = false;
    loop {
        match from.agent.poll_output(&mut buf) {
            Output::Transmit { to: way, len } if way.remote == to.base => {
                let bytes = buf.get(..len).unwrap_or_default();
                let datagram = Datagram { local: way.remote, remote: way.local, bytes };
                to.agent.handle_input(datagram, now)?;
                any = true;
            }
            Output::Event(Event::Candidate(candidate)) => {
                to.agent.add_remote_candidate(candidate, now)?;
                any = true;
            }
            Output::Event(event) => println!("{now:?} {:?}: {event:?}", from.agent.role()),
            Output::Transmit { .. } => {}
            Output::Wait(wake) => return Ok(Carried { any, wake: wake.map(|wake| wake.at) }),
        }
    }
}

/// Carries both ways until neither has anything to say, and tells when the first of them wants to be called: what one of
/// them is given may change when it wants that.
fn carry_all(
    caller: &mut Peer,
    callee: &mut Peer,
    now: Instant,
) -> Result<Option<Instant>, Box<dyn std::error::Error>> {
    loop {
        let carried = [carry(caller, callee, now)?, carry(callee, caller, now)?];
        if carried.iter().all(|carried| !carried.any) {
            return Ok(carried.into_iter().filter_map(|carried| carried.wake).min());
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut now = Instant::from_millis(1_000);
    let mut caller = Peer::new(Role::Controlling, "198.51.100.7:4000", 1, now)?;
    let mut callee = Peer::new(Role::Controlled, "203.0.113.9:5000", 2, now)?;
    caller.agent.set_remote_credentials(*callee.agent.credentials(), now)?;
    callee.agent.set_remote_credentials(*caller.agent.credentials(), now)?;

    let deadline = Instant::from_millis(11_000);
    let nominated = |peer: &Peer| peer.agent.route().is_some_and(|route| route.nominated);
    while !(nominated(&caller) && nominated(&callee)) && now < deadline {
        let wake = carry_all(&mut caller, &mut callee, now)?;
        // Both wait: time passes until the first of them wants to be called.
        now = wake.unwrap_or(deadline).max(now);
        caller.agent.handle_timeout(now);
        callee.agent.handle_timeout(now);
    }
    let route = caller.agent.route().ok_or("nothing stands between them")?;
    assert_eq!((route.remote, route.nominated), (callee.base, true));
    println!("media goes from {} to {}", route.local, route.remote);
    Ok(())
}
