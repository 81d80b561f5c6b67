//! No request, however strange, may do more than be refused.

use crate::{Request, at, expect};
use auth::sigv4::{Dialect, KeyCache};
use proptest::prelude::*;

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
    #![proptest_config(ProptestConfig::with_cases(512))]

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
}
