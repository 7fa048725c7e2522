//! Keyrings: where a system keeps keys for its user, unlocked by the login.
//!
//! With the feature `keyring` that is macOS's Keychain, Windows' Credential Manager, or the Secret Service (GNOME Keyring,
//! KWallet, KeePassXC) of other systems, spoken to over D-Bus in Rust alone.

use zeroize::Zeroizing;

/// A keyring: keeps small secrets by name. Apps on other systems bring their own.
pub trait Keyring: Send + Sync {
    /// The secret of that name, if there is one.
    ///
    /// # Errors
    /// What went wrong, in the keyring's words.
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String>;

    /// Keeps a secret by that name, in place of another.
    ///
    /// # Errors
    /// What went wrong, in the keyring's words.
    fn set(&self, name: &str, secret: &[u8]) -> Result<(), String>;

    /// Forgets the secret of that name, if there is one.
    ///
    /// # Errors
    /// What went wrong, in the keyring's words.
    fn remove(&self, name: &str) -> Result<(), String>;
}

/// The keyring of this system, under the service `p2pvoip`; without the feature `keyring` it refuses everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKeyring;

#[cfg(feature = "keyring")]
mod system {
    use keyring::{Entry, Error};

    use super::{Keyring, SystemKeyring, Zeroizing};

    const SERVICE: &str = "p2pvoip";

    impl Keyring for SystemKeyring {
        fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
            match Entry::new(SERVICE, name).and_then(|entry| entry.get_secret()) {
                Ok(secret) => Ok(Some(Zeroizing::new(secret))),
                Err(Error::NoEntry) => Ok(None),
                Err(error) => Err(words(&error)),
            }
        }

        fn set(&self, name: &str, secret: &[u8]) -> Result<(), String> {
            Entry::new(SERVICE, name)
                .and_then(|entry| entry.set_secret(secret))
                .map_err(|error| words(&error))
        }

        fn remove(&self, name: &str) -> Result<(), String> {
            match Entry::new(SERVICE, name).and_then(|entry| entry.delete_credential()) {
                Ok(()) | Err(Error::NoEntry) => Ok(()),
                Err(error) => Err(words(&error)),
            }
        }
    }

    fn words(error: &Error) -> String {
        let missing = matches!(error, Error::NoDefaultStore);
        let why = missing.then(Entry::store_status).and_then(|status| status.as_ref().err());
        why.map_or_else(|| error.to_string(), |why| why.to_string())
    }
}

#[cfg(not(feature = "keyring"))]
mod system {
    use super::{Keyring, SystemKeyring, Zeroizing};

    /// What is told where the feature is not built.
    const NONE: &str = "this program was built without the feature `keyring`";

    impl Keyring for SystemKeyring {
        fn get(&self, _name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
            Err(NONE.to_owned())
        }

        fn set(&self, _name: &str, _secret: &[u8]) -> Result<(), String> {
            Err(NONE.to_owned())
        }

        fn remove(&self, _name: &str) -> Result<(), String> {
            Err(NONE.to_owned())
        }
    }
}
