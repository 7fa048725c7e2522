//! What a client and the rendezvous server tell each other, and the client's machine.
//!
//! One frame is one WebSocket binary message: a byte of kind, then fields in network order. The server answers every
//! request by its [`RequestId`].

mod client;
mod frame;
mod requests;

pub use client::{
    BACKOFF_FIRST, BACKOFF_MOST, CONNECT_WAIT, Client, CommandError, Event, Input, PING_INTERVAL, PONG_WAIT,
    Refused, STABLE_AFTER, Stats, Transmit, WELCOME_WAIT,
};
pub use frame::{
    ClientFrame, MAX_BUNDLE_LEN, MAX_CLIENT_FRAME, MAX_LIFETIME, MAX_SERVER_FRAME, PROTOCOL_VERSION, Refusal,
    RequestId, ServerFrame,
};
pub use requests::{MAX_LISTENS, MAX_REQUESTS, REQUEST_WAIT};
