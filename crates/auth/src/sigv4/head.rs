//! What of a request takes part in its signature: the head, and what it says about the body.

use super::cause::Cause;
use super::encode::{hex, unhex_array};
use base::Timestamp;

/// The head of a request as it came over the wire. For HTTP/2 the caller puts `:authority` in as `host`.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    pub method: &'a str,
    /// The path, undecoded; `/` or empty for the root.
    pub path: &'a str,
    /// What follows `?`, undecoded; empty when there is none.
    pub query: &'a str,
    pub headers: &'a http::HeaderMap,
}

/// How the signature reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The `Authorization` header.
    Header,
    /// A presigned URL.
    Query,
    /// The fields of a browser's POST upload to S3.
    Form,
}

/// Date, region and service that a signature is good for: `20150830/us-east-1/iam/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// `YYYYMMDD`
    pub date: String,
    /// `None` under Signature Version 4A, which is signed for a set of regions.
    pub region: Option<String>,
    pub service: String,
    /// `aws4_request`, or what the caller wrote in its place.
    pub terminal: String,
}

impl Scope {
    pub fn text(&self) -> String {
        let (date, service, terminal) = (self.date.as_str(), self.service.as_str(), self.terminal.as_str());
        match &self.region {
            Some(region) => [date, region, service, terminal].join("/"),
            None => [date, service, terminal].join("/"),
        }
    }

    /// The scope of a signature made now.
    pub fn new(at: Timestamp, region: Option<&str>, service: &str) -> Scope {
        let stamp = at.sigv4();
        Scope {
            date: stamp.get(..8).unwrap_or_default().to_owned(),
            region: region.map(str::to_owned),
            service: service.to_owned(),
            terminal: "aws4_request".to_owned(),
        }
    }
}

/// SHA-256 of the body, when the caller has read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyHash {
    Of([u8; 32]),
    /// The body is still to come (S3's data plane). Then [`Payload::Hash`] in the result tells what it must hash to,
    /// to be checked with [`Payload::check`]. Where the request claims nothing, an empty body is assumed, except for
    /// S3's presigned URLs, whose bodies are unsigned.
    Unread,
}

impl BodyHash {
    pub fn of(body: &[u8]) -> BodyHash {
        BodyHash::Of(sha256(body))
    }
}

/// What `x-amz-content-sha256` says about the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// The body hashes to this.
    Hash([u8; 32]),
    /// `UNSIGNED-PAYLOAD`
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD[-TRAILER]`
    SignedChunks { trailer: bool },
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`
    UnsignedChunks,
    /// `STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD[-TRAILER]`
    EcdsaChunks { trailer: bool },
}

const NAMED: [(&str, Payload); 6] = [
    ("UNSIGNED-PAYLOAD", Payload::Unsigned),
    ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Payload::SignedChunks { trailer: false }),
    ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", Payload::SignedChunks { trailer: true }),
    ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", Payload::UnsignedChunks),
    ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", Payload::EcdsaChunks { trailer: false }),
    ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", Payload::EcdsaChunks { trailer: true }),
];

impl Payload {
    /// Reads the header's value; `None` when it is neither a known word nor 64 hexadecimal digits.
    pub fn parse(value: &str) -> Option<Payload> {
        if let Some((_, named)) = NAMED.iter().find(|(word, _)| *word == value) {
            return Some(*named);
        }
        unhex_array(value).map(Payload::Hash)
    }

    /// The header's value.
    pub fn text(self) -> String {
        match self {
            Payload::Hash(hash) => hex(&hash),
            other => {
                NAMED.iter().find(|(_, p)| *p == other).map(|(w, _)| (*w).to_owned()).unwrap_or_default()
            }
        }
    }

    /// Whether the body comes as `aws-chunked`.
    pub fn is_chunked(self) -> bool {
        !matches!(self, Payload::Hash(_) | Payload::Unsigned)
    }

    /// Compares the body, once it is read, with what was claimed for it.
    ///
    /// # Errors
    /// [`Cause::BodyHash`] when a hash was claimed and it is another.
    pub fn check(self, computed: [u8; 32]) -> Result<(), Cause> {
        match self {
            Payload::Hash(claimed) if claimed != computed => {
                Err(Cause::BodyHash { claimed: hex(&claimed), computed: hex(&computed) })
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
