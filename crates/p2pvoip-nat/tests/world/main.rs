//! Two agents in simulated networks: who connects, how fast, and what survives loss.

mod caller;
mod matrix;
mod oracle;
mod stories;
mod trouble;
