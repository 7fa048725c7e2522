//! Against a real STUN and TURN server: coturn's `turnserver` on loopback, over real sockets.
//!
//! Without `turnserver` on the path the test says that it is skipped; with `P2PVOIP_REQUIRE_PEERS=1` it fails then.

#![expect(clippy::unwrap_used, reason = "set-up of a test: a failure here fails it")]

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_nat::{
    Agent, CandidatePolicy, Config, Datagram, Event, Kind, Password, RelayFailure, Role, TurnServer, is_stun,
};

/// How long the server may take to start and answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The only clock of this test: real time since it was made.
struct Clock(std::time::Instant);

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a real server answers in real time; nothing else here reads a clock"
    )]
    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.0.elapsed().as_micros()).unwrap())
    }
}

/// A running turnserver with files of its own, killed when dropped, so on a panic too.
struct Turnserver {
    child: Child,
    directory: PathBuf,
    address: SocketAddr,
}

impl Turnserver {
    /// Starts it on a free port of loopback; `None` when it is not installed, which is told.
    fn start(options: &[&str]) -> Option<Self> {
        let started = Self::spawn(options);
        if started.is_none() {
            let required = std::env::var("P2PVOIP_REQUIRE_PEERS").is_ok_and(|value| value == "1");
            assert!(!required, "P2PVOIP_REQUIRE_PEERS=1, but turnserver is not installed; install coturn");
            // Not `println`, which is shown only when a test fails.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED coturn: turnserver is not installed; install coturn to run it"
            );
        }
        started
    }

    fn spawn(options: &[&str]) -> Option<Self> {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = std::env::temp_dir().join(format!("p2pvoip-coturn-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (pid, database) = (directory.join("pid"), directory.join("db"));
        let child = Command::new("turnserver")
            .args(options)
            .args(["-n", "--no-tls", "--no-dtls", "--no-tcp", "--no-cli", "--no-rfc5780"])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--log-file", "stdout"])
            .args(["--listening-port", &port.to_string()])
            .arg(format!("--pidfile={}", pid.display()))
            .arg(format!("--db={}", database.display()))
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Some(Self { child, directory, address: SocketAddr::from(([127, 0, 0, 1], port)) }),
            Err(error) => {
                let _ = std::fs::remove_dir_all(&directory);
                assert_eq!(error.kind(), ErrorKind::NotFound, "turnserver cannot be started: {error}");
                None
            }
        }
    }
}

impl Drop for Turnserver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Runs an agent on a real socket until gathering is done, and returns what it told.
fn gather(agent: &mut Agent, socket: &UdpSocket, clock: &Clock) -> Vec<Event> {
    let local = socket.local_addr().unwrap();
    let (mut out, mut input) = ([0; Agent::MAX_TRANSMIT], [0; 1500]);
    let mut events = Vec::new();
    while !events.contains(&Event::GatheringDone) {
        assert!(clock.now() < Instant::default() + PATIENCE, "gathering did not end: {events:?}");
        let wake = match agent.poll_output(&mut out) {
            Output::Transmit { to, len } => {
                // A port on which nothing listens yet refuses the datagram; the repetition comes through.
                let _ = socket.send_to(&out[..len], to.remote);
                continue;
            }
            Output::Event(event) => {
                events.push(event);
                continue;
            }
            Output::Wait(wake) => wake,
        };
        let until = wake.map_or(PATIENCE, |wake| wake.at.saturating_since(clock.now()));
        socket.set_read_timeout(Some(until.max(Duration::from_millis(1)))).unwrap();
        match socket.recv_from(&mut input) {
            Ok((len, remote)) => {
                let bytes = &input[..len];
                assert!(p2pvoip_nat::is_stun(bytes));
                agent.handle_input(Datagram { local, remote, bytes }, clock.now()).unwrap();
            }
            Err(_) => agent.handle_timeout(clock.now()),
        }
    }
    events
}

