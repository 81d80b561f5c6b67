//! Every way to be refused, by exact code, status and message, in the words of each family.

use crate::{Request, at, expect};
use auth::sigv4::sign::{Signer, sign_headers};
use auth::sigv4::{Algorithm, BodyHash, Cause, Dialect, Payload, Secret, SigError};
use base::Timestamp;

pub(crate) const SECRET: &str = "secret";
pub(crate) const STAMP: &str = "20260517T112233Z";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(crate) fn service(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Query => "iam",
        Dialect::Json => "dynamodb",
        Dialect::RestJson => "lambda",
        Dialect::S3 => "s3",
        Dialect::Ec2 => "ec2",
    }
}

pub(crate) fn told(error: &SigError) -> (&'static str, u16, &str) {
    (error.code, error.status, &error.message)
}

/// A request with this `Authorization`, at the time of [`STAMP`].
fn refused(dialect: Dialect, authorization: &str, more: &[(&str, &str)]) -> SigError {
    let mut headers =
        vec![("host", "localhost"), ("authorization", authorization), ("x-amz-content-sha256", EMPTY)];
    headers.extend(more);
    let request = Request::new("GET", "/", &headers);
    request.verify(SECRET, at(STAMP), &expect(dialect, service(dialect)), None).unwrap_err()
}

fn signed(dialect: Dialect, region: &str, service: &str, now: Timestamp, more: &[(&str, &str)]) -> Request {
    let secret = Secret::new(SECRET);
    let algorithm = Algorithm::Hmac;
    let signer = Signer {
        access_key: "AKID",
        secret: &secret,
        session_token: None,
        region,
        service,
        dialect,
        algorithm,
    };
    let mut headers = vec![("host", "localhost")];
    headers.extend(more);
    let mut request = Request::new("GET", "/", &headers);
    let BodyHash::Of(hash) = BodyHash::of(b"") else { unreachable!() };
    sign_headers(&signer, "GET", "/", "", &mut request.headers, Payload::Hash(hash), now).unwrap();
    request
}

#[test]
fn a_request_without_a_signature() {
    for (dialect, expected) in [
        (Dialect::Query, ("MissingAuthenticationToken", 403, "Request is missing Authentication Token")),
        (
            Dialect::Json,
            ("MissingAuthenticationTokenException", 400, "Request is missing Authentication Token"),
        ),
        (Dialect::RestJson, ("MissingAuthenticationTokenException", 403, "Missing Authentication Token")),
        (Dialect::S3, ("AccessDenied", 403, "Access Denied")),
        (Dialect::Ec2, ("MissingParameter", 400, "The request must contain the parameter AWSAccessKeyId")),
    ] {
        let request = Request::new("GET", "/?Action=ListUsers", &[("host", "localhost")]);
        let error = request.verify(SECRET, at(STAMP), &expect(dialect, "iam"), None).unwrap_err();
        assert_eq!(told(&error), expected);
    }
}

#[test]
fn keys_and_tokens() {
    let (key, token) = ("AKID".to_owned(), "tok".to_owned());
    let unknown = Cause::UnknownKey { access_key: key };
    let (invalid, expired) = (Cause::InvalidToken { token: token.clone() }, Cause::ExpiredToken { token });
    let bad = "The security token included in the request is invalid.";
    let old = "The security token included in the request is expired";
    let ec2 = ("AuthFailure", 401, "AWS was not able to validate the provided access credentials");
    for (cause, dialect, expected) in [
        (&unknown, Dialect::Query, ("InvalidClientTokenId", 403, bad)),
        (&unknown, Dialect::Json, ("UnrecognizedClientException", 400, bad)),
        (&unknown, Dialect::RestJson, ("UnrecognizedClientException", 403, bad)),
        (
            &unknown,
            Dialect::S3,
            ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
        ),
        (&unknown, Dialect::Ec2, ec2),
        (&invalid, Dialect::Query, ("InvalidClientTokenId", 403, bad)),
        (&invalid, Dialect::Json, ("UnrecognizedClientException", 400, bad)),
        (
            &invalid,
            Dialect::S3,
            ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
        ),
        (&invalid, Dialect::Ec2, ec2),
        (&expired, Dialect::Query, ("ExpiredToken", 403, old)),
        (&expired, Dialect::Json, ("ExpiredTokenException", 400, old)),
        (&expired, Dialect::RestJson, ("ExpiredTokenException", 403, old)),
        (&expired, Dialect::S3, ("ExpiredToken", 400, "The provided token has expired.")),
        (&expired, Dialect::Ec2, ("RequestExpired", 400, "Request has expired.")),
    ] {
        assert_eq!(told(&cause.tell(dialect)), expected, "{cause:?} {dialect:?}");
    }
    assert_eq!(unknown.tell(Dialect::S3).members, [("AWSAccessKeyId", "AKID".to_owned())]);
    assert_eq!(expired.tell(Dialect::S3).members, [("Token-0", "tok".to_owned())]);
}

