//! Criterion benchmarks of the hot paths; each bench is a file in `benches/`.
