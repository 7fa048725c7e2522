//! X.509 vouches for a root key: the key of a certificate signed it, and a chain (RFC 5280) leads to a trusted authority.
//!
//! The evidence: signature scheme (2, as in TLS 1.3, RFC 8446 section 4.2.3) | signature (length 2) | certificates (number 1,
//! then each with a length of 2), the signer's first. What is signed: `"p2pvoip attestation" | 00` and all of [`Statement`].
//!
//! # Left out
//! - Revocation: certificates are short-lived, or the caller asks elsewhere.
//! - Names in the subject itself: they are not what a certificate is checked by any more (RFC 9525 section 2).

use core::fmt;

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::Reader;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::{Attestation, AttestationError, Authority, Vouched, der};
use crate::identity::RootKey;

/// The kind of attestations by certificates.
pub const KIND: u8 = 1;
/// The most certificates in an attestation, the signer's included.
pub const MAX_CERTIFICATES: usize = 4;

const DOMAIN: &[u8] = b"p2pvoip attestation\0";

/// How the key of the certificate signs, by its number in TLS 1.3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[repr(u16)]
pub enum Scheme {
    /// ECDSA on P-256 with SHA-256, in ASN.1.
    EcdsaP256 = 0x0403,
    /// ECDSA on P-384 with SHA-384, in ASN.1.
    EcdsaP384 = 0x0503,
    /// RSASSA-PSS of 2,048 bits and more, with SHA-256.
    RsaPss = 0x0804,
    /// Ed25519.
    Ed25519 = 0x0807,
}

impl Scheme {
    fn from_id(id: u16) -> Option<Self> {
        let all = [Self::EcdsaP256, Self::EcdsaP384, Self::RsaPss, Self::Ed25519];
        all.into_iter().find(|scheme| *scheme as u16 == id)
    }

    const fn algorithm(self) -> &'static dyn SignatureVerificationAlgorithm {
        match self {
            Self::EcdsaP256 => webpki::ring::ECDSA_P256_SHA256,
            Self::EcdsaP384 => webpki::ring::ECDSA_P384_SHA384,
            Self::RsaPss => webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            Self::Ed25519 => webpki::ring::ED25519,
        }
    }
}

/// With which algorithms authorities may have signed certificates.
const IN_CHAINS: &[&dyn SignatureVerificationAlgorithm] = &[
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P256_SHA384,
    webpki::ring::ECDSA_P384_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
    webpki::ring::ED25519,
    webpki::ring::RSA_PKCS1_2048_8192_SHA256,
    webpki::ring::RSA_PKCS1_2048_8192_SHA384,
    webpki::ring::RSA_PKCS1_2048_8192_SHA512,
    webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    webpki::ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    webpki::ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// What the key of the certificate signs: that a root key is its owner's, from when, until when.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The root key that is vouched for.
    pub root: &'a RootKey,
    /// When the statement is made.
    pub made: UnixTime,
    /// When it ends.
    pub expires: UnixTime,
    /// How it is signed.
    pub scheme: Scheme,
}

impl Statement<'_> {
    /// The bytes to sign: domain | kind (1) | made (8) | expires (8) | scheme (2) | root key (32).
    pub fn message(&self) -> Vec<u8> {
        let scheme = (self.scheme as u16).to_be_bytes();
        let dates = [self.made, self.expires].map(|date| date.as_secs().to_be_bytes()).concat();
        [DOMAIN, &[KIND], &dates, &scheme, self.root.as_bytes()].concat()
    }

    /// The attestation, from the signature over [`Self::message`] and the certificates (DER), the signer's first. Leave out
    /// the authority's own certificate: who trusts it has it.
    ///
    /// # Errors
    /// [`AttestationError`] when it would be too long, there is no certificate or more than [`MAX_CERTIFICATES`], or the dates
    /// are wrong. Judge what comes out: whether the signature fits is not looked at here.
    pub fn attest(
        &self,
        signature: &[u8],
        certificates: &[CertificateDer<'_>],
    ) -> Result<Attestation, AttestationError> {
        if !(1..=MAX_CERTIFICATES).contains(&certificates.len()) {
            return Err(AttestationError::Malformed);
        }
        let mut evidence = (self.scheme as u16).to_be_bytes().to_vec();
        block(&mut evidence, signature)?;
        evidence.extend(u8::try_from(certificates.len()));
        for certificate in certificates {
            block(&mut evidence, certificate)?;
        }
        Attestation::new(KIND, self.made, self.expires, evidence)
    }
}

