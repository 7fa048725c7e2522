//! The hub keeps the five laws of a machine.

use p2pvoip_rendezvous::hub::{ConnectionId, Hub, Input, Limits, Refused, mailbox_of, slot_of};
use p2pvoip_signal::rendezvous::{ClientFrame, MAX_CLIENT_FRAME, RequestId};
use p2pvoip_signal::{ENVELOPE_LEN, Token};
use p2pvoip_sim::laws::Laws;
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

#[test]
fn the_hub_keeps_the_laws() {
    let token = Token::new([7; 32]);
    let hello = ClientFrame::Hello { version: 1 };
    let put =
        |id| ClientFrame::Put { id: RequestId(id), to: mailbox_of(&token), envelope: &[9; ENVELOPE_LEN] };
    let listen = ClientFrame::Listen { id: RequestId(1), token };
    let publish =
        ClientFrame::Publish { id: RequestId(2), token, sequence: 1, lifetime: 30, bytes: b"record" };
    let fetch = ClientFrame::Fetch { id: RequestId(3), slot: slot_of(&token) };
    let frames = [
        frame(ALICE, hello),
        frame(BOB, hello),
        frame(ALICE, listen),
        frame(BOB, put(4)),
        frame(BOB, put(4)),
        frame(ALICE, ClientFrame::Received { serial: 1 }),
        frame(ALICE, publish),
        frame(BOB, fetch),
        frame(BOB, ClientFrame::Ping { nonce: 1 }),
    ];
    let mut laws = Laws::new(|now| Hub::new(Limits::default(), now))
        .full_when(|error| matches!(error, Refused::Full(_)))
        .timers_follow_draining()
        .hostile_input("bytes that are none", (ALICE, vec![99]), |(from, bytes)| Input::Frame(*from, bytes))
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
