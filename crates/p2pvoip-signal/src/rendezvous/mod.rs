//! What a client and the rendezvous server tell each other, and the client's machine.
//!
//! One frame is one WebSocket binary message: a byte of kind, then fields in network order. The server answers every
//! request by its [`RequestId`].
//!
//! A mailbox is opened by a token, which is a secret, or by a key, whose owner signs the server's challenge. Records are
//! published with a key alone.

mod client;
mod frame;
mod requests;

pub use client::{
    BACKOFF_FIRST, BACKOFF_MOST, CONNECT_WAIT, Client, CommandError, Event, Input, PING_INTERVAL, PONG_WAIT,
    Refused, STABLE_AFTER, Stats, Transmit, WELCOME_WAIT,
};
pub use frame::{
    CHALLENGE_LEN, ClientFrame, LEAST_PROTOCOL_VERSION, MAX_BUNDLE_LEN, MAX_CLIENT_FRAME, MAX_LIFETIME,
    MAX_SERVER_FRAME, PROOF_LEN, PROTOCOL_VERSION, Refusal, RequestId, ServerFrame, own_statement,
};
pub use requests::{MAX_KEYS, MAX_LISTENS, MAX_REQUESTS, REQUEST_WAIT};
