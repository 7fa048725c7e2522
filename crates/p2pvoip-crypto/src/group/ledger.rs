//! What was received from one sender, and what of it the sender has proven: replay window and ledger at once.
//!
//! It is wound forward by what the sender has signed, never by a packet that any member could have made: no member can push
//! another one's packets out of it.

use p2pvoip_core::Instant;

use super::header::Digest;
use super::proof::Proof;

/// How far below the first unproven number a packet is accepted.
pub(super) const BEHIND: u64 = 256;
/// How far above it: 2.5 s of packets of 10 ms, when after one second nothing unproven is accepted any more.
pub(super) const AHEAD: u64 = 256;
const PLACES: usize = 512;
const _: () = assert!(PLACES as u64 == BEHIND + AHEAD, "each number within reach has a place");

/// What the ledger says of a number before its packet is noted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It was not received yet.
    Fresh,
    /// It was received.
    Seen,
    /// It is too far above what is proven, or so late that no proof will cover it any more.
    OutOfRange,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Empty,
    /// Received, and played, and not proven.
    Pending(Instant),
    /// Received and proven.
    Proven,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    digest: Digest,
    state: State,
}

/// What a proof has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Settled {
    /// Whether it proves numbers that none did before.
    pub(super) is_news: bool,
    /// A packet that was accepted and is not what the sender has signed.
    pub(super) contradiction: Option<u64>,
}

/// Stage: the ledger of one sender. It does not allocate after its start.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: Box<[Entry]>,
    /// The first number that is not proven.
    anchor: u64,
    /// The first number that the next proof covers.
    floor: u64,
    /// When the earliest packet was received that is not proven.
    oldest: Option<Instant>,
}

impl Ledger {
    /// A ledger that begins with that number.
    pub(super) fn new(anchor: u64) -> Self {
        let empty = Entry { number: 0, digest: [0; 16], state: State::Empty };
        Self { entries: vec![empty; PLACES].into_boxed_slice(), anchor, floor: 0, oldest: None }
    }

    /// The first number that is not proven.
    pub(super) const fn anchor(&self) -> u64 {
        self.anchor
    }

    /// When the earliest packet was received that is not proven.
    pub(super) const fn oldest(&self) -> Option<Instant> {
        self.oldest
    }

    /// The sender has told by other means that it has come to that number.
    pub(super) fn advance(&mut self, anchor: u64) {
        self.anchor = self.anchor.max(anchor);
    }

    pub(super) fn verdict(&self, number: u64) -> Verdict {
        let least = self.floor.max(self.anchor.saturating_sub(BEHIND));
        if number < least || number >= self.anchor + AHEAD {
            return Verdict::OutOfRange;
        }
        match self.entry(number) {
            Some(_) => Verdict::Seen,
            None => Verdict::Fresh,
        }
    }

    /// Remembers a packet that was accepted.
    pub(super) fn note(&mut self, number: u64, digest: Digest, now: Instant) {
        self.write(Entry { number, digest, state: State::Pending(now) });
        self.oldest = self.oldest.or(Some(now));
    }

    /// The sender has signed that proof; `own` is the digest of the packet that carried it.
    pub(super) fn settle(&mut self, proof: &Proof<'_>, own: Digest) -> Settled {
        let end = proof.end();
        let is_news = end + 1 > self.anchor;
        self.anchor = self.anchor.max(end + 1);
        self.floor = self.floor.max(proof.next_first());
        let mut contradiction = None;
        for entry in &mut self.entries {
            let fits = match entry.state {
                State::Empty => None,
                State::Pending(_) | State::Proven if entry.number == end => Some(entry.digest == own),
                State::Pending(_) | State::Proven => proof.fits(entry.number, &entry.digest),
            };
            match fits {
                Some(true) => entry.state = State::Proven,
                Some(false) => {
                    entry.state = State::Proven;
                    contradiction = contradiction.or(Some(entry.number));
                }
                None => {}
            }
        }
        self.write(Entry { number: end, digest: own, state: State::Proven });
        self.oldest = self.entries.iter().filter_map(Entry::pending_since).min();
        Settled { is_news, contradiction }
    }

    /// Gives up on all that is not proven: it was reported.
    pub(super) fn forget_pending(&mut self) {
        for entry in &mut self.entries {
            if matches!(entry.state, State::Pending(_)) {
                entry.state = State::Empty;
            }
        }
        self.oldest = None;
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.get(place(number)).filter(|entry| entry.number == number && entry.state != State::Empty)
    }

    /// Writes over what is older; what is newer stays.
    fn write(&mut self, entry: Entry) {
        if let Some(place) = self.entries.get_mut(place(entry.number))
            && (place.number <= entry.number || place.state == State::Empty)
        {
            *place = entry;
        }
    }
}

