//! No request, however strange, may do more than be refused.

use crate::{Request, at, expect};
use auth::sigv4::sign::{Signer, presign, sign_headers};
use auth::sigv4::{Algorithm, BodyHash, Dialect, KeyCache, Payload, Secret};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        rng_seed: RngSeed::Fixed(4),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const DIALECTS: [(Dialect, &str); 5] = [
    (Dialect::Query, "iam"),
    (Dialect::Json, "kms"),
    (Dialect::RestJson, "lambda"),
    (Dialect::S3, "s3"),
    (Dialect::Ec2, "ec2"),
];

fn refused(request: &Request) -> Result<(), TestCaseError> {
    let cache = KeyCache::new(4);
    for (dialect, service) in DIALECTS {
        let outcome =
            request.verify("secret", at("20260517T112233Z"), &expect(dialect, service), Some(&cache));
        let Err(error) = outcome else { return Err(TestCaseError::fail("accepted")) };
        prop_assert!((400..=411).contains(&error.status), "{error}");
        prop_assert!(!error.code.is_empty() && !error.message.is_empty());
    }
    prop_assert!(cache.is_empty());
    Ok(())
}

fn header_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("AWS4-HMAC-SHA256 ".to_owned()),
            Just("AWS4-ECDSA-P256-SHA256 ".to_owned()),
            Just("Credential=a/20260517/us-east-1/s3/aws4_request".to_owned()),
            Just("Credential=a/20260517/s3/aws4_request".to_owned()),
            Just("SignedHeaders=host;x-amz-date".to_owned()),
            Just("SignedHeaders=;;HOST; ;é:authority".to_owned()),
            Just("Signature=00ff".to_owned()),
            Just(", ".to_owned()),
            "[ -~é]{0,12}",
        ],
        0..9,
    )
    .prop_map(|parts| parts.concat())
}

fn query_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just("X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned()),
            Just("X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256".to_owned()),
            Just("X-Amz-Credential=a%2F20260517%2Fus-east-1%2Fs3%2Faws4_request".to_owned()),
            Just("X-Amz-Date=20260517T112233Z".to_owned()),
            Just("X-Amz-Expires=60".to_owned()),
            Just("X-Amz-SignedHeaders=host".to_owned()),
            Just("X-Amz-Signature=00".to_owned()),
            "[ -~é]{0,12}",
        ],
        0..9,
    )
    .prop_map(|parts| parts.join("&"))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn headers(
        authorization in header_text(),
        path in "[/.%a-f0-9é]{0,20}",
        date in "(20260517T112233Z|[ -~]{0,20}|é[0-9]{7}T[0-9]{6}Z)",
        hash in "(UNSIGNED-PAYLOAD|STREAMING-AWS4-HMAC-SHA256-PAYLOAD|[0-9a-f]{64}|[ -~]{0,9})",
    ) {
        let headers = [
            ("host", "localhost"),
            ("authorization", authorization.as_str()),
            ("x-amz-date", date.as_str()),
            ("x-amz-content-sha256", hash.as_str()),
        ];
        refused(&Request::new("GET", &path, &headers))?;
    }

    #[test]
    fn queries(query in query_text(), path in "[/.%a-f0-9é]{0,20}") {
        refused(&Request::new("GET", &format!("{path}?{query}"), &[("host", "localhost")]))?;
    }

    /// Whatever our signer signs, our verifier takes; and nothing that means another request.
    #[test]
    fn what_is_signed_verifies_and_nothing_else(
        path in "/[ ->@-~é]{0,20}",
        query in "[ -~é]{0,30}",
        value in "[ -~]{0,20}",
        extra in "[a-z]{1,5}",
        dialect in 0usize..5,
        is_url in any::<bool>(),
    ) {
        let (dialect, service) = DIALECTS[dialect];
        let (now, secret) = (at("20260517T112233Z"), Secret::new("secret"));
        let signer = Signer {
            access_key: "AKID",
            secret: &secret,
            session_token: None,
            region: "us-east-1",
            service,
            dialect,
            algorithm: Algorithm::Hmac,
        };
        let mut request = Request::new("PUT", "/", &[("host", "h:1"), ("x-a", &value), ("x-a", "second")]);
        request.path = path;
        if is_url {
            request.query = presign(&signer, "PUT", &request.path, &query, &request.headers, 60, now).unwrap();
        } else {
            request.query = query;
            let BodyHash::Of(hash) = BodyHash::of(b"") else { unreachable!() };
            let (path, query) = (request.path.clone(), request.query.clone());
            sign_headers(&signer, "PUT", &path, &query, &mut request.headers, Payload::Hash(hash), now).unwrap();
        }
        let verify = |request: &Request| request.verify("secret", now, &expect(dialect, service), None);
        // A query that chance made look presigned is another matter.
        prop_assume!(!request.query.contains("AWSAccessKeyId"));
        prop_assert!(verify(&request).is_ok());

        let mut other = request.clone();
        other.query = format!("{}&{extra}=1", other.query);
        prop_assert!(verify(&other).is_err(), "a parameter more");
        let mut other = request.clone();
        other.path = format!("{}{extra}", other.path);
        prop_assert!(verify(&other).is_err(), "another path");
        let mut other = request.clone();
        other.method = "GET".to_owned();
        prop_assert!(verify(&other).is_err(), "another method");
        let mut other = request.clone();
        other.headers.append("x-a", extra.parse().unwrap());
        prop_assert!(verify(&other).is_err(), "a value more");
        let mut other = request.clone();
        other.headers.insert("host", "h:2".parse().unwrap());
        prop_assert!(verify(&other).is_err(), "another port");

        let mut shuffled = request.clone();
        let mut pairs: Vec<&str> = request.query.split('&').collect();
        pairs.reverse();
        shuffled.query = pairs.join("&");
        prop_assert!(verify(&shuffled).is_ok(), "the order of parameters means nothing");
    }
}
