//! The command `id`: the own fingerprint, and the contact card when there is a server to be called at; below it what protects the
//! identity, and its devices.

mod devices;
mod protect;

use serde_json::json;

use crate::args::{self, IdCommand, Show, ShowQr};
use crate::endpoint;
use crate::events::Printer;
use crate::exit::Failure;
use crate::identity_file;
use crate::qr;

/// Does what is asked for with the identity.
pub(crate) fn run(common: &args::Common, id: &args::Id) -> Result<(), Failure> {
    let printer = Printer::new(common.json, false);
    match &id.what {
        None => show(&printer, &id.show),
        Some(IdCommand::Protect(wanted)) => protect::run(&printer, wanted),
        Some(IdCommand::Join(join)) => devices::join(&printer, join),
        Some(IdCommand::Link(link)) => devices::link(&printer, link),
        Some(IdCommand::Devices(listed)) => devices::list(&printer, &listed.who),
        Some(IdCommand::Revoke(revoke)) => devices::revoke(&printer, revoke),
    }
}

/// Shows the identity; the first use makes it.
fn show(printer: &Printer, id: &Show) -> Result<(), Failure> {
    let server = endpoint::server(id.server.as_deref())?;
    let own = identity_file::own_untold(&id.who)?;
    let fingerprint = own.identity.fingerprint().to_string();
    let card = match &server {
        Some(server) => {
            let card = own.identity.card(server);
            Some(card.map_err(|error| Failure::Usage(format!("--server {server}: {error}")))?.to_string())
        }
        None => None,
    };
    let scanned = card.clone().unwrap_or_else(|| fingerprint.clone());
    let path = own.path.map(|path| path.display().to_string());
    let protection = own.store.as_ref().map(p2pvoip::store::Opened::protection);
    let body = json!({
        "fingerprint": fingerprint, "card": card, "file": path, "new": own.is_new, "protection": protection,
    });
    printer.tell("identity", body, || {
        let new = if own.is_new { " (made just now)" } else { "" };
        let file = path.unwrap_or_else(|| "nowhere, it is thrown away".to_owned());
        let card = card.unwrap_or_else(|| "name your rendezvous server by --server to get one".to_owned());
        let by = protection.map_or_else(String::new, |by| format!("\nProtected by: {}", protect::words(by)));
        format!("Fingerprint:  {fingerprint}\nContact card: {card}\nStored in:    {file}{new}{by}")
    });
    qr::show(&scanned, if id.qr { ShowQr::Always } else { ShowQr::Never });
    Ok(())
}
