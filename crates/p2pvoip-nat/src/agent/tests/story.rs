//! What an agent does by and by, seen from outside.

use super::*;
use crate::route::RouteKind;

#[test]
fn gathering_starts_at_once_and_tells_each_candidate_as_it_comes() {
    let mut agent = agent(Role::Controlling);
    agent.gather(&[at(BASE)], millis(0)).unwrap();
    let first = drain(&mut agent);
    assert_eq!(first.events.len(), 1);
    let query = first.requests_to(SERVER).pop().unwrap();
    give(&mut agent, SERVER, &server_answer(&query, "192.0.2.9:9"), millis(50)).unwrap();
    let second = drain(&mut agent);
    assert!(matches!(second.events[0], Event::Candidate(c) if c.kind == Kind::ServerReflexive));
    assert_eq!(second.events[1], Event::GatheringDone);
    assert_eq!(second.wake, None);
}

#[test]
fn reflexive_only_tells_no_host_address_and_answers_no_private_one() {
    let config = Config { policy: CandidatePolicy::ReflexiveOnly, ..config() };
    let mut agent = Agent::new(config, Role::Controlled, Seed::from_u64(7), millis(0)).unwrap();
    agent.gather(&[at(BASE)], millis(0)).unwrap();
    agent.set_remote_credentials(peer_credentials(), millis(0)).unwrap();
    agent.add_remote_candidate(host("10.0.0.2:2"), millis(0)).unwrap();
    let query = drain(&mut agent).requests_to(SERVER).pop().unwrap();
    give(&mut agent, SERVER, &server_answer(&query, "192.0.2.9:9"), millis(50)).unwrap();
    let request = check(&agent, 1, |_| ());
    assert_eq!(give(&mut agent, "10.0.0.2:2", &request, millis(60)), Err(Refused::Source));
    let all = pass(&mut agent, millis(5_000));
    let told = all.events.iter().filter(|event| matches!(event, Event::Candidate(_))).count();
    assert_eq!((told, agent.stats().candidates_ignored), (1, 1));
    assert!(all.sent.is_empty(), "{:?}", all.sent);
}

#[test]
fn new_transactions_are_ta_apart_and_queries_and_checks_take_turns() {
    let servers = vec![at(SERVER), at("203.0.113.2:3478")];
    let config = Config { stun_servers: servers, ..Config::default() };
    let mut agent = Agent::new(config, Role::Controlling, Seed::from_u64(7), millis(0)).unwrap();
    agent.set_remote_credentials(peer_credentials(), millis(0)).unwrap();
    agent.add_remote_candidate(host(PEER), millis(0)).unwrap();
    agent.add_remote_candidate(host(OTHER), millis(0)).unwrap();
    agent.gather(&[at(BASE)], millis(0)).unwrap();
    let mut order = Vec::new();
    for slot in 0..4 {
        let sent = pass(&mut agent, millis(50 * slot)).sent;
        assert_eq!(sent.len(), 1, "slot {slot}");
        order.push(sent[0].0.remote.ip().to_string().starts_with("203"));
    }
    assert_eq!(order, [true, false, true, false]);
}

#[test]
fn the_first_pair_that_works_is_the_route_before_it_is_nominated() {
    let mut agent = connected(Role::Controlling);
    let drained = drain(&mut agent);
    let route = drained.route().unwrap();
    assert!(!route.nominated && route.remote == at(PEER) && route.kind == RouteKind::Direct);
    assert_eq!((route.rtt, route.prefix.is_empty()), (Some(Duration::from_millis(30)), true));
    assert!(agent.accepts_from(at(PEER)) && !agent.accepts_from(at(OTHER)));
    // After the wait the nomination goes out; its answer completes it.
    let nomination = pass(&mut agent, millis(290)).requests_to(PEER).pop().unwrap();
    give(&mut agent, PEER, &answer(&nomination, BASE), millis(310)).unwrap();
    let route = drain(&mut agent).route().unwrap();
    assert!(route.nominated);
    assert_eq!(agent.stats().nominated_after, Some(Duration::from_millis(310)));
}

#[test]
fn nothing_better_to_come_means_nomination_at_once() {
    let mut agent = agent(Role::Controlling);
    agent.gather(&[at("198.51.100.9:9")], millis(0)).unwrap();
    agent.config.stun_servers.clear();
    agent.set_remote_credentials(peer_credentials(), millis(0)).unwrap();
    agent.add_remote_candidate(host(PEER), millis(0)).unwrap();
    agent.end_of_remote_candidates(millis(0));
    let started = pass(&mut agent, millis(60));
    let query = started.requests_to(SERVER).pop().unwrap();
    let first = started.requests_to(PEER).pop().unwrap();
    let local = at("198.51.100.9:9");
    let query = server_answer(&query, "198.51.100.9:9");
    agent.handle_input(Datagram { local, remote: at(SERVER), bytes: &query }, millis(70)).unwrap();
    let first = answer(&first, "198.51.100.9:9");
    agent.handle_input(Datagram { local, remote: at(PEER), bytes: &first }, millis(80)).unwrap();
    let nomination = pass(&mut agent, millis(130)).requests_to(PEER);
    assert_eq!(nomination.len(), 1);
}

