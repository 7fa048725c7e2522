//! Agreeing to talk: envelopes, call state, and the rendezvous client protocol, without IO.
//!
//! What two peers tell each other before they have a path: an offer, an answer, and sealed messages after them, each in
//! an [`Envelope`] of one fixed size that a rendezvous server passes on by [`MailboxId`]. This crate knows neither
//! cryptography nor ICE: handshake messages, ICE credentials, candidates and media descriptions are opaque bytes.
//!
//! - [`OfferBody`], [`AnswerBody`]: what rides inside the two handshake messages.
//! - [`Message`]: what is sealed once both hold keys.
//! - [`call`]: the states of one call, as types whose transitions consume them.
//! - [`rendezvous`]: the frames between a client and the server, and the client's machine.
//!
//! ```
//! use p2pvoip_core::Seed;
//! use p2pvoip_signal::{Envelope, EnvelopeKind, Message};
//!
//! let mut rng = Seed::from_u64(1).derive("padding").rng();
//! let sealed = Message::Accept.emit()?; // the facade encrypts these bytes
//! let envelope = Envelope::pack(EnvelopeKind::Sealed, &sealed, &mut rng)?;
//! assert_eq!(envelope.as_bytes().len(), p2pvoip_signal::ENVELOPE_LEN);
//!
//! let (kind, body) = Envelope::from_bytes(envelope.as_bytes())?.into_unpacked();
//! assert_eq!((kind, Message::parse(&body)?), (EnvelopeKind::Sealed, Message::Accept));
//! # Ok::<(), p2pvoip_core::wire::Malformed>(())
//! ```
#![warn(clippy::indexing_slicing)]

mod body;
pub mod call;
mod envelope;
mod ids;
mod message;
mod padding;
mod reason;
mod recent;
pub mod rendezvous;

pub use body::{AnswerBody, MAX_BODY_LEN, MAX_ICE_LEN, MAX_MEDIA_LEN, OfferBody};
pub use envelope::{ENVELOPE_LEN, Envelope, EnvelopeKind, MAX_ENVELOPE_BODY};
pub use ids::{CallId, MailboxId, Slot, Token};
pub use message::{MAX_CANDIDATE_LEN, MAX_CANDIDATES, MAX_MESSAGE_LEN, Message};
pub use padding::{PADDED_BODY_LEN, PADDED_MESSAGE_LEN, pad, unpad};
pub use reason::{EndReason, HangUpReason, RejectReason};
pub use recent::{OFFER_SKEW, OfferRefused, RECENT_OFFERS, RECENT_OFFERS_PER_CALLER, RecentOffers};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
