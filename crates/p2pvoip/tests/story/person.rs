//! A person with an endpoint: takes every call that rings, speaks and listens every ten milliseconds.

mod told;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::contacts::Book;
use p2pvoip::crypto::{ContactCard, Identity, PeerIdentity, Prekeys};
use p2pvoip::dht::{Directory as _, DirectoryError, MemoryDirectory, Outcome, Query};
use p2pvoip::engine::{CallKey, Endpoint, Event, Input, QueryKey, Refused, ServerId, Transmit};
use p2pvoip::media::PlayedKind;
use p2pvoip::signal::rendezvous;
use p2pvoip::{CallEvent, CallState, CallStats, DialError, EndReason, Frame, Lookup, RouteKind, Sas, Trust};
use p2pvoip_core::{Ecn, Instant, Machine, Output, UnixTime, Wake};
use p2pvoip_sim::{Action, Datagram, HostId, StreamEvent, StreamId};

/// One frame of sound.
const TICK: Duration = Duration::from_millis(10);
/// How long a person lets it ring.
const RINGS_FOR: Duration = Duration::from_millis(500);
/// How long a person's program takes to open sockets for a call that comes in.
const OPENING_SOCKETS: Duration = Duration::from_millis(1);
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

/// One thing that was done to an endpoint, so that it can be done to another one.
#[derive(Clone, Debug)]
pub enum Deed {
    Dial(Box<ContactCard>),
    Gather(CallKey, SocketAddr),
    Accept(CallKey),
    HangUp(CallKey),
    Capture(CallKey),
    Playout(CallKey),
    Connected(ServerId),
    Disconnected(ServerId),
    Frame(ServerId, Vec<u8>),
    Finding(QueryKey, Outcome),
    Datagram(CallKey, SocketAddr, SocketAddr, Ecn, Vec<u8>),
}

impl Deed {
    /// The input that it is, if it is one.
    pub fn input(&self) -> Option<Input<'_>> {
        let server = |server: &ServerId, input| Some(Input::Server { server: *server, input });
        match self {
            Self::Connected(id) => server(id, rendezvous::Input::Connected),
            Self::Disconnected(id) => server(id, rendezvous::Input::Disconnected),
            Self::Frame(id, bytes) => server(id, rendezvous::Input::Frame(bytes)),
            Self::Finding(query, outcome) => Some(Input::Directory { query: *query, outcome }),
            Self::Datagram(call, local, remote, ecn, bytes) => Some(Input::Datagram {
                call: *call,
                local: *local,
                remote: *remote,
                arrival: (*ecn).into(),
                bytes,
            }),
            _ => None,
        }
    }

    /// Does it, if it is a command.
    pub fn command(&self, endpoint: &mut Endpoint, now: Instant) {
        match self {
            Self::Dial(card) => drop(endpoint.dial(card, now).unwrap()),
            Self::Gather(call, base) => endpoint.gather(*call, &[*base], now).unwrap(),
            Self::Accept(call) => endpoint.accept(*call, now),
            Self::HangUp(call) => endpoint.hang_up(*call, now),
            Self::Capture(call) => endpoint.capture(*call, &Frame::SILENCE, now),
            Self::Playout(call) => drop(endpoint.playout(*call, &mut Frame::default(), now)),
            _ => {}
        }
    }
}

/// A directory that several people use.
pub type SharedDirectory = Rc<RefCell<MemoryDirectory>>;

/// A server as the endpoint calls it, its host, and the stream to it once it is open.
struct Link {
    server: ServerId,
    host: HostId,
    stream: Option<StreamId>,
}

