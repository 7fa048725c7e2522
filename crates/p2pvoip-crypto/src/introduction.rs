//! An introduction: a contact that is verified here vouches for the root key of somebody else.
//!
//! It counts only if the introducer's pin says `Verified` by words or by scanning, so that chains are not followed: who was
//! introduced cannot introduce. The home device signs by the root; a linked device signs by its own key and shows its
//! credential, so that a device which was revoked, and noticed so, cannot vouch.
//!
//! # Timers
//! - It is accepted for [`INTRODUCTION_LIFE`] after it was made, and one by a linked device while its roster is in date. What was
//!   accepted stays in the pin.
//!
//! # Left out
//! - The name and the card of who is introduced: the reader gives the name, and a card is a secret that its owner hands out.
//! - Withdrawing an introduction: the person takes the verification back.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader};
use thiserror::Error;

use crate::credential::{self, CREDENTIAL_LEN, CredentialError};
use crate::dates::CLOCK_SKEW;
use crate::identity::{self, Fingerprint, Identity, PUBLIC_LEN, RootKey, SIGNATURE_LEN};
use crate::kdf;
use crate::trust::{How, Pin};

/// How long an introduction is accepted: 14 days.
pub const INTRODUCTION_LIFE: Duration = Duration::from_secs(14 * 86_400);
/// The most bytes of an introduction's text.
pub const MAX_INTRODUCTION_LEN: usize = SCHEME.len() + (MAX_BYTES * 4).div_ceil(3);

const SCHEME: &str = "p2pvoip-introduction:";
const BY_ROOT: u8 = 1;
const BY_DEVICE: u8 = 2;
const CHECKSUM_LEN: usize = 4;
/// Form (1), root of who is introduced (32), made (8), expires (8).
const HEAD_LEN: usize = 1 + PUBLIC_LEN + 2 * 8;
const MAX_BYTES: usize = HEAD_LEN + CREDENTIAL_LEN + PUBLIC_LEN + SIGNATURE_LEN + CHECKSUM_LEN;
const DOMAIN: &str = "introduction";

/// Who vouches, and with what it signs.
#[derive(Clone, PartialEq, Eq)]
enum By {
    Root(RootKey),
    Device { credential: Box<[u8; CREDENTIAL_LEN]>, device: [u8; PUBLIC_LEN] },
}

/// What one contact says of another: this is the root key that I know as theirs. Not checked yet when it was only read.
#[derive(Clone, PartialEq, Eq)]
pub struct Introduction {
    subject: RootKey,
    made: UnixTime,
    expires: UnixTime,
    by: By,
    signature: [u8; SIGNATURE_LEN],
}

/// A checked introduction: whose root key it is that a verified contact vouches for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Vouched {
    root: RootKey,
    by: Fingerprint,
}

/// Why an introduction is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum IntroductionError {
    /// It does not start with the scheme.
    #[error("this is not an introduction; one starts with `{SCHEME}`")]
    NotAnIntroduction,
    /// A character is missing, added or wrong.
    #[error("the introduction is damaged; copy it again, from `{SCHEME}` to its end")]
    Mistyped,
    /// A newer version made it.
    #[error("the introduction has form {0}, which this version does not know; update the program")]
    UnknownForm(u8),
    /// A field has a value that the format does not allow.
    #[error("the introduction is not well formed: {0}; ask for a new one")]
    Malformed(#[from] Malformed),
    /// Another than the given contact made it.
    #[error("another contact made this introduction; name the one who made it")]
    OtherIntroducer,
    /// The introducer was not verified in person.
    #[error(
        "the contact who made this introduction is not verified here; compare the words of a call with them, or scan their code, first"
    )]
    NotVerified,
    /// Somebody introduces themselves.
    #[error("the introduction is of the one who made it; nobody can vouch for themselves")]
    Oneself,
    /// It was not signed by who it says.
    #[error("the introduction is not signed by the contact whose it says it is; do not trust it")]
    Signature,
    /// The introducer's device shows an older list of devices than was seen.
    #[error(
        "the device that made this introduction may have been revoked; ask the contact to make a new one"
    )]
    OlderDevices,
    /// The introducer's device does not speak for it.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// It is too old.
    #[error("the introduction has expired; ask for a new one")]
    Expired,
    /// Its dates are ahead of the clock, or too far apart.
    #[error("the introduction was made in the future; set the clock of this computer, or ask for a new one")]
    FromTheFuture,
}

impl Introduction {
    /// `by` vouches that `subject` is the root key of somebody whom it has verified. Ask the person before.
    pub fn new(by: &Identity, subject: &RootKey, now: UnixTime) -> Self {
        let (made, expires) = (now, now + INTRODUCTION_LIFE);
        let home = By::Root(by.root());
        let signed = |who: &By| body(subject, made, expires, who);
        if let Some(signature) = by.sign_as_root(DOMAIN, &[&signed(&home)]) {
            return Self { subject: *subject, made, expires, by: home, signature };
        }
        let linked = By::Device { credential: Box::new(by.credential(now)), device: *by.device_public() };
        let signature = by.sign(DOMAIN, &[&signed(&linked)]);
        Self { subject: *subject, made, expires, by: linked, signature }
    }

    /// Who made it, as it says: look for that contact's pin, and [`check`](Self::check).
    pub fn introducer(&self) -> Fingerprint {
        Fingerprint::of(&self.introducer_root())
    }

