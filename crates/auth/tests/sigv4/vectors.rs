//! Requests signed by botocore and awscrt (`tests/vectors/generate.py`), and our own signer against our verifier.

use crate::{Request, at};
use auth::sigv4::chunked::Decoder;
use auth::sigv4::post::{PostFields, verify_post_policy};
use auth::sigv4::sign::{Signer, presign, sign_headers, sign_post_policy};
use auth::sigv4::{Algorithm, BodyHash, Dialect, Expect, KeyCache, Payload, Secret, Via, read};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

fn load() -> Value {
    serde_json::from_str(include_str!("../vectors/sigv4.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn dialect(name: &str) -> Dialect {
    match name {
        "s3" => Dialect::S3,
        "query" => Dialect::Query,
        "json" => Dialect::Json,
        "rest-json" => Dialect::RestJson,
        other => panic!("{other}"),
    }
}

fn request(vector: &Value) -> Request {
    let headers: Vec<(&str, &str)> = vector["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect();
    let mut request = Request::new(text(vector, "method"), text(vector, "path"), &headers);
    request.query = text(vector, "query").to_owned();
    request.body = STANDARD.decode(text(vector, "body")).unwrap();
    request
}

#[test]
fn requests_of_an_independent_signer() {
    let file = load();
    let (now, secret) = (at(text(&file, "now")), text(&file, "secret"));
    let cache = KeyCache::default();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 60);
    for vector in vectors {
        let name = text(vector, "name");
        let request = request(vector);
        let expect = Expect {
            dialect: dialect(text(vector, "dialect")),
            service: text(vector, "service"),
            region: Some(vector["region"].as_str().unwrap_or("eu-west-1")),
        };
        for _ in 0..2 {
            let verified =
                request.verify(secret, now, &expect, Some(&cache)).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(verified.access_key, "AKIDEXAMPLE", "{name}");
            if verified.payload.is_chunked() {
                decode(&request, &verified, name);
            }
        }
        let head = request.head();
        let presented = read(&head).unwrap().unwrap();
        let ecdsa = text(vector, "algorithm") == "ecdsa";
        assert_eq!(presented.algorithm() == Algorithm::Ecdsa, ecdsa, "{name}");
        assert_eq!(presented.session_token(), vector["token"].as_str(), "{name}");
        assert_eq!(presented.timestamp(), now, "{name}");
        assert_eq!(presented.region_set().is_some(), ecdsa, "{name}");
        // The same request to another path, and with another secret, is refused.
        let mut other = request.clone();
        other.path.push('x');
        for (changed, secret) in [(&other, secret), (&request, "another")] {
            let error = changed.verify(secret, now, &expect, Some(&cache)).unwrap_err();
            let code = if matches!(expect.dialect, Dialect::Json | Dialect::RestJson) {
                "InvalidSignatureException"
            } else {
                "SignatureDoesNotMatch"
            };
            assert_eq!(error.code, code, "{name}");
        }
    }
}

fn decode(request: &Request, verified: &auth::sigv4::Verified, name: &str) {
    let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap());
    let length = header("x-amz-decoded-content-length");
    let mut decoder = Decoder::new(verified, length, header("x-amz-trailer")).unwrap();
    let mut input = Bytes::from(request.body.clone());
    let mut decoded = 0;
    while let Some(slice) = decoder.push(&mut input).unwrap_or_else(|e| panic!("{name}: {e}")) {
        decoded += slice.len() as u64;
    }
    let finished = decoder.finish().unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(Some(finished.length.to_string().as_str()), length, "{name}");
    assert_eq!(finished.length, decoded, "{name}");
    assert!(finished.checksum.is_some(), "{name}");
}

#[test]
fn a_post_policy_of_an_independent_signer() {
    let file = load();
    let post = &file["post"];
    let fields = PostFields {
        policy: post["policy"].as_str(),
        algorithm: post["x-amz-algorithm"].as_str(),
        credential: post["x-amz-credential"].as_str(),
        date: post["x-amz-date"].as_str(),
        signature: post["x-amz-signature"].as_str(),
    };
    let secret = Secret::new(text(&file, "secret"));
    let expect = Expect { dialect: Dialect::S3, service: "s3", region: Some("us-east-1") };
    let cache = KeyCache::default();
    for _ in 0..2 {
        let verified = verify_post_policy(&fields, &secret, &expect, Some(&cache)).unwrap();
        assert_eq!((verified.access_key.as_str(), verified.via), ("AKIDEXAMPLE", Via::Form));
    }
    assert_eq!(cache.len(), 1);
    assert_eq!(fields.access_key().as_deref(), Ok("AKIDEXAMPLE"));
    let signer = signer(&secret, "s3", Dialect::S3, Algorithm::Hmac, None);
    let own = sign_post_policy(&signer, fields.policy.unwrap(), at(text(&file, "now"))).unwrap();
    assert_eq!(Some(own.as_str()), fields.signature);

    let changed = PostFields { policy: Some("e30="), ..fields };
    let error = verify_post_policy(&changed, &secret, &expect, None).unwrap_err();
    assert_eq!((error.code, error.status), ("SignatureDoesNotMatch", 403));
    assert_eq!(error.member("StringToSign"), Some("e30="));
    assert_eq!(error.member("CanonicalRequest"), None);
    for (fields, code, message) in [
        (
            PostFields { signature: None, ..fields },
            "InvalidArgument",
            "Bucket POST must contain a field named 'X-Amz-Signature'.  \
             If it is specified, please check the order of the fields.",
        ),
        (
            PostFields { credential: Some("AKID/x"), ..fields },
            "InvalidArgument",
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ),
        (
            PostFields { credential: Some("AKIDEXAMPLE/20260517/eu-west-1/s3/aws4_request"), ..fields },
            "InvalidArgument",
            "the region 'eu-west-1' is wrong; expecting 'us-east-1'",
        ),
        (
            PostFields { algorithm: Some("AWS4"), ..fields },
            "InvalidArgument",
            "Only AWS4-HMAC-SHA256 is supported",
        ),
        (
            PostFields { date: Some("today"), ..fields },
            "InvalidArgument",
            "X-Amz-Date must be formated via ISO8601 Long format",
        ),
    ] {
        let error = verify_post_policy(&fields, &secret, &expect, None).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (code, message));
    }
}

