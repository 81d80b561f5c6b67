//! What Access Analyzer refuses.

use wire::{Fault, Value};

/// A ValidationException with its reason.
/// AWS: <https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html>
pub(super) fn invalid(reason: &str, message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationException", message).with("reason", Value::str(reason))
}
