//! What must be refused, and that it leaves no trace.

use super::*;
use proptest::prelude::*;

/// What an agent does in the next seconds: the shadow of its state.
fn future(mut agent: Agent) -> (Vec<(Transmit, Vec<u8>)>, Vec<Event>) {
    let all = pass(&mut agent, millis(8_000));
    (all.sent, all.events)
}

/// Gives `bytes` to one of two equal agents; it must be refused, and both must do the same after.
fn assert_no_trace(make: impl Fn() -> Agent, from: &str, bytes: &[u8], expected: Option<Refused>) {
    let mut agent = make();
    let refused = give(&mut agent, from, bytes, millis(80)).expect_err("it must be refused");
    if let Some(expected) = expected {
        assert_eq!(refused, expected);
    }
    assert_eq!(agent.stats().refused, 1);
    assert_eq!(future(agent), future(make()));
}

fn busy() -> Agent {
    let mut agent = checking(Role::Controlled);
    let _ = pass(&mut agent, millis(60));
    agent
}

#[test]
fn a_check_with_the_wrong_password_or_user_name_is_refused() {
    let agent = busy();
    let peer = peer_credentials();
    let request = Check {
        id: [1; 12],
        local: at(PEER),
        remote: at(BASE),
        priority: 5,
        controlling: true,
        tie_breaker: 1,
        nominate: true,
    };
    let forge = |username: &str, key: &HMACKey| emitted(|buf| stun::emit_check(&request, username, key, buf));
    let ours = agent.credentials();
    let right = format!("{}:{}", ours.ufrag(), peer.ufrag());
    assert_no_trace(busy, PEER, &forge(&right, &peer.key().unwrap()), Some(Refused::Unauthentic));
    for wrong in
        [format!("{}:{}", peer.ufrag(), ours.ufrag()), ours.ufrag().into(), format!("{}:x", ours.ufrag())]
    {
        assert_no_trace(busy, PEER, &forge(&wrong, &agent.own.key), Some(Refused::Unauthentic));
    }
}

#[test]
fn an_answer_from_another_address_or_with_another_key_is_refused() {
    let mut agent = checking(Role::Controlled);
    let request = pass(&mut agent, millis(60)).requests_to(PEER).pop().unwrap();
    assert_no_trace(busy, OTHER, &answer(&request, BASE), Some(Refused::Asymmetric));
    let id = Header::parse(&request).unwrap().id;
    let forged = emitted(|buf| stun::emit_answer(id, at(BASE), &agent.own.key, buf));
    assert_no_trace(busy, PEER, &forged, Some(Refused::Unauthentic));
    let unasked =
        emitted(|buf| stun::emit_answer([3; 12], at(BASE), &peer_credentials().key().unwrap(), buf));
    assert_no_trace(busy, PEER, &unasked, Some(Refused::NoRequest));
}

#[test]
fn an_answer_without_integrity_is_refused() {
    let request = pass(&mut checking(Role::Controlled), millis(60)).requests_to(PEER).pop().unwrap();
    let id = Header::parse(&request).unwrap().id;
    let open = server_answer(&emitted(|buf| stun::emit_query(id, buf)), BASE);
    assert_no_trace(busy, PEER, &open, Some(Refused::Unauthentic));
}

/// The answers to checks that find room: the last place is kept for what may come with other datagrams.
const ANSWERS: usize = OUTBOX + 1 - INPUT_INTENTS;

#[test]
fn a_due_timer_waits_for_room_and_loses_nothing() {
    let mut agent = busy();
    let request = check(&agent, 1, |_| ());
    while give(&mut agent, PEER, &request, millis(80)).is_ok() {}
    agent.handle_timeout(millis(700));
    let drained = drain(&mut agent);
    // All answers, and behind them the triggered check and the query that found no room.
    assert_eq!(
        drained.requests_to(PEER).len() + drained.requests_to(SERVER).len() + ANSWERS,
        drained.sent.len()
    );
    assert_eq!((drained.requests_to(PEER).len(), drained.requests_to(SERVER).len()), (1, 1));
    assert_eq!(agent.stats().checks_answered, ANSWERS as u64);
}

#[test]
fn an_answer_that_comes_twice_is_refused_the_second_time() {
    let mut agent = checking(Role::Controlled);
    let request = pass(&mut agent, millis(60)).requests_to(PEER).pop().unwrap();
    give(&mut agent, PEER, &answer(&request, BASE), millis(80)).unwrap();
    assert_eq!(give(&mut agent, PEER, &answer(&request, BASE), millis(81)), Err(Refused::NoRequest));
}

#[test]
fn a_servers_answer_from_elsewhere_is_refused() {
    let make = || {
        let mut agent = agent(Role::Controlling);
        agent.gather(&[at(BASE)], millis(0)).unwrap();
        agent
    };
    let query = drain(&mut make()).requests_to(SERVER).pop().unwrap();
    assert_no_trace(make, OTHER, &server_answer(&query, OTHER), Some(Refused::Asymmetric));
}

