//! What holds of both controllers on any path: where numbers and clocks begin plays no part, what cannot be true changes
//! nothing, bounds are kept, troubles pass, and the same seed gives the same bits on every machine.
//!
//! Laws that do not hold yet are ignored with the figure that they are off by; they run by
//! `cargo test -p p2pvoip-cc --test laws -- --ignored`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod bounds;
mod cost;
mod flow;
mod invariance;
mod link;
mod outages;
mod subject;
mod troubles;
