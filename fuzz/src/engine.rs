//! The facade's engine against a peer who holds all keys and says anything: this is where slots and control messages are read.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use p2pvoip::engine::whereabouts::{MAX_SERVERS, Whereabouts};
use p2pvoip::engine::{CallKey, Endpoint, Event, Input, ServerId, Settings, Transmit};
use p2pvoip::media::PlayedKind;
use p2pvoip::{CallEvent, CallState, Frame, Identity, RejectReason, ServerUrl};
use p2pvoip_core::{Ecn, Instant, Machine, Output, Seed};
use p2pvoip_crypto::{HEADER_LEN, Initiator, MAX_PACKET_LEN, Session, forge};
use p2pvoip_nat::{Agent, Candidate, Config, Credentials, Datagram, Kind, Role};
use p2pvoip_signal::rendezvous::{self, ClientFrame, MAX_SERVER_FRAME, PROTOCOL_VERSION, ServerFrame};
use p2pvoip_signal::{
    AnswerBody, CallId, ENVELOPE_LEN, LETTER_LEN, MailboxId, Message, OFFER_BODY_LEN, OfferBody, pad, unpad,
};

use crate::codec::Plain;
use crate::drive::{pass, rest};
use crate::fixture::{CALLEE, CALLER, UNIX, callee, first_message};
use crate::script::{millis, steps};

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), 4_000);
const THERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 8)), 5_000);
/// The address of the callee's server.
const SERVER: &str = "ws://198.51.100.9:7777";
/// A call whose owner has hung up is over after this: twice the longest wait of signalling and of a hang-up in the path.
const LONGEST_END: Duration = Duration::from_secs(60);

/// The address of a server: what parses is written in one way only, and names a host and a port.
pub fn server_url(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(url) = text.parse::<ServerUrl>() else { return };
    assert_eq!(url.to_string().parse::<ServerUrl>().as_ref(), Ok(&url), "written and read again");
    assert!(!url.host().is_empty() && url.as_str().contains(url.host()) && url.port() != 0);
    assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "nothing in it ends a line");
}

/// Whereabouts as a contact reads them: what parses is emitted as the same bytes.
pub fn whereabouts(data: &[u8]) {
    let Ok(there) = Whereabouts::parse(data) else { return };
    assert!((1..=MAX_SERVERS).contains(&there.servers().len()));
    assert_eq!(there.emit().expect("what was read has a form"), data, "emit undoes parse");
}

/// The payload of a rightly sealed offer: only a well-formed one of this time is answered, and whatever comes of it ends.
pub fn offer_payload(data: &[u8]) {
    let Some((mut peer, initiator)) = Peer::offering(data) else { return };
    let answered = peer.answer.is_some();
    assert_eq!(answered, peer.endpoint.refused_offers() == 0, "an offer is answered or counted");
    assert!(!answered || OfferBody::parse(data).is_ok(), "what is answered is an offer");
    assert!(answered || peer.call.is_none(), "what rings is answered");
    if let Some(call) = peer.call {
        peer.endpoint.reject(call, RejectReason::Declined, peer.now);
    }
    drop(initiator);
    peer.end();
}

/// A script for an authenticated caller in a call that was taken.
///
/// 0: any slot, rightly sealed (the high bits are the stream). 1: any message, rightly sealed. 2: any envelope, to the call's
/// mailbox; with bit 3 to the callee's own; with bit 4 too as an offer, rightly sealed, whose inside is any bytes. 3: any datagram. 4: any frame of the server. 5: time passes, and both sides hear one another. 6: voice is captured and played.
/// 7: the owner hangs up.
pub fn call(script: &[u8]) {
    let (mut peer, initiator) = Peer::offering(&peers_offer()).expect("the offer is short");
    peer.take(initiator);
    play(&mut peer, script);
    peer.end();
}

fn play(peer: &mut Peer, script: &[u8]) {
    for (step, bytes) in steps(script) {
        match step & 7 {
            0 => peer.send_slot(step >> 4, bytes),
            1 => {
                let padded = pad(bytes, LETTER_LEN).unwrap_or_default();
                let sealed = peer.session.as_mut().and_then(|session| session.signal.seal(&padded).ok());
                peer.post(peer.mailbox, &sealed.unwrap_or_default());
            }
            2 if step & 0x18 == 0x18 => {
                let forged = forge::offer(&CALLER, &callee(), bytes, &Seed::from_u64(8), UNIX);
                peer.post(own_mailbox(), &forged.unwrap_or_default());
            }
            2 => peer.post(if step & 8 == 0 { peer.mailbox } else { own_mailbox() }, bytes),
            3 => peer.send(bytes),
            4 => peer.say(rendezvous::Input::Frame(bytes)),
            5 => peer.talk(millis(bytes)),
            6 => peer.sound(bytes.len().min(100)),
            _ => {
                if let Some(call) = peer.call {
                    peer.endpoint.hang_up(call, peer.now);
                }
            }
        }
        peer.settle();
    }
}

