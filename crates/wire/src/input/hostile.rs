//! Hostile input: nothing here may panic, hang or take memory out of proportion.

use super::tests::run;
use super::{DEPTH_MAX, NODES_MAX};
use crate::fault::Fault;
use proptest::prelude::*;

type Headers = &'static [(&'static str, &'static str)];

const JSON: [(&str, &str); 2] =
    [("x-amz-target", "DynamoDB_20120810.PutItem"), ("content-type", "application/x-amz-json-1.0")];
const FORM: [(&str, &str); 2] = [
    ("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/iam/aws4_request, x"),
    ("content-type", "application/x-www-form-urlencoded"),
];
const S3: [(&str, &str); 1] =
    [("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, x")];
const CBOR: [(&str, &str); 1] = [("smithy-protocol", "rpc-v2-cbor")];
const CBOR_LINE: &str = "POST /service/GraniteServiceVersion20100801/operation/PutMetricData";

fn code(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<(), (u16, String, String)> {
    let fault = |f: Fault| (f.status, f.code, f.message);
    run(line, headers, body).map(drop).map_err(fault)
}

#[test]
fn nesting_is_limited() {
    let deep = format!("The request is nested more than {DEPTH_MAX} levels deep.");
    let serialization = Err((400, "SerializationException".to_owned(), deep));
    for (open, close) in [(r#"{"L":["#, "]}"), (r#"{"Unknown":["#, "]}")] {
        for (levels, fits) in [(100, true), (130, false), (100_000, false)] {
            let body = format!(r#"{{"Item":{{"a":{}{}}}}}"#, open.repeat(levels), close.repeat(levels));
            let body = body.replace("[]", "[{}]");
            let got = code("POST /", &JSON, body.as_bytes());
            assert_eq!(got, if fits { Ok(()) } else { serialization.clone() }, "{levels} of {open}");
        }
    }
    let xml = format!("<Delete>{}{}</Delete>", "<x>".repeat(100_000), "</x>".repeat(100_000));
    assert_eq!(code("POST /b?delete", &S3, xml.as_bytes()).unwrap_err().1, "MalformedXML");
    let cbor = [b"\xa1\x61x".as_slice(), &[0x81; 100_000], b"\x00"].concat();
    assert_eq!(code(CBOR_LINE, &CBOR, &cbor), serialization);
    let tags = [b"\xa1\x61x".as_slice(), &[0xc6; 100_000], b"\x00"].concat();
    assert_eq!(code(CBOR_LINE, &CBOR, &tags), serialization);
    let form = format!("Action=CreateUser&{}=1", "Tags.member.1.".repeat(10_000));
    assert_eq!(code("POST /", &FORM, form.as_bytes()), Ok(()));
}

#[test]
fn sizes_are_limited() {
    let many = format!(r#"{{"Item":{{"a":{{"L":[{}{{}}]}}}}}}"#, "null,".repeat(NODES_MAX as usize));
    let too_many = format!("The request has more than {NODES_MAX} values.");
    let want = Err((400, "SerializationException".to_owned(), too_many));
    assert_eq!(code("POST /", &JSON, many.as_bytes()), want);
    let form = format!("Action=CreateUser{}", "&a=".repeat(super::PARAMETERS_MAX + 1));
    assert_eq!(code("POST /", &FORM, form.as_bytes()).unwrap_err().1, "RequestEntityTooLarge");
    // A number that a list would not survive as an index into memory.
    let sparse = "Action=CreateUser&Tags.member.4294967295.Key=a";
    assert_eq!(code("POST /", &FORM, sparse.as_bytes()), Ok(()));
    for number in ["99999999999", "-1", "x"] {
        let form = format!("Action=CreateUser&Tags.member.{number}.Key=b");
        assert_eq!(code("POST /", &FORM, form.as_bytes()).unwrap_err().1, "MalformedQueryString", "{number}");
    }
    let repeated = format!(r#"{{"Item":{{{}"a":{{}}}}}}"#, r#""a":{},"#.repeat(50_000));
    assert_eq!(code("POST /", &JSON, repeated.as_bytes()), Ok(()));
}

#[test]
fn every_truncation_is_refused_or_read() {
    let item = br#"{"Item":{"a":{"S":"\u00e4x"},"b":{"B":"AQI="},"l":{"L":[{"NULL":true},{"N":"1.5"}]}}}"#;
    for len in 0..item.len() {
        let got = code("POST /", &JSON, &item[..len]).unwrap_err();
        assert_eq!((got.0, &*got.1), (400, "SerializationException"), "{len}");
    }
    let xml =
        b"<?xml version=\"1.0\"?><Delete><Object><Key>a&amp;b</Key></Object><Quiet>true</Quiet></Delete>";
    for len in 1..xml.len() {
        assert_eq!(code("POST /b?delete", &S3, &xml[..len]).unwrap_err().1, "MalformedXML", "{len}");
    }
    let cbor = b"\xbf\x6aMetricData\x81\xa2\x65Value\xf9\x3e\x00\x69Timestamp\xc1\x1a\x4d\xea\xd3\xcb\xff";
    for len in 1..cbor.len() {
        assert_eq!(code(CBOR_LINE, &CBOR, &cbor[..len]).unwrap_err().1, "SerializationException", "{len}");
    }
}

#[test]
fn bytes_that_are_not_utf8() {
    let cases: [(&str, Headers, &[u8], &str); 4] = [
        ("POST /", &JSON, b"{\"TableName\":\"\xff\"}", "SerializationException"),
        ("POST /", &FORM, b"Action=CreateUser&UserName=\xff", "MalformedQueryString"),
        ("POST /b?delete", &S3, b"<Delete><Object><Key>\xff</Key></Object></Delete>", "MalformedXML"),
        (CBOR_LINE, &CBOR, b"\xa1\x69Namespace\x61\xff", "SerializationException"),
    ];
    for (line, headers, body, want) in cases {
        assert_eq!(code(line, headers, body).unwrap_err().1, want);
    }
}

/// Bytes that look enough like a protocol to get past its first check.
fn pieces(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => proptest::sample::select(words).prop_map(|w| w.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn json_never_panics(body in pieces(&["{", "}", "[", "]", ":", ",", "\"Item\"", "\"a\"", "\"S\"", "\"\\u00", "1", "-", "e9",
        "null", "true", "\"L\"", "\"M\"", "{\"Item\":{\"a\":{\"M\":{"])) {
        let _ = code("POST /", &JSON, &body);
    }

    #[test]
    fn query_never_panics(body in pieces(&["Action=CreateUser", "&", "=", ".", "Tags", "member", "1", "Key", "%", "%41", "+",
        "UserName", "Version=2010-05-08"])) {
        let _ = code("POST /", &FORM, &[b"Action=CreateUser&", &*body].concat());
    }

    #[test]
    fn xml_never_panics(body in pieces(&["<Delete>", "</Delete>", "<Object>", "</Object>", "<Key>", "</Key>", "<x/>", "&amp;", "&",
        "<!--", "-->", "<![CDATA[", "]]>", "<?xml ", "?>", "<a b='c'>", "<!DOCTYPE", ">", "text"])) {
        let _ = code("POST /b?delete", &S3, &body);
    }

    #[test]
    fn cbor_never_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = code(CBOR_LINE, &CBOR, &[b"\xbf\x6aMetricData".as_slice(), &body].concat());
        let _ = code(CBOR_LINE, &CBOR, &body);
    }

    #[test]
    fn routes_never_panic(path in "/[a-zA-Z0-9%/.{}+-]{0,40}", query in "[a-zA-Z0-9%&=+-]{0,40}", host in "[a-z0-9.:-]{0,40}",
        method in proptest::sample::select(&["GET", "PUT", "POST", "DELETE", "HEAD", "X"][..])) {
        let line = format!("{method} {path}?{query}");
        let _ = code(&line, &[("host", &host)], b"");
        let _ = code(&line, &[("host", &host), S3[0]], b"");
    }
}