/// One end of a call.
pub struct Person {
    endpoint: Endpoint,
    address: IpAddr,
    server: HostId,
    /// Those that wait to be opened are opened in their order.
    links: Vec<Link>,
    findings: Vec<(Instant, QueryKey, Outcome)>,
    actions: Vec<Action>,
    next_tick: Option<Instant>,
    answer_at: Option<Instant>,
    begin_at: Option<(Instant, CallKey)>,
    now: Instant,
    /// Whether a call that rings is taken.
    pub answers: bool,
    /// Servers at other hosts than the first one, by their address.
    pub other_servers: Vec<(String, HostId)>,
    /// The directory in which we publish and look up, and how long it takes.
    pub directory: Option<(SharedDirectory, Duration)>,
    pub is_findable: bool,
    pub lookups: Vec<Lookup>,
    pub is_online: bool,
    /// What the identity's first device was heard to publish.
    pub home: Vec<Prekeys>,
    pub call: Option<CallKey>,
    pub state: Option<CallState>,
    /// How all calls ended that did.
    pub all_ends: Vec<EndReason>,
    pub encrypted: bool,
    /// How far the peer was trusted, one after another, and when that fell: from what to what.
    pub trust: Vec<Trust>,
    pub fell: Vec<(Trust, Trust)>,
    pub sas: Option<Sas>,
    /// Who the peer has proven to be.
    pub identity: Option<PeerIdentity>,
    /// The newer lists of devices that were told of.
    pub newer: Vec<PeerIdentity>,
    /// How often fresh keys were agreed.
    pub rekeys: u32,
    /// By what kinds of path voice went, one after another.
    pub paths: Vec<RouteKind>,
    pub finished: bool,
    pub heard: Heard,
    pub stats: Option<Box<CallStats>>,
    pub speaks: Frame,
    /// When the sound clock starts, after the call is connected: no two clocks tick at the same moment.
    pub phase: Duration,
    /// Everything that was done to the endpoint, and when; kept when it is wanted.
    pub tape: Option<Vec<(Instant, Deed)>>,
}

impl Person {
    pub fn new(endpoint: Endpoint, address: IpAddr, server: HostId) -> Self {
        Self {
            endpoint,
            address,
            server,
            links: Vec::new(),
            findings: Vec::new(),
            actions: Vec::new(),
            next_tick: None,
            answer_at: None,
            begin_at: None,
            now: p2pvoip_sim::START,
            answers: true,
            other_servers: Vec::new(),
            directory: None,
            is_findable: false,
            lookups: Vec::new(),
            is_online: false,
            home: Vec::new(),
            call: None,
            state: None,
            all_ends: Vec::new(),
            encrypted: false,
            trust: Vec::new(),
            fell: Vec::new(),
            sas: None,
            identity: None,
            newer: Vec::new(),
            rekeys: 0,
            paths: Vec::new(),
            finished: false,
            heard: Heard::default(),
            stats: None,
            speaks: Frame::SILENCE,
            phase: TICK,
            tape: None,
        }
    }

    /// How the call ended, if it did.
    pub fn end(&self) -> Option<EndReason> {
        match self.state {
            Some(CallState::Ended(reason)) => Some(reason),
            _ => None,
        }
    }

    /// Where this person is.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The endpoint and its call.
    pub fn into_call(self) -> (Endpoint, CallKey) {
        (self.endpoint, self.call.unwrap())
    }

    fn note(&mut self, now: Instant, deed: impl FnOnce() -> Deed) {
        if let Some(tape) = &mut self.tape {
            tape.push((now, deed()));
        }
    }

    pub fn dial(&mut self, card: &ContactCard, now: Instant) {
        self.note(now, || Deed::Dial(Box::new(card.clone())));
        let call = self.endpoint.dial(card, now).unwrap();
        self.begin(call, now);
    }

    /// Dials by a card which is said to be a new one of the contact of that name.
    pub fn dial_as(&mut self, name: &str, card: &ContactCard, now: Instant) {
        let call = self.endpoint.dial_as(name, card, now).unwrap();
        self.begin(call, now);
    }

    /// Whom the endpoint knows.
    pub const fn contacts(&self) -> &Book {
        self.endpoint.contacts()
    }

    pub fn set_contacts(&mut self, contacts: Book) {
        self.endpoint.set_contacts(contacts);
    }

    /// The identity as its secret stands by now.
    pub fn set_identity(&mut self, identity: Identity, now: Instant) -> Result<(), p2pvoip::IdentityError> {
        self.endpoint.set_identity(Arc::new(identity), now)
    }

    /// Says whether the codes are the same.
    pub fn compare(&mut self, same: bool, now: Instant) {
        self.endpoint.confirm_sas(self.call.unwrap(), same, now);
    }

    pub fn hang_up(&mut self, now: Instant) {
        if let Some(call) = self.call {
            self.note(now, || Deed::HangUp(call));
            self.endpoint.hang_up(call, now);
        }
    }

