//! Two agents in simulated networks: who connects, how fast, and what survives loss.

#![expect(clippy::unwrap_used, clippy::panic, reason = "set-up of tests: a failure here fails them")]

mod caller;
mod matrix;
mod oracle;
mod stories;
mod trouble;