#[test]
fn authorization_headers_that_cannot_be_read() {
    let json = Dialect::Json;
    let incomplete = "IncompleteSignatureException";
    let date = ("x-amz-date", STAMP);
    for (authorization, more, code, message) in [
        (
            "AWS4-",
            vec![],
            incomplete,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
             parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires \
             existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-",
        ),
        (
            "AWS4- Signature=b,Credential=a",
            vec![("date", "a")],
            incomplete,
            "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4- Signature=b,Credential=a",
        ),
        (
            "AWS4-HMAC-SHA256 Credential= x, SignedHeaders=host, Signature=1",
            vec![date],
            incomplete,
            "'x' not a valid key=value pair (missing equal-sign) in Authorization header: \
             'AWS4-HMAC-SHA256 Credential= x, SignedHeaders=host, Signature=1'.",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=1",
            vec![("x-amz-date", "201")],
            incomplete,
            "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601",
        ),
        (
            "AWS4-HMAC-SHA25 Credential=x, SignedHeaders=host, Signature=1",
            vec![date],
            incomplete,
            "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/, SignedHeaders=host, Signature=1",
            vec![date],
            incomplete,
            "Credential must have exactly 5 slash-delimited elements, \
             e.g. keyid/date/region/service/term, got 'a/b/c/d/'",
        ),
        (
            "AWS4-ECDSA-P256-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=1",
            vec![date],
            incomplete,
            "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got 'a/b/c/d/e'",
        ),
        (
            "Bearer abc",
            vec![],
            "MissingAuthenticationTokenException",
            "Request is missing Authentication Token",
        ),
        (
            "AWS AKID:signature",
            vec![],
            incomplete,
            "Signature Version 2 is not supported. Please use AWS4-HMAC-SHA256.",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/20260517/us-east-1/dynamodb/aws4_request, SignedHeaders=x-amz-date, \
             Signature=1",
            vec![date],
            "InvalidSignatureException",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=1",
            vec![date],
            "InvalidSignatureException",
            "Credential should be scoped to a valid region, not 'c'. \
             Credential should be scoped to correct service: 'dynamodb'. \
             Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. \
             Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             'b' != '20260517', from '20260517T112233Z'.",
        ),
    ] {
        let error = refused(json, authorization, &more);
        assert_eq!(told(&error), (code, 400, message), "{authorization}");
    }
    let error = refused(Dialect::Query, "AWS4-", &[]);
    assert_eq!((error.code, error.status), ("IncompleteSignature", 400));
    let error = refused(Dialect::RestJson, "AWS4-", &[]);
    assert_eq!((error.code, error.status), ("IncompleteSignatureException", 403));
    let long = format!("AWS4-HMAC-SHA256 {}", "x".repeat(17_000));
    let error = refused(json, &long, &[]);
    assert_eq!(
        told(&error),
        (incomplete, 400, "Your request header section exceeds the maximum allowed size.")
    );
}

