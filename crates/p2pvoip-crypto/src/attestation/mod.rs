//! Attestations: an identity system that is there already vouches for a root key, so that people need not compare anything.
//!
//! An [`Attestation`] is at most 2,048 bytes: form | kind | when it was made | when it ends | evidence of that kind. An
//! [`Authority`] judges the evidence of one kind and names who vouched for whom. The kind built here is X.509 (feature `x509`).
//!
//! # Left out
//! - Where attestations come from: they are handed over by link, by file or beside a contact card.

#[cfg(feature = "x509")]
mod der;
#[cfg(feature = "x509")]
pub mod x509;

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use thiserror::Error;

use crate::dates::CLOCK_SKEW;
use crate::identity::RootKey;

/// The longest attestation in bytes.
pub const MAX_ATTESTATION_LEN: usize = 2_048;
/// The longest life of an attestation: 400 days, somewhat more than a certificate's year.
pub const MAX_ATTESTATION_LIFE: Duration = Duration::from_secs(400 * 86_400);

/// Before the text form.
const SCHEME: &str = "p2pvoip-attestation:";
const FORM: u8 = 1;
/// Form, kind and both dates.
const HEAD_LEN: usize = 1 + 1 + 8 + 8;
/// The longest evidence in bytes.
const MAX_EVIDENCE_LEN: usize = MAX_ATTESTATION_LEN - HEAD_LEN;

/// The word of an identity system, read but not yet judged.
#[derive(Clone, PartialEq, Eq)]
pub struct Attestation {
    kind: u8,
    made: UnixTime,
    expires: UnixTime,
    evidence: Vec<u8>,
}

/// Who vouched, and for whom. It holds at the moment of the judgement alone: judge again before each use.
#[derive(Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The authority's own name.
    pub by: String,
    /// The name by which the authority knows the owner of the root key.
    pub name: String,
    /// When the attestation ends.
    pub expires: UnixTime,
}

/// An identity system that can vouch: it judges attestations of its kind.
pub trait Authority {
    /// The kind of attestation that it judges.
    fn kind(&self) -> u8;

    /// Judges what is in an attestation of its kind whose dates were found right.
    ///
    /// # Errors
    /// [`AttestationError`] when it does not prove that the root key is of whom it names.
    fn judge(
        &self,
        attestation: &Attestation,
        root: &RootKey,
        now: UnixTime,
    ) -> Result<Vouched, AttestationError>;
}

/// Why an attestation proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// The bytes or the text are something else, or cut.
    #[error("this is not a whole attestation; copy all of it, or ask for it again")]
    Malformed,
    /// A newer version made it.
    #[error("the attestation has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// It is of a kind that this authority does not judge.
    #[error("the attestation is of kind {0}, which is not judged here; ask for one of another kind")]
    OtherKind(u8),
    /// It would be longer than an attestation may be.
    #[error(
        "the attestation would have {0} bytes and may have {MAX_ATTESTATION_LEN}; leave out certificates that readers have"
    )]
    TooLong(usize),
    /// Its dates are the wrong way round, or too far apart.
    #[error(
        "an attestation ends after it was made, and at most 400 days after; ask for one with right dates"
    )]
    Dates,
    /// It is from the future.
    #[error("the attestation begins in the future; check the clocks of both sides")]
    NotYet,
    /// It is over.
    #[error("the attestation has ended; ask for a new one")]
    Expired,
    /// No chain leads from the evidence to an authority that is trusted.
    #[error("nobody who is trusted vouches for this key ({0}); compare fingerprints instead")]
    Untrusted(String),
    /// The evidence is for another key, or was changed.
    #[error("the attestation is for another key, or was changed; do not trust the name in it")]
    OtherKey,
    /// The evidence names nobody.
    #[error("the certificate names nobody (no usable subjectAltName); ask for one that does")]
    Nameless,
}

impl From<Malformed> for AttestationError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Attestation {
    /// An attestation of these fields.
    ///
    /// # Errors
    /// [`AttestationError::Dates`], [`AttestationError::TooLong`].
    pub fn new(
        kind: u8,
        made: UnixTime,
        expires: UnixTime,
        evidence: Vec<u8>,
    ) -> Result<Self, AttestationError> {
        if evidence.len() > MAX_EVIDENCE_LEN {
            return Err(AttestationError::TooLong(HEAD_LEN + evidence.len()));
        }
        check_dates(made, expires)?;
        Ok(Self { kind, made, expires, evidence })
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// [`AttestationError`] when the bytes are no attestation.
    pub fn parse(bytes: &[u8]) -> Result<Self, AttestationError> {
        if bytes.len() > MAX_ATTESTATION_LEN {
            return Err(AttestationError::Malformed);
        }
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            FORM => {}
            other => return Err(AttestationError::UnknownForm(other)),
        }
        let kind = reader.u8()?;
        let made = UnixTime::from_secs(reader.u64()?);
        let expires = UnixTime::from_secs(reader.u64()?);
        Self::new(kind, made, expires, reader.rest().to_vec())
    }

    /// The binary form.
    pub fn emit(&self) -> Vec<u8> {
        let dates = [self.made, self.expires].map(|date| date.as_secs().to_be_bytes()).concat();
        [&[FORM, self.kind][..], &dates, &self.evidence].concat()
    }

    /// Of which kind the evidence is.
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// When it was made.
    pub const fn made(&self) -> UnixTime {
        self.made
    }

    /// When it ends.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// What proves it, in the form of its kind.
    pub fn evidence(&self) -> &[u8] {
        &self.evidence
    }