#[test]
fn a_better_pair_that_works_later_is_nominated_in_turn() {
    let mut agent = connected(Role::Controlling);
    let nomination = pass(&mut agent, millis(290)).requests_to(PEER).pop().unwrap();
    give(&mut agent, PEER, &answer(&nomination, BASE), millis(310)).unwrap();
    let first = drain(&mut agent).route().unwrap();
    let better = Candidate::new(Kind::Host, at(OTHER), host(OTHER).priority + 256, 1);
    agent.add_remote_candidate(better, millis(400)).unwrap();
    let checked = pass(&mut agent, millis(460)).requests_to(OTHER).pop().unwrap();
    give(&mut agent, OTHER, &answer(&checked, BASE), millis(500)).unwrap();
    let nomination = pass(&mut agent, millis(560)).requests_to(OTHER).pop().unwrap();
    give(&mut agent, OTHER, &answer(&nomination, BASE), millis(600)).unwrap();
    let second = drain(&mut agent).route().unwrap();
    assert!(second.nominated && second.remote == at(OTHER));
    assert_eq!((first.path, second.path), (0, 1));
    // A candidate of less worth is not even checked any more.
    let worse = Candidate::new(Kind::Host, at("198.51.100.4:4"), 5, 1);
    agent.add_remote_candidate(worse, millis(700)).unwrap();
    assert!(pass(&mut agent, millis(900)).requests_to("198.51.100.4:4").is_empty());
}

#[test]
fn the_controlled_side_follows_the_nomination_of_the_peer() {
    let mut agent = connected(Role::Controlled);
    let _ = drain(&mut agent);
    let nominate = check(&agent, 1, |check| check.nominate = true);
    give(&mut agent, PEER, &nominate, millis(300)).unwrap();
    let drained = drain(&mut agent);
    assert!(drained.route().unwrap().nominated);
    assert_eq!(drained.sent.len(), 1, "the check is answered");
}

#[test]
fn a_nomination_that_comes_first_counts_when_the_pair_works() {
    let mut agent = checking(Role::Controlled);
    let nominate = check(&agent, 1, |check| check.nominate = true);
    give(&mut agent, OTHER, &nominate, millis(10)).unwrap();
    // A later check that does not nominate takes nothing back.
    let plain = check(&agent, 2, |_| ());
    give(&mut agent, OTHER, &plain, millis(20)).unwrap();
    let triggered = pass(&mut agent, millis(50)).requests_to(OTHER).pop().unwrap();
    give(&mut agent, OTHER, &answer(&triggered, "192.0.2.77:7"), millis(90)).unwrap();
    let route = drain(&mut agent).route().unwrap();
    assert!(route.nominated);
    assert_eq!((route.local_kind, route.remote_kind), (Kind::PeerReflexive, Kind::PeerReflexive));
}

#[test]
fn a_check_of_the_peer_before_its_answer_is_remembered() {
    let mut agent = agent(Role::Controlled);
    agent.gather(&[at(BASE)], millis(0)).unwrap();
    let early = check(&agent, 1, |_| ());
    give(&mut agent, PEER, &early, millis(10)).unwrap();
    let before = pass(&mut agent, millis(100));
    assert!(before.requests_to(PEER).is_empty(), "there is nothing to authenticate a check with");
    agent.set_remote_credentials(peer_credentials(), millis(100)).unwrap();
    assert_eq!(drain(&mut agent).requests_to(PEER).len(), 1);
}

#[test]
fn a_triggered_check_goes_before_all_others_and_replaces_the_one_in_progress() {
    let mut agent = checking(Role::Controlling);
    let first = pass(&mut agent, millis(60)).requests_to(PEER).pop().unwrap();
    for port in 1..10 {
        agent.add_remote_candidate(host(&format!("198.51.100.4:{port}")), millis(70)).unwrap();
    }
    let theirs = check(&agent, 1, |_| ());
    give(&mut agent, PEER, &theirs, millis(80)).unwrap();
    let sent = pass(&mut agent, millis(100));
    let second = sent.requests_to(PEER).pop().unwrap();
    assert_ne!(first, second);
    // The answer to the one before counts as well.
    give(&mut agent, PEER, &answer(&first, BASE), millis(120)).unwrap();
    assert!(agent.route().is_some());
}

