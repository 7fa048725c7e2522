//! The facade's engine that calls, against a callee who holds all keys and puts anything inside its answer.

use core::time::Duration;
use std::sync::Arc;

use p2pvoip::engine::{CallKey, Endpoint, Event, Input, ServerId, Settings, Transmit};
use p2pvoip::{CallEvent, CallState, Identity};
use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_crypto::forge;
use p2pvoip_nat::{Agent, Config, Credentials, Role};
use p2pvoip_signal::rendezvous::{self, ClientFrame, MAX_SERVER_FRAME, PROTOCOL_VERSION, ServerFrame};
use p2pvoip_signal::{ANSWER_BODY_LEN, AnswerBody, ENVELOPE_LEN, MailboxId, OfferBody, pad, unpad};

use crate::codec::Plain;
use crate::drive::{pass, rest};
use crate::fixture::{CALLEE, CALLER, UNIX, read};

/// The address of the callee's server.
const SERVER: &str = "ws://198.51.100.9:7777";
/// A call whose owner has hung up is over after this: twice the longest wait of signalling.
const LONGEST_END: Duration = Duration::from_secs(60);

/// What is under the seal of an answer: its head, and a body that is padded where it fits. Whatever it says, the call goes on or
/// ends; when it was refused, the true answer is still taken; and when the owner hangs up, the call is over.
pub fn answer_payload(data: &[u8]) {
    let mut caller = Dialer::new();
    let (head, body) = data.split_at_checked(forge::ANSWER_HEAD_LEN).unwrap_or((data, &[]));
    let body = pad(body, ANSWER_BODY_LEN).unwrap_or_else(|_| body.to_vec());
    let mut plain = [head, &body].concat();
    plain.resize(forge::ANSWER_HEAD_LEN + ANSWER_BODY_LEN, 0);
    let forged = forge::answer(read(&caller.offer).expect("it is authentic"), &plain, &Seed::from_u64(6));
    caller.post(&forged.expect("it has the length of every answer"));
    if caller.state == CallState::Dialing {
        caller.post_true_answer();
        assert_eq!(caller.state, CallState::Ringing, "what was refused has changed nothing");
    }
    caller.end();
}

/// An endpoint that has called, and what came of it.
struct Dialer {
    endpoint: Endpoint,
    server: Option<ServerId>,
    call: CallKey,
    state: CallState,
    finished: bool,
    /// Its offer, and where it waits for the answer.
    offer: Vec<u8>,
    reply_to: MailboxId,
    buf: Vec<u8>,
    now: Instant,
}

impl Dialer {
    /// The endpoint has found the callee's prekeys and put its offer.
    fn new() -> Self {
        let now = Instant::from_millis(1);
        let identity = Arc::new(Identity::from_secret(&CALLER.to_secret()));
        let settings = Settings::new(identity, Arc::new(Plain));
        let mut endpoint =
            Endpoint::new(settings, Seed::from_u64(5), UNIX, now).expect("the settings are valid");
        let card = CALLEE.card(SERVER).expect("the address is short");
        let call = endpoint.dial(&card, now).expect("it is the first call");
        let mut dialer = Self {
            endpoint,
            server: None,
            call,
            state: CallState::Dialing,
            finished: false,
            offer: Vec::new(),
            reply_to: MailboxId::new([0; 16]),
            buf: vec![0; Endpoint::MAX_TRANSMIT],
            now,
        };
        dialer.settle();
        dialer.say(rendezvous::Input::Connected);
        let offer = read(&dialer.offer).expect("the endpoint is honest");
        let body = unpad(offer.payload()).and_then(OfferBody::parse).expect("the endpoint is honest");
        dialer.reply_to = body.reply_to;
        dialer
    }

    fn say(&mut self, input: rendezvous::Input<'_>) {
        if let Some(server) = self.server {
            let _refused = self.endpoint.handle_input(Input::Server { server, input }, self.now);
        }
        self.settle();
    }

    /// The server says this.
    fn tell(&mut self, frame: &ServerFrame<'_>) {
        let mut buf = [0; MAX_SERVER_FRAME];
        let len = frame.emit(&mut buf).expect("MAX_SERVER_FRAME bytes hold every frame");
        self.say(rendezvous::Input::Frame(&buf[..len]));
    }

    /// An envelope comes to the mailbox in which the answer is waited for.
    fn post(&mut self, bytes: &[u8]) {
        let envelope: &[u8; ENVELOPE_LEN] = bytes.try_into().expect("it fills an envelope");
        self.tell(&ServerFrame::Envelope { serial: 1, mailbox: self.reply_to, envelope });
    }

