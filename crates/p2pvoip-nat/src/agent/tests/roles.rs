//! Both sides think that they have the same role (RFC 8445 sections 7.2.5.1 and 7.3.1.1).

use super::*;

#[test]
fn the_larger_number_controls_whoever_hears_of_it_first() {
    for role in [Role::Controlling, Role::Controlled] {
        for (theirs, we_control) in [(u64::MAX, false), (0, true)] {
            let mut agent = checking(role);
            let same = role == Role::Controlling;
            let clash = check(&agent, 1, |check| (check.controlling, check.tie_breaker) = (same, theirs));
            give(&mut agent, PEER, &clash, millis(10)).unwrap();
            let expected = if we_control { Role::Controlling } else { Role::Controlled };
            let kept = role == expected;
            // Who keeps the role refuses the check, who switches answers it.
            let kind = drain(&mut agent).sent[0].1[..2].to_vec();
            assert_eq!(kind, if kept { [0x01, 0x11] } else { [0x01, 0x01] }, "{role:?}, {theirs}");
            assert_eq!(agent.role(), expected);
            assert_eq!(agent.stats().role_conflicts, 1);
        }
    }
}

#[test]
fn a_refusal_switches_the_role_once_and_the_check_goes_again_at_once() {
    let mut agent = checking(Role::Controlling);
    let tie_breaker = agent.own.tie_breaker;
    let first = pass(&mut agent, millis(60)).requests_to(PEER).pop().unwrap();
    let id = Header::parse(&first).unwrap().id;
    let conflict = emitted(|buf| stun::emit_conflict(id, &peer_credentials().key().unwrap(), buf));
    give(&mut agent, PEER, &conflict, millis(90)).unwrap();
    assert_eq!(agent.role(), Role::Controlled);
    assert_ne!(agent.own.tie_breaker, tie_breaker);
    assert_eq!(give(&mut agent, PEER, &conflict, millis(95)), Err(Refused::NoRequest));
    assert_eq!(agent.role(), Role::Controlled);
    let again = pass(&mut agent, millis(100)).requests_to(PEER).pop().unwrap();
    let request = stun::parse_request(&again, &peer_credentials().key().unwrap()).ok().unwrap();
    assert!(!request.controlling);
}

#[test]
fn a_side_that_lost_control_nominates_no_more() {
    let mut agent = connected(Role::Controlling);
    let clash = check(&agent, 1, |check| (check.controlling, check.tie_breaker) = (true, u64::MAX));
    give(&mut agent, PEER, &clash, millis(100)).unwrap();
    assert!(pass(&mut agent, millis(3_000)).requests_to(PEER).is_empty());
    let nominate = check(&agent, 2, |check| check.nominate = true);
    give(&mut agent, PEER, &nominate, millis(3_000)).unwrap();
    assert!(drain(&mut agent).route().unwrap().nominated);
}

#[test]
fn a_refused_consent_check_switches_the_role_once_and_gives_no_consent() {
    let mut agent = connected(Role::Controlled);
    let consent = pass(&mut agent, millis(7_000)).requests_to(PEER).pop().unwrap();
    let id = Header::parse(&consent).unwrap().id;
    let conflict = emitted(|buf| stun::emit_conflict(id, &peer_credentials().key().unwrap(), buf));
    give(&mut agent, PEER, &conflict, millis(7_000)).unwrap();
    assert_eq!(agent.role(), Role::Controlling);
    assert_eq!(give(&mut agent, PEER, &conflict, millis(7_001)), Err(Refused::NoRequest));
    assert_eq!(agent.role(), Role::Controlling);
    assert!(pass(&mut agent, millis(30_079)).events.iter().all(|event| *event != Event::ConsentLost));
    assert_eq!(pass(&mut agent, millis(30_080)).events, [Event::ConsentLost]);
}