#[test]
fn coturn_tells_the_reflexive_address_of_a_real_socket() {
    let Some(server) = Turnserver::start(&["--no-auth"]) else { return };
    let clock = Clock::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = socket.local_addr().unwrap();
    let mut config = Config::default();
    config.stun_servers.push(server.address);
    // An open host's reflexive address is its own, which only this policy tells.
    config.policy = CandidatePolicy::ReflexiveOnly;
    let mut agent = Agent::new(config, Role::Controlling, Seed::from_u64(1), clock.now()).unwrap();
    agent.gather(&[local], clock.now()).unwrap();
    let events = gather(&mut agent, &socket, &clock);
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::Candidate(candidate) = event { Some(*candidate) } else { None })
        .collect();
    assert_eq!(told.len(), 1, "{events:?}");
    assert_eq!((told[0].kind, told[0].address), (Kind::ServerReflexive, local));
}

/// What makes turnserver want these credentials, relay on loopback, and be impatient: nonces last a second,
/// allocations four.
const TURN: [&str; 7] = [
    "--lt-cred-mech",
    "--user=alice:secret",
    "--realm=example.org",
    "--allow-loopback-peers",
    "--stale-nonce=1",
    "--max-allocate-lifetime=4",
    "--user-quota=4",
];

/// An agent on a real socket, which talks through relays alone.
struct End {
    agent: Agent,
    socket: UdpSocket,
    events: Vec<Event>,
    heard: Vec<Vec<u8>>,
    /// The types of the messages that came from the server itself.
    answers: Vec<[u8; 2]>,
}

impl End {
    fn start(server: SocketAddr, password: &str, role: Role, clock: &Clock) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let mut config = Config::default();
        config.turn_servers.push(TurnServer::new(server, "alice", Password::new(password)));
        config.policy = CandidatePolicy::RelayOnly;
        let seed = Seed::from_u64(if role == Role::Controlling { 1 } else { 2 });
        let mut agent = Agent::new(config, role, seed, clock.now()).unwrap();
        agent.gather(&[socket.local_addr().unwrap()], clock.now()).unwrap();
        Self { agent, socket, events: Vec::new(), heard: Vec::new(), answers: Vec::new() }
    }

    /// Does what there is to do now; tells the candidates that were found.
    fn step(&mut self, clock: &Clock) -> Vec<p2pvoip_nat::Candidate> {
        let (mut out, mut input) = ([0; Agent::MAX_TRANSMIT], [0; 1500]);
        let mut candidates = Vec::new();
        loop {
            match self.agent.poll_output(&mut out) {
                Output::Transmit { to, len } => drop(self.socket.send_to(&out[..len], to.remote)),
                Output::Event(event) => {
                    if let Event::Candidate(candidate) = event {
                        candidates.push(candidate);
                    }
                    self.events.push(event);
                }
                Output::Wait(_) => break,
            }
        }
        if let Ok((len, remote)) = self.socket.recv_from(&mut input) {
            let datagram =
                Datagram { local: self.socket.local_addr().unwrap(), remote, bytes: &input[..len] };
            match self.agent.unwrap(datagram) {
                Some(inner) if !is_stun(inner.bytes) => self.heard.push(inner.bytes.to_vec()),
                Some(_) => drop(self.agent.handle_input(datagram, clock.now())),
                None => {
                    self.answers.push([input[0], input[1]]);
                    let _ = self.agent.handle_input(datagram, clock.now());
                }
            }
        }
        self.agent.handle_timeout(clock.now());
        candidates
    }

    fn say(&self, word: &[u8]) {
        let route = self.agent.route().unwrap();
        let mut bytes = vec![0; route.prefix.len()];
        route.prefix.write(word.len(), &mut bytes).unwrap();
        bytes.extend(word);
        self.socket.send_to(&bytes, route.remote).unwrap();
    }
}

/// Two ends until `is_done`, with their signalling.
fn run(ends: &mut [End; 2], clock: &Clock, is_done: impl Fn(&End) -> bool) {
    let until = clock.now() + PATIENCE;
    while !ends.iter().all(&is_done) {
        assert!(clock.now() < until, "{:?} {:?}", ends[0].events, ends[1].events);
        for (one, other) in [(0, 1), (1, 0)] {
            for candidate in ends[one].step(clock) {
                ends[other].agent.add_remote_candidate(candidate, clock.now()).unwrap();
            }
        }
    }
}

