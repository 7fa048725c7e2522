//! The world: routing, NATs in place, streams, taps, time, topologies, determinism.

mod nats;
mod probe;
mod streams;
mod topologies;
mod ways;
