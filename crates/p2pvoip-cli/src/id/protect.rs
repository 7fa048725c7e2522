//! `id protect`: chooses what protects the identity and the contacts on the disk.

use p2pvoip::store::Protect;
use serde_json::json;

use crate::args::{self, By};
use crate::events::Printer;
use crate::exit::Failure;
use crate::identity_file;
use crate::passphrase;

/// Seals everything anew.
pub(super) fn run(printer: &Printer, wanted: &args::Protect) -> Result<(), Failure> {
    let mut opened = identity_file::opened(&wanted.who)?;
    let protect = match (wanted.by, &wanted.new_passphrase_file) {
        (By::Passphrase, Some(file)) => Protect::Passphrase(passphrase::from_file(file)?),
        (By::Passphrase, None) if passphrase::can_ask() => Protect::Passphrase(passphrase::ask_new()?),
        (By::Passphrase, None) => {
            return Err(Failure::Usage(
                "there is no terminal to ask for the new passphrase at; put it into a file for --new-passphrase-file"
                    .into(),
            ));
        }
        (_, Some(_)) => {
            return Err(Failure::Usage(
                "--new-passphrase-file goes with `id protect passphrase` alone; leave it out".into(),
            ));
        }
        (By::KeyFile, None) => Protect::KeyFile,
        (By::Keyring, None) => Protect::Keyring,
    };
    opened.protect(&protect).map_err(identity_file::failure)?;
    let by = opened.protection();
    printer.tell("protected", json!({ "protection": by }), || {
        format!("Identity and contacts are sealed now by {}.", words(by))
    });
    Ok(())
}

/// What people read for a protection.
pub(super) fn words(protection: &str) -> &'static str {
    match protection {
        "passphrase" => "a passphrase",
        "keyring" => "the system's keyring",
        "key-file" => "a key file (`p2pvoip id protect passphrase` is safer where others get at the disk)",
        _ => "nothing",
    }
}
