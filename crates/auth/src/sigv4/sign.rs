//! Making signatures: for the cloud's own clients, and for tests.

use super::canonical;
use super::encode::{hex, uri_encode_into};
use super::head::{Payload, RequestHead, Scope, Via};
use super::key::{Secret, SigningKey};
use super::read::Algorithm;
use super::verify::{Verified, path_style, string_to_sign};
use super::{Dialect, PRESIGN_SECONDS_MAX};
use aws_lc_rs::hmac;
use base::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Who signs, for what.
#[derive(Debug, Clone)]
pub struct Signer<'a> {
    pub access_key: &'a str,
    pub secret: &'a Secret,
    pub session_token: Option<&'a str>,
    /// One region, or under SigV4A the set of them (`*`).
    pub region: &'a str,
    pub service: &'a str,
    pub dialect: Dialect,
    pub algorithm: Algorithm,
}

/// A request that cannot be signed: some text has bytes that no header may hold, or the URL would live too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsignable;

impl Signer<'_> {
    fn scope(&self, now: Timestamp) -> Scope {
        let region = (self.algorithm == Algorithm::Hmac).then_some(self.region);
        Scope::new(now, region, self.service)
    }

    fn key(&self, scope: &Scope) -> SigningKey {
        SigningKey::derive(self.access_key, self.secret, scope)
    }
}

fn value(text: &str) -> Result<HeaderValue, Unsignable> {
    HeaderValue::from_str(text).map_err(|_| Unsignable)
}

/// Adds `x-amz-date`, `x-amz-content-sha256` (S3, or when the body is not hashed), `x-amz-security-token`,
/// `x-amz-region-set` and `authorization` to the headers, which must hold `host`; all headers present are signed.
/// The result carries the seed for [`ChunkSigner`].
///
/// # Errors
/// [`Unsignable`] as told there.
pub fn sign_headers(
    signer: &Signer<'_>,
    method: &str,
    path: &str,
    query: &str,
    headers: &mut HeaderMap,
    payload: Payload,
    now: Timestamp,
) -> Result<Verified, Unsignable> {
    let now = now.whole_seconds();
    headers.insert(HeaderName::from_static("x-amz-date"), value(&now.sigv4())?);
    if signer.dialect == Dialect::S3 || !matches!(payload, Payload::Hash(_)) {
        headers.insert(HeaderName::from_static("x-amz-content-sha256"), value(&payload.text())?);
    }
    if let Some(token) = signer.session_token {
        headers.insert(HeaderName::from_static("x-amz-security-token"), value(token)?);
    }
    if signer.algorithm == Algorithm::Ecdsa {
        headers.insert(HeaderName::from_static("x-amz-region-set"), value(signer.region)?);
    }
    let names = names(headers);
    let head = RequestHead { method, path, query, headers };
    let canonical = canonical::request(&head, path_style(signer.dialect), &names, &payload.text(), false);
    let scope = signer.scope(now);
    let key = signer.key(&scope);
    let signature = signature(&key, &string_to_sign(signer.algorithm, now, &scope, &canonical))?;
    let authorization = format!(
        "{} Credential={}/{}, SignedHeaders={names}, Signature={signature}",
        signer.algorithm.text(),
        signer.access_key,
        scope.text(),
    );
    headers.insert(http::header::AUTHORIZATION, value(&authorization)?);
    let access_key = signer.access_key.to_owned();
    Ok(Verified { access_key, scope, via: Via::Header, timestamp: now, payload, key, signature })
}

/// The query (without `?`) of a presigned URL; `query` is what the request has besides. All `headers`, among them
/// `host`, are signed and must be sent alike.
///
/// # Errors
/// [`Unsignable`] when it should live longer than [`PRESIGN_SECONDS_MAX`].
pub fn presign(
    signer: &Signer<'_>,
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    expires_seconds: u32,
    now: Timestamp,
) -> Result<String, Unsignable> {
    if expires_seconds > PRESIGN_SECONDS_MAX {
        return Err(Unsignable);
    }
    let now = now.whole_seconds();
    let scope = signer.scope(now);
    let names = names(headers);
    let credential = format!("{}/{}", signer.access_key, scope.text());
    let (stamp, expires) = (now.sigv4(), expires_seconds.to_string());
    let mut parameters = vec![
        ("X-Amz-Algorithm", signer.algorithm.text()),
        ("X-Amz-Credential", credential.as_str()),
        ("X-Amz-Date", stamp.as_str()),
        ("X-Amz-Expires", expires.as_str()),
        ("X-Amz-SignedHeaders", names.as_str()),
    ];
    parameters.extend(signer.session_token.map(|token| ("X-Amz-Security-Token", token)));
    if signer.algorithm == Algorithm::Ecdsa {
        parameters.push(("X-Amz-Region-Set", signer.region));
    }
    let mut full = query.to_owned();
    for (name, text) in parameters {
        if !full.is_empty() {
            full.push('&');
        }
        let mut encoded = Vec::new();
        uri_encode_into(&mut encoded, text.bytes(), false);
        full += name;
        full.push('=');
        full += &String::from_utf8_lossy(&encoded);
    }
    let payload =
        if signer.dialect == Dialect::S3 { "UNSIGNED-PAYLOAD" } else { super::verify::EMPTY_SHA256 };
    let head = RequestHead { method, path, query: &full, headers };
    let canonical = canonical::request(&head, path_style(signer.dialect), &names, payload, true);
    let key = signer.key(&scope);
    let signature = signature(&key, &string_to_sign(signer.algorithm, now, &scope, &canonical))?;
    Ok(format!("{full}&X-Amz-Signature={signature}"))
}

/// The signature of a POST upload: of the policy, in base64 as it is sent.
///
/// # Errors
/// [`Unsignable`] never with HMAC.
pub fn sign_post_policy(
    signer: &Signer<'_>,
    policy_base64: &str,
    now: Timestamp,
) -> Result<String, Unsignable> {
    signature(&signer.key(&signer.scope(now)), policy_base64.as_bytes())
}

fn names(headers: &HeaderMap) -> String {
    let mut names: Vec<&str> = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| !matches!(*name, "authorization" | "user-agent" | "connection" | "expect"))
        .collect();
    names.sort_unstable();
    names.join(";")
}

pub(super) fn signature(key: &SigningKey, string_to_sign: &[u8]) -> Result<String, Unsignable> {
    match key {
        SigningKey::Hmac(key) => Ok(hex(hmac::sign(key, string_to_sign).as_ref())),
        SigningKey::Ecdsa(key) => key.sign(string_to_sign).map(|der| hex(&der)).ok_or(Unsignable),
    }
}
