//! As much of DER (ITU-T X.690) as it takes to read names out of a certificate that was verified already.
//!
//! # Left out
//! - Tags of more than one byte and lengths of more than two: no certificate that fits an attestation has them where we look.

use p2pvoip_core::wire::{Malformed, Reader};

/// SEQUENCE, SET, OBJECT IDENTIFIER.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const IDENTIFIER: u8 = 0x06;
const OCTETS: u8 = 0x04;
/// The extensions of a certificate (RFC 5280 section 4.1).
const EXTENSIONS: u8 = 0xa3;
/// `id-ce-subjectAltName` (RFC 5280 section 4.2.1.6).
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// `id-at-commonName` and `id-at-organizationName` (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// The kinds of a GeneralName that are text (RFC 5280 section 4.2.1.6), the most telling first.
const EMAIL: u8 = 0x81;
const URI: u8 = 0x86;
const DNS: u8 = 0x82;

/// The longest name that is taken, in bytes: as long as a DNS name or an e-mail address can be.
const MAX_NAME_LEN: usize = 254;

/// The next element: its tag and contents.
fn element<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Malformed> {
    let tag = reader.u8()?;
    let len = match reader.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8()?),
        0x82 => usize::from(reader.u16()?),
        _ => return Err(Malformed::Invalid("length")),
    };
    Ok((tag, reader.bytes(len)?))
}

/// The contents of the next element, when it is one of that tag.
fn expect<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<&'a [u8], Malformed> {
    match element(reader)? {
        (found, contents) if found == tag => Ok(contents),
        _ => Err(Malformed::Invalid("tag")),
    }
}

/// The name in the subjectAltName of a certificate: its first e-mail address, else URI, else DNS name.
pub(super) fn subject_name(certificate: &[u8]) -> Option<String> {
    let names = alternative_names(certificate).ok()??;
    [EMAIL, URI, DNS].into_iter().find_map(|kind| {
        let mut reader = Reader::new(names);
        core::iter::from_fn(|| element(&mut reader).ok())
            .filter(|(tag, _)| *tag == kind)
            .find_map(|(_, bytes)| name(bytes))
            // A pattern is nobody's name.
            .filter(|name| !name.contains('*'))
    })
}

/// The general names of a certificate, when it has any.
fn alternative_names(certificate: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let certificate = expect(&mut Reader::new(certificate), SEQUENCE)?;
    let mut fields = Reader::new(expect(&mut Reader::new(certificate), SEQUENCE)?);
    while fields.remaining() > 0 {
        let (EXTENSIONS, extensions) = element(&mut fields)? else { continue };
        let mut extensions = Reader::new(expect(&mut Reader::new(extensions), SEQUENCE)?);
        while extensions.remaining() > 0 {
            let mut extension = Reader::new(expect(&mut extensions, SEQUENCE)?);
            if expect(&mut extension, IDENTIFIER)? != SUBJECT_ALT_NAME {
                continue;
            }
            // Whether it is critical may stand before its value.
            let mut value = element(&mut extension)?;
            if value.0 != OCTETS {
                value = element(&mut extension)?;
            }
            return expect(&mut Reader::new(value.1), SEQUENCE).map(Some);
        }
    }
    Ok(None)
}

/// The common name in a subject (the contents of its Name), else the organization.
pub(super) fn authority_name(subject: &[u8]) -> Option<String> {
    [COMMON_NAME, ORGANIZATION].into_iter().find_map(|kind| attribute(subject, kind).ok().flatten())
}

fn attribute(subject: &[u8], kind: &[u8]) -> Result<Option<String>, Malformed> {
    let mut sets = Reader::new(subject);
    while sets.remaining() > 0 {
        let mut set = Reader::new(expect(&mut sets, SET)?);
        while set.remaining() > 0 {
            let mut pair = Reader::new(expect(&mut set, SEQUENCE)?);
            if expect(&mut pair, IDENTIFIER)? == kind {
                return Ok(name(element(&mut pair)?.1));
            }
        }
    }
    Ok(None)
}

/// Bytes that people can be shown: UTF-8 of a name's length, with nothing in it that steers a terminal.
fn name(bytes: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?;
    let is_shown = !text.trim().is_empty() && text.len() <= MAX_NAME_LEN && !text.chars().any(is_hidden);
    is_shown.then(|| text.to_owned())
}

/// Control characters, and those that turn the direction of what follows (Unicode Bidi_Control).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_steer_a_terminal_or_are_empty_are_none() {
        for bad in ["", " ", "a\x1b[2J", "a\nb", "a\u{202e}b", &"x".repeat(255)] {
            assert_eq!(name(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(name(&[0xff]), None);
        assert_eq!(name("Zoë".as_bytes()), Some("Zoë".into()));
    }

    #[test]
    fn an_authority_is_called_by_its_common_name_before_its_organization() {
        let of = |kind: &[u8], text: &[u8]| {
            let value = [&[0x0c, u8::try_from(text.len()).unwrap()], text].concat();
            let pair = [&[IDENTIFIER, 3][..], kind, &value].concat();
            let pair = [&[SEQUENCE, u8::try_from(pair.len()).unwrap()][..], &pair].concat();
            [&[SET, u8::try_from(pair.len()).unwrap()][..], &pair].concat()
        };
        let both = [of(ORGANIZATION, b"Org"), of(COMMON_NAME, b"Root CA")].concat();
        assert_eq!(authority_name(&both), Some("Root CA".into()));
        assert_eq!(authority_name(&of(ORGANIZATION, b"Org")), Some("Org".into()));
        assert_eq!(authority_name(&[]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (subject_name(&bytes), authority_name(&bytes));
        }
    }
}
