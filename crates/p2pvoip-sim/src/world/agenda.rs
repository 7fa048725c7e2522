//! What will happen, in order of time; what is for the same moment happens in the order in which it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use p2pvoip_core::Instant;

/// Stage: a queue of future happenings.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    /// The happenings themselves, so that the heap moves small keys.
    slots: Vec<Option<T>>,
    free: Vec<usize>,
    planned: u64,
}

impl<T> Agenda<T> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), planned: 0 }
    }

    /// How many happenings are planned.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(crate) fn plan(&mut self, at: Instant, what: T) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(what);
        }
        self.heap.push(Reverse((at, self.planned, slot)));
        self.planned += 1;
    }

    /// When the next one happens.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<(Instant, T)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        let what = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        Some((at, what))
    }
}
