//! Digests of a request's body in its headers, as S3 takes them: `Content-MD5` and `x-amz-checksum-*`. Of a body that
//! has been collected they are held against it here, before the operation is called; whoever streams does it itself.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use auth::sigv4::{Checksum, ChecksumKind};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use wire::Fault;
use wire::Value;
use wire::head::Head;
use wire::model::Operation;

const MD5_BYTES: usize = 16;
/// What must not arrive otherwise than it was sent, so that a digest of it is asked for.
const REQUIRED: [&str; 6] = [
    "DeleteObjects",
    "PutBucketCors",
    "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration",
    "PutBucketTagging",
    "PutObjectLockConfiguration",
];

/// The bytes of a `Content-MD5`. Bits that are left over behind them say nothing.
pub fn read_md5(text: &str) -> Option<[u8; MD5_BYTES]> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    ENGINE.decode(text).ok()?.try_into().ok()
}

/// # Errors
/// `InvalidDigest` and `InvalidRequest` for what is no digest, `BadDigest` for one of another body; `InvalidRequest` where
/// one is missing that must be there.
pub(crate) fn check(head: &Head<'_>, operation: &Operation, body: &[u8]) -> Result<(), Fault> {
    let has = |name: &str| head.header(name).is_some();
    let is_held = || {
        has("content-md5") || has("x-amz-trailer") || ChecksumKind::ALL.iter().any(|kind| has(kind.header()))
    };
    if REQUIRED.contains(&operation.name) && !is_held() {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(Fault::new(400, "InvalidRequest", message));
    }
    if let Some(text) = head.header("content-md5") {
        let invalid = || {
            Fault::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
                .with("Content-MD5", Value::str(text))
        };
        let stated = read_md5(text).ok_or_else(invalid)?;
        let computed = auth::md5::Md5::of(body);
        if stated != computed {
            return Err(bad_md5(&stated, &computed));
        }
    }
    // Elsewhere such a header is about something else: the object that an upload is completed to.
    if !operation.checksum_required && operation.checksum_algorithm_member.is_empty() {
        return Ok(());
    }
    for kind in ChecksumKind::ALL {
        let Some(text) = head.header(kind.header()) else { continue };
        if kind.decode(text).is_none() {
            let message = format!("Value for {} header is invalid.", kind.header());
            return Err(Fault::new(400, "InvalidRequest", message));
        }
        if Checksum::of(kind, body) != text {
            let message = format!("The {} you specified did not match the calculated checksum.", kind.name());
            return Err(Fault::new(400, "BadDigest", message));
        }
    }
    Ok(())
}

/// The refusal of bytes whose MD5 is another: S3 tells what it has got as the header would say it, and what was announced
/// in hexadecimal digits.
pub fn bad_md5(stated: &[u8], computed: &[u8]) -> Fault {
    Fault::new(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
        .with("CalculatedDigest", Value::Str(STANDARD.encode(computed)))
        .with("ExpectedDigest", Value::Str(auth::md5::hex(stated)))
}

#[cfg(test)]
mod tests {
    use super::check;
    use http::{HeaderMap, HeaderValue};
    use wire::head::Head;

    fn code(name: &'static str, value: &'static str) -> String {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
        let head = Head { method: "PUT", path: "/b", query: "cors", headers: &headers };
        let operation = wire::catalog::service("s3").and_then(|s3| s3.operation("PutBucketCors")).unwrap();
        check(&head, operation, b"123456789").map_or_else(|fault| fault.code, |()| String::new())
    }

    #[test]
    fn some_requests_must_have_one() {
        let s3 = wire::catalog::service("s3").unwrap();
        let said = |operation: &str, headers: &HeaderMap| {
            let head = Head { method: "PUT", path: "/b", query: "", headers };
            check(&head, s3.operation(operation).unwrap(), b"").map_err(|fault| fault.message)
        };
        let missing = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        for operation in super::REQUIRED.iter().filter(|name| s3.operation(name).is_some()) {
            assert_eq!(said(operation, &HeaderMap::new()), Err(missing.to_owned()), "{operation}");
        }
        assert_eq!(said("PutBucketPolicy", &HeaderMap::new()), Ok(()));
        let trailer = HeaderMap::from_iter([(
            "x-amz-trailer".parse().unwrap(),
            HeaderValue::from_static("x-amz-checksum-crc32"),
        )]);
        assert_eq!(said("DeleteObjects", &trailer), Ok(()));
    }

    #[test]
    fn what_is_stated_must_hold() {
        assert_eq!(code("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="), "");
        assert_eq!(code("content-md5", "JfnnlDI7RTiF9RgfG2JNCA=="), "BadDigest");
        assert_eq!(code("content-md5", "abc"), "InvalidDigest");
        assert_eq!(code("content-md5", "uU0nuZNNPgilLlLX2n2r+s=="), "BadDigest");
        assert_eq!(code("x-amz-checksum-crc32", "y/Q5Jg=="), "");
        assert_eq!(code("x-amz-checksum-crc32", "y/Q5Jw=="), "BadDigest");
        assert_eq!(code("x-amz-checksum-crc32", "AA=="), "InvalidRequest");
    }
}