    /// Who vouches for that root key, if this authority finds it proven at `now`.
    ///
    /// # Errors
    /// [`AttestationError`] when it is of another kind, out of date, or proves nothing.
    pub fn judge(
        &self,
        by: &impl Authority,
        root: &RootKey,
        now: UnixTime,
    ) -> Result<Vouched, AttestationError> {
        if self.kind != by.kind() {
            return Err(AttestationError::OtherKind(self.kind));
        }
        if self.made > now + CLOCK_SKEW {
            return Err(AttestationError::NotYet);
        }
        if now >= self.expires {
            return Err(AttestationError::Expired);
        }
        by.judge(self, root, now)
    }
}

fn check_dates(made: UnixTime, expires: UnixTime) -> Result<(), AttestationError> {
    let life = expires.as_secs().checked_sub(made.as_secs());
    let is_right = life.is_some_and(|life| (1..=MAX_ATTESTATION_LIFE.as_secs()).contains(&life));
    is_right.then_some(()).ok_or(AttestationError::Dates)
}

impl fmt::Display for Attestation {
    /// The text form: `p2pvoip-attestation:` and base64url without padding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", BASE64URL_NOPAD.encode(&self.emit()))
    }
}

impl FromStr for Attestation {
    type Err = AttestationError;

    /// Reads the text form; blanks around it are ignored.
    fn from_str(text: &str) -> Result<Self, AttestationError> {
        let text = text.trim();
        let (scheme, coded) = text.split_at_checked(SCHEME.len()).ok_or(AttestationError::Malformed)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) || coded.len() > MAX_ATTESTATION_LEN.div_ceil(3) * 4 {
            return Err(AttestationError::Malformed);
        }
        let bytes = BASE64URL_NOPAD.decode(coded.as_bytes()).map_err(|_| AttestationError::Malformed)?;
        Self::parse(&bytes)
    }
}

impl fmt::Debug for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attestation").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vouched([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use p2pvoip_core::Seed;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    /// Believes every evidence that is the name of whom it vouches for.
    struct Credulous;

    impl Authority for Credulous {
        fn kind(&self) -> u8 {
            200
        }

        fn judge(
            &self,
            attestation: &Attestation,
            _: &RootKey,
            _: UnixTime,
        ) -> Result<Vouched, AttestationError> {
            let name = String::from_utf8(attestation.evidence().to_vec());
            let name = name.map_err(|_| AttestationError::Nameless)?;
            Ok(Vouched { by: "Credulous".into(), name, expires: attestation.expires() })
        }
    }

    fn day(days: u64) -> Duration {
        Duration::from_secs(days * 86_400)
    }

    fn judged(attestation: &Attestation, now: UnixTime) -> Result<String, AttestationError> {
        let root = crate::Identity::generate(&Seed::from_u64(1)).root();
        attestation.judge(&Credulous, &root, now).map(|vouched| vouched.name)
    }

    #[test]
    fn an_attestation_holds_from_its_date_to_its_end() {
        let attestation = Attestation::new(200, NOW, NOW + day(30), b"alice".to_vec()).unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(judged(&attestation, NOW - CLOCK_SKEW), Ok("alice".into()));
        assert_eq!(judged(&attestation, NOW - CLOCK_SKEW - second), Err(AttestationError::NotYet));
        assert_eq!(judged(&attestation, NOW + day(30) - second), Ok("alice".into()));
        assert_eq!(judged(&attestation, NOW + day(30)), Err(AttestationError::Expired));
    }

    #[test]
    fn another_kind_is_not_judged() {
        let attestation = Attestation::new(1, NOW, NOW + day(30), b"alice".to_vec()).unwrap();
        assert_eq!(judged(&attestation, NOW), Err(AttestationError::OtherKind(1)));
    }

    #[test]
    fn dates_that_lie_wrong_are_refused() {
        let made = |expires| Attestation::new(1, NOW, expires, Vec::new()).map(|_| ());
        assert_eq!(made(NOW), Err(AttestationError::Dates));
        assert_eq!(made(NOW - day(1)), Err(AttestationError::Dates));
        assert_eq!(made(NOW + day(400)), Ok(()));
        assert_eq!(made(NOW + day(400) + Duration::from_secs(1)), Err(AttestationError::Dates));
    }

    #[test]
    fn the_longest_has_2048_bytes_and_one_more_is_refused() {
        let of = |len| Attestation::new(1, NOW, NOW + day(1), vec![0; len]);
        let longest = of(MAX_EVIDENCE_LEN).unwrap();
        assert_eq!(longest.emit().len(), MAX_ATTESTATION_LEN);
        assert_eq!(longest.to_string().parse(), Ok(longest.clone()));
        assert_eq!(of(MAX_EVIDENCE_LEN + 1), Err(AttestationError::TooLong(MAX_ATTESTATION_LEN + 1)));
        let more = [&longest.emit()[..], &[0]].concat();
        assert_eq!(Attestation::parse(&more), Err(AttestationError::Malformed));
    }

    #[test]
    fn a_newer_form_asks_for_an_update() {
        assert_eq!(Attestation::parse(&[2; 40]), Err(AttestationError::UnknownForm(2)));
    }

    proptest! {
        #[test]
        fn both_forms_give_back_what_was_written(
            kind: u8, made in 0..u64::MAX / 2, life in 1..=34_560_000_u64,
            evidence in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let (made, expires) = (UnixTime::from_secs(made), UnixTime::from_secs(made + life));
            let attestation = Attestation::new(kind, made, expires, evidence).unwrap();
            prop_assert_eq!(Attestation::parse(&attestation.emit()).unwrap(), attestation.clone());
            prop_assert_eq!(attestation.to_string().parse::<Attestation>().unwrap(), attestation);
        }

        #[test]
        fn any_bytes_and_any_text_are_read_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..100), text in "(p2pvoip-attestation:)?.{0,80}",
        ) {
            let _ = Attestation::parse(&bytes);
            let _ = text.parse::<Attestation>();
        }
    }
}