#[test]
fn authorization_headers_that_s3_cannot_read() {
    let date = ("x-amz-date", STAMP);
    let malformed = "AuthorizationHeaderMalformed";
    let scoped = |scope: &str| {
        format!("AWS4-HMAC-SHA256 Credential=a/{scope}, SignedHeaders=host;x-amz-date, Signature=1")
    };
    for (authorization, more, expected) in [
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host".to_owned(),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; the authorization header requires three components: \
                 Credential, SignedHeaders, and Signature.",
            ),
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signed=1".to_owned(),
            vec![date],
            (malformed, 400, "The authorization header is malformed; missing Signature."),
        ),
        (
            "AWS4-HMAC-SHA256 Signature=1".to_owned(),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; the authorization header requires three components: \
                 Credential, SignedHeaders, and Signature.",
            ),
        ),
        (
            "AWS4-HMAC-SHA256 Credential".to_owned(),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; the authorization component \"Credential\" is malformed.",
            ),
        ),
        (
            scoped("b/c"),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; the Credential is mal-formed; \
                 expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
            ),
        ),
        (
            scoped("20260517/us-east-1/s3/aws4_request"),
            vec![],
            ("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"),
        ),
        (
            scoped("20260517/us-east-1/s3/aws4_request"),
            vec![("x-amz-date", "x")],
            ("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"),
        ),
        (
            scoped("2026/us-east-1/s3/aws4_request"),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; incorrect date format \"2026\". \
                 This date in the credential must be in the format \"yyyyMMdd\".",
            ),
        ),
        (
            scoped("20260517/eu-west-1/s3/aws4_request"),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'",
            ),
        ),
        (
            scoped("20260517/us-east-1/ec2/aws4_request"),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; incorrect service \"ec2\". This endpoint belongs to \"s3\".",
            ),
        ),
        (
            scoped("20260517/us-east-1/s3/aws5"),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; incorrect terminal \"aws5\". This endpoint uses \"aws4_request\".",
            ),
        ),
        (
            scoped("20260516/us-east-1/s3/aws4_request"),
            vec![date],
            (
                malformed,
                400,
                "The authorization header is malformed; Invalid credential date \"20260516\". \
                 This date is not the same as X-Amz-Date: \"20260517\".",
            ),
        ),
        ("Bearer abc".to_owned(), vec![], ("InvalidArgument", 400, "Unsupported Authorization Type")),
        (
            "abc".to_owned(),
            vec![],
            (
                "InvalidArgument",
                400,
                "Authorization header is invalid -- one and only one ' ' (space) required.",
            ),
        ),
        (
            "AWS4-HMAC-SHA256".to_owned(),
            vec![date],
            (
                "InvalidArgument",
                400,
                "Authorization header is invalid -- one and only one ' ' (space) required.",
            ),
        ),
        (
            "AWS AKID:signature".to_owned(),
            vec![],
            (
                "InvalidRequest",
                400,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            ),
        ),
        (
            scoped("20260517/us-east-1/s3/aws4_request"),
            vec![date, ("x-amz-acl", "private"), ("x-amz-meta-a", "b")],
            ("AccessDenied", 403, "There were headers present in the request which were not signed"),
        ),
    ] {
        let error = refused(Dialect::S3, &authorization, &more);
        assert_eq!(told(&error), expected, "{authorization}");
    }
    let error = refused(Dialect::S3, &scoped("20260517/eu-west-1/s3/aws4_request"), &[date]);
    assert_eq!(error.member("Region"), Some("us-east-1"));
    let error = refused(
        Dialect::S3,
        &scoped("20260517/us-east-1/s3/aws4_request"),
        &[date, ("x-amz-acl", "private")],
    );
    assert_eq!(error.member("HeadersNotSigned"), Some("x-amz-acl"));
    let error = refused(Dialect::S3, "Bearer abc", &[]);
    assert_eq!(error.member("ArgumentValue"), Some("Bearer abc"));
}

