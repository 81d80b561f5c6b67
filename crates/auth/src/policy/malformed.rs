//! A document that its service would not store.

use super::document::PolicyKind;
use std::fmt;

/// The error that the service answers: `code` as the service spells it, with status 400.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MalformedPolicy {
    pub code: &'static str,
    pub message: String,
}

impl MalformedPolicy {
    pub(super) fn new(kind: PolicyKind, message: impl Into<String>) -> MalformedPolicy {
        let code = match kind {
            PolicyKind::Identity
            | PolicyKind::Inline
            | PolicyKind::Boundary
            | PolicyKind::Session
            | PolicyKind::Trust => "MalformedPolicyDocument",
            PolicyKind::Resource("s3") => "MalformedPolicy",
            PolicyKind::Resource("sns") => "InvalidParameter",
            PolicyKind::Resource("sqs") => "InvalidAttributeValue",
            PolicyKind::Resource("lambda") => "InvalidParameterValueException",
            PolicyKind::Resource(_) | PolicyKind::Scp | PolicyKind::Rcp => "MalformedPolicyDocumentException",
        };
        MalformedPolicy { code, message: message.into() }
    }
}

impl fmt::Display for MalformedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for MalformedPolicy {}
