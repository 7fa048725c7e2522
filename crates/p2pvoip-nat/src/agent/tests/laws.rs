//! The five laws, in gathering, in checking and under consent.

use p2pvoip_sim::laws::{Laws, Seen, SeenOf, Verdict};

use super::*;

/// A datagram to the agent.
type Owned = (SocketAddr, Vec<u8>);

fn lend(owned: &Owned) -> Datagram<'_> {
    Datagram { local: at(BASE), remote: owned.0, bytes: &owned.1 }
}

fn command<T>(result: &Result<T, CommandError>) -> Verdict {
    Verdict::of(result, |error| *error == CommandError::Full)
}

/// The last request that went to `remote`.
fn request(seen: &[SeenOf<Agent>], remote: &str) -> Option<Vec<u8>> {
    seen.iter().rev().find_map(|seen| match seen {
        Seen::Transmit { to, bytes } if to.remote == at(remote) && bytes[..2] == [0, 1] => {
            Some(bytes.clone())
        }
        Seen::Transmit { .. } | Seen::Event(_) => None,
    })
}

fn start(role: Role) -> Laws<Agent> {
    let noise = (at(PEER), b"\0\x01\0\0\x21\x12\xa4\x42 noise".to_vec());
    let stranger = {
        let mut other = Agent::new(config(), role, Seed::from_u64(8), millis(0)).unwrap();
        other.gather(&[at(BASE)], millis(0)).unwrap();
        (at(PEER), check(&other, 9, |check| check.nominate = true))
    };
    Laws::new(move |now| Agent::new(config(), role, Seed::from_u64(7), now).unwrap())
        .full_when(|refused| *refused == Refused::Full)
        .hostile_input("noise", noise, lend)
        .hostile_input("a check of a stranger", stranger, lend)
        .hostile_input("an answer to nothing", (at(SERVER), server_answer(&query(), BASE)), lend)
        .command("gather", |agent: &mut Agent, now| command(&agent.gather(&[at(BASE)], now)))
        .refused_command("gather again", |agent: &mut Agent, now| command(&agent.gather(&[at(BASE)], now)))
}

fn query() -> Vec<u8> {
    emitted(|buf| stun::emit_query([1; 12], buf))
}

fn know_the_peer(laws: Laws<Agent>) -> Laws<Agent> {
    laws.command("credentials", |agent: &mut Agent, now| {
        command(&agent.set_remote_credentials(peer_credentials(), now))
    })
    .command("a candidate", |agent: &mut Agent, now| command(&agent.add_remote_candidate(host(PEER), now)))
    .command("another", |agent: &mut Agent, now| command(&agent.add_remote_candidate(host(OTHER), now)))
}

fn answered(laws: Laws<Agent>, what: &str, by: &'static str) -> Laws<Agent> {
    laws.reply(what, move |seen| Some((at(by), answer(&request(seen, by)?, BASE))), lend)
}

#[test]
fn the_laws_hold_while_gathering() {
    let seen = start(Role::Controlling)
        .wait(Duration::from_millis(700))
        .reply(
            "the server's answer",
            |seen| Some((at(SERVER), server_answer(&request(seen, SERVER)?, "192.0.2.9:9"))),
            lend,
        )
        .wait(SECOND)
        .check();
    assert!(seen.iter().any(|(_, seen)| matches!(seen, Seen::Event(Event::GatheringDone))));
}

#[test]
fn the_laws_hold_while_gathering_is_in_vain() {
    let seen = start(Role::Controlled).wait(SECOND * 11).check();
    assert!(seen.iter().any(|(_, seen)| matches!(seen, Seen::Event(Event::GatheringDone))));
}

#[test]
fn the_laws_hold_from_the_first_check_to_the_nomination() {
    let laws = know_the_peer(start(Role::Controlling)).wait(Duration::from_millis(130));
    let laws = answered(laws, "the answer of one", PEER).wait(Duration::from_millis(20));
    let laws = answered(laws, "the answer of the other", OTHER).wait(Duration::from_millis(400));
    let own = agent(Role::Controlling);
    let laws = laws.input("a check", (at(PEER), check(&own, 1, |_| ())), lend);
    let laws = laws.command("the end", |agent: &mut Agent, now| agent.end_of_remote_candidates(now));
    let seen = answered(laws.wait(SECOND), "the nomination's answer", OTHER).wait(SECOND).check();
    let nominated =
        |seen: &SeenOf<Agent>| matches!(seen, Seen::Event(Event::Route(route)) if route.nominated);
    assert!(seen.iter().any(|(_, seen)| nominated(seen)), "{seen:?}");
}

#[test]
fn the_laws_hold_when_nothing_works() {
    let laws = know_the_peer(start(Role::Controlling));
    let laws = laws.command("the end", |agent: &mut Agent, now| agent.end_of_remote_candidates(now));
    let seen = laws.wait(SECOND * 25).check();
    assert!(matches!(seen.last(), Some((_, Seen::Event(Event::Failed(Failure::NoPath))))));
}

#[test]
fn the_laws_hold_for_the_controlled_side_until_consent_is_lost() {
    let own = agent(Role::Controlled);
    let laws = start(Role::Controlled)
        .input("an early check", (at(PEER), check(&own, 1, |check| check.nominate = true)), lend)
        .input("it again", (at(PEER), check(&own, 1, |check| check.nominate = true)), lend)
        .refused_input("it from elsewhere", (at(OTHER), check(&own, 1, |check| check.nominate = true)), lend);
    let laws = know_the_peer(laws).wait(Duration::from_millis(120));
    let laws = answered(laws, "the triggered check's answer", PEER).wait(SECOND * 7);
    let seen = answered(laws, "a consent answer", PEER).wait(SECOND * 31).check();
    assert!(matches!(seen.last(), Some((_, Seen::Event(Event::ConsentLost)))), "{:?}", seen.last());
}