#[test]
fn a_check_that_is_sent_again_from_elsewhere_is_refused() {
    let mut agent = busy();
    let request = check(&agent, 1, |_| ());
    give(&mut agent, PEER, &request, millis(70)).unwrap();
    assert_eq!(give(&mut agent, OTHER, &request, millis(71)), Err(Refused::Replayed));
    assert_eq!(agent.stats().remote_candidates, 1);
    // A repetition by the peer itself is answered again.
    assert_eq!(give(&mut agent, PEER, &request, millis(72)), Ok(()));
}

#[test]
fn checks_from_addresses_of_no_single_host_are_refused() {
    let request = check(&busy(), 1, |_| ());
    for source in ["0.0.0.0:9", "224.0.0.1:9", "198.51.100.2:0", "127.0.0.1:9", "[2001:db8::1]:9"] {
        assert_no_trace(busy, source, &request, Some(Refused::Source));
    }
}

#[test]
fn a_datagram_on_an_unknown_base_is_refused() {
    let mut agent = busy();
    let request = check(&agent, 1, |_| ());
    let datagram = Datagram { local: at(OTHER), remote: at(PEER), bytes: &request };
    assert_eq!(agent.handle_input(datagram, millis(80)), Err(Refused::UnknownBase));
}

#[test]
fn a_peer_that_checks_from_too_many_addresses_is_refused_and_the_rest_goes_on() {
    let mut agent = busy();
    let from = |number: u8| format!("198.51.100.77:{}", 1000 + u16::from(number));
    for number in 1..=31 {
        let request = check(&agent, number, |_| ());
        give(&mut agent, &from(number), &request, millis(80)).unwrap();
        let _ = drain(&mut agent);
    }
    let request = check(&agent, 32, |_| ());
    assert_eq!(give(&mut agent, &from(32), &request, millis(81)), Err(Refused::Limit));
    assert_eq!(give(&mut agent, PEER, &request, millis(82)), Ok(()));
}

#[test]
fn a_full_outbox_refuses_and_takes_the_same_check_when_drained() {
    let mut agent = busy();
    let request = check(&agent, 1, |_| ());
    let mut taken = 0;
    let refused = loop {
        match give(&mut agent, PEER, &request, millis(80)) {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((refused, taken), (Refused::Full, ANSWERS));
    assert!(drain(&mut agent).sent.len() >= ANSWERS);
    assert_eq!(give(&mut agent, PEER, &request, millis(80)), Ok(()));
}

#[test]
fn candidates_that_nothing_is_sent_to_are_ignored_and_the_25th_is_refused() {
    let mut agent = checking(Role::Controlling);
    for dubious in ["0.0.0.0:9", "255.255.255.255:9", "198.51.100.9:0", "[ff02::1]:9"] {
        agent.add_remote_candidate(host(dubious), millis(1)).unwrap();
    }
    assert_eq!(agent.stats().candidates_ignored, 4);
    for port in 1..=23 {
        agent.add_remote_candidate(host(&format!("198.51.100.9:{port}")), millis(1)).unwrap();
    }
    assert_eq!(agent.add_remote_candidate(host("198.51.100.9:99"), millis(1)), Err(CommandError::Limit));
    let learnt = Candidate::new(Kind::PeerReflexive, at("198.51.100.9:99"), 5, 1);
    assert_eq!(agent.add_remote_candidate(learnt, millis(1)), Err(CommandError::NotTellable));
}

#[test]
fn eight_bases_and_24_candidates_make_no_more_than_100_pairs() {
    let mut agent = agent(Role::Controlling);
    let bases: Vec<_> = (1..=8).map(|port| at(&format!("10.0.0.1:{port}"))).collect();
    agent.gather(&bases, millis(0)).unwrap();
    for port in 1..=24 {
        agent.add_remote_candidate(host(&format!("198.51.100.9:{port}")), millis(1)).unwrap();
        let _ = drain(&mut agent);
    }
    assert_eq!((agent.stats().pairs, agent.stats().pairs_dropped), (100, 92));
    assert_eq!(agent.gather(&bases, millis(2)), Err(CommandError::AlreadyGathering));
}

#[test]
fn debug_shows_no_address_and_no_password() {
    let agent = connected(Role::Controlling);
    let shown = format!("{agent:?} {:?} {:?}", agent.route(), Event::Candidate(host(PEER)));
    for secret in
        ["198.51.100", "10.0.0.1", "203.0.113", agent.credentials().pwd(), agent.credentials().ufrag()]
    {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_or_cut_check_leaves_no_trace(place in 0usize..100, bit in 0u8..8, cut: bool) {
        let mut bytes = check(&busy(), 1, |check| check.nominate = true);
        let place = place % bytes.len();
        if cut { bytes.truncate(place) } else { bytes[place] ^= 1 << bit }
        assert_no_trace(busy, PEER, &bytes, None);
    }

    #[test]
    fn noise_leaves_no_trace(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        assert_no_trace(busy, PEER, &noise, None);
    }
}
