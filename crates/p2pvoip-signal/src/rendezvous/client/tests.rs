//! Rules of the client, one by one.

use super::*;
use crate::rendezvous::frame::ClientFrame;
use crate::rendezvous::requests::REQUEST_WAIT;
use crate::{ENVELOPE_LEN, Slot};
use std::time::Duration;

mod owning;

const START: Instant = Instant::from_millis(1_000);
const CHALLENGE: [u8; 32] = [0xcc; 32];
const CHALLENGED: Event = Event::Challenge { challenge: CHALLENGE };
const KEY: OwnerKey = OwnerKey::new([2; 32]);

/// What came out: events, and the kinds of frames with the request that they name.
#[derive(Debug, Default)]
struct Said {
    events: Vec<Event>,
    frames: Vec<(&'static str, Option<RequestId>)>,
    connections: Vec<u32>,
    wait: Option<Instant>,
}

fn drain(client: &mut Client) -> Said {
    let mut said = Said::default();
    let mut buf = [0; Client::MAX_TRANSMIT];
    loop {
        match client.poll_output(&mut buf) {
            Output::Event(event) => said.events.push(event),
            Output::Transmit { to, len } => {
                said.connections.push(to.connection);
                said.frames.push(match ClientFrame::parse(&buf[..len]).unwrap() {
                    ClientFrame::Hello { .. } => ("hello", None),
                    ClientFrame::Listen { id, .. } => ("listen", Some(id)),
                    ClientFrame::Forget { .. } => ("forget", None),
                    ClientFrame::Put { id, .. } => ("put", Some(id)),
                    ClientFrame::Publish { id, .. } => ("publish", Some(id)),
                    ClientFrame::Fetch { id, .. } => ("fetch", Some(id)),
                    ClientFrame::Ping { .. } => ("ping", None),
                    ClientFrame::Received { .. } => ("received", None),
                    ClientFrame::Own { id, .. } => ("own", Some(id)),
                    ClientFrame::Disown { .. } => ("disown", None),
                });
            }
            Output::Wait(wake) => {
                said.wait = wake.map(|wake| wake.at);
                return said;
            }
        }
    }
}

fn tell(client: &mut Client, frame: ServerFrame<'_>, now: Instant) -> Result<(), Refused> {
    let mut buf = [0; crate::rendezvous::MAX_SERVER_FRAME];
    let len = frame.emit(&mut buf).unwrap();
    client.handle_input(Input::Frame(&buf[..len]), now)
}

fn connect(client: &mut Client, now: Instant) -> Said {
    assert_eq!(drain(client).events.last(), Some(&Event::Connect));
    client.handle_input(Input::Connected, now).unwrap();
    assert_eq!(drain(client).frames, [("hello", None)]);
    tell(client, ServerFrame::Welcome { version: 2, challenge: CHALLENGE }, now).unwrap();
    drain(client)
}

fn online() -> Client {
    let mut client = Client::new(&Seed::from_u64(1), START);
    assert_eq!(connect(&mut client, START).events, [Event::Online, CHALLENGED]);
    client
}

/// Owns a key, as the server says.
fn own(client: &mut Client, key: OwnerKey) -> RequestId {
    let id = client.own(key, [9; 64], START).unwrap();
    tell(client, ServerFrame::Done { id }, START).unwrap();
    assert_eq!(drain(client).events, [Event::Owned { id, key }]);
    id
}

fn envelope() -> Envelope {
    Envelope::new([7; ENVELOPE_LEN])
}

#[test]
fn answers_reach_the_request_that_they_name() {
    let mut client = online();
    let to = MailboxId::new([1; 16]);
    own(&mut client, KEY);
    let put = client.put(to, envelope(), START).unwrap();
    let absent = client.put(to, envelope(), START).unwrap();
    let publish = client.publish(KEY, 1, b"r", Duration::from_secs(60), START).unwrap();
    let fetch = client.fetch(Slot::new([3; 16]), START).unwrap();
    let empty = client.fetch(Slot::new([4; 16]), START).unwrap();
    let listen = client.listen(Token::new([5; 32]), START).unwrap();
    assert_eq!(client.listen(Token::new([5; 32]), START), Ok(listen), "the same token is the same listen");
    let sent = drain(&mut client).frames;
    assert_eq!(sent[0], ("put", Some(put)));
    assert_eq!(sent[5], ("listen", Some(listen)));
    for frame in [
        ServerFrame::Done { id: put },
        ServerFrame::Absent { id: absent },
        ServerFrame::Done { id: publish },
        ServerFrame::Bundle { id: fetch, bytes: b"r" },
        ServerFrame::Absent { id: empty },
        ServerFrame::Done { id: listen },
        ServerFrame::Envelope { serial: 1, mailbox: to, envelope: envelope().as_bytes() },
    ] {
        tell(&mut client, frame, START).unwrap();
    }
    assert_eq!(
        drain(&mut client).events,
        [
            Event::Delivered { id: put },
            Event::Absent { id: absent },
            Event::Published { id: publish },
            Event::Fetched { id: fetch, bytes: Some(b"r".to_vec()) },
            Event::Fetched { id: empty, bytes: None },
            Event::Listening { id: listen },
            Event::Envelope { mailbox: to, envelope: envelope() },
        ]
    );
    assert_eq!(client.unanswered(), 0);
    tell(&mut client, ServerFrame::Done { id: put }, START).unwrap();
    assert_eq!((drain(&mut client).events, client.stats().late_answers), (vec![], 1));
}

#[test]
fn all_that_is_unanswered_is_asked_again_under_the_same_id() {
    let mut client = online();
    let listen = client.listen(Token::new([5; 32]), START).unwrap();
    let put = client.put(MailboxId::new([1; 16]), envelope(), START).unwrap();
    drain(&mut client);
    client.handle_input(Input::Disconnected, START).unwrap();
    let offline_put = client.put(MailboxId::new([2; 16]), envelope(), START).unwrap();
    let said = drain(&mut client);
    assert_eq!((said.events, said.frames), (vec![Event::Offline], vec![]));
    let again = said.wait.unwrap();
    client.handle_timeout(again);
    let said = connect(&mut client, again);
    assert_eq!(said.frames, [("listen", Some(listen)), ("put", Some(put)), ("put", Some(offline_put))]);
    assert_eq!(said.connections, [2, 2, 2]);
}

#[test]
fn the_waits_between_attempts_double_to_a_minute_with_chance() {
    let mut client = Client::new(&Seed::from_u64(1), START);
    let mut now = START;
    for attempt in 0..10u32 {
        assert_eq!(drain(&mut client).events, [Event::Connect]);
        client.handle_input(Input::Disconnected, now).unwrap();
        let wait = drain(&mut client).wait.unwrap().saturating_since(now);
        let most = Duration::from_secs(1 << attempt.min(6)).min(BACKOFF_MOST);
        assert!(wait >= most / 2 && wait <= most, "attempt {attempt} waits {wait:?}");
        now += wait;
        client.handle_timeout(now);
    }
}

#[test]
fn a_dead_connection_is_found_by_a_ping_and_dropped() {
    let mut client = online();
    let ping = drain(&mut client).wait.unwrap();
    assert_eq!(ping, START + PING_INTERVAL);
    client.handle_timeout(ping);
    assert_eq!(drain(&mut client).frames, [("ping", None)]);
    tell(&mut client, ServerFrame::Pong { nonce: 0 }, ping + PONG_WAIT / 2).unwrap();
    let ping = drain(&mut client).wait.unwrap();
    client.handle_timeout(ping);
    let said = drain(&mut client);
    assert_eq!((said.frames, said.wait), (vec![("ping", None)], Some(ping + PONG_WAIT)));
    client.handle_timeout(ping + PONG_WAIT);
    assert_eq!(drain(&mut client).events, [Event::Close, Event::Offline]);
    assert_eq!(client.handle_input(Input::Disconnected, ping + PONG_WAIT), Ok(()));
    assert_eq!(drain(&mut client).events, []);
}

#[test]
fn an_attempt_or_a_greeting_that_hangs_is_given_up() {
    let mut client = Client::new(&Seed::from_u64(1), START);
    drain(&mut client);
    client.handle_timeout(START + CONNECT_WAIT);
    let said = drain(&mut client);
    assert_eq!(said.events, [Event::Close]);
    let now = said.wait.unwrap();
    client.handle_timeout(now);
    drain(&mut client);
    client.handle_input(Input::Connected, now).unwrap();
    drain(&mut client);
    client.handle_timeout(now + WELCOME_WAIT);
    assert_eq!(drain(&mut client).events, [Event::Close]);
}

#[test]
fn a_request_without_an_answer_times_out() {
    let mut client = online();
    let id = client.fetch(Slot::new([1; 16]), START).unwrap();
    drain(&mut client);
    client.handle_timeout(START + REQUEST_WAIT);
    assert_eq!(drain(&mut client).events, [Event::TimedOut { id }]);
    assert_eq!(client.unanswered(), 0);
}

#[test]
fn a_change_of_network_reconnects_at_once() {
    let mut client = online();
    client.reconnect(START).unwrap();
    assert_eq!(drain(&mut client).events, [Event::Close, Event::Offline, Event::Connect]);
    client.handle_input(Input::Connected, START).unwrap();
    assert_eq!(drain(&mut client).frames, [("hello", None)]);
}

#[test]
fn tables_hold_their_limits_and_a_welcome_asks_them_all() {
    let mut client = Client::new(&Seed::from_u64(1), START);
    for number in 0..MAX_LISTENS {
        client.listen(Token::new([u8::try_from(number).unwrap(); 32]), START).unwrap();
    }
    assert_eq!(client.listen(Token::new([255; 32]), START), Err(CommandError::TooManyListens));
    for _ in 0..MAX_REQUESTS {
        client.put(MailboxId::new([0; 16]), envelope(), START).unwrap();
    }
    let refused = client.put(MailboxId::new([0; 16]), envelope(), START);
    assert_eq!(refused, Err(CommandError::TooManyRequests));
    let said = connect(&mut client, START);
    assert_eq!(said.frames.len(), MAX_LISTENS + MAX_REQUESTS);
}

#[test]
fn a_full_outbox_refuses_until_it_is_drained() {
    let mut client = online();
    let arrived = envelope();
    let frame =
        ServerFrame::Envelope { serial: 1, mailbox: MailboxId::new([0; 16]), envelope: arrived.as_bytes() };
    for _ in 0..OUTBOX / 2 {
        tell(&mut client, frame, START).unwrap();
    }
    assert_eq!(tell(&mut client, frame, START), Err(Refused::Full(Full)));
    assert_eq!(client.fetch(Slot::new([0; 16]), START), Err(CommandError::Full(Full)));
    let said = drain(&mut client);
    assert_eq!((said.events.len(), said.frames), (OUTBOX / 2, vec![("received", None); OUTBOX / 2]));
    assert_eq!(tell(&mut client, frame, START), Ok(()));
}

#[test]
fn bad_bytes_and_misplaced_inputs_are_refused_and_counted() {
    let mut client = Client::new(&Seed::from_u64(1), START);
    drain(&mut client);
    assert_eq!(client.handle_input(Input::Frame(&[7, 0, 0, 0, 0]), START), Err(Refused::Unexpected));
    client.handle_input(Input::Connected, START).unwrap();
    assert_eq!(client.handle_input(Input::Connected, START), Err(Refused::Unexpected), "twice");
    let early = tell(&mut client, ServerFrame::Pong { nonce: 1 }, START);
    assert_eq!(early, Err(Refused::Unexpected), "before the welcome");
    for version in [1, 9] {
        let other = ServerFrame::Welcome { version, challenge: CHALLENGE };
        assert!(tell(&mut client, other, START).is_err(), "version {version} is not spoken");
    }
    tell(&mut client, ServerFrame::Welcome { version: 2, challenge: CHALLENGE }, START).unwrap();
    let short = [&[5][..], &[0; 20 + ENVELOPE_LEN - 1]].concat();
    let short = client.handle_input(Input::Frame(&short), START);
    assert!(matches!(short, Err(Refused::Malformed(_))), "an envelope that is too short");
    let id = client.fetch(Slot::new([1; 16]), START).unwrap();
    assert_eq!(tell(&mut client, ServerFrame::Done { id }, START), Err(Refused::Unexpected));
    assert_eq!(client.stats().refused, 7);
}

#[test]
fn what_is_passed_over_is_told_and_forgotten_mailboxes_are_not_asked_for_again() {
    let mut client = online();
    let id = client.listen(Token::new([1; 32]), START).unwrap();
    let kept = client.listen(Token::new([2; 32]), START).unwrap();
    tell(&mut client, ServerFrame::Refused { id, why: Refusal::Limit }, START).unwrap();
    client.listen(Token::new([3; 32]), START).unwrap();
    client.forget(&Token::new([3; 32]), START).unwrap();
    let said = drain(&mut client);
    assert_eq!(said.events, [Event::Refused { id, why: Refusal::Limit }]);
    assert_eq!(said.frames.last(), Some(&("forget", None)));
    client.reconnect(START).unwrap();
    assert_eq!(connect(&mut client, START).frames, [("listen", Some(kept))]);
}