    /// Fresh chance of the system comes.
    pub fn stir(&mut self, chance: &[u8; 32]) {
        self.endpoint.stir(chance);
    }

    /// Takes no more calls.
    pub fn close(&mut self, now: Instant) {
        self.endpoint.close(now);
    }

    pub fn reject(&mut self, reason: p2pvoip::RejectReason, now: Instant) {
        if let Some(call) = self.call {
            self.endpoint.reject(call, reason, now);
        }
    }

    /// Something comes from the world that no node of it sent.
    pub fn input(&mut self, input: Input<'_>, now: Instant) -> Result<(), Refused> {
        self.now = now;
        self.endpoint.handle_input(input, now)
    }

    /// A datagram comes that no node of the world sent.
    pub fn offer(
        &mut self,
        to: SocketAddr,
        from: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        let call = self.call.unwrap();
        self.input(Input::Datagram { call, local: to, remote: from, arrival: Ecn::NotEct.into(), bytes }, now)
    }

    /// The server says something that it should not.
    pub fn server_says(&mut self, frame: &[u8], now: Instant) {
        if let Some(server) = self.links.first().map(|link| link.server) {
            let input = Input::Server { server, input: rendezvous::Input::Frame(frame) };
            let _refused = self.input(input, now);
        }
    }

    /// Dials, and tells whether that could be done.
    pub fn try_dial(&mut self, card: &ContactCard, now: Instant) -> Result<CallKey, DialError> {
        self.endpoint.dial(card, now)
    }

    /// The system's date is another one.
    pub fn set_date(&mut self, date: UnixTime, now: Instant) {
        self.endpoint.set_date(date, now);
    }

    /// The address of the call's socket.
    pub fn base(&self) -> Option<SocketAddr> {
        self.call.map(|call| self.base_of(call))
    }

    fn base_of(&self, call: CallKey) -> SocketAddr {
        SocketAddr::new(self.address, FIRST_PORT + u16::try_from(call.number()).unwrap())
    }

    fn begin(&mut self, call: CallKey, now: Instant) {
        let base = self.base_of(call);
        self.note(now, || Deed::Gather(call, base));
        self.endpoint.gather(call, &[base], now).unwrap();
        self.call = Some(call);
    }