/// An endpoint that is called, its server, and its caller.
struct Peer {
    endpoint: Endpoint,
    server: Option<ServerId>,
    call: Option<CallKey>,
    finished: bool,
    /// The caller's path finding and keys.
    agent: Agent,
    session: Option<Session>,
    /// Where the callee hears of this call: of any, before there is one.
    mailbox: MailboxId,
    /// How many envelopes the server has passed on.
    serial: u32,
    /// The callee's answer, as it came to the caller's mailbox.
    answer: Option<Vec<u8>>,
    /// What the endpoint sent to the caller.
    sent: Vec<Vec<u8>>,
    /// How often the call was told to be connected, and how many frames were played that were no silence.
    connected: usize,
    heard: usize,
    /// How often the words of the call were told.
    codes: usize,
    buf: Vec<u8>,
    now: Instant,
}

impl Peer {
    /// The endpoint is online, and an offer with this payload has come; `None` when the payload is too long for one.
    fn offering(payload: &[u8]) -> Option<(Self, Initiator)> {
        let (initiator, first) = first_message(&pad(payload, OFFER_BODY_LEN).ok()?)?;
        let now = Instant::from_millis(1);
        let identity = Arc::new(Identity::from_secret(&CALLEE.to_secret()));
        let mut settings = Settings::new(identity, Arc::new(Plain));
        settings.server = SERVER.parse().ok();
        let endpoint = Endpoint::new(settings, Seed::from_u64(5), UNIX, now).expect("the settings are valid");
        let mut peer = Self {
            endpoint,
            server: None,
            call: None,
            finished: false,
            agent: caller_agent(now),
            session: None,
            mailbox: own_mailbox(),
            serial: 0,
            answer: None,
            sent: Vec::new(),
            connected: 0,
            heard: 0,
            codes: 0,
            buf: vec![0; Endpoint::MAX_TRANSMIT],
            now,
        };
        peer.settle();
        peer.say(rendezvous::Input::Connected);
        peer.tell(&ServerFrame::Welcome { version: PROTOCOL_VERSION, challenge: [8; 32] });
        peer.post(own_mailbox(), &first);
        Some((peer, initiator))
    }

    /// The callee takes the call, and the caller has its answer.
    fn take(&mut self, initiator: Initiator) {
        let answer = self.answer.take().expect("a good offer is answered");
        let (session, payload) =
            initiator.finish(&answer).map_err(|(_, error)| error).expect("the callee is honest");
        let answer = unpad(&payload).and_then(AnswerBody::parse).expect("the callee is honest");
        self.mailbox = answer.reply_to;
        self.session = Some(session);
        // It rings when the caller has shown that it has the keys.
        self.letter(&Message::Candidates { list: Vec::new(), last: false });
        let call = self.call.expect("a caller who is proven rings");
        let credentials = Credentials::parse(&answer.ice).expect("the callee is honest");
        self.agent.set_remote_credentials(credentials, self.now).expect("there are none yet");
        let candidate = Candidate::new(Kind::Host, HERE, 0x7eff_ffff, 1);
        self.agent.add_remote_candidate(candidate, self.now).expect("it is the first");
        self.endpoint.gather(call, &[HERE], self.now).expect("one base is allowed");
        self.endpoint.accept(call, self.now);
        self.settle();
    }

    /// Something happens to the connection to the server.
    fn say(&mut self, input: rendezvous::Input<'_>) {
        if let Some(server) = self.server {
            let _refused = self.endpoint.handle_input(Input::Server { server, input }, self.now);
        }
        self.settle();
    }

    /// An envelope comes to a mailbox: these bytes, and zeros behind them.
    fn post(&mut self, mailbox: MailboxId, bytes: &[u8]) {
        let mut envelope = [0; ENVELOPE_LEN];
        envelope.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.serial += 1;
        self.tell(&ServerFrame::Envelope { serial: self.serial, mailbox, envelope: &envelope });
    }

    /// A letter of the caller's comes.
    fn letter(&mut self, message: &Message) {
        let padded = message.emit().and_then(|bytes| pad(&bytes, LETTER_LEN)).expect("it is short");
        let sealed = self.session.as_mut().and_then(|session| session.signal.seal(&padded).ok());
        self.post(self.mailbox, &sealed.expect("there are keys"));
    }

