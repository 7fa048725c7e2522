//! Placeholder while the engine is rebuilt.
fn main() {}
