//! The choice among records that several places gave for one slot.

use crate::{Record, RecordError, Slot};
use p2pvoip_core::UnixTime;

/// Judges what is sealed in a record; brought by who knows how to open it.
pub trait Verifier {
    /// Whether the sealed bytes are vouched for by the peer that is looked for.
    fn accepts(&self, record: &Record, now: UnixTime) -> bool;
}

/// Every function of a record is a verifier.
impl<F: Fn(&Record, UnixTime) -> bool> Verifier for F {
    fn accepts(&self, record: &Record, now: UnixTime) -> bool {
        self(record, now)
    }
}

/// Stage: is offered records from any number of places and keeps the newest that is believed.
#[derive(Clone, Debug)]
pub struct Newest {
    slot: Slot,
    best: Option<Record>,
    refused: u32,
}

impl Newest {
    /// Looks for the record of this slot.
    pub const fn new(slot: Slot) -> Self {
        Self { slot, best: None, refused: 0 }
    }

    /// Takes the record if it is good and newer than the best so far; an older one is no error.
    ///
    /// # Errors
    /// [`RecordError`] when it is not believed: [`RecordError::NotVouched`] when the verifier refuses it.
    pub fn offer(
        &mut self,
        record: Record,
        verifier: &impl Verifier,
        now: UnixTime,
    ) -> Result<(), RecordError> {
        let judged = record.check(&self.slot, now).and_then(|()| {
            if verifier.accepts(&record, now) { Ok(()) } else { Err(RecordError::NotVouched) }
        });
        if let Err(error) = judged {
            self.refused = self.refused.saturating_add(1);
            return Err(error);
        }
        if self.best.as_ref().is_none_or(|best| record.sequence() > best.sequence()) {
            self.best = Some(record);
        }
        Ok(())
    }

    /// The newest so far.
    pub const fn best(&self) -> Option<&Record> {
        self.best.as_ref()
    }

    /// How many were not believed.
    pub const fn refused(&self) -> u32 {
        self.refused
    }
}
