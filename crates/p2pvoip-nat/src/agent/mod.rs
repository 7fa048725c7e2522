//! The ICE agent: commands of the owner, and the composition of its parts into one machine.
//!
//! # Timers
//! - `pace`: the next new transaction may start, every Ta while some wait.
//! - `repeat a check`, `repeat a query`: see `check` and `gather`.
//! - `nominate`: see `nomination`.
//! - `consent`: see `consent`.
//! - `relay`: see `turn`.
//! - `give up`: nothing has worked in time.
//!
//! # Left out
//! - ICE lite, several components or data streams, ICE restart (a new agent is the restart), ICMP
//!   errors, and error responses other than role conflict: what is not authentic gets no answer at all.

mod inbound;
mod intent;
mod interface;
mod outbound;
mod relay;
mod settle;

use core::fmt;
use core::net::SocketAddr;

use p2pvoip_core::{Instant, Machine, Outbox, Output, Rng, Seed, Wake};
use stun_rs::HMACKey;

use crate::address;
use crate::candidate::{Candidate, Kind};
use crate::checklist::CheckList;
use crate::config::{CandidatePolicy, Config, ConfigError};
use crate::consent::Consent;
use crate::credentials::Credentials;
use crate::error::{CommandError, Refused};
use crate::gather::{Gatherer, MAX_BASES};
use crate::heard::Heard;
use crate::nomination::Nomination;
use crate::pair::PairId;
use crate::remotes::{Remotes, Told};
use crate::route::Route;
use crate::stats::Stats;
use crate::turn::{Inner, MAX_RELAYS, Relays};

use intent::Intent;
pub use interface::{Datagram, Event, Role, Transmit};

/// Intents that wait for [`Machine::poll_output`].
const OUTBOX: usize = 32;
/// The most intents that taking one datagram makes: an answer, or the two candidates of an allocation.
const INPUT_INTENTS: usize = 2;
/// The most intents of settling and firing one timer: the end of gathering, a route, and an end with all its farewells.
const FIRE_INTENTS: usize = 3 + MAX_RELAYS;
const _: () = assert!(OUTBOX >= MAX_BASES + FIRE_INTENTS + INPUT_INTENTS);

/// This side.
struct Own {
    credentials: Credentials,
    key: HMACKey,
    role: Role,
    tie_breaker: u64,
}

/// The other side, once its credentials are known; the checks have started then.
struct Peer {
    credentials: Credentials,
    key: HMACKey,
    /// The user name of our checks.
    username: String,
    since: Instant,
}

/// When candidates stop coming.
#[derive(Default)]
struct Completion {
    remote_ended: bool,
    done_told: bool,
    complete_since: Option<Instant>,
}

/// Chance, a stream for each use, so that no use disturbs another.
struct Dice {
    checks: Rng,
    consent: Rng,
    roles: Rng,
}

/// Machine: one ICE agent. It finds a path to the peer, keeps it, and says when it is gone.
///
/// The owner gives it the addresses of its sockets, carries candidates and credentials to and from the peer, and feeds
/// it every datagram that is STUN. [`Agent::route`] is where media goes.
pub struct Agent {
    config: Config,
    own: Own,
    peer: Option<Peer>,
    gatherer: Gatherer,
    relays: Relays,
    remotes: Remotes,
    heard: Heard,
    list: CheckList,
    nomination: Nomination,
    consent: Option<Consent>,
    completion: Completion,
    route: Option<(PairId, Route)>,
    paths: u8,
    pacer: outbound::Pacer,
    dice: Dice,
    outbox: Outbox<Intent, OUTBOX>,
    now: Instant,
    ended: bool,
    stats: Stats,
}

