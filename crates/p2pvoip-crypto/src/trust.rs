//! How far the peer of a call is known to be who it should be: one of five levels, the same in every API and on every screen.
//!
//! The level follows from two things alone: what is pinned of a contact ([`Pin`]) and what the peer has proven in the handshake.
//!
//! # Left out
//! - Degrees of belief and chains of introductions: a person understands five words, not a web of trust.

mod pin;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use core::fmt;

pub use pin::{MAX_PIN_LEN, Pin, PinError, PinRefused};

use crate::identity::{Fingerprint, PeerIdentity};

/// How the key of a contact was verified.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum How {
    /// Both people compared the words or emoji of a call.
    Sas,
    /// One scanned the code of the other, face to face.
    Qr,
    /// A contact that is verified here by `Sas` or `Qr` vouches for the key.
    Introduced(Fingerprint),
    /// An identity system that is trusted here vouches for the key.
    Attested,
}

impl How {
    /// Its stable word, for reports and files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sas => "sas",
            Self::Qr => "qr",
            Self::Introduced(_) => "introduced",
            Self::Attested => "attested",
        }
    }

    /// Whether the person here has verified the key, and not taken another's word. Only then may the contact introduce others.
    pub const fn is_in_person(self) -> bool {
        match self {
            Self::Sas | Self::Qr => true,
            Self::Introduced(_) | Self::Attested => false,
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How far the peer of a call is known to be who it should be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Trust {
    /// Its key was verified, and is the one of this call.
    Verified(How),
    /// It has the key that it had before; nobody has verified it.
    KnownKey,
    /// Nothing is known of it but what it or its card says.
    FirstContact,
    /// It has another key than it had before. Warn; do not go on as if nothing was.
    Changed,
    /// The call is in clear, by version 1.0: anybody on the way can listen, speak and pretend.
    Unencrypted,
}

impl Trust {
    /// Its stable word, for reports and screens.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::KnownKey => "known-key",
            Self::FirstContact => "first-contact",
            Self::Changed => "changed",
            Self::Unencrypted => "unencrypted",
        }
    }

    /// How it was verified, when it was.
    pub const fn how(self) -> Option<How> {
        match self {
            Self::Verified(how) => Some(how),
            Self::KnownKey | Self::FirstContact | Self::Changed | Self::Unencrypted => None,
        }
    }

    /// Whether nobody between the two ends hears the call, if the peer is who it should be.
    pub const fn is_encrypted(self) -> bool {
        !matches!(self, Self::Unencrypted)
    }

    /// Whether a screen has to warn before the person speaks.
    pub const fn needs_warning(self) -> bool {
        matches!(self, Self::Changed | Self::Unencrypted)
    }

    /// Whether it is less than `before`: tell the person, who may have relied on what was.
    pub const fn is_below(self, before: Self) -> bool {
        self.rank() < before.rank()
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Verified(_) => 4,
            Self::KnownKey => 3,
            Self::FirstContact => 2,
            Self::Changed => 1,
            Self::Unencrypted => 0,
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How far a peer that has proven its identity is trusted, given what is pinned of the contact that it should be.
///
/// # Errors
/// [`PinRefused`] when the peer shows an older list of devices than was seen: end the call.
pub fn judge(pin: Option<&Pin>, peer: &PeerIdentity) -> Result<Trust, PinRefused> {
    pin.map_or(Ok(Trust::FirstContact), |pin| pin.judge(peer))
}
