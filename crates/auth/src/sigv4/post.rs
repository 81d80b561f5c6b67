//! Browser uploads to S3: the signature in the fields of a POST form.
//!
//! The string that is signed is the policy document in base64, exactly as it was sent. Not here: what the policy says
//! (its expiration and conditions), which is S3's to check against the other fields.
//! Source: S3 API reference, "Authenticating Requests: Browser-Based Uploads Using POST".

use super::cause::{Cause, Mismatch};
use super::dialect::SigError;
use super::head::{Payload, Via};
use super::key::{KeyCache, Secret, SigningKey};
use super::read::{Algorithm, parse_credential};
use super::verify::{Expect, Verified, check_scope, matches_signature};
use aws_lc_rs::hmac;
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The fields of the form; names are matched in any case by whoever parses the form.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostFields<'a> {
    /// `policy`, in base64.
    pub policy: Option<&'a str>,
    /// `x-amz-algorithm`
    pub algorithm: Option<&'a str>,
    /// `x-amz-credential`
    pub credential: Option<&'a str>,
    /// `x-amz-date`
    pub date: Option<&'a str>,
    /// `x-amz-signature`
    pub signature: Option<&'a str>,
}

impl PostFields<'_> {
    /// The access key, for the caller to look up.
    ///
    /// # Errors
    /// [`Cause::FormLacks`], [`Cause::BadAlgorithm`], [`Cause::BadCredential`].
    pub fn access_key(&self) -> Result<&str, Cause> {
        let algorithm = self.parsed_algorithm()?;
        let credential = need(self.credential, "X-Amz-Credential")?;
        parse_credential(credential, algorithm, Via::Form).map(|(access_key, _)| access_key)
    }

    fn parsed_algorithm(&self) -> Result<Algorithm, Cause> {
        let text = need(self.algorithm, "X-Amz-Algorithm")?;
        Algorithm::parse(text).ok_or_else(|| Cause::BadAlgorithm { via: Via::Form, value: text.to_owned() })
    }
}

fn need<'a>(field: Option<&'a str>, name: &'static str) -> Result<&'a str, Cause> {
    field.filter(|text| !text.is_empty()).ok_or(Cause::FormLacks { field: name })
}

/// Verifies the signature of a policy. There is no clock: the policy's own expiration bounds its life.
///
/// # Errors
/// The first [`Cause`], in S3's words.
pub fn verify_post_policy(
    fields: &PostFields<'_>,
    secret: &Secret,
    expect: &Expect<'_>,
    cache: Option<&KeyCache>,
) -> Result<Verified, SigError> {
    verify(fields, secret, expect, cache).map_err(|cause| cause.tell(expect.dialect))
}

/// Verifies a policy that was signed by version 2: HMAC-SHA1 of its base64, in base64. Only forms may still be.
///
/// # Errors
/// `SignatureDoesNotMatch`.
pub fn verify_old_policy(
    policy: &str,
    signature: &str,
    access_key: &str,
    secret: &Secret,
) -> Result<(), SigError> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.text().as_bytes());
    let given = STANDARD.decode(signature).unwrap_or_default();
    hmac::verify(&key, policy.as_bytes(), &given).map_err(|_| {
        let mismatch = Mismatch {
            access_key: access_key.to_owned(),
            signature: signature.to_owned(),
            string_to_sign: policy.as_bytes().to_vec(),
            canonical_request: Vec::new(),
        };
        Cause::Mismatch(Box::new(mismatch)).tell(super::dialect::Dialect::S3)
    })
}

fn verify(
    fields: &PostFields<'_>,
    secret: &Secret,
    expect: &Expect<'_>,
    cache: Option<&KeyCache>,
) -> Result<Verified, Cause> {
    let policy = need(fields.policy, "policy")?;
    let algorithm = fields.parsed_algorithm()?;
    let credential = need(fields.credential, "X-Amz-Credential")?;
    let (access_key, scope) = parse_credential(credential, algorithm, Via::Form)?;
    let date = need(fields.date, "X-Amz-Date")?;
    let signature = need(fields.signature, "X-Amz-Signature")?;
    let timestamp = Timestamp::parse_sigv4(date)
        .ok_or_else(|| Cause::BadDate { via: Via::Form, value: date.to_owned() })?;
    // A form has no region set; under SigV4A every region is meant.
    check_scope(&scope, Via::Form, timestamp, Some("*"), expect)?;
    let cached = cache.and_then(|cache| cache.get(access_key, secret, &scope));
    let is_new = cached.is_none();
    let key = cached.unwrap_or_else(|| SigningKey::derive(access_key, secret, &scope));
    if !matches_signature(&key, policy.as_bytes(), signature) {
        return Err(Cause::Mismatch(Box::new(Mismatch {
            access_key: access_key.to_owned(),
            signature: signature.to_owned(),
            string_to_sign: policy.as_bytes().to_vec(),
            canonical_request: Vec::new(),
        })));
    }
    if let (true, Some(cache)) = (is_new, cache) {
        cache.put(access_key, secret, &scope, key.clone());
    }
    let (payload, access_key, signature) = (Payload::Unsigned, access_key.to_owned(), signature.to_owned());
    Ok(Verified { access_key, scope, via: Via::Form, timestamp, payload, key, signature })
}

#[cfg(test)]
mod tests {
    use super::verify_old_policy;
    use crate::sigv4::Secret;

    /// HMAC-SHA1 of the text, computed with another library.
    #[test]
    fn an_old_signature_holds_or_does_not() {
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let signature = "0x1e/mguux7FcW60ms9P29wyA7w=";
        assert!(verify_old_policy("eyJhIjoxfQ==", signature, "AKID", &secret).is_ok());
        let refused = verify_old_policy("eyJhIjoyfQ==", signature, "AKID", &secret).unwrap_err();
        assert_eq!((refused.status, refused.code), (403, "SignatureDoesNotMatch"));
    }
}
