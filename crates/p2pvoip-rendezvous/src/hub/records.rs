//! Published records by slot, opaque, with a sequence and an end; and the puts that were lately done.

use super::Limits;
use super::shares::{Origin, Shares};
use p2pvoip_core::Instant;
use p2pvoip_signal::Slot;
use p2pvoip_signal::rendezvous::RequestId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

struct Record {
    sequence: u64,
    until: Instant,
    bytes: Arc<[u8]>,
}

/// What became of a publication.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Published {
    Done,
    /// What is there has a higher sequence.
    Older,
    /// The table is full, and nothing in it can make room.
    Limit,
}

#[derive(Default)]
pub(super) struct Records {
    slots: BTreeMap<Slot, Record>,
    /// All of them, by the publisher who was last.
    shares: Shares<Slot>,
}

impl Records {
    /// Stores a record; in a full table another makes room, by the rule of [`Shares`].
    pub(super) fn publish(
        &mut self,
        slot: Slot,
        from: Origin,
        (sequence, until, bytes): (u64, Instant, &[u8]),
        limits: &Limits,
        now: Instant,
    ) -> Published {
        let newer = self.slots.get(&slot).map(|known| known.until > now && known.sequence > sequence);
        match newer {
            Some(true) => return Published::Older,
            Some(false) => {}
            None if self.slots.len() < limits.records || self.make_room() => {}
            None => return Published::Limit,
        }
        self.slots.insert(slot, Record { sequence, until, bytes: bytes.into() });
        self.shares.insert(slot, from);
        Published::Done
    }

    /// Removes the record that makes room; whether there was one.
    fn make_room(&mut self) -> bool {
        self.shares.make_room().is_some_and(|slot| self.slots.remove(&slot).is_some())
    }

    pub(super) fn get(&self, slot: &Slot, now: Instant) -> Option<Arc<[u8]>> {
        let record = self.slots.get(slot).filter(|record| record.until > now)?;
        Some(Arc::clone(&record.bytes))
    }

    pub(super) fn sweep(&mut self, now: Instant) {
        let shares = &mut self.shares;
        self.slots.retain(|slot, record| {
            let lasts = record.until > now;
            if !lasts {
                shares.remove(slot);
            }
            lasts
        });
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

/// The puts that were done lately: the same id on another connection is the same put, sent again.
#[derive(Default)]
pub(super) struct RecentPuts {
    ids: BTreeSet<RequestId>,
    order: VecDeque<(Instant, RequestId)>,
}

impl RecentPuts {
    pub(super) fn contains(&self, id: RequestId) -> bool {
        self.ids.contains(&id)
    }

    /// Remembers one, and forgets the oldest when there are too many.
    pub(super) fn add(&mut self, id: RequestId, limits: &Limits, now: Instant) {
        if limits.recent_puts == 0 || !self.ids.insert(id) {
            return;
        }
        self.order.push_back((now + limits.recent_put_age, id));
        if self.order.len() > limits.recent_puts {
            self.forget_oldest();
        }
    }

    pub(super) fn sweep(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.ids.remove(&id);
        }
    }
}
