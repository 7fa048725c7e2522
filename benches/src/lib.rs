//! Criterion benchmarks of the hot paths: what is done for every packet, frame or check. Each bench is a file in
//! `benches/`; `cargo xtask bench` runs them.
