//! A person with an endpoint: takes every call that rings, speaks and listens every ten milliseconds.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use p2pvoip::crypto::ContactCard;
use p2pvoip::engine::{CallKey, Endpoint, Event, Input, ServerId, Transmit};
use p2pvoip::media::PlayedKind;
use p2pvoip::signal::rendezvous;
use p2pvoip::{CallEvent, CallState, CallStats, EndReason, Frame};
use p2pvoip_core::{Instant, Machine, Output, Wake};
use p2pvoip_sim::{Action, Datagram, HostId, StreamEvent, StreamId};

/// One frame of sound.
const TICK: Duration = Duration::from_millis(10);
/// How long a person lets it ring.
const RINGS_FOR: Duration = Duration::from_millis(500);
/// The port of a person's first call; each later one has the next.
const FIRST_PORT: u16 = 5_000;

/// What a person heard, in frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    /// Said by the other side, however repaired.
    pub spoken: u64,
    /// Invented to bridge a loss.
    pub concealed: u64,
    /// Nothing yet.
    pub silent: u64,
}

/// One end of a call.
pub struct Person {
    endpoint: Endpoint,
    address: IpAddr,
    server: HostId,
    /// The server's name at the endpoint and the stream to it.
    link: Option<(ServerId, Option<StreamId>)>,
    actions: Vec<Action>,
    next_tick: Option<Instant>,
    answer_at: Option<Instant>,
    now: Instant,
    /// Whether a call that rings is taken.
    pub answers: bool,
    pub is_online: bool,
    pub call: Option<CallKey>,
    pub state: Option<CallState>,
    pub encrypted: bool,
    pub finished: bool,
    pub heard: Heard,
    pub stats: Option<Box<CallStats>>,
    pub speaks: Frame,
}

impl Person {
    pub fn new(endpoint: Endpoint, address: IpAddr, server: HostId) -> Self {
        Self {
            endpoint,
            address,
            server,
            link: None,
            actions: Vec::new(),
            next_tick: None,
            answer_at: None,
            now: p2pvoip_sim::START,
            answers: true,
            is_online: false,
            call: None,
            state: None,
            encrypted: false,
            finished: false,
            heard: Heard::default(),
            stats: None,
            speaks: Frame::SILENCE,
        }
    }

    /// How the call ended, if it did.
    pub fn end(&self) -> Option<EndReason> {
        match self.state {
            Some(CallState::Ended(reason)) => Some(reason),
            _ => None,
        }
    }

    pub fn dial(&mut self, card: &ContactCard, now: Instant) {
        let call = self.endpoint.dial(card, now).unwrap();
        self.begin(call, now);
    }

    pub fn hang_up(&mut self, now: Instant) {
        if let Some(call) = self.call {
            self.endpoint.hang_up(call, now);
        }
    }

    pub fn reject(&mut self, reason: p2pvoip::RejectReason, now: Instant) {
        if let Some(call) = self.call {
            self.endpoint.reject(call, reason, now);
        }
    }

    fn begin(&mut self, call: CallKey, now: Instant) {
        let port = FIRST_PORT + u16::try_from(call.number()).unwrap();
        self.endpoint.gather(call, &[SocketAddr::new(self.address, port)], now).unwrap();
        self.call = Some(call);
    }

    pub fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant) {
        self.now = now;
        let Some(call) = self.call else { return };
        let input =
            Input::Datagram { call, local: datagram.to, remote: datagram.from, bytes: datagram.bytes };
        // What is refused is dropped, as by every owner.
        let _refused = self.endpoint.handle_input(input, now);
    }

    pub fn handle_stream(&mut self, stream: StreamId, event: StreamEvent<'_>, now: Instant) {
        self.now = now;
        let Some((server, current)) = &mut self.link else { return };
        let input = match event {
            StreamEvent::Opened { .. } => {
                *current = Some(stream);
                rendezvous::Input::Connected
            }
            StreamEvent::Message(bytes) => rendezvous::Input::Frame(bytes),
            StreamEvent::Closed if current.is_none_or(|current| current == stream) => {
                *current = None;
                rendezvous::Input::Disconnected
            }
            StreamEvent::Closed => return,
        };
        let _refused = self.endpoint.handle_input(Input::Server { server: *server, input }, now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.endpoint.handle_timeout(now);
        if self.answer_at.is_some_and(|at| at <= now) {
            self.answer_at = None;
            if let (Some(call), true) = (self.call, self.answers) {
                self.endpoint.accept(call, now);
            }
        }
        while let Some(tick) = self.next_tick.filter(|tick| *tick <= now) {
            self.next_tick = Some(tick + TICK);
            self.tick(now);
        }
    }

    fn tick(&mut self, now: Instant) {
        let Some(call) = self.call else { return };
        let speaks = self.speaks;
        self.endpoint.capture(call, &speaks, now);
        let mut frame = Frame::SILENCE;
        let Some(played) = self.endpoint.playout(call, &mut frame, now) else { return };
        match played.kind {
            PlayedKind::Silence => self.heard.silent += 1,
            PlayedKind::Concealed => self.heard.concealed += 1,
            PlayedKind::Decoded | PlayedKind::Recovered | PlayedKind::Copied | PlayedKind::Stretched => {
                self.heard.spoken += 1
            }
        }
    }

    pub fn poll(&mut self, buf: &mut [u8]) -> Action {
        loop {
            if let Some(action) = self.actions.pop() {
                return action;
            }
            match self.endpoint.poll_output(buf) {
                Output::Transmit { to: Transmit::Datagram { local, remote, .. }, len } => {
                    return Action::Datagram { from: local, to: remote, len };
                }
                Output::Transmit { to: Transmit::Server { .. }, len } => {
                    if let Some((_, Some(stream))) = self.link {
                        return Action::Message { stream, len };
                    }
                }
                Output::Event(event) => self.on_event(event),
                Output::Wait(wake) => {
                    let own = [self.next_tick, self.answer_at].into_iter().flatten().min();
                    let own = own.map(|at| Wake { at, why: "person" });
                    return Action::Wait(Wake::earliest(wake, own).map(|wake| wake.at));
                }
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connect { server, .. } => {
                self.link = Some((server, None));
                self.actions.push(Action::Open { to: self.server });
            }
            Event::Close { server } => {
                if let Some((known, stream)) = &mut self.link
                    && *known == server
                {
                    self.actions.extend(stream.take().map(|stream| Action::Close { stream }));
                }
            }
            Event::Online => self.is_online = true,
            Event::Offline => self.is_online = false,
            Event::Incoming { call, .. } => {
                self.begin(call, self.now);
                self.answer_at = Some(self.now + RINGS_FOR);
            }
            Event::Call { event, .. } => self.on_call(event),
            Event::Finished { .. } => self.finished = true,
            _ => {}
        }
    }

    fn on_call(&mut self, event: CallEvent) {
        match event {
            CallEvent::State(state) => {
                self.state = Some(state);
                self.next_tick = (state == CallState::Connected).then(|| self.now + TICK);
            }
            CallEvent::Encrypted(_) => self.encrypted = true,
            CallEvent::Stats(stats) => self.stats = Some(stats),
            _ => {}
        }
    }
}