#[test]
fn coturn_relays_between_two_agents_and_keeps_doing_so() {
    let Some(server) = Turnserver::start(&TURN) else { return };
    let clock = Clock::start();
    let mut ends =
        [Role::Controlling, Role::Controlled].map(|role| End::start(server.address, "secret", role, &clock));
    let theirs = [*ends[1].agent.credentials(), *ends[0].agent.credentials()];
    for (end, credentials) in ends.iter_mut().zip(theirs) {
        end.agent.set_remote_credentials(credentials, clock.now()).unwrap();
    }
    run(&mut ends, &clock, |end| end.agent.route().is_some_and(|route| route.nominated));
    for end in &ends {
        let route = end.agent.route().unwrap();
        assert_eq!((route.remote, route.local_kind, route.prefix.len()), (server.address, Kind::Relayed, 4));
    }
    // Beyond one life of the allocation, so only while its refreshes are answered, each under a nonce of its own.
    let start = clock.now();
    let mut word = 0;
    while clock.now().saturating_since(start) < Duration::from_millis(4_500) {
        word += 1;
        let said = [0xc0, word, 7];
        for end in &ends {
            end.say(&said);
        }
        let pause = clock.now() + Duration::from_millis(100);
        run(&mut ends, &clock, |end| end.heard.contains(&said.to_vec()) && clock.now() >= pause);
    }
    for end in &ends {
        let count = |kind: [u8; 2]| end.answers.iter().filter(|answer| **answer == kind).count();
        assert!(count([0x01, 0x04]) >= 2, "refreshes that succeed: {:?}", end.answers);
        assert!(count([0x01, 0x14]) >= 1, "refreshes under a stale nonce: {:?}", end.answers);
        assert!(!end.events.iter().any(|event| matches!(event, Event::RelayFailed(_))), "{:?}", end.events);
    }
}

#[test]
fn coturn_refuses_a_wrong_password_by_name() {
    let Some(server) = Turnserver::start(&TURN) else { return };
    let clock = Clock::start();
    let mut end = End::start(server.address, "wrong", Role::Controlling, &clock);
    while !end.events.contains(&Event::GatheringDone) {
        assert!(clock.now() < Instant::default() + PATIENCE, "{:?}", end.events);
        let _ = end.step(&clock);
    }
    assert_eq!(end.events, [Event::RelayFailed(RelayFailure::Unauthorized), Event::GatheringDone]);
}

#[test]
fn coturn_grants_no_more_allocations_than_the_quota_and_takes_one_back() {
    let mut options = TURN;
    // No allocation ends by itself while the test runs.
    options[5] = "--max-allocate-lifetime=600";
    options[6] = "--user-quota=1";
    let Some(server) = Turnserver::start(&options) else { return };
    let clock = Clock::start();
    let mut first = End::start(server.address, "secret", Role::Controlling, &clock);
    let settled = |end: &mut End| {
        while !end.events.contains(&Event::GatheringDone) {
            assert!(clock.now() < Instant::default() + PATIENCE, "{:?}", end.events);
            let _ = end.step(&clock);
        }
    };
    settled(&mut first);
    assert_eq!(first.agent.stats().relays, 1, "{:?}", first.events);
    let mut second = End::start(server.address, "secret", Role::Controlling, &clock);
    settled(&mut second);
    assert_eq!(second.events, [Event::RelayFailed(RelayFailure::Quota), Event::GatheringDone]);
    first.agent.close(clock.now()).unwrap();
    let _ = first.step(&clock);
    // The server may take a moment to count anew.
    loop {
        let mut third = End::start(server.address, "secret", Role::Controlling, &clock);
        settled(&mut third);
        if third.agent.stats().relays == 1 {
            break;
        }
        assert_eq!(third.events, [Event::RelayFailed(RelayFailure::Quota), Event::GatheringDone]);
    }
}
