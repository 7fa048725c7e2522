//! The behaviour of the server without IO: connections, mailboxes, records, and the limits of each.
//!
//! The owner tells which connections open and close, and hands over their messages. It closes a connection whose input
//! was refused for anything but a full outbox, and tells that it is closed.
//!
//! Whoever shows a token listens at the token's mailbox; whoever proves that it owns a key listens and publishes at the
//! key's address.
//!
//! # Timers
//! - `sweep`: every [`SWEEP`] while anything is held; ends what is over. Nothing that is over is given out before it.
//!
//! # Left out
//! - Anything on disk: records are published anew by their owners.

mod budget;
mod connections;
mod limits;
mod mailboxes;
mod owners;
mod prefix;
mod records;
mod senders;
mod shares;
#[cfg(test)]
mod tests;

pub use budget::Rate;
pub use limits::Limits;
pub use owners::{owned_mailbox_of, owned_slot_of};
pub use prefix::Prefix;

use connections::Connection;
use mailboxes::{Mailboxes, Put, Shared};
use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Full, Instant, Machine, Outbox, Output, Rng, Seed, Wake};
use p2pvoip_signal::rendezvous::{
    CHALLENGE_LEN, ClientFrame, LEAST_PROTOCOL_VERSION, MAX_SERVER_FRAME, PROTOCOL_VERSION, Refusal,
    RequestId, ServerFrame,
};
use p2pvoip_signal::{MailboxId, OwnerKey, Slot, Token};
use records::{Published, RecentPuts, Records};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The most connections that get one envelope, and the most envelopes that one new listener gets.
pub const MAX_FAN_OUT: usize = 32;
/// How often what is over is forgotten.
pub const SWEEP: Duration = Duration::from_secs(5);
/// The most connections that one sweep closes; the next closes more.
const CLOSED_PER_SWEEP: usize = 32;
const OUTBOX: usize = 64;
const _: () = assert!(OUTBOX > MAX_FAN_OUT + 2 && OUTBOX >= CLOSED_PER_SWEEP, "one call's worst case fits");

/// The name of one connection, given by the owner and never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// What happens to the hub.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A connection is open; all whose prefix is not told share one.
    Opened(ConnectionId),
    /// A connection from this prefix is open.
    OpenedFrom(ConnectionId, Prefix),
    /// A connection is closed, by whomever.
    Closed(ConnectionId),
    /// A binary message came.
    Frame(ConnectionId, &'a [u8]),
}

/// What the owner is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Close this connection: it said nothing for too long, or makes way for newer ones of the same owner. It is forgotten
    /// already.
    Close(ConnectionId),
}

/// Why an input was refused. The owner closes the connection, unless the outbox was full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The client's bytes are not a frame.
    #[error("the client sent bytes that are not a frame: {0}")]
    Malformed(#[from] Malformed),
    /// The client speaks no version that is still spoken.
    #[error("the client speaks version {0} of the protocol alone; it needs an update")]
    Version(u8),
    /// A connection that is not known, is known already, or does not greet first and once.
    #[error("that does not belong in this state of the connection")]
    Unexpected,
    /// The client goes on after it was told that it is too fast, or that its proofs are none.
    #[error("the client sends more than it may, or claims what it does not own, although it was told so")]
    Flood,
    /// There are as many connections as may be.
    #[error("the server has as many connections as it may; raise the limit or add a server")]
    TooManyConnections,
    /// The outbox has no room now.
    #[error(transparent)]
    Full(#[from] Full),
}

/// Counts for operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Connections now.
    pub connections: usize,
    /// Mailboxes now.
    pub mailboxes: usize,
    /// Records now.
    pub records: usize,
    /// Envelopes that were passed on or kept.
    pub envelopes: u64,
    /// Requests that were refused by a limit.
    pub limited: u64,
    /// Inputs that were refused.
    pub refused: u64,
}

enum Intent {
    Answer(ConnectionId, Answer),
    Envelope { to: ConnectionId, serial: u32, mailbox: MailboxId, envelope: Shared },
    Bundle(ConnectionId, RequestId, Arc<[u8]>),
    Close(ConnectionId),
}

