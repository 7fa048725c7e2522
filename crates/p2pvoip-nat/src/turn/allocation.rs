//! One allocation: a relayed address at one server for one base, from the first request to its end (RFC 8656 sections 6
//! to 8), with long-term credentials (RFC 8489 section 9.2).
//!
//! # Timers
//! - The open request: its next repetition or its failure.
//! - The refresh: a minute before the allocation ends, or in the middle of a shorter life.
//! - The end, when no refresh was answered.
//! - The sign of life, [`KEEP_EVERY`] after the last request: what NATs on the way need while nothing else goes to the server.
//! - Those of the channels.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use p2pvoip_core::{Instant, Rng};

use super::channel::{Channels, Due};
use super::{Open, TurnServer};
use crate::address;
use crate::check::{MIN_RTO, Schedule};
use crate::error::RelayFailure;
use crate::stun::TransactionId;
use crate::stun::turn::{Answer, Asked, Auth, Challenge, Request};

/// How long before its end an allocation is refreshed: more than the 39.5 s that a request lasts.
const MARGIN: Duration = Duration::from_secs(60);
/// How long nothing may go to the server before NATs could forget us (RFC 8445 section 11: Tr).
const KEEP_EVERY: Duration = Duration::from_secs(15);
/// The life that is asked for (RFC 8656 section 3.2: the default).
const LIFETIME: u32 = 600;
/// How often one request is made anew for a new nonce before the server counts as refusing.
const MAX_CHALLENGES: u8 = 4;

/// A relayed address and how long it is ours.
#[derive(Clone, Copy)]
struct Lease {
    relayed: SocketAddr,
    refresh_at: Instant,
    ends_at: Instant,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Not asked for yet.
    Planned,
    /// Asked for.
    Asked,
    /// Ours.
    Active(Lease),
    /// Never ours, or no longer.
    Over,
}

/// Where an allocation comes from, and what its candidates get from there.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) base: SocketAddr,
    /// The local preference.
    pub(crate) preference: u16,
    /// The foundation of the reflexive candidate; that of the relayed one is one more.
    pub(crate) foundation: u32,
}

/// Stage: one allocation.
pub(super) struct Allocation {
    origin: Origin,
    server: TurnServer,
    auth: Option<Arc<Auth>>,
    stage: Stage,
    open: Option<Open>,
    /// When the server must hear of us, while there is a lease.
    keep_at: Instant,
    channels: Channels,
}

/// What became of an answer or of time.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// Nothing that anybody must know.
    Nothing,
    /// Send this.
    Send(Request),
    /// Send a sign of life with this id.
    Keep(TransactionId),
    /// A relayed address is ours; the server saw us at `mapped`.
    Allocated { relayed: SocketAddr, mapped: SocketAddr },
    /// The channel to this peer is bound, so that the pair can be checked.
    Bound(SocketAddr),
    /// Nothing can be relayed to this peer.
    PeerRefused(SocketAddr),
    /// The allocation is over.
    Lost(RelayFailure),
}

impl Allocation {
    pub(super) const fn new(origin: Origin, server: TurnServer, now: Instant) -> Self {
        let channels = Channels::new();
        Self { origin, server, auth: None, stage: Stage::Planned, open: None, keep_at: now, channels }
    }

