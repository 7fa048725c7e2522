//! A client of the rendezvous server: keeps a connection wanted and alive, and asks until it is answered.
//!
//! The owner dials when it sees [`Event::Connect`], tells [`Input::Connected`] once the WebSocket is open, hands over
//! each binary message as [`Input::Frame`], and drops the connection at [`Event::Close`]. It drains the outputs before it
//! tells that a new connection is open; a transmit names the connection that it is for, and is dropped on any other.
//! Every connection has its own [`Event::Challenge`]: the owner answers with [`Client::own`] for each key that it owns.
//!
//! # Timers
//! - `connect`: [`BACKOFF_FIRST`] doubling to [`BACKOFF_MOST`] with jitter, then [`CONNECT_WAIT`], then [`WELCOME_WAIT`].
//! - `ping`: every [`PING_INTERVAL`]; `pong`: [`PONG_WAIT`] after a ping, ended by any frame.
//! - `request`: [`REQUEST_WAIT`](super::REQUEST_WAIT) for each request.

mod commands;
mod link;
mod owning;
#[cfg(test)]
mod tests;

pub use commands::CommandError;
pub use link::{
    BACKOFF_FIRST, BACKOFF_MOST, CONNECT_WAIT, PING_INTERVAL, PONG_WAIT, STABLE_AFTER, WELCOME_WAIT,
};

use super::frame::{CHALLENGE_LEN, MAX_CLIENT_FRAME, Refusal, RequestId, ServerFrame};
use super::requests::{Ask, MAX_KEYS, MAX_LISTENS, MAX_REQUESTS, Outgoing, Owned, Table};
use crate::{Envelope, MailboxId, OwnerKey, Token};
use link::State;
use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Full, Instant, Machine, Outbox, Output, Rng, Seed, Timers};

/// The most outputs that wait. A welcome sends every listen and request again, and tells that it is online and what the
/// challenge is.
const OUTBOX: usize = 80;
const _: () = assert!(OUTBOX > 2 + MAX_LISTENS + MAX_REQUESTS, "one call's worst case fits");

/// What one due timer may say at most: drop the connection, and that it is offline.
const PER_TIMER: usize = 2;

/// What happens to the client.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The connection that was wished for is open.
    Connected,
    /// The connection, or the attempt at one, has failed or was closed.
    Disconnected,
    /// A binary message of the server.
    Frame(&'a [u8]),
}

/// A frame for the server, sent as one binary message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// How many connections were opened when it was made: on a later one it is dropped, and what matters comes again.
    pub connection: u32,
}

/// What the owner is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Open a connection to the server now.
    Connect,
    /// Drop the connection, or the attempt at one: it is dead.
    Close,
    /// The server welcomed this client.
    Online,
    /// What an owner signs ([`own_statement`](super::own_statement)) and shows with [`Client::own`], on this connection alone;
    /// comes with each welcome, right after `Online`.
    Challenge {
        /// Random.
        challenge: [u8; CHALLENGE_LEN],
    },
    /// It was online and is no longer; it tries again by itself. Nothing is owned any more.
    Offline,
    /// The server passes on what comes to this mailbox from now on; comes again after each reconnection.
    Listening {
        /// That of [`Client::listen`].
        id: RequestId,
    },
    /// The server has checked that we own this key: it passes on what comes to the key's address, and takes records for
    /// it, until the connection ends.
    Owned {
        /// That of [`Client::own`].
        id: RequestId,
        /// Which key.
        key: OwnerKey,
    },
    /// An envelope came. It may come twice.
    Envelope {
        /// To which mailbox.
        mailbox: MailboxId,
        /// What.
        envelope: Envelope,
    },
    /// The envelope was passed on to someone who listens.
    Delivered {
        /// That of [`Client::put`].
        id: RequestId,
    },
    /// Nobody listens at the mailbox.
    Absent {
        /// That of [`Client::put`].
        id: RequestId,
    },
    /// The record is published.
    Published {
        /// That of [`Client::publish`].
        id: RequestId,
    },
    /// The server looked.
    Fetched {
        /// That of [`Client::fetch`].
        id: RequestId,
        /// The record, or nothing when the slot is empty.
        bytes: Option<Vec<u8>>,
    },
    /// The server does not do it. A refused listen, and a refused key, is given up.
    Refused {
        /// Which request.
        id: RequestId,
        /// Why.
        why: Refusal,
    },
    /// No answer came in time; it may have been done all the same.
    TimedOut {
        /// Which request.
        id: RequestId,
    },
}

