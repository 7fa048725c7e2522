//! Which offers were admitted: so that a replay of one rings no one twice.
//!
//! # Limits
//! - [`MAX_OF_STRANGERS`] offers of all strangers, and [`MAX_OF_DEVICE`] of each known device: a full share refuses those whose
//!   it is, and nobody else. Its oldest offer makes room for a new one only when it can no longer be in date.
//! - [`MAX_REMEMBERED`] in all, also when the known devices change. Then too only what can no longer be in date makes room.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};

use super::keeper::MAX_CONTACTS;
use crate::dates::{CLOCK_SKEW, OFFER_LIFE, PREKEY_GRACE, PREKEY_PERIOD};
use crate::identity::PUBLIC_LEN;

/// The most offers of strangers that are remembered: more than their tokens last for while an offer is in date.
pub(super) const MAX_OF_STRANGERS: usize = 2_048;
/// The most offers of one known device that are remembered.
pub(super) const MAX_OF_DEVICE: usize = 64;
/// The most offers that are remembered: the shares of strangers and of all known devices.
pub const MAX_REMEMBERED: usize = MAX_OF_STRANGERS + MAX_CONTACTS * MAX_OF_DEVICE;
/// How long an offer is remembered: the life of a prekey, and what clocks may be off at both ends of it.
pub const MEMORY_LIFE: Duration =
    Duration::from_secs(PREKEY_PERIOD.as_secs() + PREKEY_GRACE.as_secs() + 4 * CLOCK_SKEW.as_secs());
/// How long an offer can be in date after it came: it may have been made by a clock that is ahead.
const IN_DATE: Duration = Duration::from_secs(OFFER_LIFE.as_secs() + 2 * CLOCK_SKEW.as_secs());

const TAG_LEN: usize = 16;

type Tag = [u8; TAG_LEN];

/// Whose share of the memory an offer takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner([u8; 16]);

impl Owner {
    /// All strangers together.
    pub(super) const STRANGERS: Self = Self([0; 16]);

    /// A known device: the first half of its key, which nobody can have in common with another on purpose.
    pub(super) fn device(key: &[u8; PUBLIC_LEN]) -> Self {
        Self(crate::kdf::array(key))
    }

    fn most(self) -> usize {
        if self == Self::STRANGERS { MAX_OF_STRANGERS } else { MAX_OF_DEVICE }
    }
}

/// The tags of offers and when they came, the oldest of each share first; no share is empty.
#[derive(Default)]
pub(super) struct Memory {
    shares: BTreeMap<Owner, VecDeque<(Tag, UnixTime)>>,
    tags: BTreeSet<Tag>,
}

impl Memory {
    pub(super) fn holds(&self, tag: &Tag) -> bool {
        self.tags.contains(tag)
    }

    /// Forgets what is over, and whether there is room for one more of that owner then.
    pub(super) fn make_room(&mut self, owner: Owner, now: UnixTime) -> bool {
        self.forget(now, MEMORY_LIFE, |_, _| true);
        self.forget(now, IN_DATE, |other, len| other == owner && len >= owner.most());
        if self.tags.len() >= MAX_REMEMBERED {
            self.forget(now, IN_DATE, |_, _| true);
        }
        self.tags.len() < MAX_REMEMBERED && self.len_of(owner) < owner.most()
    }

    pub(super) fn remember(&mut self, owner: Owner, tag: Tag, now: UnixTime) {
        if self.tags.insert(tag) {
            self.shares.entry(owner).or_default().push_back((tag, now));
        }
    }

    fn len_of(&self, owner: Owner) -> usize {
        self.shares.get(&owner).map_or(0, VecDeque::len)
    }

    /// Forgets the oldest of each share that came so long ago, as long as it is to be done for that owner and number.
    fn forget(&mut self, now: UnixTime, age: Duration, is_due: impl Fn(Owner, usize) -> bool) {
        let tags = &mut self.tags;
        self.shares.retain(|owner, share| {
            while let Some((tag, came)) = share.front()
                && now > *came + age
                && is_due(*owner, share.len())
            {
                tags.remove(tag);
                share.pop_front();
            }
            !share.is_empty()
        });
    }

