//! By which certificates a store is known that is reached over TLS.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

/// Where distributions keep the certificates that they trust, in one file.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// # Errors
/// Why there is nobody to trust.
pub(super) fn config(authorities: Option<&Path>) -> io::Result<Arc<ClientConfig>> {
    let none = || io::Error::new(ErrorKind::NotFound, "no file with trusted certificates was found");
    let file = match authorities {
        Some(file) => file,
        None => BUNDLES.iter().map(Path::new).find(|file| file.exists()).ok_or_else(none)?,
    };
    let unread = |error: &dyn std::fmt::Display| {
        io::Error::new(ErrorKind::InvalidData, format!("{}: {error}", file.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| unread(&e))? {
        // A bundle may hold some that this library does not take; those that it takes are enough.
        let _ = roots.add(certificate.map_err(|e| unread(&e))?);
    }
    if roots.is_empty() {
        return Err(unread(&"no certificates"));
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
