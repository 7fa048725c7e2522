//! Certificates vouch for root keys: chains made by rcgen, and every way in which they prove nothing.
#![cfg(feature = "x509")]
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::time::Duration;

use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_crypto::attestation::x509::{Certificates, MAX_CERTIFICATES, Scheme, Statement};
use p2pvoip_crypto::attestation::{Attestation, AttestationError, Vouched};
use p2pvoip_crypto::{Identity, RootKey};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, SigningKey as _,
};
use rustls_pki_types::CertificateDer;

/// In 2026, when rcgen's default dates (1975 to 4096) hold.
const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn root(number: u64) -> RootKey {
    Identity::generate(&Seed::from_u64(number)).root()
}

/// An authority of that name, with the key to sign others.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate of these names with its key.
fn certificate(
    by: &CertifiedIssuer<'static, KeyPair>,
    names: Vec<SanType>,
    uses: Vec<ExtendedKeyUsagePurpose>,
) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.extended_key_usages = uses;
    let key = KeyPair::generate().unwrap();
    let made = params.signed_by(&key, by).unwrap();
    (made.der().clone(), key)
}

fn email(name: &str) -> SanType {
    SanType::Rfc822Name(name.try_into().unwrap())
}

fn statement(root: &RootKey) -> Statement<'_> {
    Statement { root, made: NOW, expires: NOW + 90 * DAY, scheme: Scheme::EcdsaP256 }
}

fn attest(root: &RootKey, (certificate, key): &(CertificateDer<'static>, KeyPair)) -> Attestation {
    let statement = statement(root);
    let signature = key.sign(&statement.message()).unwrap();
    statement.attest(&signature, std::slice::from_ref(certificate)).unwrap()
}

fn trusting(by: &CertifiedIssuer<'static, KeyPair>) -> Certificates {
    Certificates::trusting(&[by.der().clone()]).unwrap()
}

fn judge(
    attestation: &Attestation,
    by: &CertifiedIssuer<'static, KeyPair>,
    root: &RootKey,
) -> Result<Vouched, AttestationError> {
    attestation.judge(&trusting(by), root, NOW)
}

#[test]
fn a_trusted_authority_vouches_for_the_name_in_the_certificate() {
    let ca = authority("Example Root");
    let certified = certificate(&ca, vec![email("alice@example.org")], Vec::new());
    let attestation = attest(&root(1), &certified);
    let read: Attestation = attestation.to_string().parse().unwrap();
    let vouched = judge(&read, &ca, &root(1)).unwrap();
    assert_eq!((vouched.by.as_str(), vouched.name.as_str()), ("Example Root", "alice@example.org"));
    assert_eq!(vouched.expires, NOW + 90 * DAY);
}

#[test]
fn it_says_nothing_of_another_root_key() {
    let ca = authority("Example Root");
    let certified = certificate(&ca, vec![email("alice@example.org")], Vec::new());
    let attestation = attest(&root(1), &certified);
    assert_eq!(judge(&attestation, &ca, &root(2)), Err(AttestationError::OtherKey));
}

#[test]
fn nobody_who_is_not_trusted_vouches() {
    let (ca, other) = (authority("Example Root"), authority("Example Root"));
    let certified = certificate(&ca, vec![email("alice@example.org")], Vec::new());
    let attestation = attest(&root(1), &certified);
    assert!(matches!(judge(&attestation, &other, &root(1)), Err(AttestationError::Untrusted(_))));
    let none = Certificates::trusting(&[]).unwrap();
    assert!(attestation.judge(&none, &root(1), NOW).is_err());
    let junk = CertificateDer::from(vec![0; 40]);
    assert!(matches!(Certificates::trusting(&[junk]), Err(AttestationError::Untrusted(_))));
}

#[test]
fn every_changed_byte_is_refused() {
    let ca = authority("Example Root");
    let attestation = attest(&root(1), &certificate(&ca, vec![email("alice@example.org")], Vec::new()));
    let bytes = attestation.emit();
    let trusting = trusting(&ca);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let judged = Attestation::parse(&changed).and_then(|read| read.judge(&trusting, &root(1), NOW));
        assert!(judged.is_err(), "byte {at} of {}", bytes.len());
    }
}

