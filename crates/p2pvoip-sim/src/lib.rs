//! A deterministic network in virtual time: links, NATs, topologies, laws and sweeps.

pub mod laws;
