//! The command `listen`: prints the contact card and answers calls, one at a time.

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::signal::RejectReason;
use p2pvoip::{CallState, EndReason, Endpoint, Identity, IncomingCall};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::args::{self, Decline};
use crate::clock;
use crate::conversation::{self, Voices};
use crate::endpoint;
use crate::events::{self, Printer};
use crate::exit::Failure;
use crate::identity_file;
use crate::interrupt::Interrupt;
use crate::people::People;
use crate::qr;
use crate::ring::{self, Answer};
use crate::upkeep::{self, Upkeep};
use crate::view::{self, Model, View};

/// How long the server may take to know us.
const ONLINE: Duration = Duration::from_secs(10);

/// Answers calls until it is enough.
pub(crate) async fn run(common: &args::Common, listen: &args::Listen) -> Result<(), Failure> {
    if listen.ask && !view::is_wanted(common) {
        return Err(Failure::Usage(
            "--ask needs a terminal whose keys answer; leave it out for scripts".into(),
        ));
    }
    // Files that cannot be used are told before anybody calls.
    let server = endpoint::server(listen.server.as_deref())?.ok_or_else(|| {
        Failure::Usage("name the rendezvous server where callers find you by --server".into())
    })?;
    let mut sound = listen.sound.clone();
    sound.silent |= listen.decline.is_some();
    Voices::open(&sound, common.json, 1, None)?.warn();
    let own = identity_file::own(&listen.who)?;
    let interrupt = Interrupt::watch(common.with_parent)?;
    let view = View::new(common, &interrupt);
    upkeep::warn_of_expiry(own.store.as_ref());
    let people = People::of(own.store)?;
    let printer = Printer::new(common.json, listen.network.show_addresses).with_view(view.handle());
    let printer = printer.with_people(people.clone());
    let endpoint = endpoint::start(own.identity, people.book(), Some(&server), &listen.network).await?;
    let connection = Connection {
        online: endpoint.watch_online(),
        told: true,
        findable: endpoint.watch_findable(),
        told_findable: false,
        printer: printer.clone(),
    };
    let upkeep = Upkeep::new(&endpoint, people, printer.clone());
    let until = clock::never();
    let mut listener =
        Listener { listen, server, printer, interrupt, view, connection, upkeep, until, calls: 0 };
    let (endpoint, answered) = listener.answer(endpoint).await;
    endpoint::close(endpoint).await;
    answered
}

/// What the command knows while it listens.
struct Listener<'a> {
    listen: &'a args::Listen,
    server: String,
    printer: Printer,
    interrupt: Interrupt,
    view: View,
    connection: Connection,
    upkeep: Upkeep,
    until: Instant,
    calls: u32,
}

/// Tells when the connection with the server is lost, and when it is back; without it nobody can call.
struct Connection {
    online: watch::Receiver<bool>,
    told: bool,
    /// Whether the DHT tells where we are.
    findable: watch::Receiver<bool>,
    told_findable: bool,
    printer: Printer,
}

impl Connection {
    /// Never returns; may be dropped at any time.
    async fn follow(&mut self) {
        loop {
            let (told, told_findable) = (self.told, self.told_findable);
            // When the endpoint is gone, that is told elsewhere.
            tokio::select! {
                Ok(online) = changed(&mut self.online, told) => {
                    self.told = online;
                    self.printer.connection(online);
                }
                Ok(findable) = changed(&mut self.findable, told_findable) => {
                    self.told_findable = findable;
                    self.printer.findable(findable);
                }
                else => std::future::pending().await,
            }
        }
    }
}

/// Waits until it is no longer what was told.
async fn changed(watched: &mut watch::Receiver<bool>, told: bool) -> Result<bool, watch::error::RecvError> {
    watched.wait_for(|now| *now != told).await.map(|now| *now)
}

/// Goes on with the identity as its file stands by now.
async fn give(endpoint: &Endpoint, identity: Arc<Identity>) {
    if let Err(error) = endpoint.set_identity(identity).await {
        events::warning(&error.to_string());
    }
}

/// What comes next.
enum Next {
    Call(IncomingCall),
    Identity(Arc<Identity>),
    Interrupted,
    TimeOver,
    Closed,
}

