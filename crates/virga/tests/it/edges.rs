//! Hostile and broken requests in each protocol: what AWS answers, and never a failure of the cloud.

use crate::harness::{Cloud, Reply};
use bytes::Bytes;
use http::Request;
use http::header::HeaderName;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::net::Ipv4Addr;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON10: (&str, &str) = ("content-type", "application/x-amz-json-1.0");
const JSON11: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
const WHOAMI: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// A request of root's, signed unless a header says otherwise.
struct Sent<'a> {
    method: &'a str,
    uri: &'a str,
    /// The signing name.
    service: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

const POST: Sent<'_> = Sent { method: "POST", uri: "/", service: "sts", headers: &[FORM], body: b"" };

fn build(sent: &Sent<'_>) -> Request<Bytes> {
    let mut request = Request::builder().method(sent.method).uri(sent.uri);
    for (name, value) in sent.headers {
        request = request.header(*name, value.as_bytes());
    }
    let mut request = request.body(Bytes::copy_from_slice(sent.body)).unwrap();
    if !request.headers().contains_key("host") {
        request.headers_mut().insert("host", "localhost:4566".parse().unwrap());
    }
    request
}

fn send(cloud: &Cloud, sent: &Sent<'_>) -> Reply {
    let mut request = build(sent);
    if !sent.service.is_empty() && !request.headers().contains_key("authorization") {
        cloud.root("123456789012").sign(&mut request, sent.service);
    }
    cloud.send(request, Ipv4Addr::LOCALHOST.into())
}

