//! Where records are published and looked up: commands now, results polled later.

use crate::{Record, RecordError, Slot};
use p2pvoip_core::UnixTime;

/// One question to a directory; its finding carries it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Query(pub u64);

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// At least one place took the record.
    Published,
    /// These records lie in the slot, their signatures good; none when it is empty. A reader takes the
    /// [`Newest`](crate::Newest) that its verifier accepts.
    Found(Vec<Record>),
    /// A record of a higher sequence is published already.
    Older,
    /// No place answered.
    Failed,
}

/// A question and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which question.
    pub query: Query,
    /// What came of it.
    pub outcome: Outcome,
}

/// Why a directory does not take a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The record is not one that may be published now.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It holds as many records as it may.
    #[error("the directory is full; wait until records end")]
    Full,
    /// Its findings were not polled.
    #[error("too many findings wait to be polled; poll them first")]
    Busy,
}

/// A place where records are published by slot.
pub trait Directory {
    /// Publishes a record; answered by `Published`, `Older` or `Failed`.
    ///
    /// # Errors
    /// [`DirectoryError`]; there is no finding then.
    fn publish(&mut self, record: Record, now: UnixTime) -> Result<Query, DirectoryError>;

    /// Looks a slot up; answered by `Found` or `Failed`.
    ///
    /// # Errors
    /// [`DirectoryError`]; there is no finding then.
    fn lookup(&mut self, slot: Slot, now: UnixTime) -> Result<Query, DirectoryError>;

    /// The next finding, if there is one.
    fn poll(&mut self) -> Option<Finding>;
}
