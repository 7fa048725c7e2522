//! The rendezvous client keeps the five laws of a machine.

use p2pvoip_core::Seed;
use p2pvoip_core::wire::Reader;
use p2pvoip_signal::rendezvous::{
    Client, CommandError, Input, MAX_SERVER_FRAME, Refused, RequestId, ServerFrame,
};
use p2pvoip_signal::{ENVELOPE_LEN, Envelope, MailboxId, OwnerKey, Slot, Token};
use p2pvoip_sim::laws::{Laws, Seen, SeenOf, Verdict};
use std::time::Duration;

const KEY: OwnerKey = OwnerKey::new([3; 32]);

fn laws() -> Laws<Client> {
    Laws::new(|now| Client::new(&Seed::from_u64(5), now))
        .full_when(|error| matches!(error, Refused::Full(_)))
        .timers_follow_draining()
        .hostile_input("a frame that is none", [9, 9], |bytes| Input::Frame(bytes))
        .hostile_input("an envelope that is none", not_an_envelope(), |bytes| Input::Frame(bytes))
        .hostile_input("a welcome of a later version", welcome(9), |bytes| Input::Frame(bytes))
        .hostile_input("a welcome of the first version", [1, 1], |bytes| Input::Frame(bytes))
}

/// One byte is missing.
fn not_an_envelope() -> Vec<u8> {
    let mut bytes = vec![0; MAX_SERVER_FRAME - 1];
    bytes[0] = 5;
    bytes
}

fn welcome(version: u8) -> Vec<u8> {
    frame(ServerFrame::Welcome { version, challenge: [6; 32] })
}

fn envelope() -> Envelope {
    Envelope::new([8; ENVELOPE_LEN])
}

#[expect(clippy::unwrap_used, reason = "the buffer holds the largest frame")]
fn frame(frame: ServerFrame<'_>) -> Vec<u8> {
    let mut buf = vec![0; MAX_SERVER_FRAME];
    let len = frame.emit(&mut buf).unwrap();
    buf.truncate(len);
    buf
}

fn verdict<T>(result: &Result<T, CommandError>) -> Verdict {
    Verdict::of(result, |error| matches!(error, CommandError::Full(_)))
}

/// Answers the last request frame of this kind.
fn answer(seen: &[SeenOf<Client>], kind: u8, with: impl Fn(RequestId) -> Vec<u8>) -> Option<Vec<u8>> {
    seen.iter().rev().find_map(|seen| match seen {
        Seen::Transmit { bytes, .. } if bytes.first() == Some(&kind) => {
            Reader::new(&bytes[1..]).u64().ok().map(|id| with(RequestId(id)))
        }
        Seen::Transmit { .. } | Seen::Event(_) => None,
    })
}

fn connected(laws: Laws<Client>) -> Laws<Client> {
    laws.input("connected", (), |()| Input::Connected)
        .input("welcome", welcome(2), |bytes| Input::Frame(bytes))
        .command("own", |client, now| verdict(&client.own(KEY, [1; 64], now)))
        .reply(
            "owned",
            |seen| answer(seen, 9, |id| frame(ServerFrame::Done { id })),
            |bytes| Input::Frame(bytes),
        )
}

fn asked(laws: Laws<Client>) -> Laws<Client> {
    laws.command("listen", |client, now| verdict(&client.listen(Token::new([1; 32]), now)))
        .command("put", |client, now| verdict(&client.put(MailboxId::new([2; 16]), envelope(), now)))
        .command("publish", |client, now| {
            let lifetime = Duration::from_secs(60);
            verdict(&client.publish(KEY, 7, b"record", lifetime, now))
        })
        .command("fetch", |client, now| verdict(&client.fetch(Slot::new([4; 16]), now)))
}

#[test]
fn a_client_keeps_the_laws_while_all_goes_well() {
    asked(connected(laws()))
        .reply(
            "delivered",
            |seen| answer(seen, 4, |id| frame(ServerFrame::Done { id })),
            |bytes| Input::Frame(bytes),
        )
        .reply(
            "fetched",
            |seen| answer(seen, 6, |id| frame(ServerFrame::Bundle { id, bytes: b"record" })),
            |bytes| Input::Frame(bytes),
        )
        .reply(
            "refused",
            |seen| answer(seen, 2, |id| frame(ServerFrame::Absent { id })),
            |bytes| Input::Frame(bytes),
        )
        .input(
            "an envelope",
            frame(ServerFrame::Envelope {
                serial: 1,
                mailbox: MailboxId::new([1; 16]),
                envelope: envelope().as_bytes(),
            }),
            |bytes| Input::Frame(bytes),
        )
        .refused_input("connected twice", (), |()| Input::Connected)
        .command("disown", |client, now| verdict(&client.disown(&KEY, now)))
        .command("publish what waits", |client, now| {
            verdict(&client.publish(KEY, 8, b"record", Duration::from_secs(60), now))
        })
        .command("forget", |client, now| verdict(&client.forget(&Token::new([1; 32]), now)))
        .refused_command("too long", |client, now| {
            verdict(&client.publish(KEY, 7, &[0; 2_049], Duration::ZERO, now))
        })
        .wait(Duration::from_secs(70))
        .check();
}

#[test]
fn a_client_keeps_the_laws_while_connections_break() {
    let broken = connected(asked(laws()))
        .wait(Duration::from_secs(2))
        .input("disconnected", (), |()| Input::Disconnected)
        .until_wake();
    connected(broken)
        .command("reconnect", |client, now| Verdict::from(client.reconnect(now)))
        .wait(Duration::from_secs(200))
        .check();
}
