//! Published records by slot, opaque, with a sequence and an end; and the puts that were lately done.

use super::Limits;
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
    Older,
    Limit,
}

#[derive(Default)]
pub(super) struct Records {
    slots: BTreeMap<Slot, Record>,
}

impl Records {
    pub(super) fn publish(
        &mut self,
        slot: Slot,
        sequence: u64,
        until: Instant,
        bytes: &[u8],
        limits: &Limits,
        now: Instant,
    ) -> Published {
        match self.slots.get(&slot) {
            Some(known) if known.until > now && known.sequence > sequence => return Published::Older,
            None if self.slots.len() >= limits.records => return Published::Limit,
            Some(_) | None => {}
        }
        self.slots.insert(slot, Record { sequence, until, bytes: bytes.into() });
        Published::Done
    }

    pub(super) fn get(&self, slot: &Slot, now: Instant) -> Option<Arc<[u8]>> {
        let record = self.slots.get(slot).filter(|record| record.until > now)?;
        Some(Arc::clone(&record.bytes))
    }

    pub(super) fn sweep(&mut self, now: Instant) {
        self.slots.retain(|_, record| record.until > now);
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