    pub(super) const fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) const fn server(&self) -> SocketAddr {
        self.server.address
    }

    /// The relayed address, while it is ours.
    pub(super) const fn relayed(&self) -> Option<SocketAddr> {
        match self.stage {
            Stage::Active(lease) => Some(lease.relayed),
            Stage::Planned | Stage::Asked | Stage::Over => None,
        }
    }

    pub(super) const fn channels(&self) -> &Channels {
        &self.channels
    }

    pub(super) const fn channels_mut(&mut self) -> &mut Channels {
        &mut self.channels
    }

    pub(super) const fn is_planned(&self) -> bool {
        matches!(self.stage, Stage::Planned)
    }

    /// Whether it is known what becomes of it.
    pub(super) const fn is_settled(&self) -> bool {
        matches!(self.stage, Stage::Active(_) | Stage::Over)
    }

    /// Whether an open request has this id.
    pub(super) fn open(&self, id: TransactionId) -> Option<&Request> {
        self.opened(id)?.form(id)
    }

    fn opened(&self, id: TransactionId) -> Option<&Open> {
        self.open.as_ref().filter(|open| open.form(id).is_some()).or_else(|| self.channels.open(id))
    }

    /// The first request.
    pub(super) fn start(&mut self, rng: &mut Rng, now: Instant) -> Request {
        self.stage = Stage::Asked;
        self.ask(Asked::Allocate { ipv6: self.origin.base.is_ipv6() }, rng, now)
    }

    /// The request that gives the allocation back, if it is ours (RFC 8656 section 8).
    pub(super) fn farewell(&self, rng: &mut Rng) -> Option<Request> {
        self.relayed()?;
        Some(Request { id: rng.array(), asked: Asked::Refresh { lifetime: 0 }, auth: self.auth.clone() })
    }

    /// Whatever is still asked for is given up.
    pub(super) fn give_up(&mut self) -> bool {
        let gives_up = !self.is_settled();
        if gives_up {
            self.lose(RelayFailure::NoAnswer);
        }
        gives_up
    }

    /// When [`Allocation::fire`] has something to do.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let lease = match self.stage {
            Stage::Active(lease) if self.open.is_none() => Some(lease.refresh_at.min(lease.ends_at)),
            Stage::Active(lease) => Some(lease.ends_at),
            Stage::Planned | Stage::Asked | Stage::Over => None,
        };
        let open = self.open.as_ref().map(|open| open.schedule.next_at());
        let keep = self.relayed().map(|_| self.keep_at);
        [lease, open, keep, self.channels.next_at()].into_iter().flatten().min()
    }

    /// Does the first thing that is due; none when nothing is.
    pub(super) fn fire(&mut self, rng: &mut Rng, now: Instant) -> Option<Outcome> {
        if let Stage::Active(lease) = self.stage {
            if lease.ends_at <= now {
                return Some(self.lose(RelayFailure::NoAnswer));
            }
            if self.open.is_none() && lease.refresh_at <= now {
                return Some(Outcome::Send(self.ask(Asked::Refresh { lifetime: LIFETIME }, rng, now)));
            }
        }
        if let Some(open) = self.open.as_mut().filter(|open| open.schedule.next_at() <= now) {
            if open.schedule.step(now) {
                return Some(Outcome::Send(open.request.clone()));
            }
            return Some(self.lose(RelayFailure::NoAnswer));
        }
        self.relayed()?;
        let Some(due) = self.channels.due(now) else {
            if self.keep_at > now {
                return None;
            }
            self.keep_at = now + KEEP_EVERY;
            return Some(Outcome::Keep(rng.array()));
        };
        match due {
            Due::Ask(asked) => Some(Outcome::Send(self.ask(asked, rng, now))),
            Due::Repeat(peer) => {
                let open = self.channels.open_of(peer)?;
                if open.schedule.step(now) {
                    return Some(Outcome::Send(open.request.clone()));
                }
                self.channels.on_refused(peer);
                Some(Outcome::PeerRefused(peer))
            }
        }
    }

    /// The server answered the open request with this id.
    pub(super) fn on_answer(
        &mut self,
        id: TransactionId,
        answer: Answer,
        rng: &mut Rng,
        now: Instant,
    ) -> Outcome {
        let Some(open) = self.opened(id).cloned() else { return Outcome::Nothing };
        match (answer, open.request.asked) {
            (Answer::Challenged(challenge) | Answer::Stale(challenge), _)
                if self.is_forged(&open, id, &challenge) =>
            {
                Outcome::Nothing
            }
            (Answer::Challenged(challenge), _) if open.request.auth.is_none() => {
                self.ask_again(&open, challenge, rng, now)
            }
            (Answer::Challenged(_), _) if self.relayed().is_some() => Outcome::Nothing,
            (Answer::Challenged(_), _) => self.lose(RelayFailure::Unauthorized),
            // Challenges are not authentic: they end nothing that is ours. Time does, if no answer comes.
            (Answer::Stale(_), _) if open.challenges == MAX_CHALLENGES && self.relayed().is_some() => {
                Outcome::Nothing
            }
            (Answer::Stale(challenge), _) => self.ask_again(&open, challenge, rng, now),
            (Answer::Allocated { relayed, mapped, lifetime }, _) => {
                let relayed = address::canonical(relayed);
                self.open = None;
                self.stage = Stage::Active(lease(relayed, lifetime, now));
                Outcome::Allocated { relayed, mapped }
            }
            (Answer::Refreshed { lifetime }, _) => {
                self.open = None;
                if let Stage::Active(held) = self.stage {
                    self.stage = Stage::Active(lease(held.relayed, lifetime, now));
                }
                Outcome::Nothing
            }
            (Answer::Bound, Asked::Bind { peer, .. }) => {
                let is_new = self.channels.bound(peer).is_none();
                self.channels.on_bound(peer, now);
                if is_new { Outcome::Bound(peer) } else { Outcome::Nothing }
            }
            // Without an allocation no other channel can be bound either.
            (Answer::Refused(failure), Asked::Bind { peer, .. }) if failure != RelayFailure::Mismatch => {
                self.channels.on_refused(peer);
                Outcome::PeerRefused(peer)
            }
            (Answer::Refused(failure), _) => self.lose(failure),
            (Answer::Bound, Asked::Allocate { .. } | Asked::Refresh { .. }) => Outcome::Nothing,
        }
    }

    /// Whether a challenge, which nobody signs, is none to heed: it is about an older form of the request, or names another
    /// realm than the one under which the server gave us the allocation.
    fn is_forged(&self, open: &Open, id: TransactionId, challenge: &Challenge) -> bool {
        let other_realm = self.auth.as_ref().is_some_and(|auth| !auth.is_of(challenge));
        open.request.id != id || self.relayed().is_some() && other_realm
    }

    /// It is over: no request is open any more, and nothing is relayed.
    pub(super) fn lose(&mut self, failure: RelayFailure) -> Outcome {
        self.stage = Stage::Over;
        self.open = None;
        self.channels = Channels::new();
        Outcome::Lost(failure)
    }

    /// The same request under a new challenge; others take it up with their next request.
    fn ask_again(&mut self, open: &Open, challenge: Challenge, rng: &mut Rng, now: Instant) -> Outcome {
        let (name, password) = (&self.server.username, self.server.password.as_str());
        let auth = Auth::new(name, password, challenge).filter(|_| open.challenges < MAX_CHALLENGES);
        let Some(auth) = auth else { return self.lose(RelayFailure::Unauthorized) };
        self.auth = Some(Arc::new(auth));
        let request = self.ask(open.request.asked, rng, now);
        let again = match open.request.asked {
            Asked::Bind { peer, .. } => self.channels.open_of(peer),
            Asked::Allocate { .. } | Asked::Refresh { .. } => self.open.as_mut(),
        };
        if let Some(again) = again {
            again.challenges = open.challenges + 1;
            again.before.clone_from(&open.before);
            // Nothing but a challenge answers a request without credentials.
            again.before.extend(open.request.auth.is_some().then(|| open.request.clone()));
        }
        Outcome::Send(request)
    }

    /// A new request goes out.
    fn ask(&mut self, asked: Asked, rng: &mut Rng, now: Instant) -> Request {
        let request = Request { id: rng.array(), asked, auth: self.auth.clone() };
        let schedule = Schedule::start(MIN_RTO, now);
        self.keep_at = now + KEEP_EVERY;
        let open = Open { request: request.clone(), schedule, challenges: 0, before: Vec::new() };
        match asked {
            Asked::Bind { peer, .. } => self.channels.on_asked(peer, open),
            Asked::Allocate { .. } | Asked::Refresh { .. } => self.open = Some(open),
        }
        request
    }
}

fn lease(relayed: SocketAddr, lifetime: Duration, now: Instant) -> Lease {
    // A server that gives no time at all is asked again in a second, not at once and without end.
    let lifetime = lifetime.clamp(Duration::from_secs(2), Duration::from_secs(3_600));
    let margin = MARGIN.min(lifetime / 2);
    Lease { relayed, refresh_at: now + lifetime.saturating_sub(margin), ends_at: now + lifetime }
}
