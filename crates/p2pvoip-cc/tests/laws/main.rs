//! What holds of both controllers on any path: where numbers and clocks begin plays no part, what cannot be true changes
//! nothing, bounds are kept, troubles pass, and the same seed gives the same bits on every machine.

mod bounds;
mod cost;
mod flow;
mod invariance;
mod subject;
mod troubles;
