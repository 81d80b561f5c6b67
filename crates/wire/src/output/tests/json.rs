//! json 1.0 and 1.1, rest-json bodies and CBOR.

use super::build::{Build, at, member, named, to};
use super::{body, headers, map, reply, st};
use crate::model::{Kind, Location, Protocol, Service, Structure, TimestampFormat};
use crate::value::Value;
use base::Timestamp;

fn everything() -> Service {
    let mut b = Build::new("kms", Protocol::Json11);
    let string = b.string();
    let document = b.shape("Doc", Kind::Structure(Structure { document: true, ..Structure::default() }));
    let members = vec![
        member("Str", named(string, "wire")),
        member("Num", to(b.integer())),
        member("Yes", to(b.boolean())),
        member("Float", to(b.float(false))),
        member("Double", to(b.float(true))),
        member("Time", to(b.timestamp(TimestampFormat::Default))),
        member("Iso", to(b.timestamp(TimestampFormat::Iso8601))),
        member("Http", to(b.timestamp(TimestampFormat::Rfc822))),
        member("Blob", to(b.blob())),
        member("List", to(b.list(to(string), false))),
        member("Map", to(b.map(to(string), to(string), false))),
        member("Doc", to(document)),
    ];
    let output = b.structure("Out", members);
    b.done(Some(output))
}

