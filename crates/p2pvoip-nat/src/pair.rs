//! One candidate pair: its priority, its state, and the checks that are open on it (RFC 8445 sections 6.1.2 and 7).

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;

use p2pvoip_core::Instant;

use crate::candidate::Kind;
use crate::check::{Check, Schedule};
use crate::stun::TransactionId;

/// How many cancelled checks of a pair are remembered: on a slow path the check of each side triggers one of the other until
/// the first answer comes, which takes a round trip, so two are common.
const CANCELLED: usize = 4;

/// Names a pair as long as the agent lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PairId(pub(crate) u32);

/// How far a pair is (RFC 8445 section 6.1.2.6); nothing is frozen with one component.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Waiting,
    InProgress,
    Succeeded,
    Failed,
}

/// The two ends of a pair and what they are worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) local_priority: u32,
    pub(crate) remote_priority: u32,
    /// What a check says in PRIORITY (RFC 8445 section 7.1.1).
    pub(crate) learnt_priority: u32,
}

impl Ends {
    /// The priority of the pair (RFC 8445 section 6.1.2.3).
    pub(crate) fn priority(&self, controlling: bool) -> u64 {
        let (g, d) = if controlling {
            (self.local_priority, self.remote_priority)
        } else {
            (self.remote_priority, self.local_priority)
        };
        (u64::from(g.min(d)) << 32) + 2 * u64::from(g.max(d)) + u64::from(g > d)
    }
}

/// What is known of a pair that works.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Valid {
    /// What the address that the peer saw is to us.
    pub(crate) local_kind: Kind,
    /// The round trip time that was measured last.
    pub(crate) rtt: Option<Duration>,
    /// When the peer answered last.
    pub(crate) proven: Instant,
}

/// One candidate pair.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) id: PairId,
    pub(crate) ends: Ends,
    pub(crate) priority: u64,
    pub(crate) state: State,
    /// The check that is repeated until it is answered.
    pub(crate) open: Option<(Check, Schedule)>,
    /// The checks before, which are not repeated but may still be answered (RFC 8445 section 7.3.1.4), the oldest first.
    cancelled: VecDeque<(Check, Schedule)>,
    /// Whether the peer has checked this pair, so that it is known to be there.
    pub(crate) heard: bool,
    /// Set while the pair works.
    pub(crate) valid: Option<Valid>,
    /// Controlling: the next check nominates. Controlled: the peer has nominated, to count when the pair works.
    pub(crate) nominate: bool,
    /// Whether the nomination is complete.
    pub(crate) nominated: bool,
    /// The number of the path, once the pair has been the route.
    pub(crate) path: Option<u8>,
}

impl Pair {
    pub(crate) fn new(id: PairId, ends: Ends, controlling: bool) -> Self {
        Self {
            id,
            ends,
            priority: ends.priority(controlling),
            state: State::Waiting,
            open: None,
            cancelled: VecDeque::new(),
            heard: false,
            valid: None,
            nominate: false,
            nominated: false,
            path: None,
        }
    }

    /// Whether an end of it is worth no more than a relayed candidate (RFC 8445 section 5.1.2.2: type preference 0).
    pub(crate) const fn is_relayed(&self) -> bool {
        self.priority >> 32 < 1 << 24
    }

    /// A check was sent for the first time.
    pub(crate) fn start(&mut self, check: Check, schedule: Schedule) {
        self.cancel();
        self.open = Some((check, schedule));
        if self.valid.is_none() {
            self.state = State::InProgress;
        }
    }

    /// Stops the repetitions of the open check; an answer still counts. The oldest cancelled check makes room.
    pub(crate) fn cancel(&mut self) {
        if let Some(open) = self.open.take() {
            if self.cancelled.len() == CANCELLED {
                self.cancelled.pop_front();
            }
            self.cancelled.push_back(open);
        }
        if self.state == State::InProgress {
            self.state = State::Waiting;
        }
    }

    /// The check with this id, if an answer to it still counts.
    pub(crate) fn check(&self, id: TransactionId) -> Option<(Check, Schedule)> {
        self.open.iter().chain(self.cancelled.iter()).find(|(check, _)| check.id == id).copied()
    }

    /// The peer answered the check with this id: the pair works.
    pub(crate) fn succeed(&mut self, id: TransactionId, local_kind: Kind, now: Instant) {
        let Some((check, schedule)) = self.check(id) else { return };
        let rtt = schedule.rtt(now).or(self.valid.and_then(|valid| valid.rtt));
        self.valid = Some(Valid { local_kind, rtt, proven: now });
        self.state = State::Succeeded;
        // A nomination that is still open must be answered itself.
        self.open = self.open.filter(|(open, _)| open.id != id && open.nominate && !check.nominate);
        self.cancelled.clear();
    }

    /// The check with this id was refused for a reason that has passed: it is over.
    pub(crate) fn close(&mut self, id: TransactionId) {
        self.open = self.open.filter(|(check, _)| check.id != id);
        self.cancelled.retain(|(check, _)| check.id != id);
    }

    /// Nobody answered the open check. Whether a pair that has worked still does is for consent to say; its nomination
    /// starts anew then.
    pub(crate) fn give_up(&mut self) {
        if self.valid.is_none() {
            self.fail();
        }
        self.open = None;
        self.nominate = false;
    }

    /// The open check was refused for good.
    pub(crate) fn fail(&mut self) {
        self.open = None;
        self.cancelled.clear();
        self.valid = None;
        self.nominate = false;
        self.nominated = false;
        self.state = State::Failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::MIN_RTO;

    #[test]
    fn the_last_four_cancelled_checks_still_count() {
        let address = SocketAddr::from(([10, 0, 0, 1], 1));
        let ends = Ends {
            local: address,
            remote: address,
            local_priority: 1,
            remote_priority: 1,
            learnt_priority: 1,
        };
        let mut pair = Pair::new(PairId(0), ends, true);
        let now = Instant::from_millis(0);
        for number in 0..6 {
            let check = Check {
                id: [number; 12],
                local: address,
                remote: address,
                priority: 1,
                controlling: true,
                tie_breaker: 0,
                nominate: false,
            };
            pair.start(check, Schedule::start(MIN_RTO, now));
        }
        let counts = |number| pair.check([number; 12]).is_some();
        assert!(!counts(0), "the oldest has made room");
        assert!((1..=5).all(counts), "four are cancelled and one is open");
    }

    #[test]
    fn both_agents_give_a_pair_the_same_priority() {
        let ends = Ends {
            local: SocketAddr::from(([10, 0, 0, 1], 1)),
            remote: SocketAddr::from(([10, 0, 0, 2], 1)),
            local_priority: 2_130_706_431,
            remote_priority: 1_694_498_815,
            learnt_priority: 1,
        };
        let mirrored =
            Ends { local_priority: ends.remote_priority, remote_priority: ends.local_priority, ..ends };
        // 2^32 * MIN(G,D) + 2 * MAX(G,D) + (G > D ? 1 : 0), RFC 8445 section 6.1.2.3.
        assert_eq!(ends.priority(true), (1_694_498_815 << 32) + 2 * 2_130_706_431 + 1);
        assert_eq!(ends.priority(true), mirrored.priority(false));
        assert_eq!(ends.priority(false), ends.priority(true) - 1);
    }
}