fn signer<'a>(
    secret: &'a Secret,
    service: &'a str,
    dialect: Dialect,
    algorithm: Algorithm,
    session_token: Option<&'a str>,
) -> Signer<'a> {
    let region = if algorithm == Algorithm::Ecdsa { "us-*" } else { "us-east-1" };
    Signer { access_key: "AKIDEXAMPLE", secret, session_token, region, service, dialect, algorithm }
}

#[test]
fn our_own_signer() {
    let (now, secret) = (at("20260517T112233Z"), Secret::new("very secret"));
    for algorithm in [Algorithm::Hmac, Algorithm::Ecdsa] {
        for (dialect, service) in [(Dialect::S3, "s3"), (Dialect::Json, "kms"), (Dialect::Ec2, "ec2")] {
            for token in [None, Some("a/token+==")] {
                let signer = signer(&secret, service, dialect, algorithm, token);
                let expect = Expect { dialect, service, region: Some("us-east-1") };
                let mut request =
                    Request::new("POST", "/a%20b?q=a+b", &[("host", "localhost:4566"), ("x-y", "z")]);
                request.body = b"body".to_vec();
                let bare = request.headers.clone();
                let BodyHash::Of(hash) = BodyHash::of(b"body") else { unreachable!() };
                let payload = Payload::Hash(hash);
                let (path, query) = (request.path.clone(), request.query.clone());
                sign_headers(&signer, "POST", &path, &query, &mut request.headers, payload, now).unwrap();
                request.verify("very secret", now, &expect, None).unwrap();

                request.headers = bare;
                request.body.clear();
                request.query = presign(&signer, "POST", &path, &query, &request.headers, 60, now).unwrap();
                request.verify("very secret", now, &expect, None).unwrap();
                let head = request.head();
                assert_eq!(read(&head).unwrap().unwrap().session_token(), token);
            }
        }
    }
    let headers = http::HeaderMap::new();
    let signer = signer(&secret, "s3", Dialect::S3, Algorithm::Hmac, None);
    assert!(presign(&signer, "GET", "/", "", &headers, 604_801, now).is_err());
}
