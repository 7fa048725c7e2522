//! The only way in which addresses and names reach a log.

use core::fmt;

/// Shows that a value was there, never which: wrap addresses, names, identities and candidates in it before logging.
///
/// ```
/// use p2pvoip_core::Redacted;
/// assert_eq!(format!("{:?} {}", Redacted(&"192.0.2.7"), Redacted(&"Alice")), "[redacted] [redacted]");
/// ```
#[derive(Clone, Copy)]
pub struct Redacted<'a, T: ?Sized>(
    /// What is hidden.
    pub &'a T,
);

impl<T: ?Sized> fmt::Debug for Redacted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: ?Sized> fmt::Display for Redacted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
