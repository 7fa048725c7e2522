//! Which offers were admitted: so that a replay of one rings no one twice.
//!
//! # Limits
//! - [`MAX_REMEMBERED`] offers. The oldest makes room for a new one only when it can no longer be in date; else the new one is
//!   refused.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};

use crate::dates::{CLOCK_SKEW, OFFER_LIFE, PREKEY_GRACE, PREKEY_PERIOD};

/// The most offers that are remembered: those of all strangers within four hours, and of ten busy contacts.
pub const MAX_REMEMBERED: usize = 4_096;
/// How long an offer is remembered: the life of a prekey, and what clocks may be off at both ends of it.
pub const MEMORY_LIFE: Duration =
    Duration::from_secs(PREKEY_PERIOD.as_secs() + PREKEY_GRACE.as_secs() + 4 * CLOCK_SKEW.as_secs());
/// How long an offer can be in date after it came: it may have been made by a clock that is ahead.
const IN_DATE: Duration = Duration::from_secs(OFFER_LIFE.as_secs() + 2 * CLOCK_SKEW.as_secs());

const TAG_LEN: usize = 16;

/// The tags of offers and when they came, the oldest first.
#[derive(Default)]
pub(super) struct Memory {
    order: VecDeque<([u8; TAG_LEN], UnixTime)>,
    tags: BTreeSet<[u8; TAG_LEN]>,
}

impl Memory {
    pub(super) fn holds(&self, tag: &[u8; TAG_LEN]) -> bool {
        self.tags.contains(tag)
    }

    /// Forgets what is over, and whether there is room for one more then.
    pub(super) fn make_room(&mut self, now: UnixTime) -> bool {
        while let Some((tag, came)) = self.order.front() {
            let full = self.order.len() >= MAX_REMEMBERED;
            let over = now > *came + MEMORY_LIFE || (full && now > *came + IN_DATE);
            if !over {
                break;
            }
            self.tags.remove(tag);
            self.order.pop_front();
        }
        self.order.len() < MAX_REMEMBERED
    }

    pub(super) fn remember(&mut self, tag: [u8; TAG_LEN], now: UnixTime) {
        if self.tags.insert(tag) {
            self.order.push_back((tag, now));
        }
    }

    /// All of it: tag and moment (8) of each.
    pub(super) fn encode(&self) -> Vec<u8> {
        self.order
            .iter()
            .flat_map(|(tag, came)| tag.iter().copied().chain(came.as_secs().to_be_bytes()))
            .collect()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut memory = Self::default();
        let mut reader = Reader::new(bytes);
        while reader.remaining() > 0 {
            if memory.order.len() == MAX_REMEMBERED {
                return Err(Malformed::Trailing);
            }
            let (tag, came) = (reader.array()?, UnixTime::from_secs(reader.u64()?));
            memory.remember(tag, came);
        }
        Ok(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn tag(number: usize) -> [u8; TAG_LEN] {
        (number as u128).to_be_bytes()
    }

    fn full() -> Memory {
        let mut memory = Memory::default();
        for i in 0..MAX_REMEMBERED {
            assert!(memory.make_room(NOW));
            memory.remember(tag(i), NOW);
        }
        memory
    }

    #[test]
    fn what_could_be_in_date_is_never_forgotten_for_new_ones() {
        let mut memory = full();
        assert!(!memory.make_room(NOW));
        assert!(!memory.make_room(NOW + IN_DATE));
        assert!((0..MAX_REMEMBERED).all(|i| memory.holds(&tag(i))));
        assert!(memory.make_room(NOW + IN_DATE + SECOND));
        assert!(!memory.holds(&tag(0)), "one went");
        assert!(memory.holds(&tag(1)), "and no more than one");
    }

    #[test]
    fn with_room_left_all_are_kept_for_the_prekeys_life() {
        let mut memory = Memory::default();
        memory.remember(tag(1), NOW);
        assert!(memory.make_room(NOW + MEMORY_LIFE));
        assert!(memory.holds(&tag(1)));
        assert!(memory.make_room(NOW + MEMORY_LIFE + SECOND));
        assert!(!memory.holds(&tag(1)));
    }

    #[test]
    fn a_clock_that_goes_back_makes_nothing_forgotten() {
        let mut memory = full();
        assert!(!memory.make_room(NOW - MEMORY_LIFE));
        assert!(memory.holds(&tag(0)));
    }

    #[test]
    fn it_reads_as_it_was_written_and_no_more_than_fits() {
        let memory = full();
        let bytes = memory.encode();
        assert_eq!(bytes.len(), MAX_REMEMBERED * 24);
        assert_eq!(Memory::decode(&bytes).unwrap().encode(), bytes);
        assert_eq!(Memory::decode(&bytes[1..]).err(), Some(Malformed::Truncated));
        assert_eq!(Memory::decode(&[&bytes[..], &[0; 24]].concat()).err(), Some(Malformed::Trailing));
    }
}
