//! Stories of groups: who hears whom when people come and go, messages are lost, and a member lies.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

mod forgery;
mod laws;
mod membership;
mod mesh;
mod packets;
