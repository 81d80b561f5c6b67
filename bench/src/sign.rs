//! Signature Version 4 for the client: small, and its own, so that the server's verification is not measured against
//! itself. Source: "Create a signed AWS API request" in the IAM user guide.

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac::{HMAC_SHA256, Key, sign},
};
use base::{Clock, Timestamp};

const REGION: &str = "us-east-1";

/// A caller's credentials with the derived key of one service and day.
pub(crate) struct Signer {
    access_key: String,
    scope: String,
    key: Key,
    at: Timestamp,
}

impl Signer {
    /// Signatures are made for the moment of this call and good for 15 minutes, which no run exceeds.
    pub(crate) fn new(access_key: &str, secret: &str, service: &str) -> Signer {
        Signer::at(access_key, secret, service, Clock::system().now())
    }

    fn at(access_key: &str, secret: &str, service: &str, at: Timestamp) -> Signer {
        let date = &at.sigv4()[..8];
        let first = Key::new(HMAC_SHA256, format!("AWS4{secret}").as_bytes());
        let key = [date, REGION, service, "aws4_request"].iter().fold(first, |key, part| {
            let tag = sign(&key, part.as_bytes());
            Key::new(HMAC_SHA256, tag.as_ref())
        });
        let scope = format!("{date}/{REGION}/{service}/aws4_request");
        Signer { access_key: access_key.to_owned(), scope, key, at }
    }

    /// The bytes of a signed POST to `/`.
    pub(crate) fn post(&self, host: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
        self.request(("POST", "/"), host, headers, body)
    }

    /// The bytes of a signed request (method and target) with these headers (lower case, without host).
    pub(crate) fn request(
        &self,
        (method, target): (&str, &str),
        host: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Vec<u8> {
        let time = self.at.sigv4();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut signed: Vec<(&str, &str)> = headers.to_vec();
        let body_hash = hex(digest(&SHA256, body.as_bytes()).as_ref());
        // S3 signs the hash as a header; nobody else minds.
        if path != "/" {
            signed.push(("x-amz-content-sha256", &body_hash));
        }
        signed.extend([("host", host), ("x-amz-date", time.as_str())]);
        signed.sort_unstable();
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{body_hash}");
        let canonical_hash = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{}\n{canonical_hash}", self.scope);
        let signature = hex(sign(&self.key, to_sign.as_bytes()).as_ref());
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        for (name, value) in signed {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let Signer { access_key, scope, .. } = self;
        head.push_str(&format!(
            "authorization: AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, \
             Signature={signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
        head.into_bytes()
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with botocore's SigV4Auth for the same time, key, headers and body.
    #[test]
    fn signatures_are_those_of_botocore() {
        let at = Timestamp::from_seconds(1_700_000_000);
        let signer = Signer::at("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "sts", at);
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let made = signer.post("127.0.0.1:4566", &headers, "Action=GetCallerIdentity&Version=2011-06-15");
        let text = String::from_utf8(made).unwrap();
        let signature =
            text.split_once("Signature=").and_then(|(_, rest)| rest.split_once("\r\n")).unwrap().0;
        assert_eq!(signature, "36f7aa92f24e8c62e4a63a8fe278bef10cd91fbfafd01bb2d916d41acd85af3c");
        assert!(text.contains("x-amz-date: 20231114T221320Z\r\n"), "{text}");
    }
}
