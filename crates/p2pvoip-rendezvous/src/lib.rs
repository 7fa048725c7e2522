//! The p2pvoip rendezvous server: mailboxes over WebSocket.
//!
//! [`Hub`] is the whole of its behaviour, without IO; [`Server`] gives it sockets, TLS and a clock. It passes envelopes
//! from who knows a mailbox id to who holds the mailbox's token or has proven to own its key, and keeps records that owners
//! published. It keeps nothing on disk, and logs neither mailbox ids nor keys nor addresses.
//!
//! ```no_run
//! use p2pvoip_rendezvous::{Config, Server};
//!
//! # async fn run() -> Result<(), p2pvoip_rendezvous::ServeError> {
//! let server = Server::bind(Config::new("127.0.0.1:8765".parse().unwrap())).await?;
//! println!("listening on port {}", server.local_addr().port());
//! server.run(async { /* ends when this does */ }).await;
//! # Ok(())
//! # }
//! ```

pub mod hub;
mod server;
mod tls;

pub use hub::{ConnectionId, Hub, Limits, Prefix};
pub use server::{Config, HANDSHAKE_WAIT, QUEUE_LEN, ServeError, Server, WRITE_WAIT};
pub use tls::{TlsError, TlsFiles};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
