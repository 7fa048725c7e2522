//! The code that one person shows and the other scans, face to face.
//!
//! It names who shows it, and whom that person believes to scan it; so one scan compares both keys. It is no secret and proves
//! nothing by itself: that it is seen on the other's screen is what verifies.
//!
//! # Left out
//! - A date and a signature: a picture of the screen of yesterday names the same keys.

use core::fmt;
use core::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use thiserror::Error;

use crate::identity::Fingerprint;
use crate::kdf;

const SCHEME: &str = "p2pvoip-verify:";
const FORM: u8 = 1;
const CHECKSUM_LEN: usize = 4;
const BODY_LEN: usize = 1 + 2 * Fingerprint::LEN;
const ANYBODY: [u8; Fingerprint::LEN] = [0; Fingerprint::LEN];

/// Who shows a code, and who is to scan it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyCode {
    shown_by: Fingerprint,
    scanned_by: Option<Fingerprint>,
}

/// What a scanned code shows when it is right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scanned {
    /// Each has the right key of the other: the one who shows may mark the other as verified as well.
    Both,
    /// The one who shows has the pinned key; whether it has ours is not said. Let it scan as well.
    Theirs,
}

/// What a scanned code shows when it is wrong. Somebody may be between the two, or a card was mixed up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The one who shows is not who is pinned as that contact.
    #[error(
        "this is not the key of the contact; if the code was on their own screen, delete the contact and take their card anew"
    )]
    Theirs,
    /// The one who shows believes somebody else to be us.
    #[error("the contact has another key for us than ours; give them our card anew, face to face")]
    Ours,
}

/// Why text is not such a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum VerifyCodeError {
    /// It does not start with the scheme.
    #[error("this is not a code for verification; one starts with `{SCHEME}`")]
    NotACode,
    /// A character is missing, added or wrong.
    #[error("the code for verification is damaged; scan it again")]
    Mistyped,
    /// A newer version made it.
    #[error("the code for verification has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
}

impl VerifyCode {
    /// What one who has the fingerprint `own` shows to `contact`, or to anybody.
    pub fn new(own: Fingerprint, contact: Option<Fingerprint>) -> Self {
        Self { shown_by: own, scanned_by: contact.filter(|contact| *contact.as_bytes() != ANYBODY) }
    }

    /// Who shows it.
    pub const fn shown_by(&self) -> &Fingerprint {
        &self.shown_by
    }

    /// Compares it with our own fingerprint and that of the contact on whose screen it was seen.
    ///
    /// # Errors
    /// [`Mismatch`] says which of the two keys is wrong.
    pub fn check(&self, own: &Fingerprint, contact: &Fingerprint) -> Result<Scanned, Mismatch> {
        if self.shown_by != *contact {
            return Err(Mismatch::Theirs);
        }
        match self.scanned_by {
            None => Ok(Scanned::Theirs),
            Some(we) if we == *own => Ok(Scanned::Both),
            Some(_) => Err(Mismatch::Ours),
        }
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip verify", body]))
}

impl fmt::Display for VerifyCode {
    /// The text of the QR code, 86 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scanned_by = self.scanned_by.map_or(ANYBODY, |fingerprint| *fingerprint.as_bytes());
        let mut bytes = [&[FORM][..], self.shown_by.as_bytes(), &scanned_by].concat();
        bytes.extend(checksum(&bytes));
        write!(f, "{SCHEME}{}", BASE64URL_NOPAD.encode(&bytes))
    }
}

impl FromStr for VerifyCode {
    type Err = VerifyCodeError;

    /// Reads a code; blanks around it are ignored.
    fn from_str(text: &str) -> Result<Self, VerifyCodeError> {
        let text = text.trim();
        let (scheme, coded) = text.split_at_checked(SCHEME.len()).ok_or(VerifyCodeError::NotACode)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(VerifyCodeError::NotACode);
        }
        if coded.len() > (BODY_LEN + CHECKSUM_LEN) * 2 {
            return Err(VerifyCodeError::Mistyped);
        }
        let bytes = BASE64URL_NOPAD.decode(coded.as_bytes()).map_err(|_| VerifyCodeError::Mistyped)?;
        let (body, written) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(VerifyCodeError::Mistyped)?;
        if *written != checksum(body) {
            return Err(VerifyCodeError::Mistyped);
        }
        let (form, fingerprints) = body.split_first().ok_or(VerifyCodeError::Mistyped)?;
        if *form != FORM {
            return Err(VerifyCodeError::UnknownForm(*form));
        }
        let ([shown_by, scanned_by], []) = fingerprints.as_chunks::<{ Fingerprint::LEN }>() else {
            return Err(VerifyCodeError::Mistyped);
        };
        Ok(Self::new(Fingerprint::new(*shown_by), Some(Fingerprint::new(*scanned_by))))
    }
}

impl fmt::Debug for VerifyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyCode([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: Fingerprint = Fingerprint::new([1; 24]);
    const B: Fingerprint = Fingerprint::new([2; 24]);
    const EVE: Fingerprint = Fingerprint::new([3; 24]);

    #[test]
    fn one_scan_compares_both_keys() {
        let shown: VerifyCode = VerifyCode::new(A, Some(B)).to_string().parse().unwrap();
        assert_eq!(shown.check(&B, &A), Ok(Scanned::Both));
        assert_eq!(shown.check(&B, &EVE), Err(Mismatch::Theirs), "we hold another key of theirs");
        assert_eq!(shown.check(&EVE, &A), Err(Mismatch::Ours), "they hold another key of ours");
        assert_eq!(shown.check(&A, &B), Err(Mismatch::Theirs), "our own code is not theirs");
    }

    #[test]
    fn a_code_for_anybody_says_nothing_of_us() {
        let shown: VerifyCode = VerifyCode::new(A, None).to_string().parse().unwrap();
        assert_eq!(shown.check(&B, &A), Ok(Scanned::Theirs));
        assert_eq!(shown, VerifyCode::new(A, Some(Fingerprint::new(ANYBODY))));
    }

    #[test]
    fn every_wrong_character_is_noticed() {
        let text = VerifyCode::new(A, Some(B)).to_string();
        assert_eq!(text.len(), 86);
        for place in SCHEME.len()..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap().parse::<VerifyCode>();
            assert_eq!(wrong, Err(VerifyCodeError::Mistyped), "{place}");
        }
        for len in 0..text.len() {
            assert!(text[..len].parse::<VerifyCode>().is_err());
        }
        assert_eq!("p2pvoip:abc".parse::<VerifyCode>(), Err(VerifyCodeError::NotACode));
        assert_eq!(
            format!(" {}\n", text.replace(SCHEME, "P2PVOIP-VERIFY:")).parse(),
            text.parse::<VerifyCode>()
        );
    }

    proptest! {
        #[test]
        fn a_code_reads_as_it_was_written(a: [u8; 24], b: Option<[u8; 24]>) {
            let code = VerifyCode::new(Fingerprint::new(a), b.map(Fingerprint::new));
            prop_assert_eq!(code.to_string().parse::<VerifyCode>(), Ok(code));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "(p2pvoip-verify:)?.{0,100}") {
            let _ = text.parse::<VerifyCode>();
        }
    }
}