/// The small frames, which borrow nothing.
type Answer = ServerFrame<'static>;

/// Machine: the rendezvous server without its sockets.
pub struct Hub {
    limits: Limits,
    connections: BTreeMap<ConnectionId, Connection>,
    mailboxes: Mailboxes,
    records: Records,
    recent: RecentPuts,
    /// What challenges are drawn from.
    chance: Rng,
    outbox: Outbox<Intent, OUTBOX>,
    sweep: Option<Instant>,
    now: Instant,
    envelopes: u64,
    limited: u64,
    refused: u64,
}

impl Hub {
    /// An empty hub. The seed is what challenges are drawn from: who knows it can prove nothing, but who can tell a
    /// challenge beforehand could have it signed elsewhere.
    #[must_use]
    pub fn new(limits: Limits, seed: &Seed, now: Instant) -> Self {
        Self {
            limits,
            connections: BTreeMap::new(),
            mailboxes: Mailboxes::default(),
            records: Records::default(),
            recent: RecentPuts::default(),
            chance: seed.derive("challenges").rng(),
            outbox: Outbox::new(),
            sweep: None,
            now,
            envelopes: 0,
            limited: 0,
            refused: 0,
        }
    }

    /// Counts for operators.
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.connections.len(),
            mailboxes: self.mailboxes.len(),
            records: self.records.len(),
            envelopes: self.envelopes,
            limited: self.limited,
            refused: self.refused,
        }
    }

    fn accept(&mut self, input: Input<'_>, now: Instant) -> Result<(), Refused> {
        match input {
            Input::Opened(id) => self.on_opened(id, None, now),
            Input::OpenedFrom(id, from) => self.on_opened(id, Some(from), now),
            Input::Closed(id) => {
                self.on_closed(id, now);
                Ok(())
            }
            Input::Frame(id, bytes) => self.on_frame(id, bytes, now),
        }
    }

    fn on_frame(&mut self, from: ConnectionId, bytes: &[u8], now: Instant) -> Result<(), Refused> {
        let frame = ClientFrame::parse(bytes)?;
        let challenge = self.may_say(from, &frame)?;
        if let ClientFrame::Received { serial } = frame
            && self.on_received(from, serial, now)
        {
            return Ok(());
        }
        self.outbox.require(self.most_outputs(&frame))?;
        let in_time = self.charge(from, now)?;
        match frame {
            ClientFrame::Hello { version } => {
                self.answer(from, ServerFrame::Welcome { version: version.min(PROTOCOL_VERSION), challenge });
            }
            ClientFrame::Ping { nonce } => self.answer(from, ServerFrame::Pong { nonce }),
            ClientFrame::Received { .. } => {}
            ClientFrame::Forget { token } => self.forget(from, &token, now),
            ClientFrame::Disown { key } => self.disown(from, &key, now),
            ClientFrame::Listen { id, .. }
            | ClientFrame::Own { id, .. }
            | ClientFrame::Put { id, .. }
            | ClientFrame::Publish { id, .. }
            | ClientFrame::Fetch { id, .. }
                if !in_time =>
            {
                self.refuse(from, id, Refusal::TooFast);
            }
            ClientFrame::Listen { id, token } => self.listen(from, id, &token, now),
            ClientFrame::Own { id, key, signature } => self.own(from, id, (&key, signature), now),
            ClientFrame::Put { id, to, envelope } => self.put(from, id, to, &Arc::new(*envelope), now),
            ClientFrame::Publish { id, key, sequence, lifetime, bytes } => {
                let until = now + Duration::from_secs(u64::from(lifetime));
                self.publish(from, id, &key, (sequence, until, bytes), now);
            }
            ClientFrame::Fetch { id, slot } => self.fetch(from, id, &slot, now),
        }
        Ok(())
    }

    /// Whether the frame is in its place and what it says is still worth a look; the connection's challenge if so.
    fn may_say(&self, from: ConnectionId, frame: &ClientFrame<'_>) -> Result<[u8; CHALLENGE_LEN], Refused> {
        let connection = self.connections.get(&from).ok_or(Refused::Unexpected)?;
        if matches!(frame, ClientFrame::Hello { .. }) == connection.greeted {
            return Err(Refused::Unexpected);
        }
        if let ClientFrame::Hello { version } = *frame
            && version < LEAST_PROTOCOL_VERSION
        {
            return Err(Refused::Version(version));
        }
        let is_proof = matches!(frame, ClientFrame::Own { .. });
        if is_proof && connection.failed_proofs >= self.limits.failed_proofs {
            return Err(Refused::Flood);
        }
        Ok(connection.challenge)
    }

    /// The most outputs that this frame leads to.
    fn most_outputs(&self, frame: &ClientFrame<'_>) -> usize {
        1 + match frame {
            ClientFrame::Listen { .. } => MAX_FAN_OUT,
            ClientFrame::Own { .. } => 1 + MAX_FAN_OUT,
            ClientFrame::Put { to, .. } => self.mailboxes.listeners_of(to).len(),
            ClientFrame::Hello { .. }
            | ClientFrame::Forget { .. }
            | ClientFrame::Disown { .. }
            | ClientFrame::Publish { .. }
            | ClientFrame::Fetch { .. }
            | ClientFrame::Received { .. }
            | ClientFrame::Ping { .. } => 0,
        }
    }

    fn listen(&mut self, from: ConnectionId, id: RequestId, token: &Token, now: Instant) {
        let mailbox = mailbox_of(token);
        let Some(connection) = self.connections.get_mut(&from) else { return };
        if connection.listens.contains(&mailbox) {
            return self.answer(from, ServerFrame::Done { id });
        }
        let full = connection.listens.len() >= self.limits.listens_per_connection;
        if full || !self.mailboxes.admits(&mailbox, &self.limits) {
            return self.refuse(from, id, Refusal::Limit);
        }
        connection.listens.insert(mailbox);
        self.hand_over(from, id, mailbox, now);
    }

    /// Adds a listener, which was admitted, and hands over what waits for it.
    fn hand_over(&mut self, from: ConnectionId, id: RequestId, mailbox: MailboxId, now: Instant) {
        let unread = self.unread_in(&mailbox, now);
        let waiting = self.mailboxes.listen(mailbox, from, &self.limits, now);
        self.answer(from, ServerFrame::Done { id });
        for envelope in waiting.into_iter().chain(unread).take(MAX_FAN_OUT) {
            self.send_envelope(from, mailbox, envelope, now);
        }
    }

    fn forget(&mut self, from: ConnectionId, token: &Token, now: Instant) {
        let mailbox = mailbox_of(token);
        let connection = self.connections.get_mut(&from);
        if connection.is_some_and(|connection| connection.listens.remove(&mailbox)) {
            self.mailboxes.forget(&mailbox, from, now);
        }
    }

    fn put(&mut self, from: ConnectionId, id: RequestId, to: MailboxId, envelope: &Shared, now: Instant) {
        if self.recent.contains(id) {
            return self.answer(from, ServerFrame::Done { id });
        }
        let prefix = self.connections.get(&from).and_then(|connection| connection.from);
        match self.mailboxes.put((&to, prefix), envelope, &self.limits, now) {
            Put::To(listeners) => {
                for listener in listeners {
                    self.send_envelope(listener, to, Arc::clone(envelope), now);
                }
            }
            Put::Kept => {}
            Put::Absent => return self.answer(from, ServerFrame::Absent { id }),
            Put::TooFast => return self.refuse(from, id, Refusal::TooFast),
        }
        self.envelopes += 1;
        self.recent.add(id, &self.limits, now);
        self.answer(from, ServerFrame::Done { id });
    }

    fn publish(
        &mut self,
        from: ConnectionId,
        id: RequestId,
        key: &OwnerKey,
        record: (u64, Instant, &[u8]),
        now: Instant,
    ) {
        if !self.owns(from, key) {
            return self.refuse(from, id, Refusal::NotOwner);
        }
        let Some(connection) = self.connections.get(&from) else { return };
        match self.records.publish(owned_slot_of(key), connection.from, record, &self.limits, now) {
            Published::Done => self.answer(from, ServerFrame::Done { id }),
            Published::Older => self.answer(from, ServerFrame::Refused { id, why: Refusal::Older }),
            Published::Limit => self.refuse(from, id, Refusal::Limit),
        }
    }

    fn fetch(&mut self, from: ConnectionId, id: RequestId, slot: &Slot, now: Instant) {
        match self.records.get(slot, now) {
            Some(bytes) => self.push(Intent::Bundle(from, id, bytes)),
            None => self.answer(from, ServerFrame::Absent { id }),
        }
    }

    fn refuse(&mut self, to: ConnectionId, id: RequestId, why: Refusal) {
        self.limited += 1;
        self.answer(to, ServerFrame::Refused { id, why });
    }

    fn answer(&mut self, to: ConnectionId, answer: Answer) {
        self.push(Intent::Answer(to, answer));
    }

    /// Room was asked for before anything changed, so that this cannot fail.
    fn push(&mut self, intent: Intent) {
        let pushed = self.outbox.push(intent);
        debug_assert!(pushed.is_ok(), "room was asked for");
    }

    fn is_empty(&self) -> bool {
        self.connections.is_empty()
            && self.mailboxes.is_empty()
            && self.records.len() == 0
            && self.recent.len() == 0
    }

    fn fire_due(&mut self) {
        if self.sweep.is_some_and(|at| at <= self.now) && self.outbox.require(CLOSED_PER_SWEEP).is_ok() {
            self.sweep_at(self.now);
            self.sweep = None;
        }
        if self.sweep.is_none() && !self.is_empty() {
            self.sweep = Some(self.now + SWEEP);
        }
    }

    fn sweep_at(&mut self, now: Instant) {
        self.mailboxes.sweep(&self.limits, now);
        self.records.sweep(now);
        self.recent.sweep(now);
        let limits = &self.limits;
        let silent = self.connections.iter().filter(|(_, connection)| {
            let most = if connection.greeted { limits.silence } else { limits.greeting };
            connection.heard + most <= now
        });
        let silent: Vec<_> = silent.map(|(id, _)| *id).take(CLOSED_PER_SWEEP).collect();
        for id in silent {
            self.on_closed(id, now);
            self.push(Intent::Close(id));
        }
    }
}

