//! The check list of one component (RFC 8445 section 6.1.2): which pairs, in what order.
//!
//! # Left out
//! - Frozen pairs: one component, so every pair starts waiting.

use core::net::SocketAddr;
use std::collections::VecDeque;

use p2pvoip_core::Instant;

use crate::pair::{Ends, Pair, PairId, State};
use crate::stun::TransactionId;

/// The most pairs (RFC 8445 section 6.1.2.5).
pub(crate) const MAX_PAIRS: usize = 100;

/// Stage: the pairs of one agent and the queue of triggered checks.
#[derive(Clone, Default)]
pub(crate) struct CheckList {
    pairs: Vec<Pair>,
    triggered: VecDeque<PairId>,
    made: u32,
    dropped: u64,
    /// Whose turn it was; direct pairs begin.
    direct_had_the_last: bool,
}

impl CheckList {
    /// Whether a pair of that priority would find a place.
    pub(crate) fn has_room_for(&self, priority: u64) -> bool {
        self.pairs.len() < MAX_PAIRS || self.least().is_some_and(|least| least.priority < priority)
    }

    /// Adds a pair; when the list is full it takes the place of a lesser one that is idle, or finds none.
    pub(crate) fn insert(&mut self, ends: Ends, controlling: bool) -> Option<PairId> {
        let priority = ends.priority(controlling);
        let is_full = self.pairs.len() == MAX_PAIRS;
        self.dropped += u64::from(is_full);
        if !self.has_room_for(priority) {
            return None;
        }
        if is_full {
            let least = self.least()?.id;
            self.pairs.retain(|pair| pair.id != least);
        }
        let id = PairId(self.made);
        self.made += 1;
        self.pairs.push(Pair::new(id, ends, controlling));
        Some(id)
    }

    /// The least pair that nothing depends on.
    fn least(&self) -> Option<&Pair> {
        let idle = |pair: &&Pair| {
            matches!(pair.state, State::Waiting | State::Failed) && !self.triggered.contains(&pair.id)
        };
        self.pairs.iter().filter(idle).min_by_key(|pair| pair.priority)
    }