/// Sends each and compares status and code.
#[track_caller]
fn each(rows: &[(&str, Sent<'_>, u16, &str)]) {
    let cloud = Cloud::new();
    let mut wrong = Vec::new();
    for (what, sent, status, code) in rows {
        let reply = send(&cloud, sent);
        let (got, message) = reply.error();
        if (reply.status, got.as_str()) != (*status, *code) {
            wrong.push(format!("{what}: {} {got:?} ({message}), not {status} {code:?}", reply.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn target(name: &str) -> (&str, &str) {
    ("x-amz-target", name)
}

#[test]
fn what_leads_nowhere_in_cbor() {
    let cbor = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    let uri = "/service/GraniteServiceVersion20100801/operation/MakeCoffee";
    let reply = send(&Cloud::new(), &Sent { service: "monitoring", uri, headers: &cbor, ..POST });
    assert_eq!(reply.status, 404);
    // {"__type": "...#UnknownOperationException"}, or the bare name.
    let text = String::from_utf8_lossy(&reply.body);
    assert!(text.contains("__type") && text.contains("UnknownOperationException"), "{text:?}");
}

#[test]
fn what_leads_nowhere() {
    each(&[
        (
            "no such service, form",
            Sent { service: "teleport", body: b"Action=Go", ..POST },
            404,
            "UnknownService",
        ),
        (
            "no such target",
            Sent { service: "teleport", headers: &[JSON11, target("Teleport.Go")], body: b"{}", ..POST },
            404,
            "UnknownService",
        ),
        (
            "no such path",
            Sent { service: "teleport", method: "GET", headers: &[], ..POST },
            404,
            "UnknownService",
        ),
        ("query", Sent { body: b"Action=MakeCoffee&Version=2011-06-15", ..POST }, 400, "InvalidAction"),
        ("no action", Sent { body: b"Version=2011-06-15", ..POST }, 400, "MissingAction"),
        ("nothing at all", POST, 400, "MissingAction"),
        ("ec2", Sent { service: "ec2", body: b"Action=MakeCoffee", ..POST }, 400, "InvalidAction"),
        ("ec2, no action", Sent { service: "ec2", body: b"", ..POST }, 400, "MissingParameter"),
        (
            "json 1.0",
            Sent {
                service: "dynamodb",
                headers: &[JSON10, target("DynamoDB_20120810.MakeCoffee")],
                body: b"{}",
                ..POST
            },
            400,
            "UnknownOperationException",
        ),
        (
            "json 1.1",
            Sent {
                service: "kms",
                headers: &[JSON11, target("TrentService.MakeCoffee")],
                body: b"{}",
                ..POST
            },
            400,
            "UnknownOperationException",
        ),
        (
            "json without a target",
            Sent { service: "kms", headers: &[JSON11], body: b"{}", ..POST },
            400,
            "UnknownOperationException",
        ),
        (
            "rest-json",
            Sent { service: "lambda", method: "GET", uri: "/2015-03-31/coffee", headers: &[], ..POST },
            404,
            "UnknownOperationException",
        ),
        (
            "rest-json, another method",
            Sent { service: "lambda", method: "PATCH", uri: "/2015-03-31/functions", headers: &[], ..POST },
            405,
            "UnknownOperationException",
        ),
        (
            "rest-xml",
            Sent { service: "route53", method: "GET", uri: "/2013-04-01/coffee", headers: &[], ..POST },
            404,
            "UnknownOperationException",
        ),
    ]);
}

#[test]
fn what_is_not_built_says_so_in_its_protocol() {
    let cbor = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    let rows = [
        ("rds", Sent { service: "rds", body: b"Action=DescribeDBInstances&Version=2014-10-31", ..POST }),
        ("ec2", Sent { service: "ec2", body: b"Action=DescribeTransitGateways&Version=2016-11-15", ..POST }),
        (
            "dynamodb",
            Sent {
                service: "dynamodb",
                headers: &[JSON10, target("DynamoDB_20120810.DescribeTableReplicaAutoScaling")],
                body: b"{}",
                ..POST
            },
        ),
        (
            "ecs",
            Sent {
                service: "ecs",
                headers: &[JSON11, target("AmazonEC2ContainerServiceV20141113.ListClusters")],
                body: b"{}",
                ..POST
            },
        ),
        (
            "lambda",
            Sent {
                service: "lambda",
                method: "GET",
                uri: "/2020-04-22/code-signing-configs",
                headers: &[],
                ..POST
            },
        ),
        (
            "route53",
            Sent { service: "route53", method: "GET", uri: "/2013-04-01/hostedzone", headers: &[], ..POST },
        ),
        (
            "cloudwatch",
            Sent {
                service: "monitoring",
                uri: "/service/GraniteServiceVersion20100801/operation/ListMetricStreams",
                headers: &cbor,
                body: b"\xa0",
                ..POST
            },
        ),
    ];
    let cloud = Cloud::new();
    for (what, sent) in rows {
        let mut request = build(&sent);
        cloud.root("123456789012").sign(&mut request, sent.service);
        let (parts, body) = request.into_parts();
        let peer = kernel::Peer::at(Ipv4Addr::LOCALHOST.into(), None);
        let reply = cloud.block_on(cloud.cloud.serve(&parts, body, peer));
        let body = cloud.block_on(reply.content.whole()).unwrap();
        let text = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(reply.status, 501, "{what}: {text}");
        let code = text.contains("NotImplemented")
            || reply
                .headers
                .get("x-amzn-errortype")
                .is_some_and(|v| v.as_bytes().starts_with(b"NotImplemented"));
        assert!(code && text.contains("is not built in this version of Virga"), "{what}: {text}");
    }
}

fn describe(body: &[u8]) -> Sent<'_> {
    Sent { service: "kms", headers: &[JSON11, ("x-amz-target", "TrentService.DescribeKey")], body, ..POST }
}

#[test]
fn json_that_is_none() {
    let deep = [&b"["[..]; 5000].concat();
    let inside =
        [b"{\"KeyId\":".to_vec(), b"{\"a\":".repeat(5000), b"1".to_vec(), b"}".repeat(5001)].concat();
    let long = [b"{\"KeyId\":\"".to_vec(), vec![b'a'; 300_000], b"\"}".to_vec()].concat();
    each(&[
        ("cut off", describe(b"{"), 400, "SerializationException"),
        ("two documents", describe(b"{}{}"), 400, "SerializationException"),
        ("a list", describe(b"[]"), 400, "SerializationException"),
        ("a string", describe(b"\"x\""), 400, "SerializationException"),
        ("bad UTF-8", describe(b"{\"KeyId\":\"\xff\"}"), 400, "SerializationException"),
        // It becomes U+FFFD, and there is no such key.
        ("half a surrogate", describe(b"{\"KeyId\":\"\\ud800\"}"), 400, "NotFoundException"),
        ("a comment", describe(b"{/**/}"), 400, "SerializationException"),
        ("NaN", describe(b"{\"KeyId\":NaN}"), 400, "SerializationException"),
        ("deep", describe(&deep), 400, "SerializationException"),
        ("deep within", describe(&inside), 400, "SerializationException"),
        ("XML", describe(b"<KeyId>a</KeyId>"), 400, "SerializationException"),
        ("a form", describe(b"KeyId=a"), 400, "SerializationException"),
        ("a long value", describe(&long), 400, "ValidationException"),
        ("nothing", describe(b""), 400, "SerializationException"),
    ]);
}

fn create_user(body: &[u8]) -> Sent<'_> {
    Sent { service: "iam", body, ..POST }
}

#[test]
fn forms_that_are_none() {
    let start = b"Action=CreateUser&Version=2010-05-08&UserName=a&".to_vec();
    let deep = [start.clone(), b"Tags.member.1.".repeat(5000), b"Key=a".to_vec()].concat();
    let far = [start.clone(), b"Tags.member.99999999999999999999.Key=a".to_vec()].concat();
    let below = [start.clone(), b"Tags.member.-1.Key=a".to_vec()].concat();
    let many: Vec<u8> =
        start.iter().copied().chain((0..150_000).flat_map(|n| format!("p{n}=&").into_bytes())).collect();
    let long = [b"Action=CreateUser&Version=2010-05-08&UserName=".to_vec(), vec![b'a'; 300_000]].concat();
    each(&[
        // An escape that is none stands for itself, and no name has a percent sign.
        ("bad percent", create_user(b"Action=CreateUser&UserName=%zz"), 400, "ValidationError"),
        (
            "bad UTF-8, escaped",
            create_user(b"Action=CreateUser&UserName=%ff%fe"),
            400,
            "MalformedQueryString",
        ),
        ("bad UTF-8", create_user(b"Action=CreateUser&UserName=\xff"), 400, "MalformedQueryString"),
        ("another version", create_user(b"Action=MakeCoffee&Version=1999-01-01"), 400, "InvalidAction"),
        ("JSON", create_user(b"{\"Action\":\"CreateUser\"}"), 400, "MissingAction"),
        ("deep", create_user(&deep), 400, "ValidationError"),
        ("a far index", create_user(&far), 400, "MalformedQueryString"),
        ("an index below", create_user(&below), 400, "MalformedQueryString"),
        ("many", create_user(&many), 413, "RequestEntityTooLarge"),
        ("a long value", create_user(&long), 400, "ValidationError"),
        ("a NUL", create_user(b"Action=CreateUser&Version=2010-05-08&UserName=%00"), 400, "ValidationError"),
        (
            "an action as long as a book",
            create_user(&[b"Action=".to_vec(), vec![b'x'; 100_000]].concat()),
            400,
            "MissingAction",
        ),
    ]);
}

#[test]
fn another_protocols_content_type() {
    each(&[
        (
            "a form with a target",
            Sent { service: "kms", headers: &[FORM, target("TrentService.ListKeys")], body: b"{}", ..POST },
            400,
            "UnknownOperationException",
        ),
        (
            "no type with a target",
            Sent { service: "kms", headers: &[target("TrentService.ListKeys")], body: b"{}", ..POST },
            400,
            "UnknownOperationException",
        ),
        (
            "a GET with a target",
            Sent {
                service: "kms",
                method: "GET",
                headers: &[JSON11, target("TrentService.ListKeys")],
                ..POST
            },
            400,
            "UnknownOperationException",
        ),
        ("JSON for a query service", Sent { headers: &[JSON11], body: b"{}", ..POST }, 400, "MissingAction"),
    ]);
}

/// Sent as it stands, with this Authorization.
fn with_authorization<'a>(headers: &'a [(&'a str, &'a str)]) -> Sent<'a> {
    Sent { service: "", headers, body: WHOAMI.as_bytes(), ..POST }
}

#[test]
fn authorizations_that_are_none() {
    let full = "AWS4-HMAC-SHA256 Credential=123456789012/20260115/us-east-1/sts/aws4_request, \
                SignedHeaders=host, Signature=00";
    let two = [FORM, ("authorization", full), ("authorization", full), ("x-amz-date", "20260115T120000Z")];
    let absurd_date = |date: &'static str| [FORM, ("authorization", full), ("x-amz-date", date)];
    let (year, letters, empty, huge) = (
        absurd_date("99999999T999999Z"),
        absurd_date("yesterday"),
        absurd_date(""),
        absurd_date("20260115T120000Z00000000000000000000000000000000000"),
    );
    let auth = |value: &'static str| [FORM, ("authorization", value)];
    let (a, b, c, d, e, f) = (
        auth("AWS4-HMAC-SHA256"),
        auth("AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature="),
        auth("Bearer token"),
        auth("Basic YTpi"),
        auth(""),
        auth("AWS4-HMAC-SHA256 Credential=x/sts/aws4_request, SignedHeaders=host, Signature=00"),
    );
    each(&[
        ("none", with_authorization(&[FORM]), 403, "MissingAuthenticationToken"),
        ("the algorithm alone", with_authorization(&a), 400, "IncompleteSignature"),
        ("empty parts", with_authorization(&b), 400, "IncompleteSignature"),
        ("a bearer", with_authorization(&c), 403, "MissingAuthenticationToken"),
        ("a password", with_authorization(&d), 403, "MissingAuthenticationToken"),
        ("empty", with_authorization(&e), 403, "MissingAuthenticationToken"),
        ("a short scope", with_authorization(&f), 400, "IncompleteSignature"),
        // The first one counts, for the route and for the signature; its date is long past.
        ("two", with_authorization(&two), 403, "SignatureDoesNotMatch"),
        ("month 99", with_authorization(&year), 400, "IncompleteSignature"),
        ("a word for a date", with_authorization(&letters), 400, "IncompleteSignature"),
        ("no date", with_authorization(&empty), 400, "IncompleteSignature"),
        ("a long date", with_authorization(&huge), 400, "IncompleteSignature"),
    ]);
}

/// Never a failure of the cloud (501 says what is not built), never a panic, and always an answer that can be read.
fn is_orderly(cloud: &Cloud, request: Request<Bytes>) -> Result<(), TestCaseError> {
    let said = format!("{request:?}");
    let (parts, body) = request.into_parts();
    let peer = kernel::Peer::at(Ipv4Addr::LOCALHOST.into(), None);
    let reply = cloud.block_on(cloud.cloud.serve(&parts, body, peer));
    prop_assert!(reply.status < 500 || reply.status == 501, "{} to {said}", reply.status);
    prop_assert!(
        reply.headers.keys().any(|k| k.as_str().contains("requestid") || k.as_str().contains("request-id"))
    );
    Ok(())
}

fn run<S: Strategy>(strategy: &S, test: impl Fn(&Cloud, S::Value) -> Result<(), TestCaseError>) {
    let cloud = Cloud::new();
    // Seeded: the same requests on every machine.
    let config = Config { cases: 1500, failure_persistence: None, ..Config::default() };
    let algorithm = config.rng_algorithm;
    let mut runner =
        TestRunner::new_with_rng(config, proptest::test_runner::TestRng::deterministic_rng(algorithm));
    let outcome = runner.run(strategy, |value| test(&cloud, value));
    outcome.unwrap_or_else(|e| panic!("{e}"));
}

const METHODS: &[&str] =
    &["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "CONNECT", "TRACE", "BREW"];
const TYPES: &[&str] = &[
    "application/x-www-form-urlencoded",
    "application/x-amz-json-1.0",
    "application/x-amz-json-1.1; charset=x",
    "application/json",
    "application/xml",
    "application/cbor",
    "multipart/form-data; boundary=x",
    "\u{e9}",
    "",
];
const NAMES: &[&str] = &[
    "host",
    "x-amz-target",
    "smithy-protocol",
    "x-amz-date",
    "date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "authorization",
    "content-length",
    "content-encoding",
    "user-agent",
    "x-amz-meta-x",
];
/// Beginnings that lead further in than chance would.
const STARTS: &[&str] = &[
    "",
    "Action=CreateUser&Version=2010-05-08&UserName=",
    "Action=AssumeRole&Version=2011-06-15&",
    "{\"KeyId\":",
    "{\"a\":[{\"b\":",
    "<a><b>",
    "TrentService.DescribeKey",
    "AWS4-HMAC-SHA256 Credential=123456789012/20260115/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=",
    "Credential=",
    "s3.localhost",
    "a.s3.us-east-1.amazonaws.com",
];

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(STARTS), prop::collection::vec(any::<u8>(), 0..most))
        .prop_map(|(start, rest)| [start.as_bytes(), &rest].concat())
}

fn path() -> impl Strategy<Value = String> {
    let plain = "[ -~]{0,40}".prop_map(|text| {
        let fit =
            |c: char| if c.is_ascii_alphanumeric() || "%/?&=.-_~:@+$,;!'()*".contains(c) { c } else { 'x' };
        text.chars().map(fit).collect::<String>()
    });
    const STARTS: &[&str] = &[
        "",
        "2015-03-31/functions/",
        "service/GraniteServiceVersion20100801/operation/",
        "bucket/key?",
        "?Action=",
    ];
    (prop::sample::select(STARTS).prop_map(str::to_owned), plain)
        .prop_map(|(start, rest)| format!("/{start}{rest}"))
}

#[test]
fn random_requests_are_refused_in_order() {
    let headers = prop::collection::vec((prop::sample::select(NAMES), bytes(40)), 0..6);
    let whole = (prop::sample::select(METHODS), path(), prop::sample::select(TYPES), headers, bytes(300));
    run(&whole, |cloud, (method, path, kind, headers, body)| {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = method.parse().unwrap();
        let Ok(uri) = path.parse() else { return Ok(()) };
        *request.uri_mut() = uri;
        request.headers_mut().insert("content-type", http::HeaderValue::from_bytes(kind.as_bytes()).unwrap());
        for (name, value) in headers {
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        is_orderly(cloud, request)
    });
}

#[test]
fn random_bodies_of_signed_calls_are_refused_in_order() {
    let ways = [
        ("iam", FORM, ""),
        ("sts", FORM, ""),
        ("kms", JSON11, "TrentService.Encrypt"),
        ("kms", JSON11, "TrentService.CreateKey"),
        ("organizations", JSON11, "AWSOrganizationsV20161128.CreateAccount"),
        ("cloudtrail", JSON11, "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"),
    ];
    run(&(prop::sample::select(ways.to_vec()), bytes(300)), |cloud, ((service, kind, name), body)| {
        let headers = if name.is_empty() { vec![kind] } else { vec![kind, target(name)] };
        let mut request = build(&Sent { service, headers: &headers, body: &body, ..POST });
        cloud.root("123456789012").sign(&mut request, service);
        is_orderly(cloud, request)
    });
}

/// What is valid but for one byte.
#[test]
fn calls_with_one_byte_changed_are_orderly() {
    let cloud = Cloud::new();
    let whole =
        b"Action=CreateUser&Version=2010-05-08&UserName=eva&Tags.member.1.Key=a&Tags.member.1.Value=b";
    for at in 0..whole.len() {
        for byte in [0, b'.', b'%', b'&', b'=', 0xff] {
            let mut body = whole.to_vec();
            body[at] = byte;
            let mut request = build(&create_user(&body));
            cloud.root("123456789012").sign(&mut request, "iam");
            is_orderly(&cloud, request).unwrap();
        }
    }
}
