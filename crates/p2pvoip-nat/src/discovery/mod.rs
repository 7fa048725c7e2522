//! What an address translator in between does (RFC 5780 sections 4.2 to 4.4), and which servers answer.
//!
//! All STUN and TURN servers are asked at once from one socket. The first that names another address of its own is then
//! asked there, and asked to answer from there to a second socket, which has sent nothing to that address.
//!
//! # Timers
//! - `repeat`: see `ask`.
//!
//! # Left out
//! - The lifetime of bindings (section 4.6), fragments (4.7), application gateways (4.8), TCP.

mod alternate;
mod ask;
mod inbound;
mod settle;
mod verdict;
mod words;

use core::fmt;
use core::net::SocketAddr;

use p2pvoip_core::{Instant, Machine, Outbox, Output, Rng, Seed};

use crate::address;
use crate::agent::{Datagram, Transmit};
use crate::error::Refused;
use crate::stun;
use crate::stun::behaviour::{self, Change};
use ask::{Ask, Asking, Outcome, Purpose};
use verdict::Questions;
pub use words::{
    Config, ConfigError, Event, Filtering, Findings, MAX_STUN_SERVERS, MAX_TURN_SERVERS, Mapping,
    StunFinding, TurnFinding, can_ask,
};

/// Intents that wait for [`Machine::poll_output`].
const OUTBOX: usize = 32;
/// The most intents that taking one datagram makes: an event.
const INPUT_INTENTS: usize = 1;
/// The most intents of settling and firing one timer: five tests of a server, two of hairpinning, three verdicts, the
/// end, and a repetition or an event.
const FIRE_INTENTS: usize = 5 + 2 + 3 + 1 + 1;
const _: () = assert!(OUTBOX >= MAX_STUN_SERVERS + MAX_TURN_SERVERS + FIRE_INTENTS + INPUT_INTENTS);

/// One entry of the outbox.
#[derive(Clone, Copy)]
enum Intent {
    Tell(Event),
    Ask(Ask),
}

/// Which verdicts were told.
#[derive(Clone, Copy, Default)]
struct Told {
    mapping: bool,
    filtering: bool,
    hairpin: bool,
}

/// Machine: one discovery of how the network between two sockets and the servers behaves. It ends by itself.
pub struct Discovery {
    config: Config,
    questions: Questions,
    /// The server that can be asked at two addresses.
    probe: Option<SocketAddr>,
    told: Told,
    done: bool,
    outbox: Outbox<Intent, OUTBOX>,
    rng: Rng,
    now: Instant,
    refused: u64,
}

