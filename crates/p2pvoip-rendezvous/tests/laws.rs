//! The hub keeps the five laws of a machine.

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_rendezvous::hub::{ConnectionId, Hub, Input, Limits, Refused, mailbox_of, owned_slot_of};
use p2pvoip_signal::rendezvous::{ClientFrame, MAX_CLIENT_FRAME, RequestId, ServerFrame, own_statement};
use p2pvoip_signal::{ENVELOPE_LEN, OwnerKey, Token};
use p2pvoip_sim::laws::Laws;
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::time::Duration;

const ALICE: ConnectionId = ConnectionId(1);
const BOB: ConnectionId = ConnectionId(2);

fn frame(from: ConnectionId, frame: ClientFrame<'_>) -> (ConnectionId, Vec<u8>) {
    let mut buf = vec![0; MAX_CLIENT_FRAME];
    let len = frame.emit(&mut buf).unwrap_or_default();
    assert!(len > 0, "the buffer holds the largest frame");
    buf.truncate(len);
    (from, buf)
}

fn hub(now: Instant) -> Hub {
    Hub::new(Limits::default(), &Seed::from_u64(4), now)
}

/// What the hub of these laws welcomes its first connection with: it follows from the seed.
#[expect(clippy::panic, reason = "a hub that does not welcome fails the test")]
fn first_challenge((from, hello): &(ConnectionId, Vec<u8>)) -> [u8; 32] {
    let now = Instant::from_millis(1);
    let mut hub = hub(now);
    let opened = hub.handle_input(Input::Opened(*from), now);
    let greeted = hub.handle_input(Input::Frame(*from, hello), now);
    let mut buf = vec![0; Hub::MAX_TRANSMIT];
    if let Output::Transmit { len, .. } = hub.poll_output(&mut buf)
        && let Ok(ServerFrame::Welcome { challenge, .. }) = ServerFrame::parse(&buf[..len])
    {
        return challenge;
    }
    panic!("the hub does not welcome: {opened:?}, {greeted:?}")
}

/// A key, and its signature of a challenge.
#[expect(clippy::unwrap_used, reason = "the lengths are those of Ed25519")]
fn proof(challenge: &[u8; 32]) -> (OwnerKey, [u8; 64]) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    let key: [u8; 32] = pair.public_key().as_ref().try_into().unwrap();
    (OwnerKey::new(key), pair.sign(&own_statement(challenge)).as_ref().try_into().unwrap())
}

#[test]
fn the_hub_keeps_the_laws() {
    let token = Token::new([7; 32]);
    let hello = ClientFrame::Hello { version: 2 };
    let (key, signature) = proof(&first_challenge(&frame(ALICE, hello)));
    let put =
        |id| ClientFrame::Put { id: RequestId(id), to: mailbox_of(&token), envelope: &[9; ENVELOPE_LEN] };
    let listen = ClientFrame::Listen { id: RequestId(1), token };
    let own = ClientFrame::Own { id: RequestId(6), key, signature: &signature };
    let not_own = ClientFrame::Own { id: RequestId(7), key, signature: &[1; 64] };
    let publish = ClientFrame::Publish { id: RequestId(2), key, sequence: 1, lifetime: 30, bytes: b"record" };
    let fetch = ClientFrame::Fetch { id: RequestId(3), slot: owned_slot_of(&key) };
    let frames = [
        frame(ALICE, hello),
        frame(BOB, hello),
        frame(ALICE, listen),
        frame(BOB, put(4)),
        frame(BOB, put(4)),
        frame(ALICE, ClientFrame::Received { serial: 1 }),
        frame(ALICE, publish),
        frame(ALICE, own),
        frame(ALICE, publish),
        frame(BOB, not_own),
        frame(BOB, fetch),
        frame(ALICE, ClientFrame::Disown { key }),
        frame(ALICE, own),
        frame(BOB, ClientFrame::Ping { nonce: 1 }),
    ];
    let mut laws = Laws::new(hub)
        .full_when(|error| matches!(error, Refused::Full(_)))
        .timers_follow_draining()
        .hostile_input("bytes that are none", (ALICE, vec![99]), |(from, bytes)| Input::Frame(*from, bytes))
        .hostile_input("a client of the first version", (ConnectionId(9), vec![1, 1]), |(from, bytes)| {
            Input::Frame(*from, bytes)
        })
        .hostile_input("a stranger", frame(ConnectionId(9), put(9)), |(from, bytes)| {
            Input::Frame(*from, bytes)
        })
        .input("alice opens", (), |()| Input::Opened(ALICE))
        .input("bob opens", (), |()| Input::Opened(BOB));
    for (number, owned) in frames.into_iter().enumerate() {
        laws = laws.input(&format!("frame {number}"), owned, |(from, bytes)| Input::Frame(*from, bytes));
    }
    laws.refused_input("a second hello", frame(ALICE, hello), |(from, bytes)| Input::Frame(*from, bytes))
        .wait(Duration::from_secs(40))
        .input("alice closes", (), |()| Input::Closed(ALICE))
        .input("kept", frame(BOB, put(5)), |(from, bytes)| Input::Frame(*from, bytes))
        .wait(Duration::from_secs(200))
        .check();
}