#[test]
fn clocks_that_differ() {
    let signed_at = at("20260517T112233Z");
    for (dialect, now, expected) in [
        (Dialect::Query, "20260517T113733Z", None),
        (
            Dialect::Query,
            "20260517T113734Z",
            Some((
                "SignatureDoesNotMatch",
                403,
                "Signature expired: 20260517T112233Z is now earlier than 20260517T112234Z (20260517T113734Z - 15 min.)",
            )),
        ),
        (
            Dialect::Json,
            "20260517T110732Z",
            Some((
                "InvalidSignatureException",
                400,
                "Signature not yet current: 20260517T112233Z is still later than 20260517T112232Z \
                 (20260517T110732Z + 15 min.)",
            )),
        ),
        (
            Dialect::S3,
            "20260517T113734Z",
            Some((
                "RequestTimeTooSkewed",
                403,
                "The difference between the request time and the current time is too large.",
            )),
        ),
        (
            Dialect::S3,
            "20260517T110732Z",
            Some((
                "RequestTimeTooSkewed",
                403,
                "The difference between the request time and the current time is too large.",
            )),
        ),
        (Dialect::Ec2, "20260517T113734Z", Some(("RequestExpired", 400, "Request has expired."))),
    ] {
        let request = signed(dialect, "us-east-1", service(dialect), signed_at, &[]);
        let outcome = request.verify(SECRET, at(now), &expect(dialect, service(dialect)), None);
        assert_eq!(outcome.as_ref().err().map(told), expected, "{dialect:?} {now}");
    }
    let request = signed(Dialect::S3, "us-east-1", "s3", signed_at, &[]);
    let error = request.verify(SECRET, at("20260517T113734Z"), &expect(Dialect::S3, "s3"), None).unwrap_err();
    assert_eq!(
        error.members,
        [
            ("RequestTime", "20260517T112233Z".to_owned()),
            ("ServerTime", "2026-05-17T11:37:34Z".to_owned()),
            ("MaxAllowedSkewMilliseconds", "900000".to_owned())
        ]
    );
}

#[test]
fn wrong_signatures_are_explained() {
    let mut request = signed(Dialect::RestJson, "us-east-1", "lambda", at(STAMP), &[]);
    request.path = "/other".to_owned();
    let error = request.verify(SECRET, at(STAMP), &expect(Dialect::RestJson, "lambda"), None).unwrap_err();
    let canonical =
        format!("GET\n/other\n\nhost:localhost\nx-amz-date:20260517T112233Z\n\nhost;x-amz-date\n{EMPTY}");
    assert_eq!((error.code, error.status), ("InvalidSignatureException", 403));
    let start = "The request signature we calculated does not match the signature you provided. Check your AWS \
                 Secret Access Key and signing method. Consult the service documentation for details.\n\n\
                 The Canonical String for this request should have been\n'";
    assert!(
        error.message.starts_with(&format!(
            "{start}{canonical}'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20260517T112233Z\n\
             20260517/us-east-1/lambda/aws4_request\n"
        )),
        "{}",
        error.message
    );

    let mut request = signed(Dialect::S3, "us-east-1", "s3", at(STAMP), &[]);
    request.path = "/other".to_owned();
    let error = request.verify(SECRET, at(STAMP), &expect(Dialect::S3, "s3"), None).unwrap_err();
    let text = "The request signature we calculated does not match the signature you provided. \
                Check your key and signing method.";
    assert_eq!(told(&error), ("SignatureDoesNotMatch", 403, text));
    let names: Vec<&str> = error.members.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "AWSAccessKeyId",
            "StringToSign",
            "SignatureProvided",
            "StringToSignBytes",
            "CanonicalRequest",
            "CanonicalRequestBytes"
        ]
    );
    assert!(error.member("StringToSignBytes").unwrap().starts_with("41 57 53 34 2d 48 4d 41 43"));
    assert!(error.member("CanonicalRequest").unwrap().starts_with("GET\n/other\n\nhost:localhost\n"));

    let mut request = signed(Dialect::Ec2, "us-east-1", "ec2", at(STAMP), &[]);
    request.path = "/other".to_owned();
    let error = request.verify(SECRET, at(STAMP), &expect(Dialect::Ec2, "ec2"), None).unwrap_err();
    let ec2 = ("AuthFailure", 401, "AWS was not able to validate the provided access credentials");
    assert_eq!(told(&error), ec2);
}

