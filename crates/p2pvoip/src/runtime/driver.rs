//! The task that owns an engine: carries what comes from sockets, servers, handles and the clock to it, and what it says back.

mod tell;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip_core::{Instant, Machine, Output};
use p2pvoip_crypto::{ContactCard, Fingerprint, Identity, Prekeys, Sas, Trust};
use p2pvoip_media::Frame;
use p2pvoip_signal::{EndReason, RejectReason, rendezvous};
use p2pvoip_telemetry::CallStats;
use tokio::sync::{mpsc, oneshot, watch};

use super::audio::{Mute, Rings};
use super::chance::Stirring;
use super::clock::Clock;
use super::dht;
use super::server::{Connection, LinkId, Report};
use super::sockets::{Received, Sockets};
use crate::contacts::Book;
use crate::engine::{
    CallKey, DialError, Endpoint, Event, IdentityError, Input, QueryKey, ServerId, Transmit,
};
use crate::event::{CallEvent, CallState, Encryption};

/// One frame of sound.
const TICK: Duration = Duration::from_millis(10);
/// How late the sound clock may be before it starts anew instead of catching up.
const MAX_LATE: Duration = Duration::from_millis(100);
/// How long closing waits for what the servers still have to be told.
const CLOSE_WAIT: Duration = Duration::from_secs(3);
/// Datagrams read in a row before the engine is asked what it has to say.
const BATCH: usize = 16;
/// Reports of connections that wait for the driver; a connection with more to say waits.
const REPORTS: usize = 64;
/// Events of a call that wait for its owner; figures are left out when they are too many.
pub(super) const EVENTS: usize = 64;
/// Events kept free for what must not be left out.
const RESERVED_EVENTS: usize = 32;

/// What the owner of a handle asks for.
#[derive(Debug)]
pub(super) enum Command {
    Dial { card: Box<ContactCard>, name: Option<String>, reply: oneshot::Sender<Result<CallPort, DialError>> },
    Accept { call: CallKey, reply: oneshot::Sender<Option<CallPort>> },
    Reject { call: CallKey, reason: RejectReason },
    HangUp { call: CallKey },
    Confirm { call: CallKey, same: bool },
    Contacts(Box<Book>),
    Identity { identity: Arc<Identity>, reply: oneshot::Sender<Result<(), IdentityError>> },
    RememberedOffers { reply: oneshot::Sender<Vec<u8>> },
    Close { done: oneshot::Sender<()> },
}

/// The owner's ends of a call.
#[derive(Debug)]
pub(super) struct CallPort {
    pub(super) key: CallKey,
    pub(super) events: mpsc::Receiver<CallEvent>,
    pub(super) state: watch::Receiver<CallState>,
    pub(super) facts: watch::Receiver<Facts>,
    pub(super) audio: (super::AudioSender, super::AudioReceiver),
    pub(super) mute: Mute,
}

/// What can be asked of a call at any time.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) encryption: Option<Encryption>,
    pub(super) trust: Option<Trust>,
    pub(super) sas: Option<Sas>,
    pub(super) stats: CallStats,
}

/// The driver's ends of a call.
#[derive(Debug)]
struct Port {
    events: mpsc::Sender<CallEvent>,
    state: watch::Sender<CallState>,
    facts: watch::Sender<Facts>,
    /// Closed with the call's end, however long its farewell lingers.
    rings: Option<Rings>,
    /// Until a call that rings is accepted its owner's ends wait here.
    unclaimed: Option<CallPort>,
    plays: bool,
}

/// Someone calls.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) key: CallKey,
    pub(super) peer: Fingerprint,
    pub(super) trust: Trust,
    pub(super) state: watch::Receiver<CallState>,
}

/// What a driver is started with.
pub(super) struct Parts {
    pub(super) engine: Endpoint,
    pub(super) clock: Clock,
    pub(super) bind: Vec<IpAddr>,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) rings: mpsc::Sender<Ring>,
    pub(super) online: watch::Sender<bool>,
    pub(super) directory: dht::Port,
    pub(super) findable: watch::Sender<bool>,
    pub(super) home: watch::Sender<Option<Arc<Prekeys>>>,
}

