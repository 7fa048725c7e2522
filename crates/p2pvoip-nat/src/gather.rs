//! Own candidates: the bases, and what STUN servers say of them (RFC 8445 section 5.1.1).
//!
//! Each query's repetitions follow RFC 8489 section 6.2.1; when a new one may start is the pacing of the agent.
//!
//! # Timers
//! - Each query: its next repetition or its failure.
//! - The end: servers that have not answered by then are done without.
//!
//! # Left out
//! - ALTERNATE-SERVER and all other error responses: the server counts as silent.

use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::{Instant, Rng};

use crate::address;
use crate::candidate::{Candidate, Kind, priority};
use crate::check::{MIN_RTO, Schedule};
use crate::config::{CandidatePolicy, Config};
use crate::error::CommandError;
use crate::stun::TransactionId;

/// The most addresses that are gathered from.
pub(crate) const MAX_BASES: usize = 8;

/// An address of the host that packets leave from.
#[derive(Clone, Copy)]
pub(crate) struct Base {
    pub(crate) address: SocketAddr,
    preference: u16,
}

impl Base {
    /// The priority as a host candidate.
    pub(crate) const fn priority(&self) -> u32 {
        priority(Kind::Host, self.preference)
    }

    /// The priority that the peer gives what it learns from a check (RFC 8445 section 7.1.1).
    pub(crate) const fn learnt_priority(&self) -> u32 {
        priority(Kind::PeerReflexive, self.preference)
    }

    /// The local preference of what the server of this rank, from 0, gives this base.
    pub(crate) const fn preference_at(&self, rank: u16) -> u16 {
        self.preference - 256 * rank
    }
}

/// A question to a STUN server: its bytes are made from the id alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) id: TransactionId,
    pub(crate) local: SocketAddr,
    pub(crate) server: SocketAddr,
}

#[derive(Clone, Copy)]
enum Progress {
    Waiting,
    Asked(Schedule),
    Done,
}

#[derive(Clone)]
struct Asking {
    query: Query,
    preference: u16,
    foundation: u32,
    progress: Progress,
}

/// Stage: the own candidates of one agent.
#[derive(Clone, Default)]
pub(crate) struct Gatherer {
    policy: CandidatePolicy,
    bases: Vec<Base>,
    told: Vec<Candidate>,
    asking: Vec<Asking>,
    rto: Duration,
    ends_at: Option<Instant>,
}

impl Gatherer {
    /// Nothing gathered yet, under this policy.
    pub(crate) fn new(policy: CandidatePolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Takes the bases and plans the queries; the host candidates to tell are then [`Gatherer::told`].
    pub(crate) fn start(
        &mut self,
        addresses: &[SocketAddr],
        config: &Config,
        rng: &mut Rng,
        now: Instant,
    ) -> Result<(), CommandError> {
        if self.ends_at.is_some() {
            return Err(CommandError::AlreadyGathering);
        }
        self.bases = bases(addresses)?;
        self.ends_at = Some(now + config.gather_for);
        if self.policy == CandidatePolicy::All {
            let hosts = self.bases.iter().zip(1..);
            self.told = hosts.map(|(b, f)| Candidate::new(Kind::Host, b.address, b.priority(), f)).collect();
        }
        // Server by server, so that every base gets its first answer early.
        let mut foundation = u32::try_from(MAX_BASES).unwrap_or_default();
        let stun: &[SocketAddr] =
            if self.policy == CandidatePolicy::RelayOnly { &[] } else { &config.stun_servers };
        for (server, rank) in stun.iter().map(|s| address::canonical(*s)).zip(0..) {
            for base in self.bases.iter().filter(|base| address::can_meet(base.address, server)) {
                foundation += 1;
                let query = Query { id: rng.array(), local: base.address, server };
                let preference = base.preference_at(rank);
                self.asking.push(Asking { query, preference, foundation, progress: Progress::Waiting });
            }
        }
        let queries = u32::try_from(self.asking.len()).unwrap_or(u32::MAX);
        self.rto = MIN_RTO.max(config.ta.saturating_mul(queries));
        Ok(())
    }

    /// The base with that address.
    pub(crate) fn base(&self, address: SocketAddr) -> Option<&Base> {
        self.bases.iter().find(|base| base.address == address)
    }

    /// All bases.
    pub(crate) fn bases(&self) -> &[Base] {
        &self.bases
    }

    /// The candidates that the peer is told, in order.
    pub(crate) fn told(&self) -> &[Candidate] {
        &self.told
    }

    /// What a mapped address that the peer saw is to us (RFC 8445 section 7.2.5.3.1).
    pub(crate) fn kind_of(&self, mapped: SocketAddr, base: SocketAddr) -> Kind {
        if mapped == base {
            Kind::Host
        } else {
            self.told.iter().find(|c| c.address == mapped).map_or(Kind::PeerReflexive, |told| told.kind)
        }
    }

    /// Whether all queries have ended; false before the start.
    pub(crate) fn is_done(&self) -> bool {
        self.ends_at.is_some() && self.asking.iter().all(|asking| matches!(asking.progress, Progress::Done))
    }

    /// Whether a query waits to be sent for the first time.
    pub(crate) fn has_next(&self) -> bool {
        self.asking.iter().any(|asking| matches!(asking.progress, Progress::Waiting))
    }

    /// Starts the next query.
    pub(crate) fn start_next(&mut self, now: Instant) -> Option<Query> {
        let next = self.asking.iter_mut().find(|asking| matches!(asking.progress, Progress::Waiting))?;
        next.progress = Progress::Asked(Schedule::start(self.rto, now));
        Some(next.query)
    }

    /// When [`Gatherer::repeat`] is due.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let ends_at = if self.is_done() { None } else { self.ends_at };
        let repeats = self.asking.iter().filter_map(|asking| match asking.progress {
            Progress::Asked(schedule) => Some(schedule.next_at()),
            Progress::Waiting | Progress::Done => None,
        });
        repeats.chain(ends_at).min()
    }

