//! The cloud's own certificate authority: what answers for AWS's names inside the cloud has a certificate of it, and the
//! cloud's images trust it; so has the endpoint, for tools that are told to trust it (`virga env --tls`). Nobody else does,
//! and its key never leaves the data folder.

use crate::gateway::is_loopback_name;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

const NAME: &str = "Virga: the authority of one cloud";
/// Whatever names are asked for; beyond these the memory is emptied and fills again.
const NAMES_MAX: usize = 1_024;
const NAME_BYTES_MAX: usize = 253;
const LOOPBACK: &str = "127.0.0.1";

/// The authority of a data folder. Its key is made when it is first needed: a cloud without machines has none.
#[derive(Debug)]
pub(crate) struct Authority {
    file: PathBuf,
    made: OnceLock<Result<Made, String>>,
}

/// An authority with its key, and the certificates that it has given.
struct Made {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    given: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Made")
    }
}

fn params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

impl Authority {
    /// The one whose key is in this file.
    pub(crate) fn of(file: PathBuf) -> Authority {
        Authority { file, made: OnceLock::new() }
    }

    fn made(&self) -> Result<&Made, String> {
        self.made.get_or_init(|| Made::of(&self.file)).as_ref().map_err(Clone::clone)
    }

    /// The file that its certificate is in.
    ///
    /// # Errors
    /// As [`Authority::pem`].
    pub(crate) fn certificate(&self) -> Result<PathBuf, String> {
        self.made().map(|_| self.file.with_extension("crt"))
    }

    /// Its certificate, for those who are to trust it.
    ///
    /// # Errors
    /// A sentence, where the file cannot be read or written.
    pub(crate) fn pem(&self) -> Result<String, String> {
        self.made().map(|made| made.pem.clone())
    }
}

impl Made {
    fn of(file: &Path) -> Result<Made, String> {
        let say = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        let key = match fs::read_to_string(file) {
            Ok(text) => KeyPair::from_pem(&text).map_err(|e| say(&e))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let key = KeyPair::generate().map_err(|e| say(&e))?;
                keep(file, &key.serialize_pem()).map_err(|e| say(&e))?;
                key
            }
            Err(e) => return Err(say(&e)),
        };
        let params = params().map_err(|e| say(&e))?;
        let certificate = params.self_signed(&key).map_err(|e| say(&e))?;
        // For programs that are to be told of a file.
        fs::write(file.with_extension("crt"), certificate.pem()).map_err(|e| say(&e))?;
        Ok(Made {
            pem: certificate.pem(),
            certificate: certificate.into(),
            issuer: Issuer::new(params, key),
            given: Mutex::default(),
        })
    }

    fn certify(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = given.get(name) {
            return Some(Arc::clone(known));
        }
        let key = KeyPair::generate().ok()?;
        let mut params = CertificateParams::new(vec![name.to_owned()]).ok()?;
        params.distinguished_name.push(DnType::CommonName, name.chars().take(64).collect::<String>());
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).ok()?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = any_supported_type(&key).ok()?;
        let chain = vec![certificate.into(), self.certificate.clone()];
        let made = Arc::new(CertifiedKey::new(chain, key));
        if given.len() >= NAMES_MAX {
            given.clear();
        }
        given.insert(name.to_owned(), Arc::clone(&made));
        Some(made)
    }
}

/// Readable by its owner only, whole or not there.
fn keep(file: &Path, text: &str) -> std::io::Result<()> {
    let draft = file.with_extension("draft");
    let _ = fs::remove_file(&draft);
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&draft, file)
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Who names nobody goes by the address.
        let name = hello.server_name().map_or_else(|| LOOPBACK.to_owned(), str::to_ascii_lowercase);
        // Nobody else's names: those are all that this cloud is.
        let own = name.ends_with(".amazonaws.com") || is_loopback_name(&name);
        if own && name.len() <= NAME_BYTES_MAX { self.made().ok()?.certify(&name) } else { None }
    }
}

/// How TLS is spoken by this authority's certificates.
///
/// # Errors
/// A sentence.
pub(crate) fn server(authority: Arc<Authority>) -> Result<Arc<ServerConfig>, String> {
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(authority);
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::Authority;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_authority_stays_the_same() {
        let folder = std::env::temp_dir().join(format!("virga-authority-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("authority.key");
        let authority = Authority::of(file.clone());
        assert!(!file.exists());
        assert!(authority.pem().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        let first = authority.made().unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Authority::of(file);
        let again = again.made().unwrap();
        assert_eq!(first.issuer.key().serialize_der(), again.issuer.key().serialize_der());
        let name = "sqs.us-east-1.amazonaws.com";
        let given = first.certify(name).unwrap();
        assert!(std::sync::Arc::ptr_eq(&given, &first.certify(name).unwrap()));
        assert_eq!(given.cert.len(), 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