pub(super) struct Driver {
    parts: Parts,
    sockets: Sockets,
    servers: BTreeMap<ServerId, (u64, Connection)>,
    generation: u64,
    to_reports: mpsc::Sender<(LinkId, Report)>,
    reports: mpsc::Receiver<(LinkId, Report)>,
    calls: BTreeMap<CallKey, Port>,
    next_tick: Option<Instant>,
    stirring: Stirring,
    closing: Option<(oneshot::Sender<()>, Instant)>,
    buf: Vec<u8>,
}

/// What woke the driver.
enum Woken {
    Datagram(Received),
    Report(LinkId, Report),
    Command(Option<Command>),
    Finding(QueryKey, p2pvoip_dht::Outcome),
    Deadline,
}

impl Driver {
    pub(super) fn new(parts: Parts) -> Self {
        let (to_reports, reports) = mpsc::channel(REPORTS);
        let stirring = Stirring::new(parts.clock.now());
        Self {
            parts,
            sockets: Sockets::default(),
            servers: BTreeMap::new(),
            generation: 0,
            to_reports,
            reports,
            calls: BTreeMap::new(),
            next_tick: None,
            stirring,
            closing: None,
            buf: vec![0; Endpoint::MAX_TRANSMIT],
        }
    }

    /// Runs until all handles are gone, or closing is done.
    pub(super) async fn run(mut self) {
        loop {
            let wake = self.drain().await;
            if self.is_closed() {
                break;
            }
            match self.sleep(wake).await {
                Woken::Datagram(received) => self.read(received).await,
                Woken::Report(link, report) => self.on_report(link, &report),
                Woken::Command(Some(command)) => self.obey(command).await,
                Woken::Command(None) => self.close(None),
                Woken::Finding(query, outcome) => self.on_finding(query, &outcome),
                Woken::Deadline => {}
            }
            self.on_time();
        }
        if let Some((done, _)) = self.closing.take() {
            // Who asked may have gone.
            let _gone = done.send(());
        }
    }

    /// Waits for whatever comes first.
    async fn sleep(&mut self, wake: Option<Instant>) -> Woken {
        let clock = self.parts.clock;
        let closing_at = self.closing.as_ref().map(|(_, at)| *at);
        let stir_at = Some(self.stirring.next_at(self.parts.engine.open_calls()));
        let deadline = [wake, self.next_tick, closing_at, stir_at].into_iter().flatten().min();
        let deadline = deadline.map(|at| clock.deadline(at));
        let closing = self.closing.is_some();
        let (sockets, directory) = (&mut self.sockets, &mut self.parts.directory);
        tokio::select! {
            () = sleep_until(deadline) => Woken::Deadline,
            received = poll_fn(|cx| sockets.poll_receive(cx)) => Woken::Datagram(received),
            Some((link, report)) = self.reports.recv() => Woken::Report(link, report),
            command = self.parts.commands.recv(), if !closing => Woken::Command(command),
            (query, outcome) = directory.next() => Woken::Finding(query, outcome),
        }
    }

    /// Reads datagrams as long as there are some, up to a batch.
    async fn read(&mut self, first: Received) {
        let mut received = first;
        for _ in 0..BATCH {
            let now = self.parts.clock.now();
            let Received { local, remote, arrival, .. } = received;
            if let Some(call) = self.sockets.owner(local) {
                let bytes = self.sockets.bytes(&received);
                let input = Input::Datagram { call, local, remote, arrival, bytes };
                if let Err(error) = self.parts.engine.handle_input(input, now) {
                    tracing::trace!(%error, "a datagram was dropped");
                }
            }
            let sockets = &mut self.sockets;
            match poll_fn(|cx| std::task::Poll::Ready(sockets.poll_receive(cx))).await {
                std::task::Poll::Ready(next) => received = next,
                std::task::Poll::Pending => return,
            }
        }
    }

    fn on_report(&mut self, link: LinkId, report: &Report) {
        let now = self.parts.clock.now();
        let server = link.server;
        if self.servers.get(&server).is_none_or(|(generation, _)| *generation != link.generation) {
            return;
        }
        let input = match report {
            Report::Connected => rendezvous::Input::Connected,
            Report::Frame(bytes) => rendezvous::Input::Frame(bytes),
            Report::Disconnected => rendezvous::Input::Disconnected,
        };
        if let Err(error) = self.parts.engine.handle_input(Input::Server { server, input }, now) {
            tracing::debug!(%error, "a server's message was dropped");
        }
    }