#[test]
fn bodies_that_are_not_what_was_signed() {
    let mut request = signed(Dialect::S3, "us-east-1", "s3", at(STAMP), &[]);
    request.body = b"other".to_vec();
    let s3 = expect(Dialect::S3, "s3");
    let error = request.verify(SECRET, at(STAMP), &s3, None).unwrap_err();
    let text = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    assert_eq!(told(&error), ("XAmzContentSHA256Mismatch", 400, text));
    assert_eq!(error.member("ClientComputedContentSHA256"), Some(EMPTY));
    let other = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa";
    assert_eq!(error.member("S3ComputedContentSHA256"), Some(other));

    request.headers.remove("x-amz-content-sha256");
    let error = request.verify(SECRET, at(STAMP), &s3, None).unwrap_err();
    let text = "Missing required header for this request: x-amz-content-sha256";
    assert_eq!(told(&error), ("InvalidRequest", 400, text));

    request.headers.insert("x-amz-content-sha256", "nonsense".parse().unwrap());
    let error = request.verify(SECRET, at(STAMP), &s3, None).unwrap_err();
    assert_eq!((error.code, error.status), ("InvalidArgument", 400));
    assert!(
        error.message.starts_with("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "),
        "{}",
        error.message
    );
    assert_eq!(error.member("ArgumentName"), Some("x-amz-content-sha256"));
    assert_eq!(error.member("ArgumentValue"), Some("nonsense"));

    let mut request = signed(Dialect::Query, "us-east-1", "iam", at(STAMP), &[]);
    request.body = b"Action=DeleteUser".to_vec();
    let error = request.verify(SECRET, at(STAMP), &expect(Dialect::Query, "iam"), None).unwrap_err();
    assert_eq!((error.code, error.status), ("SignatureDoesNotMatch", 403));
}

#[test]
fn a_region_set_must_cover_the_region() {
    let secret = Secret::new(SECRET);
    let mut request = Request::new("GET", "/", &[("host", "localhost")]);
    let signer = Signer {
        access_key: "AKID",
        secret: &secret,
        session_token: None,
        region: "eu-*,ap-south-1",
        service: "dynamodb",
        dialect: Dialect::Json,
        algorithm: Algorithm::Ecdsa,
    };
    let BodyHash::Of(hash) = BodyHash::of(b"") else { unreachable!() };
    sign_headers(&signer, "GET", "/", "", &mut request.headers, Payload::Hash(hash), at(STAMP)).unwrap();
    let mut json = expect(Dialect::Json, "dynamodb");
    let error = request.verify(SECRET, at(STAMP), &json, None).unwrap_err();
    let text = "Credential should be scoped to a valid region, not 'eu-*,ap-south-1'. ";
    assert_eq!(told(&error), ("InvalidSignatureException", 400, text));
    json.region = Some("eu-central-1");
    assert!(request.verify(SECRET, at(STAMP), &json, None).is_ok());
    json.region = None;
    assert!(request.verify(SECRET, at(STAMP), &json, None).is_ok());
}

#[test]
fn s3_tells_of_the_region_before_the_time() {
    let request = signed(Dialect::S3, "eu-west-1", "s3", at(STAMP), &[]);
    let error = request.verify(SECRET, at("20260601T000000Z"), &expect(Dialect::S3, "s3"), None).unwrap_err();
    assert_eq!((error.code, error.member("Region")), ("AuthorizationHeaderMalformed", Some("us-east-1")));
    let request = signed(Dialect::Query, "eu-west-1", "iam", at(STAMP), &[]);
    let error =
        request.verify(SECRET, at("20260601T000000Z"), &expect(Dialect::Query, "iam"), None).unwrap_err();
    assert!(error.message.starts_with("Signature expired: "), "{}", error.message);
    let error = request.verify(SECRET, at(STAMP), &expect(Dialect::Query, "iam"), None).unwrap_err();
    let text = "Credential should be scoped to a valid region, not 'eu-west-1'. ";
    assert_eq!(told(&error), ("SignatureDoesNotMatch", 403, text));
}

#[test]
fn the_authority_stands_for_the_host() {
    // Signed as `host`, then presented as `:authority` with the signature of that spelling.
    let request = signed(Dialect::Query, "us-east-1", "iam", at(STAMP), &[]);
    let authorization = request.headers["authorization"].to_str().unwrap().replace("=host;", "=:authority;");
    let mut other = request;
    other.headers.insert("authorization", authorization.parse().unwrap());
    let error = other.verify(SECRET, at(STAMP), &expect(Dialect::Query, "iam"), None).unwrap_err();
    assert_eq!(error.code, "SignatureDoesNotMatch");
    assert!(error.message.contains("\n:authority:localhost\n"), "{}", error.message);
}
