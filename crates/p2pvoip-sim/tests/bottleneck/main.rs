//! Bottlenecks, what competes for them, and the shapes of their rates.

mod disciplines;
mod laws;
mod net;
mod rates;
mod tcp;