    fn on_finding(&mut self, query: QueryKey, outcome: &p2pvoip_dht::Outcome) {
        let now = self.parts.clock.now();
        if let Err(error) = self.parts.engine.handle_input(Input::Directory { query, outcome }, now) {
            tracing::debug!(%error, "a finding came too late");
        }
    }

    async fn obey(&mut self, command: Command) {
        let now = self.parts.clock.now();
        match command {
            Command::Dial { card, name, reply } => {
                self.stir(now);
                let engine = &mut self.parts.engine;
                let dialled = match &name {
                    Some(name) => engine.dial_as(name, &card, now),
                    None => engine.dial(&card, now),
                };
                let dialled = match dialled {
                    Ok(key) => Ok(self.open(key, CallState::Dialing).await),
                    Err(error) => Err(error),
                };
                let key = dialled.as_ref().ok().map(|port| port.key);
                if let (Err(_), Some(key)) = (reply.send(dialled), key) {
                    self.parts.engine.hang_up(key, now);
                }
            }
            Command::Accept { call, reply } => {
                let port = self.calls.get_mut(&call).and_then(|port| port.unclaimed.take());
                if port.is_some() {
                    self.parts.engine.accept(call, now);
                }
                if reply.send(port).is_err() {
                    self.parts.engine.hang_up(call, now);
                }
            }
            Command::Reject { call, reason } => self.parts.engine.reject(call, reason, now),
            Command::HangUp { call } => self.parts.engine.hang_up(call, now),
            Command::Confirm { call, same } => self.parts.engine.confirm_sas(call, same, now),
            Command::Contacts(book) => self.parts.engine.set_contacts(*book),
            Command::Identity { identity, reply } => {
                // Who asked may have gone.
                let _gone = reply.send(self.parts.engine.set_identity(identity, now));
            }
            Command::RememberedOffers { reply } => drop(reply.send(self.parts.engine.remembered_offers())),
            Command::Close { done } => self.close(Some(done)),
        }
    }

    /// Opens a call's sockets and rings; gives the owner's ends.
    async fn open(&mut self, key: CallKey, state: CallState) -> CallPort {
        let mute = Mute::default();
        let (rings, audio) = Rings::new(mute.clone());
        let (events, from_events) = mpsc::channel(EVENTS);
        let (state, from_state) = watch::channel(state);
        let (facts, from_facts) = watch::channel(Facts::default());
        self.calls
            .insert(key, Port { events, state, facts, rings: Some(rings), unclaimed: None, plays: false });
        let opened = self.sockets.open(key, &self.parts.bind).await;
        let now = self.parts.clock.now();
        let gathered = opened
            .map_err(|error| error.to_string())
            .and_then(|bases| self.parts.engine.gather(key, &bases, now).map_err(|error| error.to_string()));
        if let Err(error) = gathered {
            tracing::error!(%error, "the call's sockets cannot be used");
            self.parts.engine.fail(key, now);
        }
        CallPort { key, events: from_events, state: from_state, facts: from_facts, audio, mute }
    }

    fn close(&mut self, done: Option<oneshot::Sender<()>>) {
        let done = done.unwrap_or_else(|| oneshot::channel().0);
        let now = self.parts.clock.now();
        self.closing = Some((done, now + CLOSE_WAIT));
        self.parts.engine.close(now);
    }

    fn is_closed(&self) -> bool {
        let now = self.parts.clock.now();
        self.closing.as_ref().is_some_and(|(_, at)| !self.parts.engine.is_busy() || *at <= now)
    }

