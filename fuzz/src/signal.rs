//! What comes from a rendezvous server: envelopes, what is in them, frames, and a client that is fed with frames.

use core::time::Duration;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_signal::rendezvous::{
    Client, ClientFrame, Event, Input, MAX_CLIENT_FRAME, MAX_LISTENS, MAX_REQUESTS, MAX_SERVER_FRAME,
    ServerFrame,
};
use p2pvoip_signal::{
    ANSWER_BODY_LEN, AnswerBody, ENVELOPE_LEN, Envelope, LETTER_LEN, MAX_ANSWER_LEN, MAX_MESSAGE_LEN,
    MAX_OFFER_LEN, MailboxId, Message, OFFER_BODY_LEN, OfferBody, OwnerKey, Slot, Token, pad,
};

use crate::drive::{pass, rest};
use crate::script::{millis, number, steps};

/// An envelope: any bytes of its length are one, and no others.
pub fn envelope(data: &[u8]) {
    let envelope = Envelope::from_bytes(data);
    assert_eq!(envelope.is_ok(), data.len() == ENVELOPE_LEN);
    if let Ok(envelope) = envelope {
        assert_eq!(envelope.as_bytes().as_slice(), data);
        assert_eq!(Envelope::new(*envelope.as_bytes()), envelope);
    }
}

/// The body of an offer: what parses is emitted so that it parses as the same; extensions alone are dropped.
pub fn offer(data: &[u8]) {
    let Ok(body) = OfferBody::parse(data) else { return };
    let emitted = body.emit().expect("what was read can be written");
    assert!(data.len() <= MAX_OFFER_LEN && data.starts_with(&emitted));
    assert!(pad(data, OFFER_BODY_LEN).is_ok());
    assert_eq!(OfferBody::parse(&emitted), Ok(body));
}

/// The body of an answer: as that of an offer.
pub fn answer(data: &[u8]) {
    let Ok(body) = AnswerBody::parse(data) else { return };
    let emitted = body.emit().expect("what was read can be written");
    assert!(data.len() <= MAX_ANSWER_LEN && data.starts_with(&emitted));
    assert!(pad(data, ANSWER_BODY_LEN).is_ok());
    assert_eq!(AnswerBody::parse(&emitted), Ok(body));
}

/// A padded body: what is unpadded and padded again is the same.
pub fn padding(data: &[u8]) {
    let Ok(body) = p2pvoip_signal::unpad(data) else { return };
    assert_eq!(p2pvoip_signal::pad(body, data.len()).as_deref(), Ok(data), "pad undoes unpad");
}

/// A message within a call: what parses is emitted so that it parses as the same; unknown reasons alone are lost.
pub fn message(data: &[u8]) {
    let Ok(message) = Message::parse(data) else { return };
    let emitted = message.emit().expect("what was read can be written");
    assert!(emitted.len() == data.len() && emitted.len() <= MAX_MESSAGE_LEN);
    assert!(pad(&emitted, LETTER_LEN).is_ok());
    if !matches!(message, Message::Reject { .. } | Message::HangUp { .. }) {
        assert_eq!(emitted, data, "emit undoes parse");
    }
    assert_eq!(Message::parse(&emitted), Ok(message));
}

/// A frame of a client: what parses is emitted as the same bytes.
pub fn client_frame(data: &[u8]) {
    let Ok(frame) = ClientFrame::parse(data) else { return };
    let mut buf = [0; MAX_CLIENT_FRAME];
    let len = frame.emit(&mut buf).expect("MAX_CLIENT_FRAME bytes hold every frame");
    assert_eq!(&buf[..len], data, "emit undoes parse");
}

/// A frame of a server: what parses is emitted as the same bytes, but for reasons that are not known.
pub fn server_frame(data: &[u8]) {
    let Ok(frame) = ServerFrame::parse(data) else { return };
    let mut buf = [0; MAX_SERVER_FRAME];
    let len = frame.emit(&mut buf).expect("MAX_SERVER_FRAME bytes hold every frame");
    if !matches!(frame, ServerFrame::Refused { .. }) {
        assert_eq!(&buf[..len], data, "emit undoes parse");
    }
    assert!(ServerFrame::parse(&buf[..len]) == Ok(frame));
}

/// A script for a client: frames, commands, lost connections, time. An id in a frame is that of a request where its low bits
/// say so, so that answers meet requests. A frame with bit 3 in its step has the greatest length; the script holds its
/// beginning. With bit 3 a listen is an own, and a put a disown. Nothing is owned but on a connection that is welcomed.
pub fn client(script: &[u8]) {
    let mut now = Instant::from_millis(1);
    let mut client = Client::new(&Seed::from_u64(1), now);
    let mut buf = [0; Client::MAX_TRANSMIT];
    let mut asked = Vec::new();
    for (step, bytes) in steps(script) {
        match step % 8 {
            0 => {
                let mut frame = bytes.to_vec();
                if step & 8 != 0 {
                    frame.resize(MAX_SERVER_FRAME, 0);
                }
                answer_of(&mut frame, &asked);
                let _refused = client.handle_input(Input::Frame(&frame), now);
            }
            1 => drop(client.handle_input(Input::Connected, now)),
            2 => drop(client.handle_input(Input::Disconnected, now)),
            3 if step & 8 != 0 => asked.extend(client.own(key(step), [step; 64], now).ok()),
            4 if step & 8 != 0 => drop(client.disown(&key(step), now)),
            3 => asked.extend(client.listen(Token::new([step; 32]), now).ok()),
            4 => {
                let envelope = Envelope::new([step; ENVELOPE_LEN]);
                asked.extend(client.put(MailboxId::new([step; 16]), envelope, now).ok());
            }
            5 => {
                let life = Duration::from_secs(number(bytes) >> 40);
                asked.extend(client.publish(key(step), number(bytes), bytes, life, now).ok());
            }
            6 => asked.extend(client.fetch(Slot::new([step; 16]), now).ok()),
            _ => pass(&mut client, &mut buf, &mut now, millis(bytes), |output, bytes| said(&output, bytes)),
        }
        // An outbox that is not drained refuses, and loses nothing.
        if step & 0x80 == 0 {
            rest(&mut client, &mut buf, |output, bytes| said(&output, bytes));
        }
        assert!(client.is_online() || !client.owns(&key(step)), "a proof is of one connection");
        assert!(client.unanswered() <= MAX_REQUESTS && asked.len() <= 96 + MAX_LISTENS);
    }
}

/// One of eight keys.
fn key(step: u8) -> OwnerKey {
    OwnerKey::new([step & 0x70; 32])
}

/// Puts the id of a request where a frame has its own.
fn answer_of(frame: &mut [u8], asked: &[p2pvoip_signal::rendezvous::RequestId]) {
    let Some(id) = frame.get_mut(1..9) else { return };
    if let Some(known) = asked.get(usize::from(id[7])) {
        id.copy_from_slice(&known.0.to_be_bytes());
    }
}

/// A client says nothing but frames.
fn said(output: &Output<p2pvoip_signal::rendezvous::Transmit, Event>, bytes: &[u8]) {
    if let Output::Transmit { .. } = output {
        assert!(ClientFrame::parse(bytes).is_ok(), "a client says nothing but frames");
    }
}
