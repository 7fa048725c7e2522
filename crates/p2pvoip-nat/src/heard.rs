//! Which checks of the peer were heard, and from where: integrity does not cover the source address, so a check that
//! somebody sends again from elsewhere would otherwise be learnt as a new address of the peer.

use core::net::SocketAddr;

use crate::stun::TransactionId;

/// How many checks are remembered: more than the checks of one full check list sent at the pace of one round trip.
const REMEMBERED: usize = 128;

/// One check that was heard: its id, and the addresses that it came between.
type Entry = (TransactionId, SocketAddr, SocketAddr);

/// Stage: the checks heard last.
#[derive(Clone)]
pub(crate) struct Heard {
    entries: Vec<Entry>,
    next: usize,
}

impl Heard {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), next: 0 }
    }

    /// Whether a check was heard between other addresses before.
    pub(crate) fn elsewhere(&self, id: TransactionId, local: SocketAddr, remote: SocketAddr) -> bool {
        self.entries.iter().any(|entry| entry.0 == id && (entry.1, entry.2) != (local, remote))
    }

    /// Whether a check was heard before, so that this one is its repetition.
    pub(crate) fn knows(&self, id: TransactionId) -> bool {
        self.entries.iter().any(|entry| entry.0 == id)
    }

    /// A check was heard; the oldest one makes room.
    pub(crate) fn on_check(&mut self, id: TransactionId, local: SocketAddr, remote: SocketAddr) {
        if self.knows(id) {
            return;
        }
        let entry = (id, local, remote);
        match self.entries.get_mut(self.next) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        self.next = (self.next + 1) % REMEMBERED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_is_told_from_a_replay_as_long_as_it_is_remembered() {
        let place = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let mut heard = Heard::new();
        for id in 0..=u8::try_from(REMEMBERED).unwrap() {
            assert!(!heard.knows([id; 12]));
            heard.on_check([id; 12], place(1), place(2));
            assert!(heard.knows([id; 12]));
            heard.on_check([id; 12], place(1), place(2));
        }
        assert_eq!(heard.entries.len(), REMEMBERED);
        assert!(!heard.elsewhere([1; 12], place(1), place(2)));
        assert!(heard.elsewhere([1; 12], place(1), place(3)));
        assert!(!heard.elsewhere([0; 12], place(1), place(3)), "the oldest one is forgotten");
    }
}