impl Discovery {
    /// A discovery that asks all servers at once. The seed must be fresh: transaction ids come from it.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings are of no use.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the seed is given away, so that nobody else draws from it"
    )]
    pub fn new(mut config: Config, seed: Seed, now: Instant) -> Result<Self, ConfigError> {
        config.mapping = address::canonical(config.mapping);
        config.filtering = address::canonical(config.filtering);
        for server in config.stun_servers.iter_mut().chain(&mut config.turn_servers) {
            *server = address::canonical(*server);
        }
        config.validate()?;
        let mut discovery = Self {
            questions: Questions::default(),
            probe: None,
            told: Told::default(),
            done: false,
            outbox: Outbox::new(),
            rng: seed.derive("discovery").rng(),
            now,
            refused: 0,
            config,
        };
        let local = discovery.config.mapping;
        for index in 0..discovery.config.stun_servers.len() {
            if let Some(server) = discovery.config.stun_servers.get(index).copied() {
                discovery.ask(Purpose::Stun(index), local, server, server, now);
            }
        }
        for index in 0..discovery.config.turn_servers.len() {
            if let Some(server) = discovery.config.turn_servers.get(index).copied() {
                discovery.ask(Purpose::Turn(index), local, server, server, now);
            }
        }
        Ok(discovery)
    }

    /// All that is known so far.
    pub fn findings(&self) -> Findings {
        let (local, probe) = (self.config.mapping, self.probe);
        let stun = (0..self.config.stun_servers.len()).filter_map(|index| self.stun_finding(index));
        let turn = (0..self.config.turn_servers.len()).filter_map(|index| self.turn_finding(index));
        Findings {
            stun: stun.collect(),
            turn: turn.collect(),
            translated: self.questions.translated(local),
            keeps_port: self.questions.keeps_port(local),
            mapping: self.questions.mapping(local, probe).unwrap_or(Mapping::Unknown),
            filtering: self.questions.filtering(probe).unwrap_or(Filtering::Unknown),
            hairpin: self.questions.hairpin(),
        }
    }

    /// Whether all that could be found out was.
    pub const fn is_done(&self) -> bool {
        self.done
    }

    fn stun_finding(&self, index: usize) -> Option<StunFinding> {
        let asking = self.questions.of(Purpose::Stun(index))?;
        let server = asking.ask.remote;
        Some(StunFinding {
            server,
            answered: asking.is_answered(),
            rtt: asking.rtt,
            mapped: asking.mapped(),
            discovers: self.other_of(asking).is_some(),
        })
    }

    fn turn_finding(&self, index: usize) -> Option<TurnFinding> {
        let asking = self.questions.of(Purpose::Turn(index))?;
        let refusal = match asking.outcome {
            Outcome::Answered { code, .. } => code,
            Outcome::Open | Outcome::Ignored | Outcome::Silent | Outcome::Dropped => None,
        };
        Some(TurnFinding { server: asking.ask.remote, refusal, rtt: asking.rtt })
    }

    /// The other address that an answer names, if it may be asked.
    fn other_of(&self, asking: &Asking) -> Option<SocketAddr> {
        let Outcome::Answered { mapped: Some(_), other: Some(other), .. } = asking.outcome else {
            return None;
        };
        alternate::may_ask(other, asking.ask.remote, self.config.mapping).then_some(other)
    }

    /// Asks for the first time.
    fn ask(
        &mut self,
        purpose: Purpose,
        local: SocketAddr,
        remote: SocketAddr,
        from: SocketAddr,
        now: Instant,
    ) {
        let ask = Ask { id: self.rng.array(), purpose, local, remote, answer_from: from };
        self.questions.add(Asking::start(ask, now));
        self.queue(Intent::Ask(ask));
    }

    /// Queues an intent. Room was required before.
    fn queue(&mut self, intent: Intent) {
        let queued = self.outbox.push(intent);
        debug_assert!(queued.is_ok(), "an intent without required room");
    }
}

impl Machine for Discovery {
    const MAX_TRANSMIT: usize = 64;
    type Input<'a> = Datagram<'a>;
    type Transmit = Transmit;
    type Event = Event;
    type Error = Refused;

    fn handle_input(&mut self, input: Datagram<'_>, now: Instant) -> Result<(), Refused> {
        let taken = self.take(input, now);
        match taken {
            Ok(()) => {
                self.now = now;
                self.fire(now);
            }
            Err(_) => self.refused += 1,
        }
        taken
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.fire(now);
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<Transmit, Event> {
        loop {
            while let Some(intent) = self.outbox.pop() {
                let ask = match intent {
                    Intent::Tell(event) => return Output::Event(event),
                    Intent::Ask(ask) => ask,
                };
                let len = match ask.purpose {
                    Purpose::Turn(_) => behaviour::emit_relay_question(ask.id, buf),
                    Purpose::FilterBoth => behaviour::emit_probe(ask.id, Change::Both, buf),
                    Purpose::FilterPort => behaviour::emit_probe(ask.id, Change::Port, buf),
                    Purpose::Stun(_)
                    | Purpose::Control
                    | Purpose::MapAddress
                    | Purpose::MapBoth
                    | Purpose::HairpinThere
                    | Purpose::HairpinBack => stun::emit_query(ask.id, buf),
                };
                debug_assert!(len.is_some(), "a question without bytes");
                if let Some(len) = len {
                    let to = Transmit { local: ask.local, remote: ask.remote };
                    return Output::Transmit { to, len };
                }
            }
            // What was due and found no room comes now.
            self.fire(self.now);
            if self.outbox.is_empty() {
                return Output::Wait(self.wake());
            }
        }
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery")
            .field("findings", &self.findings())
            .field("done", &self.done)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
