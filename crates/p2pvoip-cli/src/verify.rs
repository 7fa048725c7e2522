//! The command `verify`: makes sure that a contact is who it should be, by what stands on the other's own screen.

use p2pvoip::Fingerprint;
use p2pvoip::contacts::Contact;
use p2pvoip::crypto::{How, Scanned, VerifyCode};
use serde_json::json;

use crate::args::{self, ShowQr};
use crate::contacts::{named, quoted};
use crate::events::Printer;
use crate::exit::Failure;
use crate::identity_file::{self, failure};
use crate::qr;

/// Verifies, shows what is to be compared, or takes back.
pub(crate) fn run(common: &args::Common, verify: &args::Verify) -> Result<(), Failure> {
    let printer = Printer::new(common.json, false);
    let opened = identity_file::opened(&verify.who)?;
    let own = opened.identity().fingerprint();
    let book = identity_file::contacts(&opened)?;
    let contact = named(&book, &verify.name)?;
    if verify.forget {
        opened.update_contacts(|book| book.unverify(&verify.name).map(|_| ())).map_err(failure)?;
        let was = contact.verified().is_some();
        printer.tell("unverified", json!({ "name": contact.name(), "was_verified": was }), || {
            if was {
                format!("{} counts as verified no more; the key stays known.", contact.name())
            } else {
                format!("{} was not verified; nothing is changed.", contact.name())
            }
        });
        return Ok(());
    }
    if verify.shown.is_empty() {
        compare(&printer, contact, own, verify.qr && !common.json);
        return Ok(());
    }
    let seen = Seen::parse(&verify.shown.join(" "))?;
    let (fingerprint, scanned) = seen.check(contact, &own)?;
    let noted = opened.update_contacts(|book| book.verify(&verify.name, &fingerprint, How::Qr).map(|_| ()));
    noted.map_err(failure)?;
    let both = scanned == Some(Scanned::Both);
    printer.tell("verified", json!({ "name": contact.name(), "how": How::Qr.word(), "both": both }), || {
        let name = contact.name();
        if both {
            format!("{name} is verified, and has your key: they can mark you as verified as well.")
        } else {
            format!(
                "{name} is verified. Let them check you too: show them `p2pvoip verify {} --qr`.",
                quoted(name)
            )
        }
    });
    Ok(())
}

/// Shows both fingerprints, and the code for the other's camera.
fn compare(printer: &Printer, contact: &Contact, own: Fingerprint, with_code: bool) {
    let code = VerifyCode::new(own, Some(*contact.fingerprint())).to_string();
    let theirs = contact.fingerprint();
    let body = json!({
        "name": contact.name(), "fingerprint": theirs.to_string(), "own": own.to_string(), "code": code,
    });
    printer.tell("verify", body, || {
        let name = contact.name();
        let shell = quoted(name);
        format!(
            "Your fingerprint:  {own}\n{name} should have: {theirs}\n\n\
             Meet {name}, and compare with what stands on their own screen (`p2pvoip id`). When it is the same:\n  \
             p2pvoip verify {shell} FINGERPRINT\n\
             Or let them scan your code, and scan theirs (`--qr`); its text is\n  {code}"
        )
    });
    qr::show(&code, if with_code { ShowQr::Always } else { ShowQr::Never });
}

/// What was seen on the other's screen.
enum Seen {
    Code(VerifyCode),
    Fingerprint(Fingerprint),
}

impl Seen {
    fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(fingerprint) = fingerprint(text) {
            return Ok(Self::Fingerprint(fingerprint));
        }
        match text.parse() {
            Ok(code) => Ok(Self::Code(code)),
            Err(p2pvoip::crypto::VerifyCodeError::NotACode) => Err(Failure::Usage(
                "this is neither a fingerprint (48 hexadecimal digits) nor a code (p2pvoip-verify:...); take all of \
                 what stands on the other's screen"
                    .into(),
            )),
            Err(error) => Err(Failure::Usage(error.to_string())),
        }
    }

    /// Whose fingerprint it shows, when that is the contact's, and whether they have ours.
    fn check(&self, contact: &Contact, own: &Fingerprint) -> Result<(Fingerprint, Option<Scanned>), Failure> {
        match self {
            // The book compares it.
            Self::Fingerprint(fingerprint) => Ok((*fingerprint, None)),
            Self::Code(code) => {
                let scanned = code.check(own, contact.fingerprint());
                let scanned = scanned.map_err(|mismatch| Failure::Card(mismatch.to_string()))?;
                Ok((*code.shown_by(), Some(scanned)))
            }
        }
    }
}

/// A fingerprint as people type it: hexadecimal digits, with blanks, colons or hyphens anywhere.
fn fingerprint(text: &str) -> Option<Fingerprint> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, ':' | '-')).collect();
    if digits.len() != Fingerprint::LEN * 2 {
        return None;
    }
    let mut bytes = [0; Fingerprint::LEN];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = pair.iter().try_fold(0_u8, |byte, c| {
            let digit = u8::try_from(c.to_digit(16)?).ok()?;
            Some(byte << 4 | digit)
        })?;
    }
    Some(Fingerprint::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_however_it_is_grouped() {
        let own = p2pvoip::new_identity().unwrap().fingerprint();
        let shown = own.to_string();
        for text in [shown.clone(), shown.replace(' ', ""), shown.to_lowercase(), shown.replace(' ', ":")] {
            assert_eq!(fingerprint(&text), Some(own), "{text}");
        }
        for text in
            [&shown[1..], "", "p2pvoip-verify:abc", &format!("{shown}0"), &shown.replace('0', "x")[..48]]
        {
            assert_eq!(fingerprint(text), None, "{text}");
        }
    }
}
