//! Bottlenecks, what competes for them, and the shapes of their rates.

mod disciplines;
mod net;
mod rates;
mod tcp;
