//! Against a real STUN server: coturn's `turnserver` on loopback, over real sockets.
//!
//! Without `turnserver` on the path the test says that it is skipped; with `P2PVOIP_REQUIRE_PEERS=1` it fails then.

#![expect(clippy::unwrap_used, reason = "set-up of a test: a failure here fails it")]

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_nat::{Agent, CandidatePolicy, Config, Datagram, Event, Kind, Role};

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
    /// Starts it on a free port of loopback; `None` when it is not installed.
    fn start() -> Option<Self> {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = std::env::temp_dir().join(format!("p2pvoip-coturn-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (pid, database) = (directory.join("pid"), directory.join("db"));
        let child = Command::new("turnserver")
            .args(["-n", "--no-auth", "--no-tls", "--no-dtls", "--no-tcp", "--no-cli", "--no-rfc5780"])
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
    let Some(server) = Turnserver::start() else {
        let required = std::env::var("P2PVOIP_REQUIRE_PEERS").is_ok_and(|value| value == "1");
        assert!(!required, "P2PVOIP_REQUIRE_PEERS=1, but turnserver is not installed; install coturn");
        // Not `println`, which is shown only when a test fails.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED coturn: turnserver is not installed; install coturn to run it"
        );
        return;
    };
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