impl Machine for Hub {
    const MAX_TRANSMIT: usize = MAX_SERVER_FRAME;
    type Input<'a> = Input<'a>;
    type Transmit = ConnectionId;
    type Event = Event;
    type Error = Refused;

    fn handle_input(&mut self, input: Input<'_>, now: Instant) -> Result<(), Refused> {
        let accepted = self.accept(input, now);
        match accepted {
            Ok(()) => {
                self.now = self.now.max(now);
                self.fire_due();
            }
            Err(Refused::Full(_)) => {}
            Err(_) => self.refused += 1,
        }
        accepted
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.fire_due();
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<ConnectionId, Event> {
        if self.outbox.is_empty() {
            self.fire_due();
        }
        while let Some(intent) = self.outbox.pop() {
            let (to, emitted) = match &intent {
                Intent::Close(id) => return Output::Event(Event::Close(*id)),
                Intent::Answer(to, frame) => (*to, frame.emit(buf)),
                Intent::Envelope { to, serial, mailbox, envelope } => {
                    (*to, ServerFrame::Envelope { serial: *serial, mailbox: *mailbox, envelope }.emit(buf))
                }
                Intent::Bundle(to, id, bytes) => (*to, ServerFrame::Bundle { id: *id, bytes }.emit(buf)),
            };
            // Every limit was checked when it came in, so that only a short buffer fails: a bug of the caller.
            debug_assert!(emitted.is_ok(), "the buffer holds MAX_TRANSMIT bytes");
            if let Ok(len) = emitted {
                return Output::Transmit { to, len };
            }
        }
        Output::Wait(self.sweep.map(|at| Wake { at, why: "sweep" }))
    }
}

impl core::fmt::Debug for Hub {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Hub").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// The mailbox that a token opens: the first 16 bytes of its SHA-256 (FIPS 180-4).
pub fn mailbox_of(token: &Token) -> MailboxId {
    MailboxId::new(name_of(&[token.as_bytes()]))
}

fn name_of(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        hash.update(part);
    }
    let mut name = [0; 16];
    for (to, from) in name.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    name
}