#[test]
fn a_chain_with_one_between_fits_and_is_followed() {
    let ca = authority("Example Root");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Example Issuer");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let between = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &ca).unwrap();
    let (leaf, key) = certificate(&between, vec![email("bob@example.org")], Vec::new());
    let root = root(1);
    let statement = statement(&root);
    let signature = key.sign(&statement.message()).unwrap();
    let whole = statement.attest(&signature, &[leaf.clone(), between.der().clone()]).unwrap();
    let vouched = judge(&whole, &ca, &root).unwrap();
    assert_eq!((vouched.by.as_str(), vouched.name.as_str()), ("Example Root", "bob@example.org"));
    let cut = statement.attest(&signature, &[leaf]).unwrap();
    assert!(matches!(judge(&cut, &ca, &root), Err(AttestationError::Untrusted(_))));
}

#[test]
fn an_email_address_goes_before_a_uri_and_that_before_a_host() {
    let ca = authority("Example Root");
    let host = || SanType::DnsName("host.example.org".try_into().unwrap());
    let uri = || SanType::URI("https://example.org/bob".try_into().unwrap());
    for (names, expected) in [
        (vec![host(), uri(), email("bob@example.org")], "bob@example.org"),
        (vec![host(), uri()], "https://example.org/bob"),
        (vec![host()], "host.example.org"),
    ] {
        let attestation = attest(&root(1), &certificate(&ca, names, Vec::new()));
        assert_eq!(judge(&attestation, &ca, &root(1)).unwrap().name, expected);
    }
}

#[test]
fn a_certificate_without_a_name_or_with_a_pattern_names_nobody() {
    let ca = authority("Example Root");
    let pattern = SanType::DnsName("*.example.org".try_into().unwrap());
    for names in [Vec::new(), vec![pattern]] {
        let attestation = attest(&root(1), &certificate(&ca, names, Vec::new()));
        assert_eq!(judge(&attestation, &ca, &root(1)), Err(AttestationError::Nameless));
    }
}

#[test]
fn certificates_of_people_and_hosts_vouch_and_those_for_code_do_not() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, EmailProtection, ServerAuth};
    let ca = authority("Example Root");
    for (usage, vouches) in
        [(EmailProtection, true), (ClientAuth, true), (ServerAuth, true), (Any, true), (CodeSigning, false)]
    {
        let certified = certificate(&ca, vec![email("alice@example.org")], vec![usage.clone()]);
        assert_eq!(judge(&attest(&root(1), &certified), &ca, &root(1)).is_ok(), vouches, "{usage:?}");
    }
}

#[test]
fn an_expired_certificate_vouches_no_more() {
    let ca = authority("Example Root");
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![email("alice@example.org")];
    params.not_after = rcgen::date_time_ymd(2026, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certified = (params.signed_by(&key, &ca).unwrap().der().clone(), key);
    assert!(matches!(
        judge(&attest(&root(1), &certified), &ca, &root(1)),
        Err(AttestationError::Untrusted(_))
    ));
}

#[test]
fn ed25519_and_p384_sign_as_well_and_a_scheme_is_not_another() {
    let ca = authority("Example Root");
    let root = root(1);
    for (algorithm, scheme) in
        [(&rcgen::PKCS_ED25519, Scheme::Ed25519), (&rcgen::PKCS_ECDSA_P384_SHA384, Scheme::EcdsaP384)]
    {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![email("alice@example.org")];
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap().der().clone();
        let mut statement = Statement { scheme, ..statement(&root) };
        let signature = key.sign(&statement.message()).unwrap();
        let attestation = statement.attest(&signature, std::slice::from_ref(&certificate)).unwrap();
        assert!(judge(&attestation, &ca, &root).is_ok());
        statement.scheme = Scheme::EcdsaP256;
        let other = statement.attest(&signature, &[certificate]).unwrap();
        assert_eq!(judge(&other, &ca, &root), Err(AttestationError::OtherKey));
    }
}

#[test]
fn there_are_one_to_four_certificates() {
    let root = root(1);
    let tiny = CertificateDer::from(vec![0; 4]);
    assert!(statement(&root).attest(&[0; 70], &[]).is_err());
    assert!(statement(&root).attest(&[0; 70], &vec![tiny.clone(); MAX_CERTIFICATES]).is_ok());
    assert!(statement(&root).attest(&[0; 70], &vec![tiny; MAX_CERTIFICATES + 1]).is_err());
}
