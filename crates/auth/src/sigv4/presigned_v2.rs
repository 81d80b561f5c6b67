//! Presigned URLs of Signature Version 2, which S3 alone still takes and boto3 still makes where nobody asks for
//! version 4: `?AWSAccessKeyId=…&Expires=…&Signature=…`.
//!
//! Source: the S3 developer guide, "Signing and authenticating REST requests (AWS signature version 2)". Not here: its
//! `Authorization: AWS …` header, which is refused.

use super::dialect::SigError;
use super::encode::spaced_hex;
use super::head::RequestHead;
use super::key::Secret;
use aws_lc_rs::{constant_time, hmac};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The parameters that are part of the resource that is signed, in their order.
const SUBRESOURCES: [&str; 40] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// A URL that says that it was signed so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedV2 {
    pub access_key: String,
    pub token: Option<String>,
    signature: String,
    /// Seconds since the epoch, as written.
    expires: String,
    /// All parameters, decoded, in their order.
    pairs: Vec<(String, String)>,
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = || u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok();
        match (bytes[at], hex()) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl PresignedV2 {
    /// `None` for a request that is not signed so.
    ///
    /// # Errors
    /// `AccessDenied` for one that says by whom it is signed, and lacks the rest.
    pub fn read(head: &RequestHead<'_>) -> Result<Option<PresignedV2>, SigError> {
        if head.headers.contains_key(http::header::AUTHORIZATION) || !head.query.contains("AWSAccessKeyId=") {
            return Ok(None);
        }
        let pairs: Vec<(String, String)> = head
            .query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        let find = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let (access_key, token) = (find("AWSAccessKeyId"), find("x-amz-security-token"));
        match (access_key, find("Signature"), find("Expires")) {
            (Some(access_key), Some(signature), Some(expires)) => {
                Ok(Some(PresignedV2 { access_key, token, signature, expires, pairs }))
            }
            _ => {
                let words = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters";
                Err(SigError::new("AccessDenied", 403, words))
            }
        }
    }

    /// Whether its time is not over.
    ///
    /// # Errors
    /// `AccessDenied`, without the duration that URLs of version 4 have.
    pub fn check(&self, now: Timestamp) -> Result<(), SigError> {
        let end = self.expires.parse().map_or(Timestamp::from_seconds(0), Timestamp::from_seconds);
        if now <= end {
            return Ok(());
        }
        Err(SigError::new("AccessDenied", 403, "Request has expired")
            .with("Expires", end.iso8601())
            .with("ServerTime", now.whole_seconds().iso8601()))
    }

    /// Holds the signature against the secret. `bucket`: what the host name says, if it says one.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch`, with what should have been signed.
    pub fn verify(
        &self,
        head: &RequestHead<'_>,
        bucket: Option<&str>,
        secret: &Secret,
    ) -> Result<(), SigError> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.text().as_bytes());
        let text = self.string_to_sign(head, bucket);
        let wanted = STANDARD.encode(hmac::sign(&key, text.as_bytes()).as_ref());
        if constant_time::verify_slices_are_equal(wanted.as_bytes(), self.signature.as_bytes()).is_ok() {
            return Ok(());
        }
        let words = "The request signature we calculated does not match the signature you provided. Check your key and \
                     signing method.";
        Err(SigError::new("SignatureDoesNotMatch", 403, words)
            .with("AWSAccessKeyId", self.access_key.as_str())
            .with("StringToSign", text.as_str())
            .with("SignatureProvided", self.signature.as_str())
            .with("StringToSignBytes", spaced_hex(text.as_bytes())))
    }

    fn string_to_sign(&self, head: &RequestHead<'_>, bucket: Option<&str>) -> String {
        let header = |name: &str| {
            head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim()
        };
        let mut out = format!(
            "{}\n{}\n{}\n{}\n",
            head.method,
            header("content-md5"),
            header("content-type"),
            self.expires
        );
        let mut amz: Vec<(String, String)> = Vec::new();
        for name in head.headers.keys().filter(|name| name.as_str().starts_with("x-amz-")) {
            let values = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            amz.push((name.as_str().to_owned(), values.map(str::trim).collect::<Vec<_>>().join(",")));
        }
        amz.extend(self.pairs.iter().filter(|(name, _)| name.starts_with("x-amz-")).cloned());
        amz.sort();
        amz.iter().for_each(|(name, value)| out += &format!("{name}:{value}\n"));
        if let Some(bucket) = bucket {
            out += &format!("/{bucket}");
        }
        out += head.path;
        let mut parts: Vec<String> = Vec::new();
        for name in SUBRESOURCES {
            if let Some((_, value)) = self.pairs.iter().find(|(n, _)| n == name) {
                parts.push(if value.is_empty() { (*name).to_owned() } else { format!("{name}={value}") });
            }
        }
        if !parts.is_empty() {
            out += &format!("?{}", parts.join("&"));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    /// The example of the guide's section on query strings.
    #[test]
    fn the_guides_example() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "awsexamplebucket1.us-west-1.s3.amazonaws.com".parse().unwrap());
        let query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";
        let head = RequestHead { method: "GET", path: "/photos/puppy.jpg", query, headers: &headers };
        let url = PresignedV2::read(&head).unwrap().unwrap();
        assert_eq!(url.access_key, "AKIAIOSFODNN7EXAMPLE");
        assert_eq!(
            url.string_to_sign(&head, Some("awsexamplebucket1")),
            "GET\n\n\n1175139620\n/awsexamplebucket1/photos/puppy.jpg"
        );
        assert!(url.check(Timestamp::from_seconds(1_175_139_620)).is_ok());
        assert!(url.check(Timestamp::from_seconds(1_175_139_621)).is_err());
        let refused = url.verify(&head, Some("awsexamplebucket1"), &Secret::new("another")).unwrap_err();
        assert_eq!((refused.code, refused.status), ("SignatureDoesNotMatch", 403));
    }

    #[test]
    fn subresources_and_headers_are_signed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-meta-b", "2".parse().unwrap());
        headers.insert("content-type", "text/plain".parse().unwrap());
        let query = "versionId=3&AWSAccessKeyId=a&Signature=s&Expires=9&response-content-type=text%2Fcsv&x-amz-meta-a=1&prefix=p";
        let head = RequestHead { method: "PUT", path: "/b/k%20", query, headers: &headers };
        let url = PresignedV2::read(&head).unwrap().unwrap();
        assert_eq!(
            url.string_to_sign(&head, None),
            "PUT\n\ntext/plain\n9\nx-amz-meta-a:1\nx-amz-meta-b:2\n/b/k%20?response-content-type=text/csv&versionId=3"
        );
    }

    #[test]
    fn others_are_not_signed_so() {
        let mut headers = HeaderMap::new();
        let query = "AWSAccessKeyId=a&Signature=s";
        let head = RequestHead { method: "GET", path: "/", query, headers: &headers };
        assert_eq!(PresignedV2::read(&head).unwrap_err().code, "AccessDenied");
        let head = RequestHead { query: "Signature=s&Expires=1", ..head };
        assert_eq!(PresignedV2::read(&head).unwrap(), None);
        headers.insert("authorization", "AWS a:s".parse().unwrap());
        let query = "AWSAccessKeyId=a&Signature=s&Expires=1";
        assert_eq!(
            PresignedV2::read(&RequestHead { method: "GET", path: "/", query, headers: &headers }).unwrap(),
            None
        );
    }
}
