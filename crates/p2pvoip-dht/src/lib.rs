//! Records that let a contact find a peer, and the directory they live in.
//!
//! A [`Record`] is a small sealed text, signed by a key that names the [`Slot`] it lies in: only the holder of the key can
//! replace it, whoever stores it. A [`Directory`] is where records are published and looked up; [`MemoryDirectory`] is
//! the one for tests and for a single process. What is sealed in a record, and by whom it must be vouched for, is
//! the business of the [`Verifier`] that the owner brings.
//!
//! ```
//! use p2pvoip_core::UnixTime;
//! use p2pvoip_dht::{Directory, MemoryDirectory, Outcome, Record, RecordKey};
//!
//! let now = UnixTime::from_secs(1_800_000_000);
//! let key = RecordKey::from_secret(&[7; 32])?;
//! let record = Record::sign(&key, now.as_secs(), now + p2pvoip_dht::MAX_LIFETIME, b"sealed bytes")?;
//!
//! let mut directory = MemoryDirectory::new();
//! directory.publish(record.clone(), now)?;
//! let query = directory.lookup(key.slot(), now)?;
//! let found = std::iter::from_fn(|| directory.poll()).find(|finding| finding.query == query);
//! assert_eq!(found.map(|finding| finding.outcome), Some(Outcome::Found(vec![record])));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing)]

mod directory;
#[cfg(feature = "kad")]
pub mod kad;
mod memory;
mod newest;
mod record;
mod shelf;

pub use directory::{Directory, DirectoryError, Finding, Outcome, Query};
pub use memory::{MAX_FINDINGS, MAX_RECORDS, MemoryDirectory};
pub use newest::{Newest, Verifier};
pub use record::{
    CLOCK_SKEW, MAX_LIFETIME, MAX_RECORD_LEN, MAX_SEALED_LEN, Record, RecordError, RecordKey, Signer, Slot,
};

pub use shelf::{
    MAX_SHELF_LEN, MAX_SHELF_TIME, MAX_SOURCES, PUTS_AN_HOUR, PUTS_AN_HOUR_WIDE, Quota, ShelfError, admit,
};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