    /// The server says this.
    fn tell(&mut self, frame: &ServerFrame<'_>) {
        let mut buf = [0; MAX_SERVER_FRAME];
        let len = frame.emit(&mut buf).expect("MAX_SERVER_FRAME bytes hold every frame");
        self.say(rendezvous::Input::Frame(&buf[..len]));
    }

    fn send(&mut self, bytes: &[u8]) {
        if let Some(call) = self.call {
            let input = Input::Datagram { call, local: HERE, remote: THERE, arrival: Ecn::NotEct.into(), bytes };
            let _refused = self.endpoint.handle_input(input, self.now);
        }
    }

    fn send_slot(&mut self, stream: u8, slot: &[u8]) {
        let mut buf = [0; MAX_PACKET_LEN];
        let Some(session) = &mut self.session else { return };
        let Some(room) = buf.get_mut(HEADER_LEN..HEADER_LEN + slot.len()) else { return };
        room.copy_from_slice(slot);
        if let Ok(sealed) = session.sealer.seal(stream, &mut buf, slot.len()) {
            self.send(&buf[..sealed.len]);
        }
    }

    /// Time passes in four parts; after each, both sides have what the other sent in it.
    fn talk(&mut self, by: Duration) {
        for _ in 0..4 {
            let mut out = Vec::new();
            let mut peers_now = self.now;
            let mut buf = [0; Agent::MAX_TRANSMIT];
            pass(&mut self.agent, &mut buf, &mut peers_now, by / 4, |output, bytes| {
                if let Output::Transmit { .. } = output {
                    out.push(bytes.to_vec());
                }
            });
            self.pass(by / 4);
            for datagram in out {
                self.send(&datagram);
                self.settle();
            }
            for bytes in core::mem::take(&mut self.sent) {
                let datagram = Datagram { local: THERE, remote: HERE, bytes: &bytes };
                if let Some(session) = self.session.as_mut().filter(|_| bytes[0] >= 192) {
                    let opened = session.opener.open(&mut bytes.clone()).map(|opened| opened.number);
                    assert!(opened.is_ok(), "what the endpoint seals can be opened");
                } else {
                    let _refused = self.agent.handle_input(datagram, self.now);
                }
            }
        }
    }

    /// So many frames are captured and played.
    fn sound(&mut self, frames: usize) {
        let Some(call) = self.call else { return };
        let mut heard = Frame::SILENCE;
        for _ in 0..frames {
            self.endpoint.capture(call, &Frame::SILENCE, self.now);
            let played = self.endpoint.playout(call, &mut heard, self.now);
            self.heard += usize::from(played.is_some_and(|played| played.kind != PlayedKind::Silence));
            self.pass(Duration::from_millis(10));
        }
    }

    fn pass(&mut self, by: Duration) {
        let mut noted = Vec::new();
        let Self { endpoint, buf, now, .. } = self;
        pass(endpoint, buf, now, by, |output, bytes| noted.push((note(&output), bytes.to_vec())));
        self.take_note(noted);
    }

    fn settle(&mut self) {
        let mut noted = Vec::new();
        rest(&mut self.endpoint, &mut self.buf, |output, bytes| noted.push((note(&output), bytes.to_vec())));
        self.take_note(noted);
    }

    fn take_note(&mut self, noted: Vec<(Note, Vec<u8>)>) {
        for (note, bytes) in noted {
            match note {
                Note::Connect(server) => self.server = Some(server),
                Note::Incoming(call) => {
                    self.call.get_or_insert(call);
                }
                Note::Connected => self.connected += 1,
                Note::Code => self.codes += 1,
                Note::Finished(call) => self.finished |= self.call == Some(call),
                Note::ToServer => self.read(&bytes),
                Note::ToPeer => self.sent.push(bytes),
                Note::Other => {}
            }
        }
    }

    /// Reads what the endpoint says to the server: the answer is what the caller waits for.
    fn read(&mut self, bytes: &[u8]) {
        let frame = ClientFrame::parse(bytes).expect("an endpoint says nothing but frames to a server");
        if let ClientFrame::Put { envelope, .. } = frame {
            // The first is the answer; sealed letters follow, which look the same.
            self.answer.get_or_insert_with(|| envelope.to_vec());
        }
    }

    /// Whatever was said: when the owner hangs up, the call comes to its end.
    fn end(mut self) {
        self.settle();
        self.endpoint.close(self.now);
        self.pass(LONGEST_END);
        assert_eq!(self.endpoint.open_calls(), 0, "a call that is hung up is finished");
        assert_eq!(self.finished, self.call.is_some(), "and its owner is told so");
    }
}

