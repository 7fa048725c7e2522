//! TLS for the server: a certificate chain and a key from PEM files (RFC 7468), TLS 1.2 and 1.3 by rustls.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Where the certificate and its key are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// PEM: the server's certificate first, then those that vouch for it.
    pub certificate_chain: PathBuf,
    /// PEM: the private key of the first certificate.
    pub key: PathBuf,
}

/// Why the server cannot speak TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no such file.
    #[error("the file {} does not exist; check the path", path.display())]
    NotFound {
        /// Which file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("the file {} cannot be read; check its permissions: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not PEM, or holds nothing of what is looked for.
    #[error("the file {} holds no {wanted} in PEM form; check that the right file is named", path.display())]
    NotPem {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The key is not that of the certificate.
    #[error(
        "the private key does not belong to the first certificate of the chain; name the key it was made with"
    )]
    Mismatch,
    /// The certificate or the key is of a kind that cannot be used.
    #[error("the certificate or its key cannot be used: {0}")]
    Unusable(rustls::Error),
}

pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(&files.certificate_chain)?;
    let wanted = "private key";
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| failure(&files.key, error, wanted))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| {
            let mismatch = matches!(error, rustls::Error::InconsistentKeys(_));
            if mismatch { TlsError::Mismatch } else { TlsError::Unusable(error) }
        })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wanted = "certificate";
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match chain {
        Ok(chain) if chain.is_empty() => Err(TlsError::NotPem { path: path.to_owned(), wanted }),
        Ok(chain) => Ok(chain),
        Err(error) => Err(failure(path, error, wanted)),
    }
}

fn failure(path: &Path, error: pem::Error, wanted: &'static str) -> TlsError {
    let path = path.to_owned();
    let pem::Error::Io(source) = error else { return TlsError::NotPem { path, wanted } };
    if source.kind() == io::ErrorKind::NotFound {
        TlsError::NotFound { path }
    } else {
        TlsError::Unreadable { path, source }
    }
}
