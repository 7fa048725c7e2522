//! What TLS trusts: the system's roots, and a certificate of the user's choice.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file is not there, or is not PEM.
    #[error("the certificate file {path} cannot be read: {why}; give a PEM file")]
    File {
        /// Which.
        path: PathBuf,
        /// What reading it said.
        why: String,
    },
    /// TLS itself refuses.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// A client's configuration that trusts the system's roots and those in `extra`.
pub(super) fn client(extra: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (_added, _ignored) = roots.add_parsable_certificates(native.certs);
    if let Some(path) = extra {
        let unreadable = |why: String| TlsError::File { path: path.to_owned(), why };
        let before = roots.len();
        for certificate in
            CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?
        {
            roots.add(certificate.map_err(|error| unreadable(error.to_string()))?)?;
        }
        if roots.len() == before {
            return Err(unreadable("there is no certificate in it".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
