//! Pins, introductions and codes to scan.

use p2pvoip_crypto::{How, Introduction, MAX_INTRODUCTION_LEN, MAX_PIN_LEN, Pin, VerifyCode};

use crate::fixture::{CALLEE, CALLER, UNIX};

/// A pin: what decodes is encoded as the same bytes.
pub fn pin(data: &[u8]) {
    if let Ok(pin) = Pin::decode(data) {
        assert!(data.len() <= MAX_PIN_LEN, "it is bounded");
        assert_eq!(pin.encode(), data, "encode undoes decode");
    }
}

/// An introduction, as bytes or as text: what is read has one form, and only what the contact signed counts.
pub fn introduction(data: &[u8]) {
    let text = core::str::from_utf8(data).unwrap_or_default();
    let decoded = Introduction::decode(data);
    if let Ok(read) = &decoded {
        assert_eq!(read.encode(), data, "encode undoes decode");
    }
    let Ok(read) = decoded.or_else(|_| text.parse()) else { return };
    let written = read.to_string();
    assert!(written.len() <= MAX_INTRODUCTION_LEN);
    assert_eq!(written.parse(), Ok(read.clone()));
    let introducer = Pin::of(CALLER.root(), Some(How::Sas), UNIX);
    if read.check(&introducer, UNIX).is_ok() {
        assert_eq!(read.introducer(), CALLER.fingerprint());
        assert_eq!(read.subject(), CALLEE.fingerprint(), "the caller has vouched for nobody else");
        let stranger = Pin::of(CALLER.root(), Some(How::Attested), UNIX);
        assert!(read.check(&stranger, UNIX).is_err(), "chains are not followed");
    }
}

/// A code to scan: what parses is written as the same text, but for blanks and the case of the scheme.
pub fn verify_code(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(code) = text.parse::<VerifyCode>() else { return };
    let written = code.to_string();
    assert!(written.eq_ignore_ascii_case(text.trim()), "{written}");
    assert_eq!(written.parse(), Ok(code));
}
