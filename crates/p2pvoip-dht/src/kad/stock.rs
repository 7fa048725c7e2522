//! Which networks brought the records that a node holds: when it is full, one of the network with the most gives way.
//!
//! So who fills a node from one network pushes out its own records. An IPv6 /32 counts as one network here, since
//! a customer of a provider may have many /48s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::Slot;
use crate::shelf::{Network, wide_network};

/// Stage: where held records came from, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Stock {
    held: BTreeMap<Slot, (Network, u64)>,
    networks: BTreeMap<Network, BTreeSet<(u64, Slot)>>,
    came: u64,
}

impl Stock {
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// A record came into a slot. Anybody can bring a copy, so that `same` bytes stay with the network that brought them first.
    pub(super) fn hold(&mut self, slot: Slot, from: IpAddr, same: bool) {
        if same && self.held.contains_key(&slot) {
            return;
        }
        self.forget(&slot);
        let network = wide_network(from);
        self.held.insert(slot, (network, self.came));
        self.networks.entry(network).or_default().insert((self.came, slot));
        self.came += 1;
    }

    pub(super) fn forget(&mut self, slot: &Slot) {
        let Some((network, came)) = self.held.remove(slot) else { return };
        if let Some(of_network) = self.networks.get_mut(&network) {
            of_network.remove(&(came, *slot));
            if of_network.is_empty() {
                self.networks.remove(&network);
            }
        }
    }

    /// Forgets all but these.
    pub(super) fn retain(&mut self, is_held: impl Fn(&Slot) -> bool) {
        let gone: Vec<Slot> = self.held.keys().filter(|slot| !is_held(slot)).copied().collect();
        for slot in gone {
            self.forget(&slot);
        }
    }

    /// Gives up the record that came first of the network that would have the most, were one more of `from` held.
    pub(super) fn give_way(&mut self, from: IpAddr) -> Option<Slot> {
        let newcomer = wide_network(from);
        let weight = |(network, held): &(&Network, &BTreeSet<(u64, Slot)>)| {
            (held.len() + usize::from(**network == newcomer), **network == newcomer)
        };
        let (_, slot) = *self.networks.iter().max_by_key(weight)?.1.first()?;
        self.forget(&slot);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn slot(number: u8) -> Slot {
        Slot::new([number; 16])
    }

    fn v4(network: u8) -> IpAddr {
        Ipv4Addr::new(20, 1, network, 7).into()
    }

    #[test]
    fn who_brought_the_most_gives_way_oldest_first() {
        let mut stock = Stock::default();
        stock.hold(slot(1), v4(1), false);
        for number in 2..6 {
            stock.hold(slot(number), v4(2), false);
        }
        assert_eq!(stock.give_way(v4(3)), Some(slot(2)));
        assert_eq!(stock.give_way(v4(1)), Some(slot(3)));
        assert_eq!(stock.len(), 3);
        // Two of network 2 and one of network 1, which would have two as well: it pushes out its own.
        assert_eq!(stock.give_way(v4(1)), Some(slot(1)));
        assert_eq!((stock.give_way(v4(1)), stock.give_way(v4(1))), (Some(slot(4)), Some(slot(5))));
        assert_eq!(stock.give_way(v4(1)), None);
    }

    #[test]
    fn the_networks_of_one_ipv6_provider_count_as_one() {
        let mut stock = Stock::default();
        stock.hold(slot(9), v4(1), false);
        for number in 1..4 {
            let address = Ipv6Addr::new(0x2a00, 1, u16::from(number), 0, 0, 0, 0, 1);
            stock.hold(slot(number), address.into(), false);
        }
        assert_eq!(stock.give_way(v4(2)), Some(slot(1)));
    }

    #[test]
    fn a_copy_stays_where_it_was_and_a_newer_record_moves() {
        let mut stock = Stock::default();
        stock.hold(slot(1), v4(1), false);
        stock.hold(slot(1), v4(2), true);
        assert_eq!(stock.held.get(&slot(1)), Some(&(wide_network(v4(1)), 0)));
        stock.hold(slot(1), v4(2), false);
        assert_eq!(stock.held.get(&slot(1)), Some(&(wide_network(v4(2)), 1)));
        stock.retain(|_| false);
        assert!(stock.held.is_empty() && stock.networks.is_empty());
    }
}
