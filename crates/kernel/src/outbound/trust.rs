//! Whose certificates are believed: the cloud's own authority's, and those of authorities that it was started with.

use std::sync::Arc;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The certificates of authorities in PEM, one after the other; or why there are none.
pub struct Trust(Box<dyn Fn() -> Result<String, String> + Send + Sync>);

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

/// The certificates of a text in PEM.
///
/// # Errors
/// A sentence about what is none.
fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    all.map_err(|error| error.to_string())
}

impl Trust {
    /// In whom these certificates say, asked when it first matters.
    pub fn of(pem: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> Trust {
        Trust(Box::new(pem))
    }

    pub fn nobody() -> Trust {
        Trust::of(|| Ok(String::new()))
    }

    /// Whether a text has certificates of authorities.
    ///
    /// # Errors
    /// A sentence about what it has instead.
    pub fn check(pem: &str) -> Result<(), String> {
        let all = certificates(pem)?;
        if all.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        all.into_iter().try_for_each(|one| RootCertStore::empty().add(one)).map_err(|error| error.to_string())
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&(self.0)()?)? {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}