    /// All of it: tag, moment (8) and owner of each.
    pub(super) fn encode(&self) -> Vec<u8> {
        let entries =
            self.shares.iter().flat_map(|(owner, share)| share.iter().map(move |entry| (owner, entry)));
        entries
            .flat_map(|(owner, (tag, came))| {
                tag.iter().copied().chain(came.as_secs().to_be_bytes()).chain(owner.0)
            })
            .collect()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut memory = Self::default();
        let mut reader = Reader::new(bytes);
        while reader.remaining() > 0 {
            let (tag, came) = (reader.array()?, UnixTime::from_secs(reader.u64()?));
            let owner = Owner(reader.array()?);
            if memory.len_of(owner) >= owner.most() || memory.tags.len() >= MAX_REMEMBERED {
                return Err(Malformed::Trailing);
            }
            memory.remember(owner, tag, came);
        }
        Ok(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const SECOND: Duration = Duration::from_secs(1);
    const ENTRY: usize = 40;

    fn tag(number: usize) -> Tag {
        (number as u128).to_be_bytes()
    }

    /// The owner of that number; none is the strangers.
    fn device(number: usize) -> Owner {
        let mut key = [7; PUBLIC_LEN];
        key[..8].copy_from_slice(&number.to_be_bytes());
        Owner::device(&key)
    }

    /// Remembers as many of an owner as there is room for, the tags being numbered from the first.
    fn fill(memory: &mut Memory, owner: Owner, first: usize, now: UnixTime) {
        for number in first..first + owner.most() {
            assert!(memory.make_room(owner, now));
            memory.remember(owner, tag(number), now);
        }
        assert!(!memory.make_room(owner, now));
    }

    #[test]
    fn what_could_be_in_date_is_never_forgotten_for_new_ones() {
        for owner in [Owner::STRANGERS, device(1)] {
            let mut memory = Memory::default();
            fill(&mut memory, owner, 0, NOW);
            assert!(!memory.make_room(owner, NOW + IN_DATE));
            assert!((0..owner.most()).all(|i| memory.holds(&tag(i))));
            assert!(memory.make_room(owner, NOW + IN_DATE + SECOND));
            assert!(!memory.holds(&tag(0)), "one went");
            assert!(memory.holds(&tag(1)), "and no more than one");
        }
    }

    #[test]
    fn a_full_share_refuses_nobody_but_its_own() {
        let mut memory = Memory::default();
        fill(&mut memory, Owner::STRANGERS, 0, NOW);
        for number in 0..MAX_CONTACTS {
            assert!(memory.make_room(device(number), NOW), "device {number}");
            // Not all are filled one by one: that there is room is asked of each share in turn.
            (0..MAX_OF_DEVICE).for_each(|i| {
                memory.remember(device(number), tag(MAX_OF_STRANGERS + number * MAX_OF_DEVICE + i), NOW);
            });
        }
        assert_eq!(memory.tags.len(), MAX_REMEMBERED);
        let newcomer = device(MAX_CONTACTS);
        assert!(!memory.make_room(newcomer, NOW + IN_DATE), "all others would have to be gone from the list");
        assert!(memory.make_room(newcomer, NOW + IN_DATE + SECOND));
        memory.remember(newcomer, tag(1 << 20), NOW);
        let bytes = memory.encode();
        assert_eq!(Memory::decode(&bytes).unwrap().encode(), bytes);
    }

    #[test]
    fn with_room_left_all_are_kept_for_the_prekeys_life() {
        let mut memory = Memory::default();
        memory.remember(device(1), tag(1), NOW);
        assert!(memory.make_room(device(2), NOW + MEMORY_LIFE));
        assert!(memory.holds(&tag(1)));
        assert!(memory.make_room(device(2), NOW + MEMORY_LIFE + SECOND));
        assert!(!memory.holds(&tag(1)) && memory.shares.is_empty());
    }

    #[test]
    fn a_clock_that_goes_back_makes_nothing_forgotten() {
        let mut memory = Memory::default();
        fill(&mut memory, device(1), 0, NOW);
        assert!(!memory.make_room(device(1), NOW - MEMORY_LIFE));
        assert!(memory.holds(&tag(0)));
    }

    #[test]
    fn it_reads_as_it_was_written_and_no_more_than_fits() {
        let mut memory = Memory::default();
        fill(&mut memory, Owner::STRANGERS, 0, NOW);
        fill(&mut memory, device(1), MAX_OF_STRANGERS, NOW);
        let bytes = memory.encode();
        assert_eq!(bytes.len(), (MAX_OF_STRANGERS + MAX_OF_DEVICE) * ENTRY);
        let read = Memory::decode(&bytes).unwrap();
        assert_eq!(read.encode(), bytes);
        assert_eq!(
            (read.len_of(Owner::STRANGERS), read.len_of(device(1))),
            (MAX_OF_STRANGERS, MAX_OF_DEVICE)
        );
        assert_eq!(Memory::decode(&bytes[1..]).err(), Some(Malformed::Truncated));
        for owner in [Owner::STRANGERS, device(1)] {
            let one_more = [&[0xff; 24][..], &owner.0].concat();
            assert_eq!(Memory::decode(&[&bytes[..], &one_more].concat()).err(), Some(Malformed::Trailing));
        }
        let of_another = [&[0xff; 24][..], &device(2).0].concat();
        assert!(Memory::decode(&[&bytes[..], &of_another].concat()).is_ok());
    }
}
