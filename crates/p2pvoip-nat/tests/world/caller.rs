//! What runs on the hosts of a world: an agent with signalling, or a STUN server; and the set-up of a call.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip_core::{Ecn, Instant, Machine, Output, Seed};
use p2pvoip_nat::{
    Agent, Candidate, Config, Credentials, Event, Password, Role, Route, TurnServer, is_stun, stun,
};
use p2pvoip_sim::world::{Action, Datagram, Node, StreamEvent, StreamId};
use p2pvoip_sim::{Cut, Topology};

use crate::relay::{self, Relay};

/// The port of the STUN server.
const STUN_PORT: u16 = 3478;
/// One way by signalling: as in the laboratory that measured other agents.
pub(crate) const SIGNALLING: Duration = Duration::from_millis(50);

/// The first byte of a signalled message.
const CREDENTIALS: u8 = 0;
const CANDIDATE: u8 = 1;
const END: u8 = 2;

/// An agent on a host, with a stream to its peer for signalling.
pub(crate) struct Caller {
    pub(crate) agent: Agent,
    pub(crate) events: Vec<(Instant, Event)>,
    base: SocketAddr,
    stream: Option<StreamId>,
    outgoing: VecDeque<Vec<u8>>,
    /// Media to send, and when the first and the last of it came.
    media: VecDeque<Vec<u8>>,
    pub(crate) heard: Vec<(Instant, Vec<u8>)>,
}

impl Caller {
    /// Says this on the route, with what goes in front of it there.
    pub(crate) fn speak(&mut self, word: &[u8]) {
        self.media.push_back(word.to_vec());
    }

    fn hear_media(&mut self, word: &[u8], now: Instant) {
        self.heard.push((now, word.to_vec()));
    }

    fn next_word(&mut self, buf: &mut [u8]) -> Option<Action> {
        let route = *self.agent.route()?;
        let word = self.media.pop_front()?;
        let before = route.prefix.len();
        route.prefix.write(word.len(), &mut buf[..before]).unwrap();
        buf[before..before + word.len()].copy_from_slice(&word);
        Some(datagram(route.local, route.remote, before + word.len()))
    }

    /// What the relays have told of their failures.
    pub(crate) fn relay_failures(&self) -> usize {
        self.events.iter().filter(|(_, event)| matches!(event, Event::RelayFailed(_))).count()
    }

    fn start(&mut self, now: Instant) {
        let mut message = vec![CREDENTIALS; 1 + Credentials::LEN];
        self.agent.credentials().emit(&mut message[1..]).unwrap();
        self.outgoing.push_back(message);
        self.agent.gather(&[self.base], now).unwrap();
    }

    fn hear(&mut self, message: &[u8], now: Instant) {
        match message[0] {
            CREDENTIALS => {
                let credentials = Credentials::parse(&message[1..]).unwrap();
                self.agent.set_remote_credentials(credentials, now).unwrap();
            }
            CANDIDATE => {
                let candidate = Candidate::parse(&message[1..]).unwrap();
                let _ = self.agent.add_remote_candidate(candidate, now);
            }
            _ => self.agent.end_of_remote_candidates(now),
        }
    }

    fn on_event(&mut self, event: Event, now: Instant) {
        self.events.push((now, event));
        if let Event::Candidate(candidate) = event {
            let mut message = vec![CANDIDATE; 1 + Candidate::MAX_LEN];
            let len = candidate.emit(&mut message[1..]).unwrap();
            message.truncate(1 + len);
            self.outgoing.push_back(message);
        } else if event == Event::GatheringDone {
            self.outgoing.push_back(vec![END]);
        }
    }

    /// How long after `start` the first route came.
    pub(crate) fn first_route(&self, start: Instant) -> Option<Duration> {
        let route = self.events.iter().find(|(_, event)| matches!(event, Event::Route(_)));
        route.map(|(at, _)| at.saturating_since(start))
    }

    pub(crate) fn route(&self) -> Option<Route> {
        self.agent.route().copied()
    }

    pub(crate) fn is_nominated(&self) -> bool {
        self.agent.route().is_some_and(|route| route.nominated)
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Failed(_)))
    }

    pub(crate) fn has_lost_consent(&self) -> bool {
        self.events.iter().any(|(_, event)| *event == Event::ConsentLost)
    }
}

