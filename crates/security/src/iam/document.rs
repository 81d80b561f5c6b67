//! Policy documents: checked when they come, percent-encoded when they go.

use super::IamError;
use auth::policy::{Policy, PolicyKind};

/// Refuses what the policy language cannot read.
///
/// # Errors
/// `MalformedPolicyDocument` with the reader's words.
pub fn check(text: &str, kind: PolicyKind) -> Result<(), IamError> {
    Policy::parse(text, kind).map(|_| ()).map_err(|bad| IamError::MalformedPolicyDocument(bad.message))
}

/// The length by which IAM limits a policy: its characters without white space.
///
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// The document as IAM returns it: percent-encoded as RFC 3986 has it.
pub fn encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{check, encoded, size};
    use auth::policy::PolicyKind;

    #[test]
    fn encoding_is_rfc_3986() {
        assert_eq!(encoded("{\"a\": \"*/é\"}~"), "%7B%22a%22%3A%20%22%2A%2F%C3%A9%22%7D~");
    }

    #[test]
    fn white_space_is_free() {
        assert_eq!(size("{ \"a\" :\n\t1 }"), 7);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let good =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        assert!(check(good, PolicyKind::Identity).is_ok());
        let fault = wire::Fault::from(check("{", PolicyKind::Identity).unwrap_err());
        assert_eq!((fault.status, fault.code.as_str()), (400, "MalformedPolicyDocument"));
    }
}