    /// The time has come: ends what has failed, and returns a query to send again, if one is due.
    pub(crate) fn repeat(&mut self, now: Instant) -> Option<Query> {
        let over = self.ends_at.is_some_and(|at| at <= now);
        for asking in &mut self.asking {
            match &mut asking.progress {
                _ if over => asking.progress = Progress::Done,
                Progress::Asked(schedule) if schedule.next_at() <= now => {
                    if schedule.step(now) {
                        return Some(asking.query);
                    }
                    asking.progress = Progress::Done;
                }
                Progress::Asked(_) | Progress::Waiting | Progress::Done => {}
            }
        }
        None
    }

    /// The open query with this id.
    pub(crate) fn open(&self, id: TransactionId) -> Option<Query> {
        let open = self.asking.iter().find(|asking| asking.query.id == id)?;
        matches!(open.progress, Progress::Asked(_)).then_some(open.query)
    }

    /// The server answered: returns the candidate to tell, if it is a new one.
    pub(crate) fn on_answer(&mut self, id: TransactionId, mapped: Option<SocketAddr>) -> Option<Candidate> {
        let asking = self.asking.iter_mut().find(|asking| asking.query.id == id)?;
        asking.progress = Progress::Done;
        let (base, preference, foundation) = (asking.query.local, asking.preference, asking.foundation);
        self.add_reflexive(base, mapped?, preference, foundation)
    }

    /// A server saw this base at `mapped`: returns the candidate to tell, if it is a new one.
    pub(crate) fn add_reflexive(
        &mut self,
        base: SocketAddr,
        mapped: SocketAddr,
        preference: u16,
        foundation: u32,
    ) -> Option<Candidate> {
        let mapped = address::canonical(mapped);
        if address::is_dubious(mapped) || mapped.is_ipv4() != base.is_ipv4() {
            return None;
        }
        // Under ReflexiveOnly an open host's own address is told, since servers see it anyway.
        let redundant = match self.policy {
            CandidatePolicy::All => self.bases.iter().any(|b| b.address == mapped),
            CandidatePolicy::ReflexiveOnly => false,
            CandidatePolicy::RelayOnly => true,
        };
        if redundant || self.told.iter().any(|told| told.address == mapped) {
            return None;
        }
        let priority = priority(Kind::ServerReflexive, preference);
        Some(self.tell(Candidate::new(Kind::ServerReflexive, mapped, priority, foundation)))
    }

    /// The peer is told this candidate.
    pub(crate) fn tell(&mut self, candidate: Candidate) -> Candidate {
        self.told.push(candidate);
        candidate
    }
}

