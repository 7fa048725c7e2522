//! Who holds how much of a full table, and so which entry makes room.
//!
//! The prefix that holds most gives up its oldest entry; of several that hold as much, the one with the oldest. Who fills
//! a table from one prefix so pushes out nothing but its own entries. Age counts from the hub's own acts, never from
//! what a client says: a record with a longer lifetime is not worth more.

use super::Prefix;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Where an entry comes from; all whose owner did not tell share one.
pub(super) type Origin = Option<Prefix>;

/// Entries that may make room, by origin and age. Every operation takes logarithmic time.
pub(super) struct Shares<K> {
    places: BTreeMap<K, (Origin, u64)>,
    /// The entries of each origin by number: the oldest first.
    origins: BTreeMap<Origin, BTreeMap<u64, K>>,
    /// How many entries each origin has, and the number of its oldest: the last makes room.
    ranks: BTreeSet<Rank>,
    next: u64,
}

type Rank = (usize, Reverse<u64>, Origin);

impl<K> Default for Shares<K> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), origins: BTreeMap::new(), ranks: BTreeSet::new(), next: 0 }
    }
}

impl<K: Copy + Ord> Shares<K> {
    /// Adds an entry as the newest; one that is known moves.
    pub(super) fn insert(&mut self, key: K, origin: Origin) {
        self.remove(&key);
        let number = self.next;
        self.next += 1;
        self.places.insert(key, (origin, number));
        self.change(origin, |entries| entries.insert(number, key));
    }

    /// Removes an entry if it is known.
    pub(super) fn remove(&mut self, key: &K) {
        if let Some((origin, number)) = self.places.remove(key) {
            self.change(origin, |entries| entries.remove(&number));
        }
    }

    /// Removes and gives the entry that makes room.
    pub(super) fn make_room(&mut self) -> Option<K> {
        let (_, _, origin) = self.ranks.last()?;
        let key = self.origins.get(origin)?.values().next().copied()?;
        self.remove(&key);
        Some(key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn change<T>(&mut self, origin: Origin, change: impl FnOnce(&mut BTreeMap<u64, K>) -> T) {
        let entries = self.origins.entry(origin).or_default();
        if let Some(rank) = rank(origin, entries) {
            self.ranks.remove(&rank);
        }
        change(entries);
        match rank(origin, entries) {
            Some(rank) => {
                self.ranks.insert(rank);
            }
            None => {
                self.origins.remove(&origin);
            }
        }
    }
}

fn rank<K>(origin: Origin, entries: &BTreeMap<u64, K>) -> Option<Rank> {
    let (oldest, _) = entries.first_key_value()?;
    Some((entries.len(), Reverse(*oldest), origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn origin(number: u8) -> Origin {
        (number > 0).then(|| Prefix::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, number))))
    }

    #[test]
    fn the_largest_share_gives_up_its_oldest_entry() {
        let mut shares = Shares::default();
        for (key, from) in [(1, 1), (2, 2), (3, 2), (4, 3), (2, 2)] {
            shares.insert(key, origin(from));
        }
        // Entry 2 was inserted again, so that 3 is older; then all hold one, and 1 is the oldest.
        let order: Vec<_> = std::iter::from_fn(|| shares.make_room()).collect();
        assert_eq!(order, [3, 1, 4, 2]);
        assert!(shares.is_empty() && shares.origins.is_empty() && shares.ranks.is_empty());
    }

    proptest! {
        #[test]
        fn shares_agree_with_a_plain_list(acts in prop::collection::vec((0_u8..4, 0_u8..12, 0_u8..4), 0..120)) {
            let mut shares = Shares::default();
            // Oldest first.
            let mut list: Vec<(u8, Origin)> = Vec::new();
            for (act, key, from) in acts {
                match act {
                    0 | 1 => {
                        shares.insert(key, origin(from));
                        list.retain(|(known, _)| *known != key);
                        list.push((key, origin(from)));
                    }
                    2 => {
                        shares.remove(&key);
                        list.retain(|(known, _)| *known != key);
                    }
                    _ => {
                        let size = |of: Origin| list.iter().filter(|(_, origin)| *origin == of).count();
                        let most = list.iter().map(|(_, origin)| size(*origin)).max();
                        let place = list.iter().position(|(_, origin)| Some(size(*origin)) == most);
                        let expected = place.map(|place| list.remove(place).0);
                        prop_assert_eq!(shares.make_room(), expected);
                    }
                }
                prop_assert_eq!(shares.is_empty(), list.is_empty());
            }
        }
    }
}
