//! The engine on tokio: sockets, WebSocket and TLS, the clock, and the handles that an application holds.

mod audio;
mod call;
mod chance;
mod clock;
mod dht;
mod driver;
mod endpoint;
mod netcheck;
mod server;
mod sockets;
mod tls;
mod turn;

pub use audio::{AudioClosed, AudioReceiver, AudioSender};
pub use call::{Call, IncomingCall};
#[cfg(feature = "dht")]
pub use dht::dht_node;
pub use endpoint::{Config, Endpoint, StartError, new_identity};
pub use netcheck::{
    FamilyReport, Named, NetReport, NetcheckConfig, Outlook, Progress, Relay, RendezvousFinding, netcheck,
};
pub use tls::TlsError;
