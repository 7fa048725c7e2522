//! Peer-to-peer voice calls, end-to-end encrypted: the facade over the p2pvoip crates.
//!
//! [`engine`] is the composition of all leaves without IO, for those who bring their own sockets and clock; with the feature
//! `tokio` (on by default) [`Endpoint`] runs it. The leaves are re-exported whole: [`nat`], [`crypto`], [`cc`], ...
#![warn(clippy::indexing_slicing)]

mod codec;
pub mod contacts;
pub mod engine;
mod event;
#[cfg(feature = "tokio")]
mod runtime;
mod server_url;
#[cfg(feature = "store")]
pub mod store;
mod turn_url;

pub use p2pvoip_cc as cc;
pub use p2pvoip_core as core;
pub use p2pvoip_crypto as crypto;
pub use p2pvoip_dht as dht;
pub use p2pvoip_media as media;
pub use p2pvoip_nat as nat;
pub use p2pvoip_signal as signal;
pub use p2pvoip_telemetry as telemetry;

#[cfg(feature = "opus")]
pub use codec::Opus;
pub use codec::{BoxedDecoder, BoxedEncoder, Codec, CodecError};
pub use engine::{DialError, IdentityError};
pub use event::{CallEvent, CallState, Encryption, Lookup, Path};
pub use p2pvoip_crypto::{ContactCard, Fingerprint, How, Identity, Sas, Trust};
pub use p2pvoip_media::{FRAME, Frame};
pub use p2pvoip_nat::{CandidatePolicy, RelayFailure, RouteKind};
pub use p2pvoip_signal::{EndReason, RejectReason};
pub use p2pvoip_telemetry::CallStats;
#[cfg(feature = "tokio")]
pub use runtime::*;
pub use server_url::{BadServerUrl, ServerUrl};
pub use turn_url::{BadTurnUrl, TurnServer, TurnUrl};

/// The examples of the READMEs are compiled.
#[cfg(all(doctest, feature = "tokio", feature = "opus"))]
mod readme {
    #[doc = include_str!("../../../README.md")]
    struct Project;
    #[doc = include_str!("../README.md")]
    struct Crate;
}