/// Why an input was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The server's bytes are not a frame, or hold an envelope that is none.
    #[error("the server sent bytes that are not a frame: {0}")]
    Malformed(#[from] Malformed),
    /// It does not belong in this state.
    #[error("that does not belong in this state of the connection; it is dropped")]
    Unexpected,
    /// The outbox has no room now.
    #[error(transparent)]
    Full(#[from] Full),
}

/// Counts for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Connections that were opened.
    pub connections: u32,
    /// Inputs that were refused, but for a full outbox.
    pub refused: u64,
    /// Answers to requests that were no longer waited for: no fault of the server.
    pub late_answers: u64,
    /// Requests that timed out.
    pub timed_out: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Timer {
    Connect,
    Ping,
    Pong,
    Request(RequestId),
}

enum Intent {
    Frame { connection: u32, frame: Outgoing },
    Event(Event),
}

/// Machine: one client's side of the rendezvous protocol.
pub struct Client {
    state: State,
    /// Attempts since the last connection that lasted.
    attempts: u32,
    listens: Table<Token>,
    requests: Table<Ask>,
    /// Keys of the present connection.
    keys: Table<Owned>,
    outbox: Outbox<Intent, OUTBOX>,
    timers: Timers<Timer, { MAX_REQUESTS + 3 }>,
    rng: Rng,
    now: Instant,
    stats: Stats,
}

impl Client {
    /// A client that wants a connection at once.
    #[must_use]
    pub fn new(seed: &Seed, now: Instant) -> Self {
        let mut client = Self {
            state: State::Waiting,
            attempts: 0,
            listens: Table::new(MAX_LISTENS),
            requests: Table::new(MAX_REQUESTS),
            keys: Table::new(MAX_KEYS),
            outbox: Outbox::new(),
            timers: Timers::new(),
            rng: seed.derive("rendezvous client").rng(),
            now,
            stats: Stats::default(),
        };
        client.open();
        client
    }

    /// Whether the server has welcomed this client.
    pub const fn is_online(&self) -> bool {
        matches!(self.state, State::Online { .. })
    }

    /// How many requests wait for an answer.
    pub const fn unanswered(&self) -> usize {
        self.requests.len()
    }

    /// Counts for people.
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    fn accept(&mut self, input: Input<'_>, now: Instant) -> Result<(), Refused> {
        match input {
            Input::Connected => self.on_connected(now),
            Input::Disconnected => self.on_disconnected(now),
            Input::Frame(bytes) => {
                if !matches!(self.state, State::Greeting | State::Online { .. }) {
                    return Err(Refused::Unexpected);
                }
                self.on_frame(ServerFrame::parse(bytes)?, now)
            }
        }
    }

    fn on_frame(&mut self, frame: ServerFrame<'_>, now: Instant) -> Result<(), Refused> {
        if let ServerFrame::Welcome { version, challenge } = frame {
            return self.on_welcome(version, challenge, now);
        }
        if !self.is_online() {
            return Err(Refused::Unexpected);
        }
        // An envelope is told and acknowledged.
        self.outbox.require(2)?;
        match frame {
            ServerFrame::Welcome { .. } | ServerFrame::Pong { .. } => {}
            ServerFrame::Envelope { serial, mailbox, envelope } => {
                let envelope = Envelope::from_bytes(envelope)?;
                self.send(Outgoing::Received { serial });
                self.tell(Event::Envelope { mailbox, envelope });
            }
            ServerFrame::Done { id } => self.on_done(id)?,
            ServerFrame::Absent { id } => self.on_absent(id)?,
            ServerFrame::Refused { id, why } => self.on_refused(id, why),
            ServerFrame::Bundle { id, bytes } => self.on_bundle(id, bytes)?,
        }
        self.on_alive();
        Ok(())
    }

    fn on_done(&mut self, id: RequestId) -> Result<(), Refused> {
        if self.listens.get(id).is_some() {
            self.tell(Event::Listening { id });
            return Ok(());
        }
        if let Some(owned) = self.keys.get(id) {
            let key = owned.key;
            return Ok(self.on_owned(id, key)?);
        }
        let event = match self.requests.get(id) {
            Some(Ask::Put { .. }) => Event::Delivered { id },
            Some(Ask::Publish { .. }) => Event::Published { id },
            Some(Ask::Fetch { .. }) => return Err(Refused::Unexpected),
            None => {
                self.stats.late_answers += 1;
                return Ok(());
            }
        };
        self.settle(id, event);
        Ok(())
    }

    fn on_absent(&mut self, id: RequestId) -> Result<(), Refused> {
        let event = match self.requests.get(id) {
            Some(Ask::Put { .. }) => Event::Absent { id },
            Some(Ask::Fetch { .. }) => Event::Fetched { id, bytes: None },
            Some(Ask::Publish { .. }) => return Err(Refused::Unexpected),
            None => {
                self.stats.late_answers += 1;
                return Ok(());
            }
        };
        self.settle(id, event);
        Ok(())
    }

    fn on_bundle(&mut self, id: RequestId, bytes: &[u8]) -> Result<(), Refused> {
        match self.requests.get(id) {
            Some(Ask::Fetch { .. }) => self.settle(id, Event::Fetched { id, bytes: Some(bytes.to_vec()) }),
            Some(Ask::Put { .. } | Ask::Publish { .. }) => return Err(Refused::Unexpected),
            None => {
                self.stats.late_answers += 1;
                return Ok(());
            }
        }
        Ok(())
    }

    fn on_refused(&mut self, id: RequestId, why: Refusal) {
        if self.listens.remove(id).is_some() || self.keys.remove(id).is_some() {
            self.tell(Event::Refused { id, why });
        } else if self.requests.get(id).is_some() {
            self.settle(id, Event::Refused { id, why });
        } else {
            self.stats.late_answers += 1;
        }
    }

    fn settle(&mut self, id: RequestId, event: Event) {
        self.requests.remove(id);
        self.timers.cancel(Timer::Request(id));
        self.tell(event);
    }

    fn tell(&mut self, event: Event) {
        self.push(Intent::Event(event));
    }

    fn send(&mut self, frame: Outgoing) {
        let connection = self.stats.connections;
        self.push(Intent::Frame { connection, frame });
    }

    /// Room was asked for before anything changed, so that this cannot fail.
    fn push(&mut self, intent: Intent) {
        let pushed = self.outbox.push(intent);
        debug_assert!(pushed.is_ok(), "room was asked for");
    }

    fn fire_due(&mut self) {
        while self.outbox.require(PER_TIMER).is_ok() {
            match self.timers.pop_due(self.now) {
                Some(Timer::Connect) => self.on_connect_timer(),
                Some(Timer::Ping) => self.on_ping_timer(),
                Some(Timer::Pong) => self.drop_connection(),
                Some(Timer::Request(id)) => {
                    self.stats.timed_out += 1;
                    self.requests.remove(id);
                    self.tell(Event::TimedOut { id });
                }
                None => return,
            }
        }
    }

    fn at(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}

impl Machine for Client {
    const MAX_TRANSMIT: usize = MAX_CLIENT_FRAME;
    type Input<'a> = Input<'a>;
    type Transmit = Transmit;
    type Event = Event;
    type Error = Refused;

    fn handle_input(&mut self, input: Input<'_>, now: Instant) -> Result<(), Refused> {
        let accepted = self.accept(input, now);
        match accepted {
            Ok(()) => {
                self.at(now);
                self.fire_due();
            }
            Err(Refused::Malformed(_) | Refused::Unexpected) => self.stats.refused += 1,
            Err(Refused::Full(_)) => {}
        }
        accepted
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.at(now);
        self.fire_due();
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<Transmit, Event> {
        if self.outbox.is_empty() {
            self.fire_due();
        }
        while let Some(intent) = self.outbox.pop() {
            match intent {
                Intent::Event(event) => return Output::Event(event),
                Intent::Frame { connection, frame } => {
                    // Commands checked every limit, so that only a short buffer fails: a bug of the caller.
                    let emitted = frame.emit(buf);
                    debug_assert!(emitted.is_ok(), "the buffer holds MAX_TRANSMIT bytes");
                    if let Ok(len) = emitted {
                        return Output::Transmit { to: Transmit { connection }, len };
                    }
                }
            }
        }
        Output::Wait(self.timers.wake(|timer| match timer {
            Timer::Connect => "connect",
            Timer::Ping => "ping",
            Timer::Pong => "pong",
            Timer::Request(_) => "request",
        }))
    }
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Client");
        shown.field("state", &self.state).field("listens", &self.listens.len());
        shown.field("requests", &self.requests.len()).field("keys", &self.keys.len());
        shown.field("stats", &self.stats).finish_non_exhaustive()
    }
}
