//! Keys, challenges, and publications that wait for them.

use super::*;

const A_MINUTE: Duration = Duration::from_secs(60);

fn key(number: usize) -> OwnerKey {
    OwnerKey::new([u8::try_from(number).unwrap(); 32])
}

#[test]
fn a_publication_waits_until_its_key_is_owned() {
    let mut client = online();
    let publish = client.publish(KEY, 1, b"r", A_MINUTE, START).unwrap();
    let other = client.publish(key(9), 1, b"r", A_MINUTE, START).unwrap();
    assert_eq!(drain(&mut client).frames, []);
    let own = client.own(KEY, [9; 64], START).unwrap();
    assert_eq!(drain(&mut client).frames, [("own", Some(own))]);
    assert!(!client.owns(&KEY), "asked is not owned");
    tell(&mut client, ServerFrame::Done { id: own }, START).unwrap();
    let said = drain(&mut client);
    assert_eq!(said.events, [Event::Owned { id: own, key: KEY }]);
    assert_eq!(said.frames, [("publish", Some(publish))], "and not the one of another key");
    assert!(client.owns(&KEY));
    let at_once = client.publish(KEY, 2, b"r", A_MINUTE, START).unwrap();
    assert_eq!(drain(&mut client).frames, [("publish", Some(at_once))]);
    client.handle_timeout(START + REQUEST_WAIT);
    let ended = drain(&mut client).events;
    assert!(ended.contains(&Event::TimedOut { id: other }), "it does not wait for ever");
}

#[test]
fn every_connection_has_its_challenge_and_keys_are_proven_anew() {
    let mut client = online();
    let first = own(&mut client, KEY);
    let publish = client.publish(KEY, 1, b"r", A_MINUTE, START).unwrap();
    drain(&mut client);
    client.reconnect(START).unwrap();
    assert!(!client.owns(&KEY));
    assert_eq!(client.own(KEY, [9; 64], START), Err(CommandError::Offline));
    let said = connect(&mut client, START);
    assert_eq!((said.events, said.frames), (vec![Event::Online, CHALLENGED], vec![]));
    tell(&mut client, ServerFrame::Done { id: first }, START).unwrap();
    assert_eq!(client.stats().late_answers, 1, "an answer of the last connection proves nothing on this one");
    let second = client.own(KEY, [8; 64], START).unwrap();
    assert_ne!(first, second);
    drain(&mut client);
    tell(&mut client, ServerFrame::Done { id: second }, START).unwrap();
    assert_eq!(drain(&mut client).frames, [("publish", Some(publish))], "under the same id");
}

#[test]
fn a_key_is_shown_once_and_again_only_while_it_is_not_proven() {
    let mut client = online();
    let wrong = client.own(KEY, [1; 64], START).unwrap();
    let right = client.own(KEY, [2; 64], START).unwrap();
    assert_eq!(drain(&mut client).frames, [("own", Some(wrong)), ("own", Some(right))]);
    tell(&mut client, ServerFrame::Refused { id: wrong, why: Refusal::NotOwner }, START).unwrap();
    assert_eq!(drain(&mut client).events, [], "that is no longer waited for");
    tell(&mut client, ServerFrame::Done { id: right }, START).unwrap();
    assert_eq!(drain(&mut client).events, [Event::Owned { id: right, key: KEY }]);
    assert_eq!(client.own(KEY, [3; 64], START), Ok(right));
    tell(&mut client, ServerFrame::Done { id: right }, START).unwrap();
    let said = drain(&mut client);
    assert_eq!((said.events, said.frames), (vec![], vec![]));
    assert_eq!(client.stats().late_answers, 2);
}

#[test]
fn a_refused_or_disowned_key_is_given_up() {
    let mut client = online();
    let id = client.own(KEY, [1; 64], START).unwrap();
    tell(&mut client, ServerFrame::Refused { id, why: Refusal::NotOwner }, START).unwrap();
    assert_eq!(drain(&mut client).events, [Event::Refused { id, why: Refusal::NotOwner }]);
    assert!(!client.owns(&KEY));
    own(&mut client, KEY);
    client.disown(&KEY, START).unwrap();
    client.disown(&KEY, START).unwrap();
    assert_eq!(drain(&mut client).frames, [("disown", None)], "once");
    assert!(!client.owns(&KEY));
    client.publish(KEY, 1, b"r", A_MINUTE, START).unwrap();
    assert_eq!(drain(&mut client).frames, []);
}

#[test]
fn the_table_of_keys_holds_its_limit() {
    let mut client = online();
    for number in 0..MAX_KEYS {
        own(&mut client, key(number));
    }
    assert_eq!(client.own(key(99), [9; 64], START), Err(CommandError::TooManyKeys));
    client.disown(&key(3), START).unwrap();
    drain(&mut client);
    own(&mut client, key(99));
}

#[test]
fn all_publications_that_one_key_held_back_fit_at_once_or_the_answer_is_refused_whole() {
    let mut client = online();
    for _ in 0..MAX_REQUESTS {
        client.publish(KEY, 1, b"r", A_MINUTE, START).unwrap();
    }
    let id = client.own(KEY, [9; 64], START).unwrap();
    drain(&mut client);
    let other = MailboxId::new([0; 16]);
    let arrived = envelope();
    let frame = ServerFrame::Envelope { serial: 1, mailbox: other, envelope: arrived.as_bytes() };
    for _ in 0..(OUTBOX - MAX_REQUESTS) / 2 {
        tell(&mut client, frame, START).unwrap();
    }
    assert_eq!(tell(&mut client, ServerFrame::Done { id }, START), Err(Refused::Full(Full)));
    assert!(!client.owns(&KEY));
    drain(&mut client);
    tell(&mut client, ServerFrame::Done { id }, START).unwrap();
    assert_eq!(drain(&mut client).frames.len(), MAX_REQUESTS);
}
