//! The client's connection: wished for, opened, greeted, kept alive, and wished for again.

use super::{Client, Event, Refused, Timer};
use crate::rendezvous::frame::{CHALLENGE_LEN, LEAST_PROTOCOL_VERSION, PROTOCOL_VERSION};
use crate::rendezvous::requests::Outgoing;
use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Full, Instant};
use std::time::Duration;

/// The wait before the second attempt at a connection; half of it and more, by chance.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
pub const BACKOFF_MOST: Duration = Duration::from_secs(60);
/// A connection that lasted this long starts the waits from the first again.
pub const STABLE_AFTER: Duration = Duration::from_secs(10);
/// How long the owner may take to open a connection.
pub const CONNECT_WAIT: Duration = Duration::from_secs(15);
/// How long the server may take to welcome.
pub const WELCOME_WAIT: Duration = Duration::from_secs(10);
/// How often the server is pinged: below the 30 s after which some NATs forget a flow.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);
/// How long the pong may take.
pub const PONG_WAIT: Duration = Duration::from_secs(10);

/// Where the connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// There is none; the timer `Connect` ends the wait.
    Waiting,
    /// The owner opens one.
    Opening,
    /// Open; the server has not welcomed yet.
    Greeting,
    /// Welcomed.
    Online { since: Instant },
}

impl Client {
    /// The network changed: gives the connection up and wishes for another at once.
    ///
    /// # Errors
    /// [`Full`]: drain the outputs and ask again.
    pub fn reconnect(&mut self, now: Instant) -> Result<(), Full> {
        self.outbox.require(3)?;
        self.at(now);
        if self.state != State::Waiting {
            self.drop_connection();
        }
        self.attempts = 0;
        self.open();
        Ok(())
    }

    pub(super) fn on_connected(&mut self, now: Instant) -> Result<(), Refused> {
        if self.state != State::Opening {
            return Err(Refused::Unexpected);
        }
        self.outbox.require(1)?;
        self.state = State::Greeting;
        self.stats.connections = self.stats.connections.wrapping_add(1);
        self.timers.set(Timer::Connect, now + WELCOME_WAIT);
        self.send(Outgoing::Hello);
        Ok(())
    }

    pub(super) fn on_disconnected(&mut self, now: Instant) -> Result<(), Refused> {
        // The owner may say so after it was told to close.
        if self.state == State::Waiting {
            return Ok(());
        }
        self.outbox.require(1)?;
        self.at(now);
        self.lose();
        Ok(())
    }

    pub(super) fn on_welcome(
        &mut self,
        version: u8,
        challenge: [u8; CHALLENGE_LEN],
        now: Instant,
    ) -> Result<(), Refused> {
        if self.state != State::Greeting {
            return Err(Refused::Unexpected);
        }
        if !(LEAST_PROTOCOL_VERSION..=PROTOCOL_VERSION).contains(&version) {
            return Err(Malformed::Invalid("protocol version").into());
        }
        self.outbox.require(2 + self.listens.len() + self.requests.len())?;
        self.state = State::Online { since: now };
        self.timers.cancel(Timer::Connect);
        self.tell(Event::Online);
        self.tell(Event::Challenge { challenge });
        let listens: Vec<_> = self.listens.iter().map(|(id, token)| (*id, *token)).collect();
        for (id, token) in listens {
            self.send(Outgoing::Listen { id, token });
        }
        // What is to be published waits until its key is owned on this connection too.
        let requests: Vec<_> = self.requests.iter().filter(|(_, ask)| self.may_ask(ask)).cloned().collect();
        for (id, ask) in requests {
            self.send(Outgoing::Ask { id, ask });
        }
        self.timers.set(Timer::Ping, now + PING_INTERVAL);
        Ok(())
    }

    /// The server said something: as good as a pong.
    pub(super) fn on_alive(&mut self) {
        self.timers.cancel(Timer::Pong);
    }

    pub(super) fn on_connect_timer(&mut self) {
        match self.state {
            State::Waiting => self.open(),
            State::Opening | State::Greeting => self.drop_connection(),
            State::Online { .. } => {}
        }
    }

    pub(super) fn on_ping_timer(&mut self) {
        let nonce = self.rng.next_u32();
        self.send(Outgoing::Ping { nonce });
        self.timers.set(Timer::Ping, self.now + PING_INTERVAL);
        self.timers.set(Timer::Pong, self.now + PONG_WAIT);
    }

    /// Tells the owner to drop the connection; two outputs at most.
    pub(super) fn drop_connection(&mut self) {
        self.tell(Event::Close);
        self.lose();
    }

    pub(super) fn open(&mut self) {
        self.state = State::Opening;
        self.attempts = self.attempts.saturating_add(1);
        self.timers.set(Timer::Connect, self.now + CONNECT_WAIT);
        self.tell(Event::Connect);
    }

    /// The connection is gone; one output at most.
    fn lose(&mut self) {
        if let State::Online { since } = self.state {
            if self.now.saturating_since(since) >= STABLE_AFTER {
                self.attempts = 0;
            }
            self.tell(Event::Offline);
        }
        self.state = State::Waiting;
        self.keys.clear();
        self.timers.cancel(Timer::Ping);
        self.timers.cancel(Timer::Pong);
        let wait = self.backoff();
        self.timers.set(Timer::Connect, self.now + wait);
    }

    /// Between half and all of a wait that doubles with every attempt.
    fn backoff(&mut self) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(16);
        let most = BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MOST);
        let half = u64::try_from(most.as_micros() / 2).unwrap_or(u64::MAX);
        Duration::from_micros(half + self.rng.below(half))
    }
}
