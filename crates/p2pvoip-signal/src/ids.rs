//! The names of mailboxes, slots, calls, and what opens a mailbox: a secret, or a key whose owner can sign. None of them
//! reaches a log.

use p2pvoip_core::Rng;

/// A fixed number of bytes with a redacted `Debug`.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// How many bytes it has.
            pub const LEN: usize = $len;

            /// Of these bytes.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// A random one.
            #[must_use]
            pub fn random(rng: &mut Rng) -> Self {
                Self(rng.array())
            }

            /// Its bytes; they are never logged.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}

id! {
    /// Where envelopes go: 16 bytes of a hash of the mailbox's [`Token`] or [`OwnerKey`]. Who knows it may put.
    MailboxId, 16
}

id! {
    /// Where a published record lies: the address of the [`OwnerKey`] it is published with. Who knows it may fetch.
    Slot, 16
}

id! {
    /// An Ed25519 public key that owns an address, which is mailbox and slot at once: who signs the server's challenge
    /// with it may listen and publish there. Not a secret, but it tells who is who, and so it is kept off every log.
    OwnerKey, 32
}

id! {
    /// The secret behind a mailbox for the replies of one call: who shows it may listen. The server hashes it; it is
    /// kept off every log and off every other wire.
    Token, 32
}

id! {
    /// The name of one call, drawn at random by the caller. The lower of two wins a glare.
    CallId, 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_byte() {
        assert_eq!(format!("{:?}", MailboxId::new([0xab; 16])), "MailboxId([redacted])");
        assert_eq!(format!("{:?}", Token::new([0xab; 32])), "Token([redacted])");
    }
}
