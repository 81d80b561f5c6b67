//! Presigned URLs that are refused: out of time, or not to be read.

use crate::refusals::{SECRET, STAMP, service, told};
use crate::{Request, at, expect};
use auth::sigv4::sign::{Signer, presign};
use auth::sigv4::{Algorithm, Dialect, Secret};

fn presigned(dialect: Dialect, expires_seconds: u32) -> Request {
    let secret = Secret::new(SECRET);
    let service = service(dialect);
    let signer = Signer {
        access_key: "AKID",
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service,
        dialect,
        algorithm: Algorithm::Hmac,
    };
    let mut request = Request::new("GET", "/", &[("host", "localhost")]);
    request.query = presign(&signer, "GET", "/", "", &request.headers, expires_seconds, at(STAMP)).unwrap();
    request
}

#[test]
fn presigned_urls_out_of_time() {
    let s3 = expect(Dialect::S3, "s3");
    let request = presigned(Dialect::S3, 60);
    assert!(request.verify(SECRET, at("20260517T112333Z"), &s3, None).is_ok());
    let error = request.verify(SECRET, at("20260517T112334Z"), &s3, None).unwrap_err();
    assert_eq!(told(&error), ("AccessDenied", 403, "Request has expired"));
    let error = request.verify(SECRET, at("20260517T110732Z"), &s3, None).unwrap_err();
    assert_eq!(told(&error), ("AccessDenied", 403, "Request is not yet valid"));
    assert_eq!(
        error.members,
        [
            ("X-Amz-Date", "1779016953000".to_owned()),
            ("Expires", "2026-05-17T11:23:33Z".to_owned()),
            ("ServerTime", "2026-05-17T11:07:32Z".to_owned())
        ]
    );
    // Elsewhere a short life counts as a quarter of an hour, a long one as it is.
    let query = expect(Dialect::Query, "iam");
    let request = presigned(Dialect::Query, 60);
    assert!(request.verify(SECRET, at("20260517T113733Z"), &query, None).is_ok());
    let error = request.verify(SECRET, at("20260517T113734Z"), &query, None).unwrap_err();
    assert_eq!((error.code, error.status), ("SignatureDoesNotMatch", 403));
    let request = presigned(Dialect::Query, 3600);
    assert!(request.verify(SECRET, at("20260517T122233Z"), &query, None).is_ok());
    let error = request.verify(SECRET, at("20260517T122234Z"), &query, None).unwrap_err();
    assert_eq!(
        error.message,
        "Signature expired: 20260517T112233Z is now earlier than 20260517T112234Z (20260517T122234Z - 60 min.)"
    );
}

#[test]
fn presigned_urls_that_cannot_be_read() {
    let good = presigned(Dialect::S3, 60);
    let with = |from: &str, to: &str| {
        let mut request = good.clone();
        assert!(request.query.contains(from), "{from}");
        request.query = request.query.replace(from, to);
        request.verify(SECRET, at(STAMP), &expect(Dialect::S3, "s3"), None).unwrap_err()
    };
    let needs = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                 X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
    for (from, to, message) in [
        ("X-Amz-Expires=60", "X-Amz-Expires=-1", "X-Amz-Expires must be non-negative"),
        ("X-Amz-Expires=60", "X-Amz-Expires=soon", "X-Amz-Expires should be a number"),
        (
            "X-Amz-Expires=60",
            "X-Amz-Expires=604801",
            "X-Amz-Expires must be less than a week (in seconds); \
             that is, the given X-Amz-Expires must be less than 604800 seconds",
        ),
        ("X-Amz-Expires=60", "a=b", needs),
        ("X-Amz-Date=", "b=", needs),
        (
            "X-Amz-Date=20260517T112233Z",
            "X-Amz-Date=2026",
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        ),
        (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Algorithm=AWS5",
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"",
        ),
        (
            "us-east-1",
            "eu-west-1",
            "Error parsing the X-Amz-Credential parameter; the region 'eu-west-1' is wrong; expecting 'us-east-1'",
        ),
        (
            "%2Fs3%2Faws4_request",
            "%2Faws4_request",
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; \
             expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ),
        (
            "AKID%2F20260517",
            "AKID%2F20260516",
            "Invalid credential date \"20260516\". This date is not the same as X-Amz-Date: \"20260517\".",
        ),
    ] {
        assert_eq!(told(&with(from, to)), ("AuthorizationQueryParametersError", 400, message), "{to}");
    }
    let mut request = presigned(Dialect::Json, 60);
    request.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=x".to_owned();
    let json = expect(Dialect::Json, "dynamodb");
    let error = request.verify(SECRET, at(STAMP), &json, None).unwrap_err();
    let text = "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must \
                include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. \
                Re-examine the query-string parameters.";
    assert_eq!(told(&error), ("IncompleteSignatureException", 400, text));
    // Both at once.
    let request = Request::new("GET", "/?X-Amz-Algorithm", &[("host", "h"), ("authorization", "X")]);
    let error = request.verify(SECRET, at(STAMP), &json, None).unwrap_err();
    let text = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
    assert_eq!(told(&error), ("InvalidSignatureException", 400, text));
    let error = request.verify(SECRET, at(STAMP), &expect(Dialect::S3, "s3"), None).unwrap_err();
    assert_eq!(
        (error.code, error.status, error.member("ArgumentValue")),
        ("InvalidArgument", 400, Some("X"))
    );
    // Version 2.
    let request = Request::new("GET", "/?AWSAccessKeyId=a&Signature=b&Expires=1", &[("host", "h")]);
    let error = request.verify(SECRET, at(STAMP), &expect(Dialect::S3, "s3"), None).unwrap_err();
    let text = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    assert_eq!(told(&error), ("InvalidRequest", 400, text));
}