    /// Of whom it is.
    pub fn subject(&self) -> Fingerprint {
        self.subject.fingerprint()
    }

    /// When it stops being accepted, at the latest.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// Whether the contact with that pin vouches, and may.
    ///
    /// # Errors
    /// [`IntroductionError`] says why it does not count.
    pub fn check(&self, introducer: &Pin, now: UnixTime) -> Result<Vouched, IntroductionError> {
        let root = self.introducer_root();
        if *introducer.root().as_bytes() != root {
            return Err(IntroductionError::OtherIntroducer);
        }
        if !introducer.how().is_some_and(How::is_in_person) {
            return Err(IntroductionError::NotVerified);
        }
        if *self.subject.as_bytes() == root {
            return Err(IntroductionError::Oneself);
        }
        if self.made > now + CLOCK_SKEW || self.expires > self.made + INTRODUCTION_LIFE {
            return Err(IntroductionError::FromTheFuture);
        }
        if now > self.expires + CLOCK_SKEW {
            return Err(IntroductionError::Expired);
        }
        self.check_signature(introducer, now)?;
        Ok(Vouched { root: self.subject, by: introducer.fingerprint() })
    }

    fn check_signature(&self, introducer: &Pin, now: UnixTime) -> Result<(), IntroductionError> {
        let signer = match &self.by {
            By::Root(root) => *root.as_bytes(),
            By::Device { credential, device } => {
                let peer = credential::verify(credential, device, now)?;
                if peer.roster.sequence < introducer.roster_sequence() {
                    return Err(IntroductionError::OlderDevices);
                }
                credential::Credential::parse(credential)?.signing
            }
        };
        let body = body(&self.subject, self.made, self.expires, &self.by);
        if identity::verify(&signer, DOMAIN, &[&body], &self.signature) {
            Ok(())
        } else {
            Err(IntroductionError::Signature)
        }
    }

    fn introducer_root(&self) -> [u8; PUBLIC_LEN] {
        match &self.by {
            By::Root(root) => *root.as_bytes(),
            By::Device { credential, .. } => kdf::array(&**credential),
        }
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = body(&self.subject, self.made, self.expires, &self.by);
        out.extend(self.signature);
        out
    }

    /// Reads what [`encode`](Self::encode) wrote. Whether it counts is another question: [`check`](Self::check).
    ///
    /// # Errors
    /// [`IntroductionError`] when the bytes are no introduction.
    pub fn decode(bytes: &[u8]) -> Result<Self, IntroductionError> {
        let mut reader = Reader::new(bytes);
        let form = reader.u8()?;
        let subject = RootKey::new(reader.array()?).ok_or(Malformed::Invalid("root key"))?;
        let (made, expires) = (UnixTime::from_secs(reader.u64()?), UnixTime::from_secs(reader.u64()?));
        if expires < made {
            return Err(Malformed::Invalid("dates").into());
        }
        let by = match form {
            BY_ROOT => By::Root(RootKey::new(reader.array()?).ok_or(Malformed::Invalid("root key"))?),
            BY_DEVICE => By::Device { credential: Box::new(reader.array()?), device: reader.array()? },
            other => return Err(IntroductionError::UnknownForm(other)),
        };
        let signature = reader.array()?;
        reader.finish()?;
        Ok(Self { subject, made, expires, by, signature })
    }
}

/// What is signed: all but the signature.
fn body(subject: &RootKey, made: UnixTime, expires: UnixTime, by: &By) -> Vec<u8> {
    let form = match by {
        By::Root(_) => BY_ROOT,
        By::Device { .. } => BY_DEVICE,
    };
    let mut out = vec![form];
    out.extend(subject.as_bytes());
    out.extend(made.as_secs().to_be_bytes());
    out.extend(expires.as_secs().to_be_bytes());
    match by {
        By::Root(root) => out.extend(root.as_bytes()),
        By::Device { credential, device } => {
            out.extend(&**credential);
            out.extend(device);
        }
    }
    out
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip introduction", bytes]))
}

impl fmt::Display for Introduction {
    /// The text for links and QR codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.encode();
        bytes.extend(checksum(&bytes));
        write!(f, "{SCHEME}{}", BASE64URL_NOPAD.encode(&bytes))
    }
}

impl FromStr for Introduction {
    type Err = IntroductionError;

    /// Reads an introduction; blanks around it are ignored.
    fn from_str(text: &str) -> Result<Self, IntroductionError> {
        let text = text.trim();
        let (scheme, coded) =
            text.split_at_checked(SCHEME.len()).ok_or(IntroductionError::NotAnIntroduction)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(IntroductionError::NotAnIntroduction);
        }
        if text.len() > MAX_INTRODUCTION_LEN {
            return Err(IntroductionError::Mistyped);
        }
        let bytes = BASE64URL_NOPAD.decode(coded.as_bytes()).map_err(|_| IntroductionError::Mistyped)?;
        let (bytes, written) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(IntroductionError::Mistyped)?;
        if *written != checksum(bytes) {
            return Err(IntroductionError::Mistyped);
        }
        Self::decode(bytes)
    }
}

impl fmt::Debug for Introduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Introduction([redacted])")
    }
}

impl Vouched {
    /// The root key that is vouched for.
    pub const fn root(&self) -> &RootKey {
        &self.root
    }

    /// Who vouches.
    pub const fn by(&self) -> &Fingerprint {
        &self.by
    }
}

impl fmt::Debug for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vouched([redacted])")
    }
}

#[cfg(test)]
mod tests;