/// The addresses that can be bases, each once, the most preferred first.
fn bases(addresses: &[SocketAddr]) -> Result<Vec<Base>, CommandError> {
    let mut bases: Vec<Base> = Vec::new();
    for address in addresses.iter().map(|a| address::canonical(*a)).filter(|a| !address::is_dubious(*a)) {
        if bases.iter().any(|base| base.address == address) {
            continue;
        }
        if bases.len() == MAX_BASES {
            return Err(CommandError::Limit);
        }
        let rank = u16::try_from(bases.len()).unwrap_or(u16::MAX);
        bases.push(Base { address, preference: u16::MAX - rank });
    }
    if bases.is_empty() { Err(CommandError::NoBase) } else { Ok(bases) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;

    const NOW: Instant = Instant::from_millis(0);

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn started(policy: CandidatePolicy, bases: &[&str], servers: &[&str]) -> Gatherer {
        let config =
            Config { stun_servers: servers.iter().map(|s| at(s)).collect(), policy, ..Config::default() };
        let mut gatherer = Gatherer::new(policy);
        let bases: Vec<_> = bases.iter().map(|b| at(b)).collect();
        gatherer.start(&bases, &config, &mut Seed::from_u64(1).rng(), NOW).unwrap();
        gatherer
    }

    #[test]
    fn asks_every_server_from_every_base_of_its_family() {
        let mut gatherer = started(
            CandidatePolicy::All,
            &["10.0.0.1:1", "[2001:db8::1]:1", "127.0.0.1:1"],
            &["192.0.2.1:3478", "[2001:db8::2]:3478"],
        );
        let asked: Vec<_> =
            core::iter::from_fn(|| gatherer.start_next(NOW)).map(|q| (q.local, q.server)).collect();
        assert_eq!(
            asked,
            [(at("10.0.0.1:1"), at("192.0.2.1:3478")), (at("[2001:db8::1]:1"), at("[2001:db8::2]:3478"))]
        );
        assert!(!gatherer.is_done());
    }

    #[test]
    fn keeps_eight_bases_and_skips_those_that_cannot_be_sent_from() {
        let many: Vec<SocketAddr> = (1..=9).map(|port| SocketAddr::from(([10, 0, 0, 1], port))).collect();
        assert_eq!(bases(&many[..8]).map(|b| b.len()).ok(), Some(8));
        assert_eq!(bases(&many).err(), Some(CommandError::Limit));
        let skipped = [at("0.0.0.0:1"), at("[fe80::1]:1"), at("10.0.0.1:1"), at("10.0.0.1:1")];
        assert_eq!(bases(&skipped).map(|b| b.len()).ok(), Some(1));
        assert_eq!(bases(&skipped[..2]).err(), Some(CommandError::NoBase));
    }

    #[test]
    fn a_silent_server_delays_the_end_by_ten_seconds_and_no_more() {
        let mut gatherer = started(CandidatePolicy::All, &["10.0.0.1:1"], &["192.0.2.1:3478"]);
        assert!(gatherer.start_next(NOW).is_some());
        let mut last = NOW;
        let mut repeats = 0;
        while let Some(at) = gatherer.next_at() {
            last = at;
            repeats += u32::from(gatherer.repeat(at).is_some());
        }
        assert_eq!((last, repeats), (Instant::from_millis(10_000), 4));
        assert!(gatherer.is_done());
    }

    #[test]
    fn what_the_server_saw_is_told_once_and_only_when_it_says_something_new() {
        let servers = ["192.0.2.1:3478", "192.0.2.2:3478"];
        let mut gatherer = started(CandidatePolicy::All, &["10.0.0.1:1"], &servers);
        let first = gatherer.start_next(NOW).unwrap();
        let second = gatherer.start_next(NOW).unwrap();
        let mapped = at("198.51.100.1:9");
        let told = gatherer.on_answer(first.id, Some(mapped)).unwrap();
        assert_eq!((told.kind, told.address), (Kind::ServerReflexive, mapped));
        assert_eq!(gatherer.on_answer(second.id, Some(mapped)), None);
        assert!(gatherer.is_done() && gatherer.open(first.id).is_none());
        assert_eq!(gatherer.kind_of(mapped, at("10.0.0.1:1")), Kind::ServerReflexive);
    }

    #[test]
    fn an_open_host_is_told_as_host_or_as_reflexive_but_once() {
        for (policy, hosts, reflexive) in
            [(CandidatePolicy::All, 1, 0), (CandidatePolicy::ReflexiveOnly, 0, 1)]
        {
            let mut gatherer = started(policy, &["198.51.100.1:1"], &["192.0.2.1:3478"]);
            assert_eq!(gatherer.told().len(), hosts);
            let query = gatherer.start_next(NOW).unwrap();
            let told = gatherer.on_answer(query.id, Some(at("198.51.100.1:1")));
            assert_eq!(told.iter().count(), reflexive);
        }
    }
}
