//! The real program, run as its users run it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a test shall fail the test")]

mod calls;
mod common;
mod demo;
mod exit_codes;
mod forwarder;
mod view;