/// ICE's own datagrams take no part in ECN.
fn datagram(from: SocketAddr, to: SocketAddr, len: usize) -> Action {
    Action::Datagram { from, to, len, ecn: Ecn::NotEct }
}

/// A STUN server.
#[derive(Default)]
pub(crate) struct Server {
    answers: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
}

/// What runs on a host.
pub(crate) enum Station {
    Caller(Box<Caller>),
    Server(Server),
    Relay(Box<Relay>),
}

impl Station {
    pub(crate) fn caller(&self) -> &Caller {
        match self {
            Self::Caller(caller) => caller,
            Self::Server(_) | Self::Relay(_) => panic!("a server is no caller"),
        }
    }

    /// The owner of the agent is done.
    pub(crate) fn close(&mut self, now: Instant) {
        self.caller_mut().agent.close(now).unwrap();
    }

    fn caller_mut(&mut self) -> &mut Caller {
        match self {
            Self::Caller(caller) => caller,
            Self::Server(_) | Self::Relay(_) => panic!("a server is no caller"),
        }
    }
}

impl Node for Station {
    fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant) {
        let Datagram { from, to, bytes, .. } = datagram;
        match self {
            Self::Caller(caller) => {
                let input = p2pvoip_nat::Datagram { local: to, remote: from, bytes };
                match caller.agent.unwrap(input) {
                    Some(inner) if !is_stun(inner.bytes) => caller.hear_media(inner.bytes, now),
                    None if !is_stun(bytes) => caller.hear_media(bytes, now),
                    Some(_) | None => drop(caller.agent.handle_input(input, now)),
                }
            }
            Self::Server(server) => {
                let mut answer = vec![0; stun::ANSWER_LEN];
                if let Some(len) = stun::answer_binding(bytes, from, &mut answer) {
                    answer.truncate(len);
                    server.answers.push_back((to, from, answer));
                }
            }
            Self::Relay(relay) => relay.handle(from, to, bytes, now),
        }
    }

    fn handle_stream(&mut self, stream: StreamId, event: StreamEvent<'_>, now: Instant) {
        let caller = self.caller_mut();
        match event {
            StreamEvent::Opened { .. } => caller.stream = Some(stream),
            StreamEvent::Message(message) => caller.hear(message, now),
            StreamEvent::Closed => caller.stream = None,
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Self::Caller(caller) = self {
            caller.agent.handle_timeout(now);
        }
    }

    fn poll(&mut self, buf: &mut [u8], now: Instant) -> Action {
        let put = |buf: &mut [u8], bytes: &[u8]| {
            buf[..bytes.len()].copy_from_slice(bytes);
            bytes.len()
        };
        let caller = match self {
            Self::Server(server) => {
                return match server.answers.pop_front() {
                    Some((from, to, answer)) => datagram(from, to, put(buf, &answer)),
                    None => Action::Wait(None),
                };
            }
            Self::Relay(relay) => {
                return match relay.poll() {
                    Some((from, to, bytes)) => datagram(from, to, put(buf, &bytes)),
                    None => Action::Wait(None),
                };
            }
            Self::Caller(caller) => caller,
        };
        loop {
            match caller.agent.poll_output(buf) {
                Output::Transmit { to, len } => {
                    return datagram(to.local, to.remote, len);
                }
                Output::Event(event) => caller.on_event(event, now),
                Output::Wait(wake) => {
                    let message =
                        caller.stream.and_then(|stream| Some((stream, caller.outgoing.pop_front()?)));
                    if let Some((stream, message)) = message {
                        return Action::Message { stream, len: put(buf, &message) };
                    }
                    let waits = Action::Wait(wake.map(|wake| wake.at));
                    return caller.next_word(buf).unwrap_or(waits);
                }
            }
        }
    }
}

/// A call in a topology: both sides are told to go at the same moment, with nothing gathered before.
pub(crate) struct Call {
    pub(crate) topology: Topology<Station>,
    pub(crate) start: Instant,
}

impl Call {
    pub(crate) fn place(topology: Topology<Station>, seed: u64) -> Self {
        Self::place_with(topology, seed, Cut::Nothing, [Role::Controlling, Role::Controlled], |_| ())
    }

