//! In whose words a refusal is told: codes and statuses differ by protocol family for the same cause.
//!
//! Sources: the "Common Errors" pages of IAM, STS and KMS, S3's "Error responses", EC2's "Error codes", and answers
//! recorded from the services. Not here: the bytes of the answer (those are `wire`'s).

/// A family of services that answers authentication faults alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The query protocol (IAM, STS, SNS, RDS ...) and the XML ones except S3 (Route 53, CloudFront): 403, short codes.
    Query,
    /// JSON 1.0/1.1 and CBOR (DynamoDB, KMS, SQS ...): 400 throughout, codes that end in `Exception`.
    Json,
    /// REST-JSON (Lambda, API Gateway ...): 403, codes that end in `Exception`.
    RestJson,
    /// S3 and S3 Control.
    S3,
    /// EC2, which hides most causes behind `AuthFailure`.
    Ec2,
}

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigError {
    pub code: &'static str,
    pub status: u16,
    pub message: String,
    /// Further members of the error document, in order (S3's `StringToSign`, `ServerTime` ...).
    pub members: Vec<(&'static str, String)>,
}

impl SigError {
    pub(super) fn new(code: &'static str, status: u16, message: impl Into<String>) -> SigError {
        SigError { code, status, message: message.into(), members: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> SigError {
        self.members.push((name, value.into()));
        self
    }

    pub fn member(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }
}

impl std::fmt::Display for SigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for SigError {}
