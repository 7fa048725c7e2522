//! Two agents in simulated networks: who connects, how fast, and what survives loss.

#![expect(clippy::unwrap_used, clippy::panic, reason = "set-up of tests: a failure here fails them")]

mod caller;
mod matrix;
mod oracle;
#[expect(unreachable_pub, reason = "the tests of the facade use it too")]
mod relay;
mod relayed;
mod stories;
mod trouble;
