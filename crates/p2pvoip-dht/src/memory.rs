//! A directory in the memory of one process, bounded: for tests, and where no network directory is configured.

use crate::{Directory, DirectoryError, Finding, Outcome, Query, Record, Slot};
use p2pvoip_core::UnixTime;
use std::collections::{BTreeMap, VecDeque};

/// The most records it holds.
pub const MAX_RECORDS: usize = 1_024;
/// The most findings that wait to be polled.
pub const MAX_FINDINGS: usize = 64;

/// Stage: one record for each slot, the one of the highest sequence.
#[derive(Debug, Default)]
pub struct MemoryDirectory {
    records: BTreeMap<Slot, Record>,
    findings: VecDeque<Finding>,
    asked: u64,
}

impl MemoryDirectory {
    /// An empty directory.
    #[must_use]
    pub const fn new() -> Self {
        Self { records: BTreeMap::new(), findings: VecDeque::new(), asked: 0 }
    }

    /// How many records it holds, those that have ended since the last call included.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn find(&mut self, outcome: Outcome) -> Query {
        let query = Query(self.asked);
        self.asked += 1;
        self.findings.push_back(Finding { query, outcome });
        query
    }

    /// Forgets what has ended.
    fn sweep(&mut self, now: UnixTime) {
        self.records.retain(|_, record| record.check_time(now).is_ok());
    }

    fn require_room(&self) -> Result<(), DirectoryError> {
        if self.findings.len() < MAX_FINDINGS { Ok(()) } else { Err(DirectoryError::Busy) }
    }
}

impl Directory for MemoryDirectory {
    fn publish(&mut self, record: Record, now: UnixTime) -> Result<Query, DirectoryError> {
        self.require_room()?;
        record.check_time(now)?;
        self.sweep(now);
        let slot = record.slot();
        match self.records.get(&slot) {
            Some(known) if known.sequence() > record.sequence() => return Ok(self.find(Outcome::Older)),
            None if self.records.len() >= MAX_RECORDS => return Err(DirectoryError::Full),
            Some(_) | None => {}
        }
        self.records.insert(slot, record);
        Ok(self.find(Outcome::Published))
    }

    fn lookup(&mut self, slot: Slot, now: UnixTime) -> Result<Query, DirectoryError> {
        self.require_room()?;
        self.sweep(now);
        let found = self.records.get(&slot).cloned().into_iter().collect();
        Ok(self.find(Outcome::Found(found)))
    }

    fn poll(&mut self) -> Option<Finding> {
        self.findings.pop_front()
    }
}
