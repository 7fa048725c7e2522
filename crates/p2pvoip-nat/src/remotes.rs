//! The peer's candidates: told by signalling, or learnt from its checks (RFC 8445 section 7.3.1.3).

use core::net::SocketAddr;

use crate::candidate::{Candidate, Kind};

/// The most candidates that the peer can tell.
pub(crate) const MAX_TOLD: usize = 24;
/// The most candidates in all: some room stays for those that are learnt.
pub(crate) const MAX_REMOTES: usize = 32;

/// Stage: the table of remote candidates, one for each address. A place in it never changes hands.
#[derive(Clone, Default)]
pub(crate) struct Remotes {
    all: Vec<Candidate>,
    told: usize,
}

/// What became of a candidate that was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// It is new: pair it.
    New,
    /// It was learnt before: kind and priority are now those that were told.
    Renamed,
    /// It is known.
    Known,
    /// There is no room.
    Full,
}

impl Remotes {
    /// The peer told a candidate.
    pub(crate) fn tell(&mut self, candidate: Candidate) -> Told {
        if let Some(known) = self.all.iter_mut().find(|known| known.address == candidate.address) {
            if known.kind != Kind::PeerReflexive {
                return Told::Known;
            }
            *known = candidate;
            return Told::Renamed;
        }
        if self.told == MAX_TOLD || self.all.len() == MAX_REMOTES {
            return Told::Full;
        }
        self.told += 1;
        self.all.push(candidate);
        Told::New
    }

    /// Whether a check from `address` could be learnt from.
    pub(crate) fn has_room_for(&self, address: SocketAddr) -> bool {
        self.get(address).is_some() || self.all.len() < MAX_REMOTES
    }

    /// A check came from `address`: its candidate, learnt now if need be; `None` without room.
    pub(crate) fn learn(&mut self, address: SocketAddr, priority: u32) -> Option<Candidate> {
        if let Some(known) = self.get(address) {
            return Some(*known);
        }
        if self.all.len() == MAX_REMOTES {
            return None;
        }
        // Foundations of learnt candidates are arbitrary and differ from all others; zero is never told.
        let candidate = Candidate::new(Kind::PeerReflexive, address, priority, 0);
        self.all.push(candidate);
        Some(candidate)
    }

    /// The candidate with that address.
    pub(crate) fn get(&self, address: SocketAddr) -> Option<&Candidate> {
        self.all.iter().find(|known| known.address == address)
    }

    /// All candidates in the order in which they became known.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.all.iter()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(port: u16) -> Candidate {
        Candidate::new(Kind::Host, SocketAddr::from(([192, 0, 2, 1], port)), 100, 1)
    }

    #[test]
    fn a_peer_tells_24_candidates_and_8_more_are_learnt() {
        let mut remotes = Remotes::default();
        for port in 1..=24 {
            assert_eq!(remotes.tell(candidate(port)), Told::New);
        }
        assert_eq!(remotes.tell(candidate(25)), Told::Full);
        assert_eq!(remotes.tell(candidate(24)), Told::Known);
        for port in 25..=32 {
            assert!(remotes.learn(candidate(port).address, 5).is_some());
        }
        assert!(!remotes.has_room_for(candidate(33).address));
        assert_eq!(remotes.learn(candidate(33).address, 5), None);
        assert!(remotes.has_room_for(candidate(1).address));
        assert_eq!(remotes.len(), MAX_REMOTES);
    }

    #[test]
    fn a_learnt_candidate_takes_the_name_that_is_told_later() {
        let mut remotes = Remotes::default();
        assert_eq!(remotes.learn(candidate(1).address, 5).map(|c| c.kind), Some(Kind::PeerReflexive));
        assert_eq!(remotes.tell(candidate(1)), Told::Renamed);
        assert_eq!(remotes.get(candidate(1).address), Some(&candidate(1)));
    }
}