    pub fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Instant) {
        self.now = now;
        let Some(call) = self.call else { return };
        let Datagram { from, to, bytes, ecn } = datagram;
        let input = Input::Datagram { call, local: to, remote: from, arrival: ecn.into(), bytes };
        // What is refused is dropped, as by every owner.
        if self.endpoint.handle_input(input, now).is_ok() {
            self.note(now, || Deed::Datagram(call, to, from, ecn, bytes.to_vec()));
        }
    }

    pub fn handle_stream(&mut self, stream: StreamId, event: StreamEvent<'_>, now: Instant) {
        self.now = now;
        let known = self.links.iter().position(|link| link.stream == Some(stream));
        let (server, input) = match (event, known) {
            (StreamEvent::Opened { peer }, _) => {
                let waits = |link: &&mut Link| link.stream.is_none() && link.host == peer;
                let Some(link) = self.links.iter_mut().find(waits) else { return };
                link.stream = Some(stream);
                (link.server, rendezvous::Input::Connected)
            }
            (StreamEvent::Message(bytes), Some(at)) => {
                (self.links[at].server, rendezvous::Input::Frame(bytes))
            }
            (StreamEvent::Closed, Some(at)) => {
                (self.links.remove(at).server, rendezvous::Input::Disconnected)
            }
            (StreamEvent::Closed, None) => {
                // The longest waiting of those that were to be opened could not be.
                let Some(at) = self.links.iter().position(|link| link.stream.is_none()) else { return };
                (self.links.remove(at).server, rendezvous::Input::Disconnected)
            }
            (StreamEvent::Message(_), None) => return,
        };
        if self.endpoint.handle_input(Input::Server { server, input }, now).is_ok() {
            self.note(now, || match input {
                rendezvous::Input::Connected => Deed::Connected(server),
                rendezvous::Input::Disconnected => Deed::Disconnected(server),
                rendezvous::Input::Frame(bytes) => Deed::Frame(server, bytes.to_vec()),
            });
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.endpoint.handle_timeout(now);
        while let Some(at) = self.findings.iter().position(|(at, ..)| *at <= now) {
            let (_, query, outcome) = self.findings.remove(at);
            let input = Input::Directory { query, outcome: &outcome };
            if self.endpoint.handle_input(input, now).is_ok() {
                self.note(now, || Deed::Finding(query, outcome));
            }
        }
        if let Some((_, call)) = self.begin_at.take_if(|(at, _)| *at <= now) {
            self.begin(call, now);
        }
        if self.answer_at.is_some_and(|at| at <= now) {
            self.answer_at = None;
            if let (Some(call), true) = (self.call, self.answers) {
                self.note(now, || Deed::Accept(call));
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
        self.note(now, || Deed::Capture(call));
        self.note(now, || Deed::Playout(call));
        self.endpoint.capture(call, &speaks, now);
        let mut frame = Frame::SILENCE;
        let Some(played) = self.endpoint.playout(call, &mut frame, now) else { return };
        match played.kind {
            PlayedKind::Silence => self.heard.silent += 1,
            PlayedKind::Concealed => self.heard.concealed += 1,
            PlayedKind::Decoded | PlayedKind::Recovered | PlayedKind::Copied | PlayedKind::Stretched => {
                self.heard.spoken += 1;
            }
        }
    }

    pub fn poll(&mut self, buf: &mut [u8]) -> Action {
        loop {
            if let Some(action) = self.actions.pop() {
                return action;
            }
            match self.endpoint.poll_output(buf) {
                Output::Transmit { to: Transmit::Datagram { local, remote, ecn, .. }, len } => {
                    return Action::Datagram { from: local, to: remote, len, ecn };
                }
                Output::Transmit { to: Transmit::Server { server }, len } => {
                    let link = self.links.iter().find(|link| link.server == server);
                    if let Some(stream) = link.and_then(|link| link.stream) {
                        return Action::Message { stream, len };
                    }
                }
                Output::Event(event) => self.on_event(event),
                Output::Wait(wake) => {
                    let begin_at = self.begin_at.map(|(at, _)| at);
                    let finding = self.findings.iter().map(|(at, ..)| *at).min();
                    let own = [self.next_tick, self.answer_at, begin_at, finding].into_iter().flatten().min();
                    let own = own.map(|at| Wake { at, why: "person" });
                    return Action::Wait(Wake::earliest(wake, own).map(|wake| wake.at));
                }
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connect { server, url } => {
                let other = self.other_servers.iter().find(|(known, _)| known == url.as_str());
                let host = other.map_or(self.server, |(_, host)| *host);
                self.links.retain(|link| link.server != server);
                self.links.push(Link { server, host, stream: None });
                self.actions.push(Action::Open { to: host });
            }
            Event::Close { server } => {
                for link in self.links.extract_if(.., |link| link.server == server) {
                    self.actions.extend(link.stream.map(|stream| Action::Close { stream }));
                }
            }
            Event::Publish { query, record } => {
                self.ask(query, |directory| directory.publish(record, super::DATE));
            }
            Event::Lookup { query, slot } => self.ask(query, |directory| directory.lookup(slot, super::DATE)),
            Event::Findable(findable) => self.is_findable = findable,
            Event::Home(prekeys) => self.home.push(*prekeys),
            Event::Online => self.is_online = true,
            Event::Offline => self.is_online = false,
            Event::Incoming { call, .. } => {
                self.call = Some(call);
                self.begin_at = Some((self.now + OPENING_SOCKETS, call));
                self.answer_at = Some(self.now + RINGS_FOR);
            }
            Event::Call { call, event } => self.on_call(call, event),
            Event::Finished { .. } => self.finished = true,
            _ => {}
        }
    }

    /// Asks the directory; what comes of it comes later.
    fn ask(
        &mut self,
        query: QueryKey,
        ask: impl FnOnce(&mut MemoryDirectory) -> Result<Query, DirectoryError>,
    ) {
        let Some((directory, takes)) = &self.directory else { return };
        let mut directory = directory.borrow_mut();
        let outcome = match ask(&mut directory) {
            Ok(_) => directory.poll().unwrap().outcome,
            Err(_) => Outcome::Failed,
        };
        self.findings.push((self.now + *takes, query, outcome));
    }
}