    /// The pair with this name.
    pub(crate) fn get(&self, id: PairId) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.id == id)
    }

    /// The pair with this name, to change it.
    pub(crate) fn get_mut(&mut self, id: PairId) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.id == id)
    }

    /// The pair between these addresses.
    pub(crate) fn between(&self, local: SocketAddr, remote: SocketAddr) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.ends.local == local && pair.ends.remote == remote)
    }

    /// The pair with an open check of this id.
    pub(crate) fn asked(&self, id: TransactionId) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.check(id).is_some())
    }

    /// All pairs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter()
    }

    /// All pairs, to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pair> {
        self.pairs.iter_mut()
    }

    /// The pair of the highest priority that works.
    pub(crate) fn best_valid(&self) -> Option<&Pair> {
        self.pairs.iter().filter(|pair| pair.valid.is_some()).max_by_key(|pair| pair.priority)
    }

    /// Whether a pair above that priority may still come to work.
    pub(crate) fn hopes_above(&self, priority: u64) -> bool {
        self.unsettled().any(|pair| pair.priority > priority)
    }

    /// The pairs whose checks are still to come or to be answered.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| matches!(pair.state, State::Waiting | State::InProgress))
    }

    /// The next check on this pair goes before all that were not triggered (RFC 8445 section 6.1.4.1).
    pub(crate) fn trigger(&mut self, id: PairId) {
        if let Some(pair) = self.get_mut(id) {
            if pair.valid.is_none() {
                pair.cancel();
                pair.state = State::Waiting;
            }
            if !self.triggered.contains(&id) {
                self.triggered.push_back(id);
            }
        }
    }

    /// Whether a check waits to be sent.
    pub(crate) fn has_next(&self) -> bool {
        !self.triggered.is_empty() || self.pairs.iter().any(|pair| pair.state == State::Waiting)
    }

    /// Takes the pair to check next: triggered ones in order, then waiting ones by priority. Pairs with and without a relay
    /// take turns: a relay works at once where hole punching takes its time or is in vain.
    pub(crate) fn take_next(&mut self) -> Option<PairId> {
        if let Some(id) = self.triggered.pop_front() {
            return Some(id);
        }
        let waiting = || self.pairs.iter().filter(|pair| pair.state == State::Waiting);
        let turn = waiting().filter(|pair| pair.is_relayed() == self.direct_had_the_last);
        let next =
            turn.max_by_key(|pair| pair.priority).or_else(|| waiting().max_by_key(|pair| pair.priority))?;
        self.direct_had_the_last = !next.is_relayed();
        Some(next.id)
    }

    /// When the next repetition is due.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.pairs.iter().filter_map(|pair| pair.open.map(|(_, schedule)| schedule.next_at())).min()
    }

    /// A pair whose open check is due for a repetition.
    pub(crate) fn due(&mut self, now: Instant) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.open.is_some_and(|(_, schedule)| schedule.next_at() <= now))
    }

    /// A pair works and is chosen: lesser ones that do not work yet are given up (RFC 8445 section 8.1.2).
    pub(crate) fn prune_below(&mut self, priority: u64) {
        self.pairs.retain(|pair| pair.priority >= priority || pair.valid.is_some());
        let pairs = &self.pairs;
        self.triggered.retain(|id| pairs.iter().any(|pair| pair.id == *id));
    }

    /// The role has changed, and with it all priorities; nominations made in the old role are void.
    pub(crate) fn change_role(&mut self, controlling: bool) {
        for pair in &mut self.pairs {
            pair.priority = pair.ends.priority(controlling);
            pair.nominate = false;
        }
    }

    /// How many pairs found no place, or lost theirs to a better one.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many pairs there are.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(remote_priority: u32) -> Ends {
        let port = u16::try_from(remote_priority % 60_000).unwrap();
        Ends {
            local: SocketAddr::from(([10, 0, 0, 1], 1)),
            remote: SocketAddr::from(([192, 0, 2, 1], port)),
            local_priority: 1_000_000,
            remote_priority,
            learnt_priority: 1,
        }
    }

    #[test]
    fn holds_100_pairs_and_gives_up_the_least_for_a_better_one() {
        let mut list = CheckList::default();
        for priority in 101..=200 {
            assert!(list.insert(ends(priority), true).is_some());
        }
        assert!(list.insert(ends(100), true).is_none());
        assert!(list.insert(ends(300), true).is_some());
        assert_eq!(list.len(), MAX_PAIRS);
        assert!(list.between(ends(101).local, ends(101).remote).is_none());
        assert!(list.between(ends(102).local, ends(102).remote).is_some());
    }

    #[test]
    fn a_pair_in_progress_is_never_given_up() {
        let mut list = CheckList::default();
        for priority in 1..=100 {
            let id = list.insert(ends(priority), true).unwrap();
            list.get_mut(id).unwrap().state = State::InProgress;
        }
        assert!(!list.has_room_for(u64::MAX));
        assert!(list.insert(ends(300), true).is_none());
    }

    #[test]
    fn triggered_checks_go_first_and_the_rest_by_priority() {
        let mut list = CheckList::default();
        let low = list.insert(ends(5), true).unwrap();
        let high = list.insert(ends(9), true).unwrap();
        let triggered = list.insert(ends(1), true).unwrap();
        let second = list.insert(ends(2), true).unwrap();
        list.trigger(triggered);
        list.trigger(second);
        list.trigger(triggered);
        for expected in [triggered, second, high, low] {
            assert_eq!(list.take_next(), Some(expected));
            list.get_mut(expected).unwrap().state = State::InProgress;
        }
        assert_eq!(list.take_next(), None);
        assert!(!list.has_next());
    }
}