fn block(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), AttestationError> {
    let len = u16::try_from(bytes.len()).map_err(|_| AttestationError::TooLong(bytes.len()))?;
    out.extend(len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// The authorities whose certificates are believed.
pub struct Certificates {
    anchors: Vec<TrustAnchor<'static>>,
}

impl Certificates {
    /// Believes what leads to one of these certificates (DER).
    ///
    /// # Errors
    /// [`AttestationError::Untrusted`] when one of them is no certificate.
    pub fn trusting(certificates: &[CertificateDer<'_>]) -> Result<Self, AttestationError> {
        let anchors = certificates.iter().map(|certificate| {
            let anchor = webpki::anchor_from_trusted_cert(certificate);
            anchor.map(|anchor| anchor.to_owned()).map_err(|error| untrusted(&error))
        });
        Ok(Self { anchors: anchors.collect::<Result<_, _>>()? })
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("anchors", &self.anchors.len()).finish()
    }
}

impl Authority for Certificates {
    fn kind(&self) -> u8 {
        KIND
    }

    fn judge(
        &self,
        attestation: &Attestation,
        root: &RootKey,
        now: UnixTime,
    ) -> Result<Vouched, AttestationError> {
        let evidence = Evidence::parse(attestation.evidence())?;
        let (leaf, between) = evidence.certificates.split_first().ok_or(AttestationError::Malformed)?;
        let signer = EndEntityCert::try_from(leaf).map_err(|error| untrusted(&error))?;
        let at = rustls_pki_types::UnixTime::since_unix_epoch(core::time::Duration::from_secs(now.as_secs()));
        let path = signer
            .verify_for_usage(IN_CHAINS, &self.anchors, between, at, OfPeopleOrHosts, None, None)
            .map_err(|error| untrusted(&error))?;
        let statement = Statement {
            root,
            made: attestation.made(),
            expires: attestation.expires(),
            scheme: evidence.scheme,
        };
        signer
            .verify_signature(evidence.scheme.algorithm(), &statement.message(), evidence.signature)
            .map_err(|_| AttestationError::OtherKey)?;
        let name = der::subject_name(leaf).ok_or(AttestationError::Nameless)?;
        let by = der::authority_name(&path.anchor().subject);
        let by = by.unwrap_or_else(|| "an authority without a name".to_owned());
        Ok(Vouched { by, name, expires: attestation.expires() })
    }
}

fn untrusted(error: &webpki::Error) -> AttestationError {
    AttestationError::Untrusted(format!("{error:?}"))
}

/// Accepts certificates of people and of hosts: for e-mail, for clients or servers, for anything, or of no stated use
/// (RFC 5280 section 4.2.1.12). One for signing code, say, vouches for nobody.
struct OfPeopleOrHosts;

impl ExtendedKeyUsageValidator for OfPeopleOrHosts {
    fn validate(&self, uses: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut is_stated = false;
        for usage in uses {
            is_stated = true;
            let usage = usage?.to_decoded_oid();
            let fits = matches!(usage.as_slice(), [1, 3, 6, 1, 5, 5, 7, 3, 1 | 2 | 4] | [2, 5, 29, 37, 0]);
            if fits {
                return Ok(());
            }
        }
        if is_stated { Err(webpki::Error::ExtensionValueInvalid) } else { Ok(()) }
    }
}

/// What proves it, taken apart.
struct Evidence<'a> {
    scheme: Scheme,
    signature: &'a [u8],
    certificates: Vec<CertificateDer<'a>>,
}

impl<'a> Evidence<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, AttestationError> {
        let mut reader = Reader::new(bytes);
        let scheme = Scheme::from_id(reader.u16()?).ok_or(AttestationError::Malformed)?;
        let signature = reader.block16()?;
        let count = usize::from(reader.u8()?);
        if !(1..=MAX_CERTIFICATES).contains(&count) {
            return Err(AttestationError::Malformed);
        }
        let certificates = (0..count).map(|_| reader.block16().map(CertificateDer::from));
        let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
        reader.finish()?;
        Ok(Self { scheme, signature, certificates })
    }
}