    pub(crate) fn place_with(
        topology: Topology<Station>,
        seed: u64,
        cut: Cut,
        roles: [Role; 2],
        change: impl Fn(&mut Config),
    ) -> Self {
        Self::place_each(topology, seed, cut, roles, |_, config| change(config))
    }

    /// With a configuration of its own for each side.
    pub(crate) fn place_each(
        mut topology: Topology<Station>,
        seed: u64,
        cut: Cut,
        roles: [Role; 2],
        change: impl Fn(usize, &mut Config),
    ) -> Self {
        let stun = SocketAddr::new(topology.server.address, STUN_PORT);
        let world = &mut topology.world;
        world.install(topology.server.host, Station::Server(Server::default()));
        let relay = Relay::new(topology.relay.address);
        world.install(topology.relay.host, Station::Relay(Box::new(relay)));
        for (index, (place, role)) in [&topology.a, &topology.b].into_iter().zip(roles).enumerate() {
            let seed = Seed::from_u64(seed).derive_index("agent", index as u64);
            let mut config = Config::default();
            config.stun_servers.push(stun);
            change(index, &mut config);
            let agent = Agent::new(config, role, seed, world.now()).unwrap();
            let base = SocketAddr::new(place.address, 40_000);
            let caller = Caller {
                agent,
                events: Vec::new(),
                base,
                stream: None,
                outgoing: VecDeque::new(),
                media: VecDeque::new(),
                heard: Vec::new(),
            };
            world.install(place.host, Station::Caller(Box::new(caller)));
        }
        world.connect(topology.a.host, topology.b.host, SIGNALLING);
        world.run_for(SIGNALLING);
        world.tap(cut.tap());
        let start = world.now();
        for host in [topology.a.host, topology.b.host] {
            world.command(host, |node, now| node.caller_mut().start(now));
        }
        Self { topology, start }
    }

    /// The TURN server that [`turn_server`] names.
    pub(crate) fn relay(&mut self, change: impl FnOnce(&mut Relay) -> usize) -> usize {
        let change = |node: &mut Station, _| match node {
            Station::Relay(relay) => change(relay),
            Station::Caller(_) | Station::Server(_) => panic!("that is no relay"),
        };
        self.topology.world.command(self.topology.relay.host, change).unwrap()
    }

    /// Each side says a word to the other, and both arrive within the time.
    pub(crate) fn talk(&mut self, word: &[u8], within: Duration) -> bool {
        let sides = [self.topology.a.host, self.topology.b.host];
        for host in sides {
            self.topology.world.command(host, |node, _| node.caller_mut().speak(word));
        }
        let word = word.to_vec();
        self.until(within, move |caller| caller.heard.iter().any(|(_, heard)| *heard == word))
    }

    pub(crate) fn a(&self) -> &Caller {
        self.topology.world.node(self.topology.a.host).unwrap().caller()
    }

    pub(crate) fn b(&self) -> &Caller {
        self.topology.world.node(self.topology.b.host).unwrap().caller()
    }

    /// Lets time pass until `is_done` holds for both callers, or for `at_most`; tells which.
    pub(crate) fn until(&mut self, at_most: Duration, is_done: impl Fn(&Caller) -> bool) -> bool {
        let (a, b) = (self.topology.a.host, self.topology.b.host);
        self.topology.world.run_while(at_most, |world| {
            [a, b].into_iter().all(|host| world.node(host).is_some_and(|node| is_done(node.caller())))
        })
    }

    /// Whether both sides have a route that both have nominated, within 20 s.
    pub(crate) fn connects(&mut self) -> bool {
        self.until(Duration::from_secs(20), Caller::is_nominated)
    }

    /// When the later side had its first route.
    pub(crate) fn both_routed_after(&self) -> Option<Duration> {
        Some(self.a().first_route(self.start)?.max(self.b().first_route(self.start)?))
    }
}

/// The TURN server of a topology, with the right credentials.
pub(crate) fn turn_server<N: Node>(topology: &Topology<N>) -> TurnServer {
    let address = SocketAddr::new(topology.relay.address, relay::PORT);
    TurnServer::new(address, relay::USER, Password::new(relay::PASSWORD))
}
