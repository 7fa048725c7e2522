//! How sure it is who is at the other end: what the handshake proves, measured against what was known before.
//!
//! # Left out
//! - Words compared aloud and contacts that are remembered: further levels, which go here.

/// How sure it is who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// We called by a card; the handshake fails unless the other side has the key that the card names.
    Card,
    /// Somebody called. The handshake proved a key, and nothing is known of whose it is.
    Stranger,
    /// Somebody called, with the key of an earlier call of this run.
    Again,
}

impl Trust {
    /// What a person reads, before and after the handshake.
    pub(super) const fn words(self, proved: bool) -> &'static str {
        match (self, proved) {
            (Self::Card, false) => "no key yet; it must match the card",
            (Self::Card, true) => "key matches the card",
            (Self::Stranger, _) => "first contact, not verified",
            (Self::Again, _) => "same key as before, not verified",
        }
    }

    /// Whether nothing is left to be checked.
    pub(super) const fn is_settled(self, proved: bool) -> bool {
        matches!(self, Self::Card) && proved
    }
}
