//! Members that are bound to headers and to the status.

use super::build::{Build, at, to};
use super::{headers, reply, st, strings};
use crate::model::{Kind, Location, MemberRef, Protocol, Structure, TimestampFormat};
use crate::output::success_head;
use crate::value::Value;
use base::Timestamp;

#[test]
fn one_header_of_each_kind() {
    let time = Value::Time(Timestamp::from_seconds(1_422_172_800));
    type Cases = Vec<(fn(&mut Build) -> MemberRef, Value, &'static str)>;
    let cases: Cases = vec![
        (|b| to(b.string()), Value::str("text"), "text"),
        (|b| to(b.string()), Value::str("grün\r\nx: y"), "=?UTF-8?B?Z3LDvG4NCng6IHk=?="),
        (|b| to(b.integer()), Value::Int(-1), "-1"),
        (|b| to(b.boolean()), Value::Bool(false), "false"),
        (|b| to(b.float(true)), Value::Float(1.5), "1.5"),
        (|b| to(b.timestamp(TimestampFormat::Default)), time.clone(), "Sun, 25 Jan 2015 08:00:00 GMT"),
        (|b| to(b.timestamp(TimestampFormat::Iso8601)), time.clone(), "2015-01-25T08:00:00Z"),
        (|b| to(b.timestamp(TimestampFormat::Unix)), time, "1422172800"),
        (|b| to(b.blob()), Value::Blob("value".into()), "dmFsdWU="),
        (|b| to_list(b), strings(&["a", "b,c", "d\"e"]), r#"a, "b,c", "d\"e""#),
        (|b| json(b), st(&[("a", Value::Int(1))]), "eyJhIjoxfQ=="),
        (|b| json(b), Value::str("{\"a\":1}"), "eyJhIjoxfQ=="),
    ];
    for (target, value, expected) in cases {
        let mut b = Build::new("lex", Protocol::RestJson);
        let target = target(&mut b);
        let output = b.structure("Out", vec![at(Location::Header, "X-Foo", target)]);
        let answer = reply(&b.done(Some(output)), Protocol::RestJson, &st(&[("X-Foo", value)]));
        assert_eq!(answer.headers["x-foo"], expected);
        assert_eq!(super::text(&answer), "{}");
    }
}

fn to_list(b: &mut Build) -> MemberRef {
    let string = b.string();
    to(b.list(to(string), false))
}

fn json(b: &mut Build) -> MemberRef {
    MemberRef { json_value: true, ..to(b.string()) }
}

#[test]
fn prefixes_and_status() {
    let mut b = Build::new("s3", Protocol::RestXml);
    let string = b.string();
    let map = b.map(to(string), to(string), false);
    let meta = MemberRef { wire_name: "x-amz-meta-", ..to(map) };
    let status = b.integer();
    let output = b.structure(
        "Out",
        vec![at(Location::HeaderPrefix, "Metadata", meta), at(Location::StatusCode, "Status", to(status))],
    );
    let service = b.done(Some(output));
    let metadata = super::map(&[("Colour", "red"), ("bad key", "x")]);
    let answer =
        reply(&service, Protocol::RestXml, &st(&[("Metadata", metadata), ("Status", Value::Int(206))]));
    assert_eq!((answer.status, super::text(&answer).as_str()), (206, ""));
    assert_eq!(
        headers(&answer),
        [
            "server: AmazonS3",
            "x-amz-id-2: cmVxLTE=",
            "x-amz-meta-colour: red",
            "x-amz-missing-meta: 1",
            "x-amz-request-id: req-1"
        ]
    );
    let nonsense = reply(&service, Protocol::RestXml, &st(&[("Status", Value::Int(70_000))]));
    assert_eq!(nonsense.status, 200);
}

#[test]
fn heads_of_streams() {
    let cases = [(true, "application/vnd.amazon.eventstream"), (false, "application/octet-stream")];
    for (events, expected) in cases {
        let mut b = Build::new("s3", Protocol::RestXml);
        let stream = Kind::Structure(Structure { event_stream: true, ..Structure::default() });
        let body = if events { b.shape("Stream", stream) } else { b.blob() };
        let string = b.string();
        let members =
            vec![at(Location::Header, "Content-Type", to(string)), super::build::member("Body", to(body))];
        let output =
            b.shape("Out", Kind::Structure(Structure { members, payload: Some(1), ..Structure::default() }));
        let service = b.done(Some(output));
        let head = success_head(&service, &service.operations[0], Protocol::RestXml, &st(&[]), super::ID);
        assert_eq!((head.status, head.headers["content-type"].to_str().unwrap()), (200, expected));
        let own = st(&[("Content-Type", Value::str("image/png"))]);
        let head = success_head(&service, &service.operations[0], Protocol::RestXml, &own, super::ID);
        assert_eq!(head.headers["content-type"], "image/png", "a member's own type wins");
    }
}
