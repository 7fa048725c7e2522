//! The engine: all leaves composed into one machine, the [`Endpoint`], still without IO.
//!
//! Nothing here decides what a leaf decides: this is where an event of one becomes a command for another.

mod arrival;
pub(crate) mod call;
pub(crate) mod control;
pub(crate) mod demux;
pub(crate) mod description;
mod endpoint;
pub(crate) mod fragments;
pub(crate) mod hash;
pub(crate) mod slot;
pub mod whereabouts;

pub use arrival::Arrival;
pub use endpoint::{
    CallKey, DialError, Endpoint, Event, IdentityError, Input, MAX_CALLS, QueryKey, Refused, ServerId,
    Settings, SettingsError, Transmit,
};
