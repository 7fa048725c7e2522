//! STUN: an ICE agent answers a connectivity check, and a small server answers a query.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use criterion::{Criterion, criterion_group, criterion_main};
use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_nat::{Agent, Candidate, Config, Datagram, Kind, Role, stun};

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), 4_000);
const THERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 8)), 5_000);

fn agent(role: Role, base: SocketAddr, now: Instant) -> Agent {
    let seed = Seed::from_u64(u64::from(base.port()));
    let mut agent = Agent::new(Config::default(), role, seed, now).expect("the default is valid");
    agent.gather(&[base], now).expect("one base is allowed");
    agent
}

/// Takes all that an agent says now; the last datagram of it.
fn drain(agent: &mut Agent, buf: &mut [u8]) -> Option<Vec<u8>> {
    let mut last = None;
    loop {
        match agent.poll_output(buf) {
            Output::Transmit { len, .. } => last = Some(buf[..len].to_vec()),
            Output::Event(_) => {}
            Output::Wait(_) => return last,
        }
    }
}

/// An agent that is controlled, and the first check of the one that controls it.
fn checked(now: Instant) -> (Agent, Vec<u8>) {
    let mut caller = agent(Role::Controlling, THERE, now);
    let mut callee = agent(Role::Controlled, HERE, now);
    caller.set_remote_credentials(*callee.credentials(), now).expect("there are none yet");
    callee.set_remote_credentials(*caller.credentials(), now).expect("there are none yet");
    let candidate = Candidate::new(Kind::Host, HERE, 0x7eff_ffff, 1);
    caller.add_remote_candidate(candidate, now).expect("it is the first");
    let mut buf = [0; Agent::MAX_TRANSMIT];
    let check = drain(&mut caller, &mut buf).expect("a check is sent at once");
    drain(&mut callee, &mut buf);
    (callee, check)
}

fn check(criterion: &mut Criterion) {
    let now = Instant::from_millis(1_000);
    let (mut callee, check) = checked(now);
    let mut buf = [0; Agent::MAX_TRANSMIT];
    criterion.bench_function("stun/answer-a-check", |bencher| {
        bencher.iter(|| {
            let datagram = Datagram { local: HERE, remote: THERE, bytes: black_box(&check) };
            callee.handle_input(datagram, now).expect("it is authentic");
            let mut answers = 0;
            while let Output::Transmit { .. } | Output::Event(_) = callee.poll_output(&mut buf) {
                answers += 1;
            }
            assert!(answers > 0, "a check that is heard again is answered again");
        });
    });
    let mut forged = check.clone();
    forged[30] ^= 1;
    criterion.bench_function("stun/refuse-a-forged-check", |bencher| {
        bencher.iter(|| {
            let datagram = Datagram { local: HERE, remote: THERE, bytes: black_box(&forged) };
            callee.handle_input(datagram, now).expect_err("it is not authentic")
        });
    });
}

fn query(criterion: &mut Criterion) {
    let query = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let mut out = [0; stun::ANSWER_LEN];
    criterion.bench_function("stun/answer-a-query", |bencher| {
        bencher.iter(|| stun::answer_binding(black_box(&query), THERE, &mut out).expect("it is a query"));
    });
}

criterion_group!(benches, check, query);
criterion_main!(benches);
