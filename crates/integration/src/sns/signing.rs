//! The key under which notifications are signed, and the certificate by which anybody can check them.
//!
//! Made once for a cloud, when it is first needed. Signature version 1 is SHA-1 with RSA, version 2 SHA-256 with RSA.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>

use super::errors::SnsError;
use super::model::{SIGNING_KEY, SigningKey};
use super::rsa;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::Cloud;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{CommitError, Key};

const PURPOSE: &str = "sns signing key";
const LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);

#[derive(Debug)]
pub(crate) struct Signer {
    key: rsa::Key,
    id: String,
}

/// The signer of a cloud, once it was read or made.
#[derive(Default)]
struct Ready(Mutex<Option<Arc<Signer>>>);

impl Signer {
    /// Where the certificate is found.
    pub(crate) fn path(&self) -> String {
        format!("/SimpleNotificationService-{}.pem", self.id)
    }

    /// The signature in base64.
    pub(crate) fn sign(&self, text: &[u8], version: u32) -> String {
        STANDARD.encode(if version == 2 { self.key.sign_sha256(text) } else { self.key.sign_sha1(text) })
    }
}

/// # Errors
/// The store's.
pub(crate) fn signer(cloud: &Arc<Cloud>) -> Result<Arc<Signer>, SnsError> {
    let ready = cloud.memory::<Ready>();
    let mut ready = ready.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(signer) = &*ready {
        return Ok(Arc::clone(signer));
    }
    let signer = Arc::new(load(cloud)?);
    *ready = Some(Arc::clone(&signer));
    Ok(signer)
}

fn load(cloud: &Arc<Cloud>) -> Result<Signer, SnsError> {
    loop {
        let mut tx = cloud.store().begin();
        if let Some(kept) = SIGNING_KEY.get(&tx, &Key::global())? {
            let bytes = cloud.sealer().open(PURPOSE, &kept.sealed).map_err(|_| SnsError::Internal)?;
            let key = rsa::Key::read(&bytes).ok_or(SnsError::Internal)?;
            return Ok(Signer { key, id: kept.id });
        }
        let key = rsa::Key::generate().ok_or(SnsError::Internal)?;
        let now = cloud.clock().now();
        let certificate = certificate(&key, now).ok_or(SnsError::Internal)?;
        let id = cloud.rng().text(b"0123456789abcdef", 32);
        let sealed = cloud.sealer().seal(cloud.rng(), PURPOSE, &key.bytes());
        SIGNING_KEY.put(&mut tx, &Key::global(), &SigningKey { sealed, certificate, id });
        match tx.commit().wait() {
            Ok(_) | Err(CommitError::Conflict) => {}
            Err(error) => {
                kernel::log::error("a signing key could not be saved", &[("problem", &error.to_string())]);
                return Err(SnsError::Internal);
            }
        }
    }
}

/// The certificate under this path, as PEM.
///
/// # Errors
/// The store's.
pub(crate) fn pem(cloud: &Arc<Cloud>, path: &str) -> Result<Option<String>, SnsError> {
    let Some(kept) = SIGNING_KEY.get(&cloud.store().snapshot(), &Key::global())? else { return Ok(None) };
    if path != format!("/SimpleNotificationService-{}.pem", kept.id) {
        return Ok(None);
    }
    let text = STANDARD.encode(&kept.certificate);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    Ok(Some(format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))))
}

/// One DER element.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        len @ 0..=127 => out.push(len as u8),
        len => {
            let bytes: Vec<u8> = len.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | bytes.len() as u8);
            out.extend(bytes);
        }
    }
    out.extend(content);
    out
}

const SEQUENCE: u8 = 0x30;

/// sha256WithRSAEncryption, without parameters.
const ALGORITHM: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
/// The attribute type "common name".
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];

/// A self-signed X.509 certificate (RFC 5280) for `sns.amazonaws.com`.
fn certificate(key: &rsa::Key, now: Timestamp) -> Option<Vec<u8>> {
    let common_name = [COMMON_NAME, &der(0x0c, b"sns.amazonaws.com")].concat();
    let name = der(SEQUENCE, &der(0x31, &der(SEQUENCE, &common_name)));
    // `20260115T120000Z` is GeneralizedTime but for its T, and UTCTime, which stands for the years before 2050, without
    // its century.
    let time = |at: Timestamp| {
        let text = at.sigv4().replace('T', "");
        if text.as_str() < "2050" { der(0x17, &text.as_bytes()[2..]) } else { der(0x18, text.as_bytes()) }
    };
    let validity =
        der(SEQUENCE, &[time(now.minus(Duration::from_secs(86_400))), time(now.plus(LIFE))].concat());
    let parts = [
        der(0xa0, &der(0x02, &[2])),
        der(0x02, &[1]),
        ALGORITHM.to_vec(),
        name.clone(),
        validity,
        name,
        key.public_key_info()?,
    ];
    let to_be_signed = der(SEQUENCE, &parts.concat());
    let signature = [&[0][..], &key.sign_sha256(&to_be_signed)].concat();
    Some(der(SEQUENCE, &[to_be_signed, ALGORITHM.to_vec(), der(0x03, &signature)].concat()))
}