/// Where the callee's offers come.
fn own_mailbox() -> MailboxId {
    MailboxId::new(CALLEE.mailbox().address(UNIX.day(), 0, SERVER))
}

/// What an output of the endpoint was.
enum Note {
    Connect(ServerId),
    Incoming(CallKey),
    Connected,
    Code,
    Finished(CallKey),
    ToServer,
    ToPeer,
    Other,
}

fn note(output: &Output<Transmit, Event>) -> Note {
    match *output {
        Output::Transmit { to: Transmit::Server { .. }, .. } => Note::ToServer,
        Output::Transmit { to: Transmit::Datagram { local, remote, .. }, .. } => {
            assert_eq!(local, HERE, "it leaves from a socket of the call");
            if remote == THERE { Note::ToPeer } else { Note::Other }
        }
        Output::Event(Event::Connect { server, .. }) => Note::Connect(server),
        Output::Event(Event::Incoming { call, .. }) => Note::Incoming(call),
        Output::Event(Event::Call { event: CallEvent::State(CallState::Connected), .. }) => Note::Connected,
        Output::Event(Event::Call { event: CallEvent::Sas(_), .. }) => Note::Code,
        Output::Event(Event::Finished { call }) => Note::Finished(call),
        Output::Event(_) | Output::Wait(_) => Note::Other,
    }
}

fn caller_agent(now: Instant) -> Agent {
    let mut agent = Agent::new(Config::default(), Role::Controlling, Seed::from_u64(7), now)
        .expect("the default is valid");
    agent.gather(&[THERE], now).expect("one base is allowed");
    agent
}

/// The payload of the caller's offer, when it is honest.
pub(crate) fn peers_offer() -> Vec<u8> {
    let mut ice = vec![0; Credentials::LEN];
    let agent = caller_agent(Instant::from_millis(1));
    agent.credentials().emit(&mut ice).expect("LEN bytes hold credentials");
    let body = OfferBody {
        call_id: CallId::new([1; 16]),
        reply_to: MailboxId::new([2; 16]),
        at: UNIX,
        ice,
        media: vec![1, 1, 1],
    };
    body.emit().expect("every field is within its limit")
}

/// The message by which the caller shows the nonce that it has committed to.
pub(crate) fn peers_reveal() -> Vec<u8> {
    let (mut peer, initiator) = Peer::offering(&peers_offer()).expect("the offer is short");
    peer.take(initiator);
    let nonce = peer.session.and_then(|session| session.sas.to_reveal()).expect("it is the caller");
    Message::Reveal { nonce }.emit().expect("a nonce has one length")
}

/// The message by which the caller tells its address.
pub(crate) fn peers_candidates() -> Vec<u8> {
    let candidate = Candidate::new(Kind::Host, THERE, 0x7eff_ffff, 1);
    let mut bytes = vec![0; Candidate::MAX_LEN];
    let len = candidate.emit(&mut bytes).expect("MAX_LEN bytes hold every candidate");
    bytes.truncate(len);
    let message = Message::Candidates { list: vec![bytes], last: true };
    message.emit().expect("one candidate is within the limits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    /// The call after the script of that name.
    fn after(script: &str) -> Peer {
        let (mut peer, initiator) = Peer::offering(&peers_offer()).unwrap();
        peer.take(initiator);
        let seeds = seeds::of("engine-call");
        let (_, script) = seeds.iter().find(|(name, _)| name == script).unwrap();
        play(&mut peer, script);
        peer
    }

    #[test]
    fn the_script_of_a_talk_comes_to_a_call_in_which_the_peer_is_heard() {
        let peer = after("valid-talk");
        assert_eq!(peer.connected, 1);
        assert!(peer.heard > 2, "{}", peer.heard);
    }

    #[test]
    fn the_words_are_told_when_the_peer_shows_its_nonce_and_another_nonce_ends_the_call() {
        let peer = after("valid-code");
        assert_eq!((peer.codes, peer.endpoint.open_calls()), (1, 1));
        let mut peer = after("hostile-code");
        peer.pass(Duration::from_secs(2));
        assert_eq!((peer.codes, peer.endpoint.open_calls()), (0, 0));
    }

    #[test]
    fn the_peer_ends_the_call_in_its_path_and_by_letter() {
        for script in ["valid-peer-leaves", "valid-letter-ends"] {
            let mut peer = after(script);
            // It stays for a while to acknowledge the end in the path.
            peer.pass(Duration::from_secs(2));
            assert_eq!(peer.endpoint.open_calls(), 0, "{script}");
        }
    }
}