    fn post_true_answer(&mut self) {
        let body = pad(&answer_body(), ANSWER_BODY_LEN).expect("it is short");
        let responder = read(&self.offer).expect("the endpoint is honest");
        let answered = responder.answer(&body, &p2pvoip_crypto::Hello::default(), Seed::from_u64(4));
        self.post(&answered.expect("it can be answered").1);
    }

    fn settle(&mut self) {
        let mut said = Vec::new();
        rest(&mut self.endpoint, &mut self.buf, |output, bytes| said.push((output, bytes.to_vec())));
        self.note(said);
    }

    fn note(&mut self, said: Vec<(Output<Transmit, Event>, Vec<u8>)>) {
        for (output, bytes) in said {
            match output {
                Output::Transmit { to: Transmit::Server { .. }, .. } => self.answer(&bytes),
                Output::Event(Event::Connect { server, .. }) => self.server = Some(server),
                Output::Event(Event::Call { event: CallEvent::State(state), .. }) => self.state = state,
                Output::Event(Event::Finished { call }) => self.finished |= call == self.call,
                Output::Transmit { .. } | Output::Event(_) | Output::Wait(_) => {}
            }
        }
    }

    /// The server does what it is asked.
    fn answer(&mut self, bytes: &[u8]) {
        let bundle = CALLEE.prekey_bundle(UNIX.day(), UNIX);
        let frame = ClientFrame::parse(bytes).expect("an endpoint says nothing but frames to a server");
        match frame {
            ClientFrame::Hello { .. } => {
                self.tell(&ServerFrame::Welcome { version: PROTOCOL_VERSION, challenge: [8; 32] });
            }
            ClientFrame::Fetch { id, .. } => self.tell(&ServerFrame::Bundle { id, bytes: &bundle }),
            ClientFrame::Put { id, envelope, .. } => {
                // The first is the offer.
                if self.offer.is_empty() {
                    self.offer = envelope.to_vec();
                }
                self.tell(&ServerFrame::Done { id });
            }
            ClientFrame::Listen { id, .. }
            | ClientFrame::Own { id, .. }
            | ClientFrame::Publish { id, .. } => self.tell(&ServerFrame::Done { id }),
            ClientFrame::Forget { .. }
            | ClientFrame::Disown { .. }
            | ClientFrame::Received { .. }
            | ClientFrame::Ping { .. } => {}
        }
    }

    /// Whatever was said: when the owner hangs up, the call comes to its end.
    fn end(mut self) {
        self.endpoint.close(self.now);
        self.settle();
        let mut said = Vec::new();
        let Self { endpoint, buf, now, .. } = &mut self;
        pass(endpoint, buf, now, LONGEST_END, |output, bytes| said.push((output, bytes.to_vec())));
        self.note(said);
        assert_eq!(
            (self.endpoint.open_calls(), self.finished),
            (0, true),
            "a call that is hung up is finished"
        );
    }
}

/// The body of an honest answer.
fn answer_body() -> Vec<u8> {
    let mut ice = vec![0; Credentials::LEN];
    let agent = Agent::new(Config::default(), Role::Controlled, Seed::from_u64(7), Instant::from_millis(1));
    let agent = agent.expect("the default is valid");
    agent.credentials().emit(&mut ice).expect("LEN bytes hold credentials");
    let body = AnswerBody { reply_to: MailboxId::new([3; 16]), ice, media: vec![1, 1, 1] };
    body.emit().expect("every field is within its limit")
}

/// Head and body of an honest answer: version 1.1, no features, and the one algorithm of its list.
pub(crate) fn honest_payload() -> Vec<u8> {
    let mut head = vec![0x11, 0x11, 0, 0, 0, 0, 1, 1];
    head.extend(UNIX.as_secs().to_be_bytes());
    head.extend([9; 16]);
    head.extend([0x11, 0, 0, 0, 0, 1]);
    head.resize(forge::ANSWER_HEAD_LEN, 0);
    head.extend(answer_body());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_honest_answer_rings_and_a_true_one_is_taken_after_a_lie() {
        let mut caller = Dialer::new();
        let payload = honest_payload();
        let (head, body) = payload.split_at(forge::ANSWER_HEAD_LEN);
        let plain = [head, &pad(body, ANSWER_BODY_LEN).unwrap()].concat();
        let sealed = forge::answer(read(&caller.offer).unwrap(), &plain, &Seed::from_u64(6)).unwrap();
        caller.post(&sealed);
        assert_eq!(caller.state, CallState::Ringing);
        caller.end();
        let mut caller = Dialer::new();
        caller.post(&[7; ENVELOPE_LEN]);
        assert_eq!(caller.state, CallState::Dialing);
        caller.post_true_answer();
        assert_eq!(caller.state, CallState::Ringing);
    }
}
