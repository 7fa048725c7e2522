//! Agreeing to talk: envelopes, call state, and the rendezvous client protocol, without IO.
//!
//! What two peers tell each other before they have a path: an offer, an answer, and sealed messages after them, each in
//! an [`Envelope`] of one fixed size that a rendezvous server passes on by [`MailboxId`]. This crate knows neither
//! cryptography nor ICE: handshake messages, ICE credentials, candidates and media descriptions are opaque bytes.
//!
//! An envelope says nothing of itself: which of the three it holds follows from the mailbox that it comes to.
//!
//! - [`OfferBody`], [`AnswerBody`]: what rides inside the two handshake messages.
//! - [`Message`]: what is sealed once both hold keys.
//! - [`call`]: the states of one call, as types whose transitions consume them.
//! - [`rendezvous`]: the frames between a client and the server, and the client's machine.
//!
//! ```
//! use p2pvoip_signal::{ENVELOPE_LEN, Envelope, LETTER_LEN, Message, pad, unpad};
//!
//! let letter = pad(&Message::Accept.emit()?, LETTER_LEN)?; // the facade seals these bytes, which adds 20
//! let sealed = [&[0; 4][..], &letter, &[0; 16]].concat();
//! let envelope = Envelope::from_bytes(&sealed)?;
//! assert_eq!(envelope.as_bytes().len(), ENVELOPE_LEN);
//! assert_eq!(Message::parse(unpad(&letter)?)?, Message::Accept);
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

pub use body::{AnswerBody, MAX_ANSWER_LEN, MAX_ICE_LEN, MAX_MEDIA_LEN, MAX_OFFER_LEN, OfferBody};
pub use envelope::{ENVELOPE_LEN, Envelope};
pub use ids::{CallId, MailboxId, OwnerKey, Slot, Token};
pub use message::{
    MAX_ATTESTATION_LEN, MAX_CANDIDATE_LEN, MAX_CANDIDATES, MAX_INTRODUCTION_LEN, MAX_MESSAGE_LEN, Message,
};
pub use padding::{ANSWER_BODY_LEN, LETTER_LEN, OFFER_BODY_LEN, pad, unpad};
pub use reason::{EndReason, HangUpReason, RejectReason};
pub use recent::{OFFER_SKEW, OfferRefused, RECENT_OFFERS, RECENT_OFFERS_PER_CALLER, RecentOffers};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