#[test]
fn fails_ten_seconds_after_all_candidates_are_told_or_thirty_after_the_start() {
    for (ended, expected) in [(true, 20_000), (false, 30_000)] {
        let mut agent = checking(Role::Controlling);
        if ended {
            agent.end_of_remote_candidates(millis(0));
        }
        // The server is silent too, which ends after 10 s.
        let all = pass(&mut agent, millis(expected - 1));
        assert!(!all.events.contains(&Event::Failed(Failure::NoPath)));
        let last = pass(&mut agent, millis(expected));
        assert_eq!(last.events, [Event::Failed(Failure::NoPath)]);
        assert_eq!(last.wake, None);
        assert_eq!(agent.add_remote_candidate(host(OTHER), millis(expected)), Err(CommandError::Ended));
        let late = check(&agent, 1, |_| ());
        assert_eq!(give(&mut agent, PEER, &late, millis(expected)), Err(Refused::Ended));
    }
}

#[test]
fn consent_is_lost_thirty_seconds_after_the_last_answer() {
    let mut agent = connected(Role::Controlled);
    let all = pass(&mut agent, millis(30_079));
    assert!((4..=7).contains(&all.requests_to(PEER).len()), "{}", all.requests_to(PEER).len());
    assert!(agent.route().is_some());
    let last = pass(&mut agent, millis(30_080));
    assert_eq!((last.events.as_slice(), last.wake), (&[Event::ConsentLost][..], None));
    assert!(agent.route().is_none() && !agent.accepts_from(at(PEER)));
}

#[test]
fn consent_lasts_as_long_as_the_peer_answers() {
    let mut agent = connected(Role::Controlled);
    for second in 1..200 {
        let now = millis(0) + SECOND * second;
        for request in pass(&mut agent, now).requests_to(PEER) {
            give(&mut agent, PEER, &answer(&request, BASE), now).unwrap();
        }
    }
    let stats = agent.stats();
    assert!(agent.route().is_some());
    assert!((33..=50).contains(&stats.consent_sent), "{}", stats.consent_sent);
    assert_eq!(stats.answers_received, stats.consent_sent + 1);
}

#[test]
fn ipv6_works_as_ipv4_does() {
    let (base, peer) = ("[2001:db8::1]:1000", "[2001:db8::2]:2000");
    let mut agent = agent(Role::Controlling);
    agent.gather(&[at(base)], millis(0)).unwrap();
    agent.set_remote_credentials(peer_credentials(), millis(0)).unwrap();
    agent.add_remote_candidate(host(peer), millis(0)).unwrap();
    let first = drain(&mut agent).requests_to(peer).pop().unwrap();
    let bytes = answer(&first, base);
    agent.handle_input(Datagram { local: at(base), remote: at(peer), bytes: &bytes }, millis(9)).unwrap();
    assert_eq!(agent.route().map(|route| (route.remote, route.local_kind)), Some((at(peer), Kind::Host)));
}

#[test]
fn a_repetition_of_a_check_is_answered_and_triggers_nothing() {
    let mut agent = checking(Role::Controlled);
    let first = check(&agent, 1, |_| ());
    give(&mut agent, PEER, &first, millis(60)).unwrap();
    let own = pass(&mut agent, millis(110)).requests_to(PEER).pop().unwrap();
    for repetition in 1..=6 {
        let now = millis(110 + 20 * repetition);
        give(&mut agent, PEER, &first, now).unwrap();
        let sent = pass(&mut agent, now);
        assert_eq!(sent.sent.len(), 1, "the answer alone");
        assert!(sent.requests_to(PEER).is_empty());
    }
    give(&mut agent, PEER, &answer(&own, BASE), millis(300)).unwrap();
    assert!(agent.route().is_some());
}

#[test]
fn the_answer_to_a_cancelled_check_counts_though_another_was_cancelled_since() {
    let mut agent = checking(Role::Controlled);
    let mut checks = pass(&mut agent, millis(60)).requests_to(PEER);
    for number in 1..=3 {
        let now = millis(100 * u64::from(number));
        let heard = check(&agent, number, |_| ());
        give(&mut agent, PEER, &heard, now).unwrap();
        checks.extend(pass(&mut agent, now + Duration::from_millis(60)).requests_to(PEER));
    }
    assert!(checks.len() >= 3, "{}", checks.len());
    give(&mut agent, PEER, &answer(&checks[0], BASE), millis(1_200)).unwrap();
    assert!(agent.route().is_some());
}
