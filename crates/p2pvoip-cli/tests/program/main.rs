//! The real program, run as its users run it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a test shall fail the test")]

mod calls;
mod common;
mod demo;
mod devices;
#[cfg(feature = "dht")]
mod dht;
#[path = "../../src/environment.rs"]
mod environment;
mod exit_codes;
mod forwarder;
mod networks;
mod people;
#[cfg(all(target_os = "linux", feature = "device"))]
#[path = "../../../p2pvoip-media/tests/pulse/mod.rs"]
mod pulse;
mod screen;
mod view;