impl Listener<'_> {
    async fn answer(&mut self, mut endpoint: Endpoint) -> (Endpoint, Result<(), Failure>) {
        let mut result = self.go_online(&endpoint).await;
        while result.is_ok() {
            match self.next(&mut endpoint).await {
                Next::Call(incoming) => {
                    self.calls += 1;
                    let taken = self.take(&mut endpoint, incoming).await;
                    if self.listen.once || matches!(taken, Err(Failure::Interrupted)) {
                        result = taken;
                        break;
                    }
                    if let Err(failure) = taken {
                        events::failure(&failure, self.printer.is_json());
                    }
                }
                Next::Identity(identity) => give(&endpoint, identity).await,
                Next::Interrupted => {
                    result = Err(Failure::Interrupted);
                    break;
                }
                Next::TimeOver => {
                    result = self.nobody_called();
                    break;
                }
                Next::Closed => {
                    result = Err(Failure::Internal("the endpoint stopped; the log says more".into()));
                }
            }
        }
        // Ctrl-C is how a program that listens without end is meant to end.
        if matches!(result, Err(Failure::Interrupted)) && !self.listen.once {
            result = Ok(());
        }
        (endpoint, result)
    }

    async fn go_online(&mut self, endpoint: &Endpoint) -> Result<(), Failure> {
        let card =
            endpoint.card().ok_or_else(|| Failure::Usage("--server: name the rendezvous server".into()))?;
        tokio::select! {
            online = timeout(ONLINE, endpoint.online()) => match online {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(endpoint::cannot_start(&error, &self.listen.network)),
                Err(_) => return Err(endpoint::unreachable_server(&self.server)),
            },
            () = self.interrupt.asked() => return Err(Failure::Interrupted),
        }
        if let Some(seconds) = self.listen.limit {
            self.until = clock::now() + Duration::from_secs_f64(seconds);
        }
        self.printer.listening(card);
        if !self.printer.is_json() {
            qr::show(&card.to_string(), self.listen.code.wanted());
        }
        Ok(())
    }

    async fn next(&mut self, endpoint: &mut Endpoint) -> Next {
        tokio::select! {
            incoming = endpoint.incoming() => incoming.map_or(Next::Closed, Next::Call),
            () = self.interrupt.asked() => Next::Interrupted,
            () = sleep_until(self.until) => Next::TimeOver,
            () = self.connection.follow() => Next::Closed,
            identity = self.upkeep.changed() => Next::Identity(identity),
        }
    }

    /// Takes or declines one call; however it ends, the view is closed after it, so that the next one can open it.
    async fn take(&mut self, endpoint: &mut Endpoint, incoming: IncomingCall) -> Result<(), Failure> {
        let taken = self.follow(endpoint, incoming).await;
        self.view.close().await;
        taken
    }

    /// Follows one call to its end; who calls meanwhile hears that we are busy.
    async fn follow(&mut self, endpoint: &mut Endpoint, mut incoming: IncomingCall) -> Result<(), Failure> {
        self.printer.begin_call();
        self.printer.incoming(incoming.peer(), incoming.trust());
        if let Some(decline) = self.listen.decline {
            let (why, end) = match decline {
                Decline::Declined => (RejectReason::Declined, EndReason::Declined),
                Decline::Busy => (RejectReason::Busy, EndReason::BusyHere),
            };
            incoming.reject(why).await;
            self.printer.ended(end);
            return Failure::of_end(end);
        }
        let (peer, trust) = (incoming.peer(), incoming.trust());
        if self.listen.ask {
            let name = self.printer.name(&peer);
            self.view.open(Model::new(peer, false, CallState::Ringing).named(name).trusted(trust).asking());
            let rings = ring::wait(&mut incoming, endpoint, &mut self.view, &mut self.interrupt, self.until);
            let answer = rings.await;
            if !matches!(answer, Answer::Take) {
                return self.not_taken(incoming, answer).await;
            }
            self.printer.view().note(Model::on_answered);
        }
        let voices = Voices::open(&self.listen.sound, self.printer.is_json(), self.calls, None)?;
        let call = match incoming.accept().await {
            Ok(call) => call,
            Err(reason) => {
                self.printer.ended(reason);
                return Failure::of_end(reason);
            }
        };
        let name = self.printer.name(&peer);
        self.view.open(Model::new(peer, false, CallState::Connecting).named(name).trusted(trust));
        let (printer, view) = (&mut self.printer, &mut self.view);
        let held = conversation::hold(call, voices, printer, &mut self.interrupt, view, Some(self.until));
        let mut held = std::pin::pin!(held);
        loop {
            tokio::select! {
                ended = &mut held => return Failure::of_end(ended?),
                () = self.connection.follow() => {}
                identity = self.upkeep.changed() => give(endpoint, identity).await,
                Some(other) = endpoint.incoming() => other.reject(RejectReason::Busy).await,
            }
        }
    }

    /// A call that rang and was not answered.
    async fn not_taken(&mut self, incoming: IncomingCall, answer: Answer) -> Result<(), Failure> {
        let reason = match answer {
            Answer::Gone(reason) => reason,
            Answer::Take | Answer::Decline | Answer::Interrupted => {
                incoming.reject(RejectReason::Declined).await;
                EndReason::Declined
            }
        };
        self.printer.ended(reason);
        if matches!(answer, Answer::Interrupted) {
            Err(Failure::Interrupted)
        } else {
            Failure::of_end(reason)
        }
    }

    /// What it means that the time is over.
    fn nobody_called(&self) -> Result<(), Failure> {
        if self.listen.once && self.calls == 0 {
            let message = "Nobody called within the time; listen longer by --for.".to_owned();
            return Err(Failure::Call { code: 8, reason: "nobody-called", message });
        }
        Ok(())
    }
}
