//! Recomputing a signature and comparing.
//!
//! The order of the checks is the services' own, as far as it shows: time, then which headers are signed, then the
//! scope (S3: the scope first), then the signature, then (S3) the body.

use super::asymmetric;
use super::canonical::{self, PathStyle};
use super::cause::{Cause, Mismatch, ScopeFault};
use super::dialect::{Dialect, SigError};
use super::encode::{hex, hex_into, unhex};
use super::head::{BodyHash, Payload, RequestHead, Scope, Via, sha256};
use super::key::{KeyCache, Secret, SigningKey};
use super::read::{Algorithm, Presented};
use super::{PRESIGN_SECONDS_MAX, SKEW_MINUTES_MAX};
use aws_lc_rs::{constant_time, hmac};
use base::Timestamp;
use std::borrow::Cow;
use std::time::Duration;

/// SHA-256 of nothing.
pub(super) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What the endpoint that was called asks of a signature.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    pub dialect: Dialect,
    /// The signing name of the service: `iam`, `s3`, `execute-api`.
    pub service: &'a str,
    /// The region of the endpoint; `None` where the scope itself chooses the region (one endpoint for all of them).
    pub region: Option<&'a str>,
}

/// A signature that holds.
#[derive(Debug, Clone)]
pub struct Verified {
    pub access_key: String,
    pub scope: Scope,
    pub via: Via,
    pub timestamp: Timestamp,
    /// What the signature says about the body. [`Payload::Hash`] is still to be checked if the body was
    /// [`BodyHash::Unread`]; the chunked kinds are for [`chunked::Decoder`](super::chunked::Decoder).
    pub payload: Payload,
    pub(super) key: SigningKey,
    pub(super) signature: String,
}

/// That a signature holds.
#[derive(Debug)]
pub struct Held {
    /// See [`Verified::payload`].
    pub payload: Payload,
    key: SigningKey,
}

