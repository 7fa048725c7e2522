//! `id join`, `link`, `devices` and `revoke`: several devices that speak for one identity.

use std::fmt::Write as _;

use p2pvoip::crypto::{DeviceCode, DeviceGrant, DeviceRequest, LinkError};
use serde_json::json;

use crate::args::{Join, Link, Revoke, ShowQr, Who};
use crate::clock;
use crate::events::{self, Printer};
use crate::exit::Failure;
use crate::identity_file::{self, failure};
use crate::passphrase;
use crate::qr;

/// On the new device: shows its request, or takes the grant.
pub(super) fn join(printer: &Printer, join: &Join) -> Result<(), Failure> {
    if join.who.throwaway {
        return Err(Failure::Usage("a throwaway identity has no devices; leave out --throwaway".into()));
    }
    let store = identity_file::store(&join.who)?;
    let given = passphrase::given(join.who.passphrase_file.as_deref())?;
    if let Some(grant) = &join.grant {
        let grant: DeviceGrant = grant.parse().map_err(wrong)?;
        let joined = identity_file::with_passphrase(given.as_ref(), |phrase| {
            store.join(&grant, phrase, clock::unix())
        });
        let joined = joined.map_err(failure)?;
        let fingerprint = joined.identity().fingerprint().to_string();
        printer.tell("joined", json!({ "fingerprint": fingerprint }), || {
            format!("This device speaks for {fingerprint} from now on.")
        });
        return Ok(());
    }
    let waiting = identity_file::with_passphrase(given.as_ref(), |phrase| store.waiting(phrase));
    let request = match waiting.map_err(failure)? {
        Some(pending) => pending.request(),
        None => store.request(&identity_file::protection(given)).map_err(failure)?,
    };
    let (text, code) = (request.to_string(), request.code().to_string());
    printer.tell("device-request", json!({ "request": text, "code": code }), || {
        format!(
            "On the first device of the identity:  p2pvoip id link {text}\n\
             It shall show this code:              {code}\n\
             Then, here, with what it prints:      p2pvoip id join p2pvoip-grant:..."
        )
    });
    qr::show(&text, if join.qr { ShowQr::Always } else { ShowQr::Never });
    Ok(())
}

/// On the first device: grants a request whose code was compared.
pub(super) fn link(printer: &Printer, link: &Link) -> Result<(), Failure> {
    let request: DeviceRequest = link.request.parse().map_err(wrong)?;
    compare(request.code(), link.code.as_deref())?;
    let mut opened = identity_file::opened(&link.who)?;
    let grant = opened.link(&request, clock::unix()).map_err(failure)?.to_string();
    let code = request.code().to_string();
    let device = opened.secret().linked_devices().find(|(_, listed)| *listed == request.code());
    let device = device.map(|(index, _)| index);
    printer.tell("linked", json!({ "grant": grant, "code": code, "device": device }), || {
        format!("Linked. On the new device:\n\n  p2pvoip id join {grant}\n")
    });
    qr::show(&grant, if link.qr { ShowQr::Always } else { ShowQr::Never });
    Ok(())
}

/// Makes sure that the request came from the device that its owner holds.
fn compare(code: DeviceCode, given: Option<&str>) -> Result<(), Failure> {
    let digits = |text: &str| text.split_whitespace().collect::<String>().to_ascii_uppercase();
    let shown = code.to_string();
    let is_same = match given {
        Some(given) => digits(given) == digits(&shown),
        None if passphrase::can_ask() => {
            events::plain(&format!("The request has the code {shown}."));
            passphrase::ask_open("Does the new device show the same? [yes/no] ")?.eq_ignore_ascii_case("yes")
        }
        None => {
            return Err(Failure::Usage(
                "compare the codes of both devices first: give the one that the new device shows by --code"
                    .into(),
            ));
        }
    };
    if is_same {
        return Ok(());
    }
    Err(Failure::Card(
        "the new device shows another code, so the request was changed on its way or is of another device; nothing was linked"
            .into(),
    ))
}

/// Lists the devices.
pub(super) fn list(printer: &Printer, who: &Who) -> Result<(), Failure> {
    let opened = identity_file::opened(who)?;
    let identity = opened.identity();
    let (own, is_home) = (identity.device_code().to_string(), opened.secret().is_home());
    let linked: Vec<_> =
        opened.secret().linked_devices().map(|(index, code)| (index, code.to_string())).collect();
    let listed: Vec<_> =
        linked.iter().map(|(index, code)| json!({ "device": index, "code": code })).collect();
    let body =
        json!({ "this": { "device": identity.index(), "code": own }, "first": is_home, "linked": listed });
    printer.tell("identity-devices", body, || {
        let mut text = format!("{}  {own}  this device", identity.index());
        for (index, code) in &linked {
            // Writing to a string does not fail.
            let _ = write!(text, "\n{index}  {code}  linked");
        }
        if is_home {
            text
        } else {
            format!("{text}\nThe first device knows the others; link and revoke them there.")
        }
    });
    Ok(())
}

/// Strikes a device off.
pub(super) fn revoke(printer: &Printer, revoke: &Revoke) -> Result<(), Failure> {
    let mut opened = identity_file::opened(&revoke.who)?;
    opened.revoke(revoke.number, clock::unix()).map_err(failure)?;
    printer.tell("revoked", json!({ "device": revoke.number }), || {
        format!(
            "Device {} speaks for this identity no more. Contacts learn it with the next call or when they look, and after two \
             weeks at the latest. It can still take calls away: if it was stolen, make a new identity.",
            revoke.number
        )
    });
    Ok(())
}

fn wrong(error: LinkError) -> Failure {
    Failure::Card(error.to_string())
}