    /// Does what the engine says, until it waits; gives the moment it waits for.
    async fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.parts.engine.poll_output(&mut self.buf) {
                Output::Transmit { to, len } => self.transmit(to, len),
                Output::Event(event) => self.on_event(event).await,
                Output::Wait(wake) => return wake.map(|wake| wake.at),
            }
        }
    }

    fn transmit(&self, to: Transmit, len: usize) {
        let Some(bytes) = self.buf.get(..len) else { return };
        match to {
            Transmit::Datagram { local, remote, ecn, .. } => {
                if let Err(error) = self.sockets.send(local, remote, ecn, bytes) {
                    tracing::trace!(%error, "a datagram was not sent");
                }
            }
            Transmit::Server { server } => {
                if let Some((_, connection)) = self.servers.get(&server) {
                    connection.send(bytes);
                }
            }
        }
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Connect { server, url } => {
                let tls = Arc::clone(&self.parts.tls);
                self.generation += 1;
                let link = LinkId { server, generation: self.generation };
                let connection = Connection::open(link, url, tls, self.to_reports.clone());
                self.servers.insert(server, (link.generation, connection));
            }
            Event::Close { server } => {
                tracing::debug!(?server, "a connection to a rendezvous server is given up");
                self.servers.remove(&server);
            }
            Event::Online => {
                tracing::info!("can be called");
                self.parts.online.send_replace(true);
            }
            Event::Offline => {
                tracing::info!("the connection to the own rendezvous server is lost; it is tried again");
                self.parts.online.send_replace(false);
            }
            Event::Home(prekeys) => drop(self.parts.home.send_replace(Some(Arc::from(prekeys)))),
            Event::Publish { query, record } => self.parts.directory.publish(query, record),
            Event::Lookup { query, slot } => self.parts.directory.lookup(query, slot),
            Event::Findable(findable) => {
                tracing::info!(findable, "the directory was told where this endpoint is");
                self.parts.findable.send_replace(findable);
            }
            Event::Incoming { call, peer } => self.ring(call, peer).await,
            Event::Call { call, event } => self.tell(call, event),
            Event::Finished { call } => {
                self.sockets.close(call);
                self.calls.remove(&call);
            }
        }
    }

    async fn ring(&mut self, key: CallKey, peer: Fingerprint) {
        let port = self.open(key, CallState::Ringing).await;
        // Who rings has proven who it is, unless the call is over already.
        let trust = self.parts.engine.trust(key).unwrap_or(Trust::FirstContact);
        let ring = Ring { key, peer, trust, state: port.state.clone() };
        if let Some(entry) = self.calls.get_mut(&key) {
            entry.unclaimed = Some(port);
        }
        if self.parts.rings.try_send(ring).is_err() {
            // Nobody takes calls here, or too many ring already.
            self.parts.engine.reject(key, RejectReason::Busy, self.parts.clock.now());
        }
    }

    /// Hangs up calls of which no handle is held any more, however it was lost.
    fn hang_up_orphans(&mut self, now: Instant) {
        for (key, port) in &self.calls {
            if port.unclaimed.is_none() && port.events.is_closed() && !port.state.borrow().is_ended() {
                self.parts.engine.hang_up(*key, now);
            }
        }
    }

    /// Fires the engine's timers and the sound clock.
    fn on_time(&mut self) {
        let now = self.parts.clock.now();
        // The monotonic clock stands still while the machine sleeps, and the date may be set: it is told anew.
        self.parts.engine.set_date(Clock::unix(), now);
        self.parts.engine.handle_timeout(now);
        if self.stirring.next_at(self.parts.engine.open_calls()) <= now {
            self.stir(now);
        }
        self.hang_up_orphans(now);
        if !self.calls.values().any(|port| port.plays) {
            self.next_tick = None;
            return;
        }
        let mut next = self.next_tick.filter(|next| *next + MAX_LATE > now).unwrap_or(now);
        while next <= now {
            self.tick();
            next += TICK;
        }
        self.next_tick = Some(next);
    }

    /// Gives the engine fresh chance.
    fn stir(&mut self, now: Instant) {
        if let Some(chance) = self.stirring.draw(now) {
            self.parts.engine.stir(&chance);
        }
    }

    /// Ten milliseconds of sound, out and in.
    fn tick(&mut self) {
        let now = self.parts.clock.now();
        for (key, port) in self.calls.iter_mut().filter(|(_, port)| port.plays) {
            let Some(rings) = &mut port.rings else { continue };
            self.parts.engine.capture(*key, &rings.captured(), now);
            let mut frame = Frame::SILENCE;
            if self.parts.engine.playout(*key, &mut frame, now).is_some() {
                rings.play(&frame);
            }
        }
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The end of a call whose driver is gone.
pub(super) const GONE: EndReason = EndReason::Failed;