#[test]
fn json_values() {
    let service = everything();
    let time = Value::Time(Timestamp::from_micros(1_422_172_800_120_000));
    let cases = [
        (
            "Str",
            Value::str("a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{7f}é😀"),
            r#"{"Str":"a\"b\\c\n\r\t\b\f\u0001éX"}"#,
        ),
        ("Num", Value::Int(i64::MIN), r#"{"Num":-9223372036854775808}"#),
        ("Yes", Value::Bool(true), r#"{"Yes":true}"#),
        ("Float", Value::Float(f64::from(1.2_f32)), r#"{"Float":1.2}"#),
        ("Double", Value::Float(3.0), r#"{"Double":3.0}"#),
        ("Double", Value::Float(f64::NAN), r#"{"Double":"NaN"}"#),
        ("Double", Value::Float(f64::NEG_INFINITY), r#"{"Double":"-Infinity"}"#),
        ("Time", time.clone(), r#"{"Time":1422172800.12}"#),
        ("Iso", time.clone(), r#"{"Iso":"2015-01-25T08:00:00.120Z"}"#),
        ("Http", time, r#"{"Http":"Sun, 25 Jan 2015 08:00:00 GMT"}"#),
        ("Blob", Value::Blob("value".into()), r#"{"Blob":"dmFsdWU="}"#),
        ("Blob", Value::str("value"), r#"{"Blob":"dmFsdWU="}"#),
        ("List", Value::List(vec![Value::str("a"), Value::Null]), r#"{"List":["a",null]}"#),
        ("Map", map(&[("k", "v"), ("l", "w")]), r#"{"Map":{"k":"v","l":"w"}}"#),
        ("Map", map(&[]), r#"{"Map":{}}"#),
        (
            "Doc",
            Value::List(vec![Value::Null, Value::Float(0.5), map(&[("k", "v")])]),
            r#"{"Doc":[null,0.5,{"k":"v"}]}"#,
        ),
        ("Num", Value::Null, "{}"),
    ];
    for (name, value, expected) in cases {
        let expected = expected.replace('X', "😀").replace("\\u0001", "\\u0001\u{7f}");
        assert_eq!(body(&service, Protocol::Json11, &st(&[(name, value)])), expected);
    }
    let two = st(&[("Num", Value::Int(1)), ("Str", Value::str("s"))]);
    assert_eq!(body(&service, Protocol::RestJson, &two), r#"{"Num":1,"wire":"s"}"#);
}

#[test]
fn content_types() {
    let cases = [
        (Protocol::Json10, "{}", vec!["content-type: application/x-amz-json-1.0"]),
        (Protocol::Json11, "{}", vec!["content-type: application/x-amz-json-1.1"]),
        (Protocol::RestJson, "{}", vec!["content-type: application/json"]),
    ];
    for (protocol, expected, mut lines) in cases {
        let answer = reply(&everything(), protocol, &st(&[]));
        lines.push("x-amzn-requestid: req-1");
        assert_eq!(
            (super::text(&answer).as_str(), headers(&answer)),
            (expected, lines.iter().map(|l| (*l).to_owned()).collect())
        );
    }
    let nothing = Build::new("kms", Protocol::Json11).done(None);
    let answer = reply(&nothing, Protocol::Json11, &st(&[]));
    assert_eq!((super::text(&answer).as_str(), answer.headers.len()), ("", 2));
    let answer = reply(&nothing, Protocol::RestJson, &st(&[]));
    assert_eq!(
        (super::text(&answer).as_str(), headers(&answer)),
        ("", vec!["x-amzn-requestid: req-1".to_owned()])
    );
}

#[test]
fn no_body_with_204() {
    let mut service = everything();
    service.operations[0].status = 204;
    let answer = reply(&service, Protocol::RestJson, &st(&[]));
    assert_eq!((answer.status, super::text(&answer).as_str()), (204, ""));
    assert_eq!(headers(&answer), ["x-amzn-requestid: req-1"]);
}

#[test]
fn payloads_of_rest_json() {
    let with_payload = |kind: &str| {
        let mut b = Build::new("lambda", Protocol::RestJson);
        let string = b.string();
        let target = match kind {
            "blob" => b.blob(),
            "string" => string,
            _ => b.structure("Inner", vec![member("A", to(string))]),
        };
        let members = vec![at(Location::Header, "H", named(string, "x-h")), member("Body", to(target))];
        let output = Kind::Structure(Structure { members, payload: Some(1), ..Structure::default() });
        let output = b.shape("Out", output);
        b.done(Some(output))
    };
    let cases = [
        ("blob", Value::Blob("raw\0".into()), "raw\0", "content-type: application/octet-stream"),
        ("string", Value::str("{}"), "{}", "content-type: text/plain"),
        ("struct", st(&[("A", Value::str("b"))]), r#"{"A":"b"}"#, "content-type: application/json"),
    ];
    for (kind, value, expected, content_type) in cases {
        let answer =
            reply(&with_payload(kind), Protocol::RestJson, &st(&[("Body", value), ("H", Value::str("h"))]));
        assert_eq!(super::text(&answer), expected);
        assert_eq!(headers(&answer), [content_type, "x-amzn-requestid: req-1", "x-h: h"]);
    }
    assert_eq!(body(&with_payload("struct"), Protocol::RestJson, &st(&[])), "{}");
    assert_eq!(
        headers(&reply(&with_payload("blob"), Protocol::RestJson, &st(&[]))),
        ["x-amzn-requestid: req-1"]
    );
}

#[test]
fn cbor() {
    let service = everything();
    let time = |micros| Value::Time(Timestamp::from_micros(micros));
    let cases: [(&'static str, Value, &[u8]); 18] = [
        ("Str", Value::str("a"), b"\xa1\x63Str\x61a"),
        ("Num", Value::Int(23), b"\xa1\x63Num\x17"),
        ("Num", Value::Int(24), b"\xa1\x63Num\x18\x18"),
        ("Num", Value::Int(256), b"\xa1\x63Num\x19\x01\x00"),
        ("Num", Value::Int(65_536), b"\xa1\x63Num\x1a\x00\x01\x00\x00"),
        ("Num", Value::Int(1 << 32), b"\xa1\x63Num\x1b\x00\x00\x00\x01\x00\x00\x00\x00"),
        ("Num", Value::Int(-1), b"\xa1\x63Num\x20"),
        ("Num", Value::Int(i64::MIN), b"\xa1\x63Num\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ("Yes", Value::Bool(true), b"\xa1\x63Yes\xf5"),
        ("Float", Value::Float(1.5), b"\xa1\x65Float\xfa\x3f\xc0\x00\x00"),
        ("Double", Value::Float(1.5), b"\xa1\x66Double\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
        ("Time", time(1_000_000), b"\xa1\x64Time\xc1\x01"),
        ("Time", time(1_500_000), b"\xa1\x64Time\xc1\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
        ("Blob", Value::Blob("ab".into()), b"\xa1\x64Blob\x42ab"),
        ("Blob", Value::str("ab"), b"\xa1\x64Blob\x42ab"),
        ("List", Value::List(vec![Value::str("a"), Value::Null]), b"\xa1\x64List\x82\x61a\xf6"),
        ("Map", map(&[("k", "v")]), b"\xa1\x63Map\xa1\x61k\x61v"),
        ("Num", Value::Null, b"\xa0"),
    ];
    for (name, value, expected) in cases {
        let answer = reply(&service, Protocol::RpcV2Cbor, &st(&[(name, value)]));
        assert_eq!(answer.body, expected, "{name}");
        assert_eq!(
            headers(&answer),
            ["content-type: application/cbor", "smithy-protocol: rpc-v2-cbor", "x-amzn-requestid: req-1"]
        );
    }
    let nothing = Build::new("cloudwatch", Protocol::RpcV2Cbor).done(None);
    let answer = reply(&nothing, Protocol::RpcV2Cbor, &st(&[]));
    assert_eq!(
        (answer.body.len(), headers(&answer)),
        (0, vec!["smithy-protocol: rpc-v2-cbor".to_owned(), "x-amzn-requestid: req-1".to_owned()])
    );
}