impl Presented<'_> {
    /// All that can be told without the secret: time, signed headers, scope, the form of the payload's hash. Useful
    /// before the key is looked up, because services tell of these before an unknown key.
    ///
    /// # Errors
    /// The first [`Cause`].
    pub fn check(&self, head: &RequestHead<'_>, now: Timestamp, expect: &Expect<'_>) -> Result<(), Cause> {
        let scope = || check_scope(&self.scope, self.via, self.timestamp, self.region_set(), expect);
        // S3 tells a caller with the wrong region where its bucket is, however wrong the clock.
        if expect.dialect == Dialect::S3 {
            scope()?;
        }
        self.check_time(now, expect)?;
        self.check_headers(head, expect)?;
        scope()?;
        self.check_payload(expect)
    }

    /// Verifies the signature over the head and, where it was read, the body.
    ///
    /// # Errors
    /// The first [`Cause`], in the dialect's words.
    pub fn verify(
        &self,
        head: &RequestHead<'_>,
        body: BodyHash,
        secret: &Secret,
        now: Timestamp,
        expect: &Expect<'_>,
        cache: Option<&KeyCache>,
    ) -> Result<Verified, SigError> {
        self.verify_cause(head, body, secret, now, expect, cache).map_err(|cause| cause.tell(expect.dialect))
    }

    /// As [`Presented::verify`], with the cause itself.
    ///
    /// # Errors
    /// The first [`Cause`].
    pub fn verify_cause(
        &self,
        head: &RequestHead<'_>,
        body: BodyHash,
        secret: &Secret,
        now: Timestamp,
        expect: &Expect<'_>,
        cache: Option<&KeyCache>,
    ) -> Result<Verified, Cause> {
        self.check(head, now, expect)?;
        self.verify_checked(head, body, secret, expect, cache).map(|held| self.verified(held))
    }

    /// As [`Presented::verify_cause`], where [`Presented::check`] has found nothing in the same head: compares the signature
    /// with what it has to be, and the body with what was signed.
    ///
    /// # Errors
    /// The first [`Cause`].
    pub fn verify_checked(
        &self,
        head: &RequestHead<'_>,
        body: BodyHash,
        secret: &Secret,
        expect: &Expect<'_>,
        cache: Option<&KeyCache>,
    ) -> Result<Held, Cause> {
        let (payload, payload_text) = self.payload_for(body, expect);
        let style = path_style(expect.dialect);
        let canonical_request =
            canonical::request(head, style, &self.signed_headers, &payload_text, self.via == Via::Query);
        let string_to_sign = string_to_sign(self.algorithm, self.timestamp, &self.scope, &canonical_request);
        let cached = cache.and_then(|cache| cache.get(&self.access_key, secret, &self.scope));
        let is_new = cached.is_none();
        let key = cached.unwrap_or_else(|| SigningKey::derive(&self.access_key, secret, &self.scope));
        if !matches_signature(&key, &string_to_sign, &self.signature) {
            return Err(Cause::Mismatch(Box::new(Mismatch {
                access_key: self.access_key.to_string(),
                signature: self.signature.to_string(),
                string_to_sign,
                canonical_request,
            })));
        }
        if let (true, Some(cache)) = (is_new, cache) {
            cache.put(&self.access_key, secret, &self.scope, key.clone());
        }
        if let BodyHash::Of(computed) = body {
            payload.check(computed)?;
        }
        Ok(Held { payload, key })
    }

    /// The signature that holds, which chunks of the body go on from.
    pub fn verified(&self, Held { payload, key }: Held) -> Verified {
        Verified {
            access_key: self.access_key.to_string(),
            scope: self.scope.clone(),
            via: self.via,
            timestamp: self.timestamp,
            payload,
            key,
            signature: self.signature.to_string(),
        }
    }

    fn check_time(&self, now: Timestamp, expect: &Expect<'_>) -> Result<(), Cause> {
        let skew = Duration::from_secs(SKEW_MINUTES_MAX * 60);
        let (via, at) = (self.via, self.timestamp);
        if via == Via::Query && expect.dialect == Dialect::S3 && self.expires_seconds.is_none() {
            return Err(Cause::QueryLacks { missing: vec!["X-Amz-Expires"] });
        }
        // Other services take presigned requests without X-Amz-Expires for the usual quarter of an hour, and give a
        // shorter life that long as well (STS does so with the one-minute URLs of EKS).
        let expires_seconds = self.expires_seconds.unwrap_or(0).min(PRESIGN_SECONDS_MAX);
        if at > now.plus(skew) {
            return Err(Cause::Early { via, at, now, expires_seconds });
        }
        if via == Via::Query && expect.dialect == Dialect::S3 {
            let end = at.plus(Duration::from_secs(u64::from(expires_seconds)));
            return if now > end { Err(Cause::UrlExpired { at, expires_seconds, now }) } else { Ok(()) };
        }
        let window_minutes = SKEW_MINUTES_MAX.max(u64::from(expires_seconds).div_ceil(60));
        if at.plus(Duration::from_secs(window_minutes * 60)) < now {
            return Err(Cause::Late { via, at, window_minutes, now });
        }
        Ok(())
    }

    fn check_headers(&self, head: &RequestHead<'_>, expect: &Expect<'_>) -> Result<(), Cause> {
        if !self.signs("host") && !self.signs(":authority") {
            return Err(Cause::HostNotSigned);
        }
        if expect.dialect != Dialect::S3 {
            return Ok(());
        }
        // The hash of the content is part of the canonical request in any case.
        let mut unsigned: Vec<String> = head
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .filter(|name| name.starts_with("x-amz-") && *name != "x-amz-content-sha256" && !self.signs(name))
            .map(str::to_owned)
            .collect();
        unsigned.sort_unstable();
        if unsigned.is_empty() { Ok(()) } else { Err(Cause::HeadersNotSigned(unsigned)) }
    }

    fn check_payload(&self, expect: &Expect<'_>) -> Result<(), Cause> {
        if expect.dialect != Dialect::S3 {
            return Ok(());
        }
        match self.content_sha256.as_deref() {
            None if self.via == Via::Header => Err(Cause::NoPayloadHash),
            Some(value) if Payload::parse(value).is_none() => {
                Err(Cause::BadPayloadHash { value: value.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// What goes into the last line of the canonical request, and what it means.
    fn payload_for(&self, body: BodyHash, expect: &Expect<'_>) -> (Payload, Cow<'_, str>) {
        let claimed = self.payload();
        if expect.dialect == Dialect::S3 {
            return match (claimed, self.content_sha256.as_deref()) {
                (Some(payload), Some(text)) => (payload, text.into()),
                _ => (Payload::Unsigned, UNSIGNED.into()),
            };
        }
        match (claimed, body) {
            (Some(Payload::Unsigned), _) => (Payload::Unsigned, UNSIGNED.into()),
            (_, BodyHash::Of(hash)) => (Payload::Hash(hash), hex(&hash).into()),
            (Some(Payload::Hash(hash)), BodyHash::Unread) => (Payload::Hash(hash), hex(&hash).into()),
            (Some(other), BodyHash::Unread) => (other, other.text().into()),
            (None, BodyHash::Unread) => (Payload::Hash(sha256(b"")), EMPTY_SHA256.into()),
        }
    }
}

pub(super) fn path_style(dialect: Dialect) -> PathStyle {
    if dialect == Dialect::S3 { PathStyle::Once } else { PathStyle::NormalizedTwice }
}

pub(super) fn check_scope(
    scope: &Scope,
    via: Via,
    at: Timestamp,
    region_set: Option<&str>,
    expect: &Expect<'_>,
) -> Result<(), Cause> {
    let stamp = at.sigv4();
    let today = stamp.get(..8).unwrap_or_default();
    let region = match (expect.region, scope.region.as_deref()) {
        (None, _) => None,
        (Some(wanted), Some(given)) => (given != wanted).then(|| (given.to_owned(), wanted.to_owned())),
        (Some(wanted), None) => {
            let given = region_set.unwrap_or_default();
            (!asymmetric::covers(given, wanted)).then(|| (given.to_owned(), wanted.to_owned()))
        }
    };
    let is_date = scope.date.len() == 8 && scope.date.bytes().all(|b| b.is_ascii_digit());
    let service =
        (scope.service != expect.service).then(|| (scope.service.clone(), expect.service.to_owned()));
    let terminal = (scope.terminal != "aws4_request").then(|| scope.terminal.clone());
    let date = (scope.date != today).then(|| (scope.date.clone(), today.to_owned()));
    if region.is_none() && service.is_none() && terminal.is_none() && date.is_none() {
        return Ok(());
    }
    let date_format = (!is_date).then(|| scope.date.clone());
    Err(Cause::Scope(Box::new(ScopeFault { via, date_format, region, service, terminal, date, stamp })))
}

pub(super) fn string_to_sign(
    algorithm: Algorithm,
    at: Timestamp,
    scope: &Scope,
    canonical_request: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    out.extend_from_slice(algorithm.text().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(at.sigv4().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(scope.text().as_bytes());
    out.push(b'\n');
    hex_into(&mut out, &sha256(canonical_request));
    out
}

/// In constant time for HMAC; ECDSA's verification handles public values only.
pub(super) fn matches_signature(key: &SigningKey, string_to_sign: &[u8], signature: &str) -> bool {
    match key {
        SigningKey::Hmac(key) => {
            let mut wanted = Vec::with_capacity(64);
            hex_into(&mut wanted, hmac::sign(key, string_to_sign).as_ref());
            constant_time::verify_slices_are_equal(&wanted, signature.as_bytes()).is_ok()
        }
        SigningKey::Ecdsa(key) => unhex(signature).is_some_and(|der| key.verifies(string_to_sign, &der)),
    }
}