impl Entry {
    const fn pending_since(&self) -> Option<Instant> {
        match self.state {
            State::Pending(at) => Some(at),
            State::Empty | State::Proven => None,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder below 512")]
const fn place(number: u64) -> usize {
    (number % PLACES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::proof::{Contents, MAX_LEN, emit};
    use crate::group::{GroupId, SenderScope};
    use crate::suite::Aead;
    use proptest::prelude::*;
    use ring::signature::Ed25519KeyPair;
    use std::collections::BTreeSet;

    const T: Instant = Instant::from_millis(5);

    fn digest(number: u64) -> Digest {
        [number.to_le_bytes()[0]; 16]
    }

    /// A proof of the packets from `first` on before `end`.
    fn settle(ledger: &mut Ledger, first: u64, end: u64, repeated: u8) -> Settled {
        let scope = SenderScope { aead: Aead::Aes256Gcm, group: GroupId::new([1; 16]), member: 2, since: 3 };
        let digests: Vec<Digest> = (first..end).map(digest).collect();
        let contents = Contents { first, repeated, salt: [1; 8], digests: digests.iter() };
        let (mut out, key) = ([0; MAX_LEN], Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
        let len = emit(&scope, &key, contents, &mut out).unwrap();
        ledger.settle(&Proof::parse(&out[..len]).unwrap(), digest(end))
    }

    #[test]
    fn the_ledger_reaches_256_behind_and_256_ahead_of_what_is_proven() {
        let ledger = Ledger::new(1_000);
        for (number, verdict) in [
            (743, Verdict::OutOfRange),
            (744, Verdict::Fresh),
            (1_255, Verdict::Fresh),
            (1_256, Verdict::OutOfRange),
        ] {
            assert_eq!(ledger.verdict(number), verdict, "{number}");
        }
    }

    #[test]
    fn a_packet_is_seen_once_and_proven_by_its_digest_alone() {
        let mut ledger = Ledger::new(0);
        ledger.note(3, digest(3), T);
        ledger.note(4, digest(0), T);
        assert_eq!((ledger.verdict(3), ledger.oldest()), (Verdict::Seen, Some(T)));
        let settled = settle(&mut ledger, 0, 6, 6);
        assert_eq!(settled, Settled { is_news: true, contradiction: Some(4) });
        assert_eq!((ledger.anchor(), ledger.oldest()), (7, None));
        assert_eq!((ledger.verdict(5), ledger.verdict(6)), (Verdict::Fresh, Verdict::Seen));
    }

    #[test]
    fn what_the_next_proof_will_not_cover_is_too_late() {
        let mut ledger = Ledger::new(0);
        let _ = settle(&mut ledger, 0, 20, 5);
        assert_eq!((ledger.verdict(14), ledger.verdict(15)), (Verdict::OutOfRange, Verdict::Fresh));
    }

    #[test]
    fn an_old_proof_says_nothing_new_and_does_not_wind_back() {
        let mut ledger = Ledger::new(0);
        let _ = settle(&mut ledger, 0, 10, 5);
        let again = settle(&mut ledger, 0, 8, 5);
        assert_eq!((again.is_news, again.contradiction, ledger.anchor()), (false, None, 11));
        assert_eq!(ledger.verdict(4), Verdict::OutOfRange);
    }

    #[test]
    fn whoever_used_the_number_of_a_proof_is_found_out() {
        let mut ledger = Ledger::new(0);
        ledger.note(6, digest(99), T);
        assert_eq!(settle(&mut ledger, 0, 6, 0).contradiction, Some(6));
    }

    #[test]
    fn what_is_given_up_is_pending_no_more() {
        let mut ledger = Ledger::new(0);
        ledger.note(3, digest(3), T);
        ledger.forget_pending();
        assert_eq!((ledger.oldest(), ledger.verdict(3)), (None, Verdict::Fresh));
    }

    proptest! {
        #[test]
        fn the_ledger_agrees_with_a_set(steps in proptest::collection::vec((0u64..600, any::<bool>(), 1u8..190), 1..120)) {
            let (mut ledger, mut seen, mut anchor, mut floor) = (Ledger::new(0), BTreeSet::new(), 0u64, 0u64);
            for (offset, is_proof, len) in steps {
                if is_proof {
                    let end = anchor + u64::from(len);
                    let settled = settle(&mut ledger, anchor, end, len);
                    prop_assert_eq!(settled, Settled { is_news: true, contradiction: None });
                    seen.insert(end);
                    (anchor, floor) = (end + 1, anchor);
                    continue;
                }
                let number = (anchor + offset).saturating_sub(300);
                let expected = if number < floor || number + BEHIND < anchor || number >= anchor + AHEAD {
                    Verdict::OutOfRange
                } else if seen.contains(&number) {
                    Verdict::Seen
                } else {
                    Verdict::Fresh
                };
                prop_assert_eq!(ledger.verdict(number), expected);
                if expected == Verdict::Fresh {
                    ledger.note(number, digest(number), T);
                    seen.insert(number);
                }
            }
        }
    }
}
