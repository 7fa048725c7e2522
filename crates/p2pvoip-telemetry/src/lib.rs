//! What happened in a call, for people: counters and observers.