impl Agent {
    /// An agent that has not started. The seed must be fresh: credentials and transaction ids come from it.
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration is of no use.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the seed is given away, so that nobody else draws from it"
    )]
    pub fn new(config: Config, role: Role, seed: Seed, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        let credentials = Credentials::draw(&mut seed.derive("credentials").rng());
        let key = credentials.key().ok_or(ConfigError::Key)?;
        let mut roles = seed.derive("roles").rng();
        let tie_breaker = roles.next_u64();
        Ok(Self {
            gatherer: Gatherer::new(config.policy),
            relays: Relays::new(seed.derive("relays").rng(), now),
            nomination: Nomination::new(config.nomination_wait),
            config,
            own: Own { credentials, key, role, tie_breaker },
            peer: None,
            remotes: Remotes::default(),
            heard: Heard::new(),
            list: CheckList::default(),
            consent: None,
            completion: Completion::default(),
            route: None,
            paths: 0,
            pacer: outbound::Pacer::new(now),
            dice: Dice { checks: seed.derive("checks").rng(), consent: seed.derive("consent").rng(), roles },
            outbox: Outbox::new(),
            now,
            ended: false,
            stats: Stats::default(),
        })
    }

    /// What the peer needs to authenticate its checks.
    pub const fn credentials(&self) -> &Credentials {
        &self.own.credentials
    }

    /// The role, which a conflict may have changed.
    pub const fn role(&self) -> Role {
        self.own.role
    }

    /// Starts gathering from the addresses of bound sockets, the most preferred first; unusable ones are skipped.
    ///
    /// # Errors
    /// [`CommandError::NoBase`], [`CommandError::Limit`] above 8, [`CommandError::AlreadyGathering`],
    /// [`CommandError::Full`] or [`CommandError::Ended`]; nothing has changed then.
    pub fn gather(&mut self, bases: &[SocketAddr], now: Instant) -> Result<(), CommandError> {
        self.refuse_when_ended()?;
        self.outbox.require(MAX_BASES)?;
        self.gatherer.start(bases, &self.config, &mut self.dice.checks, now)?;
        self.relays.plan(self.gatherer.bases(), &self.config, now);
        for index in 0..self.gatherer.told().len() {
            if let Some(candidate) = self.gatherer.told().get(index).copied() {
                self.say(Event::Candidate(candidate));
            }
        }
        let known: Vec<Candidate> = self.remotes.iter().copied().collect();
        for candidate in known {
            self.pair(candidate);
        }
        self.accept(now);
        Ok(())
    }

    /// The peer's credentials are known: the checks start.
    ///
    /// # Errors
    /// [`CommandError::OtherCredentials`] when there are other ones already, or [`CommandError::Ended`].
    pub fn set_remote_credentials(
        &mut self,
        credentials: Credentials,
        now: Instant,
    ) -> Result<(), CommandError> {
        self.refuse_when_ended()?;
        if let Some(peer) = &self.peer {
            return if peer.credentials == credentials {
                Ok(())
            } else {
                Err(CommandError::OtherCredentials)
            };
        }
        let key = credentials.key().ok_or(CommandError::Key)?;
        let username = format!("{}:{}", credentials.ufrag(), self.own.credentials.ufrag());
        self.peer = Some(Peer { credentials, key, username, since: now });
        self.accept(now);
        Ok(())
    }

    /// The peer told a candidate. One that nothing could be sent to is ignored and counted; a known one is no error.
    ///
    /// # Errors
    /// [`CommandError::Limit`] when the peer has told 24, [`CommandError::NotTellable`], or [`CommandError::Ended`].
    pub fn add_remote_candidate(&mut self, candidate: Candidate, now: Instant) -> Result<(), CommandError> {
        self.refuse_when_ended()?;
        if candidate.kind == Kind::PeerReflexive || !crate::candidate::is_priority(candidate.priority) {
            return Err(CommandError::NotTellable);
        }
        let candidate = Candidate { address: address::canonical(candidate.address), ..candidate };
        if !self.may_send_to(candidate.address) {
            self.stats.candidates_ignored += 1;
            return Ok(());
        }
        match self.remotes.tell(candidate) {
            Told::New => self.pair(candidate),
            Told::Renamed => self.reprioritise(candidate),
            Told::Known => {}
            Told::Full => return Err(CommandError::Limit),
        }
        self.accept(now);
        Ok(())
    }

    /// The peer will tell no further candidates.
    pub fn end_of_remote_candidates(&mut self, now: Instant) {
        if !self.ended {
            self.completion.remote_ended = true;
            self.accept(now);
        }
    }

    /// Where media goes: the best pair that has worked, or the nominated one once there is one.
    pub fn route(&self) -> Option<&Route> {
        self.route.as_ref().map(|(_, route)| route)
    }

    /// Whether a pair with this remote address has worked, so that media from there is no surprise.
    pub fn accepts_from(&self, remote: SocketAddr) -> bool {
        let remote = address::canonical(remote);
        !self.ended && self.list.iter().any(|pair| pair.valid.is_some() && pair.ends.remote == remote)
    }

    /// What a relay of ours passes on from the peer in this datagram; none when the datagram is anything else.
    ///
    /// The owner looks at the bytes inside to tell whom they are for. If they are STUN the agent is given the datagram as
    /// it came, by [`Machine::handle_input`].
    pub fn unwrap<'a>(&self, datagram: Datagram<'a>) -> Option<Inner<'a>> {
        let (local, remote) = (address::canonical(datagram.local), address::canonical(datagram.remote));
        self.relays.unwrap(local, remote, datagram.bytes)?.ok()
    }

    /// The owner is done: relays are given back, and nothing is sent to the peer or taken from it any more.
    ///
    /// # Errors
    /// [`CommandError::Full`]: poll and close again. To close an agent that has ended is no error.
    pub fn close(&mut self, now: Instant) -> Result<(), CommandError> {
        if !self.ended {
            self.outbox.require(FIRE_INTENTS)?;
            self.now = now;
            self.stop();
        }
        Ok(())
    }

    /// What the agent has done so far.
    pub fn stats(&self) -> Stats {
        Stats {
            local_candidates: self.gatherer.told().len(),
            relays: self.relays.active().count(),
            channels: self.relays.channels(),
            remote_candidates: self.remotes.len(),
            pairs: self.list.len(),
            pairs_dropped: self.list.dropped(),
            valid_pairs: self.list.iter().filter(|pair| pair.valid.is_some()).count(),
            ..self.stats
        }
    }

    fn controlling(&self) -> bool {
        self.own.role == Role::Controlling
    }

    fn refuse_when_ended(&self) -> Result<(), CommandError> {
        if self.ended { Err(CommandError::Ended) } else { Ok(()) }
    }

    /// Whether anything is ever sent to this address, by its form and by the policy.
    ///
    /// Under `ReflexiveOnly` a packet to a private address could show the host's own one in that network; on loopback
    /// there is nothing to hide.
    fn may_send_to(&self, remote: SocketAddr) -> bool {
        let hidden = self.config.policy == CandidatePolicy::ReflexiveOnly;
        !address::is_dubious(remote)
            && (!hidden || !address::is_private(remote.ip()) || remote.ip().is_loopback())
    }

    /// Pairs a remote candidate with every base that can reach it (RFC 8445 section 6.1.2.2), and wants a channel to it
    /// at every relay.
    fn pair(&mut self, remote: Candidate) {
        if self.config.policy != CandidatePolicy::RelayOnly {
            let bases: Vec<SocketAddr> = self.gatherer.bases().iter().map(|base| base.address).collect();
            for base in bases {
                self.pair_between(base, remote);
            }
        }
        let relays: Vec<_> = self.relays.active().collect();
        for (relay, relayed) in relays {
            self.want_channel(relay, relayed, remote);
        }
    }

    /// A candidate that was learnt has been told with its own priority.
    fn reprioritise(&mut self, remote: Candidate) {
        let controlling = self.controlling();
        for pair in self.list.iter_mut().filter(|pair| pair.ends.remote == remote.address) {
            pair.ends.remote_priority = remote.priority;
            pair.priority = pair.ends.priority(controlling);
        }
        self.pair(remote);
    }

    /// A call was accepted at `now`: what follows from it happens.
    fn accept(&mut self, now: Instant) {
        self.now = now;
        self.fire(now);
    }
}

impl Machine for Agent {
    /// A request to a TURN server with user name, realm and nonce as long as they are taken.
    const MAX_TRANSMIT: usize = 896;
    type Input<'a> = Datagram<'a>;
    type Transmit = Transmit;
    type Event = Event;
    type Error = Refused;

    fn handle_input(&mut self, input: Datagram<'_>, now: Instant) -> Result<(), Refused> {
        let taken = self.take(input, now);
        match taken {
            Ok(()) => self.accept(now),
            Err(_) => self.stats.refused += 1,
        }
        taken
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.accept(now);
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<Transmit, Event> {
        loop {
            while let Some(intent) = self.outbox.pop() {
                if let Some(output) = self.say_aloud(intent, buf) {
                    return output;
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

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("role", &self.own.role)
            .field("config", &self.config)
            .field("route", &self.route())
            .field("ended", &self.ended)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// The earlier of two wake-ups, where the second has a name.
fn earlier(wake: Option<Wake>, at: Option<Instant>, why: &'static str) -> Option<Wake> {
    Wake::earliest(wake, at.map(|at| Wake { at, why }))
}

#[cfg(test)]
mod tests;
