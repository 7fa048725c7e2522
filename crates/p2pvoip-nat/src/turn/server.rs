//! A TURN server as its operator describes it: an address, a user name and a password.

use core::fmt;
use core::net::SocketAddr;

use p2pvoip_core::Redacted;
use zeroize::Zeroizing;

use crate::address;

/// The longest user name in bytes (RFC 8489 section 14.3 allows 508): what fits beside realm and nonce.
pub(crate) const MAX_USERNAME: usize = 256;

/// A password that is wiped when it is dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the password as it was typed.
    pub fn new(password: impl Into<String>) -> Self {
        Self(Zeroizing::new(password.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// A TURN server over UDP, with the long-term credentials that it wants (RFC 8489 section 9.2).
///
/// Its `Debug` form hides everything.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TurnServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The user name, 1 to 256 bytes.
    pub username: String,
    /// The password.
    pub password: Password,
}

impl TurnServer {
    /// A server at this address that knows this user by this password.
    pub fn new(address: SocketAddr, username: impl Into<String>, password: Password) -> Self {
        Self { address, username: username.into(), password }
    }

    /// Whether it can be asked at all.
    pub(crate) fn is_usable(&self) -> bool {
        !address::is_dubious(self.address) && (1..=MAX_USERNAME).contains(&self.username.len())
    }
}

impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnServer").field("address", &Redacted(&self.address)).finish_non_exhaustive()
    }
}
