//! Events out, and in again.

use super::build::{Build, error, member, to};
use super::st;
use crate::Fault;
use crate::eventstream::{Decoder, HeaderValue, Incoming, Message, event_value};
use crate::model::{Kind, MemberModel, Protocol, Service, ShapeId, Structure, TimestampFormat};
use crate::output::{EventError, event, event_fault, initial_response};
use crate::value::Value;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn header(name: &'static str, shape: ShapeId) -> MemberModel {
    MemberModel { event_header: true, ..member(name, to(shape)) }
}

fn payload(name: &'static str, shape: ShapeId) -> MemberModel {
    MemberModel { event_payload: true, ..member(name, to(shape)) }
}

fn stream(protocol: Protocol) -> (Service, ShapeId) {
    let mut b = Build::new("kinesis", protocol);
    let (string, integer, boolean, blob) = (b.string(), b.integer(), b.boolean(), b.blob());
    let timestamp = b.timestamp(TimestampFormat::Default);
    let details = b.structure("Details", vec![member("Text", to(string)), member("Number", to(integer))]);
    let raw = b.structure("RawEvent", vec![payload("Payload", blob)]);
    let rich = b.structure(
        "RichEvent",
        vec![
            payload("Details", details),
            header("Boolean", boolean),
            header("Integer", integer),
            header("Blob", blob),
            header("String", string),
            header("Timestamp", timestamp),
        ],
    );
    let plain = b.structure("PlainEvent", vec![member("Text", to(string))]);
    let bare = b.structure("BareEvent", vec![]);
    let broken =
        b.shape("BrokenException", Kind::Structure(error("", 400, vec![member("message", to(string))])));
    let members = vec![
        member("Raw", to(raw)),
        member("Rich", to(rich)),
        member("Plain", to(plain)),
        member("Bare", to(bare)),
        member("broken", to(broken)),
    ];
    let stream =
        b.shape("Stream", Kind::Structure(Structure { members, event_stream: true, ..Structure::default() }));
    let output = b.structure("Out", vec![member("Initial", to(string)), member("Events", to(stream))]);
    (b.done(Some(output)), stream)
}

fn read(bytes: &[u8]) -> Message {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    let message = decoder.next_message().unwrap().unwrap();
    assert!(decoder.is_empty());
    message
}

fn shown(message: &Message) -> (Vec<String>, String) {
    let line = |(name, value): (&str, &HeaderValue)| match value {
        HeaderValue::String(s) => format!("{name}: {s}"),
        other => format!("{name}: {other:?}"),
    };
    let headers = message.headers.iter().map(|h| line((&h.name, &h.value))).collect();
    (headers, String::from_utf8_lossy(&message.payload).into_owned())
}

fn rich() -> Value {
    st(&[
        ("Details", st(&[("Text", Value::str("somestring")), ("Number", Value::Int(123))])),
        ("Boolean", Value::Bool(true)),
        ("Integer", Value::Int(123)),
        ("Blob", Value::Blob("someblob".into())),
        ("String", Value::str("somestring")),
        ("Timestamp", Value::Time(Timestamp::from_seconds(1_422_172_800))),
    ])
}

#[test]
fn events_by_protocol() {
    let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let text = || st(&[("Text", Value::str("x"))]);
    let cases = [
        (Protocol::Json11, "Plain", text(), "application/x-amz-json-1.1", r#"{"Text":"x"}"#.to_owned()),
        (Protocol::RestJson, "Plain", text(), "application/json", r#"{"Text":"x"}"#.to_owned()),
        (Protocol::RestJson, "Bare", st(&[]), "application/json", "{}".to_owned()),
        (Protocol::RestXml, "Plain", text(), "text/xml", format!("{xml}<Plain><Text>x</Text></Plain>")),
        (Protocol::RestXml, "Bare", st(&[]), "", String::new()),
        (
            Protocol::RestJson,
            "Raw",
            st(&[("Payload", Value::Blob("bytes".into()))]),
            "application/octet-stream",
            "bytes".to_owned(),
        ),
        (
            Protocol::RpcV2Cbor,
            "Plain",
            text(),
            "application/cbor",
            String::from_utf8_lossy(b"\xa1\x64Text\x61x").into(),
        ),
    ];
    for (protocol, name, value, content_type, body) in cases {
        let (service, stream) = stream(protocol);
        let message = read(&event(&service, stream, protocol, name, &value).unwrap());
        let mut headers = vec![":message-type: event".to_owned(), format!(":event-type: {name}")];
        if !content_type.is_empty() {
            headers.push(format!(":content-type: {content_type}"));
        }
        assert_eq!(shown(&message), (headers, body));
    }
}

#[test]
fn known_bytes_of_headers() {
    let (service, stream) = stream(Protocol::RestXml);
    let message = read(&event(&service, stream, Protocol::RestXml, "Rich", &rich()).unwrap());
    assert_eq!(message.header("Integer"), Some(&HeaderValue::Int32(123)));
    assert_eq!(message.header("Boolean"), Some(&HeaderValue::Bool(true)));
    assert_eq!(message.text(":content-type"), Some("text/xml"));
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Details><Text>somestring</Text><Number>123</Number></Details>";
    assert_eq!(String::from_utf8_lossy(&message.payload), body);
    let long = st(&[("Integer", Value::Int(1 << 40))]);
    assert_eq!(event(&service, stream, Protocol::RestXml, "Rich", &long), Err(EventError::Unknown));
    assert_eq!(event(&service, stream, Protocol::RestXml, "Nothing", &long), Err(EventError::Unknown));
}

#[test]
fn exceptions() {
    let (service, stream) = stream(Protocol::RestJson);
    let cases = [
        (
            "BrokenException",
            vec![":message-type: exception", ":exception-type: broken", ":content-type: application/json"],
            r#"{"message":"sorry"}"#,
        ),
        ("Throttled", vec![":message-type: error", ":error-code: Throttled", ":error-message: sorry"], ""),
    ];
    for (code, headers, body) in cases {
        let fault = Fault::new(400, code, "sorry").with("NotModelled", Value::Int(1));
        let message = read(&event_fault(&service, stream, Protocol::RestJson, &fault).unwrap());
        let headers = headers.into_iter().map(str::to_owned).collect();
        assert_eq!(shown(&message), (headers, body.to_owned()));
    }
}

#[test]
fn the_first_event_of_an_rpc_stream() {
    let (service, _) = stream(Protocol::Json11);
    let value = st(&[("Initial", Value::str("x"))]);
    let bytes = initial_response(&service, &service.operations[0], Protocol::Json11, &value).unwrap();
    let headers = [
        ":message-type: event",
        ":event-type: initial-response",
        ":content-type: application/x-amz-json-1.1",
    ];
    assert_eq!(shown(&read(&bytes)), (headers.map(str::to_owned).to_vec(), r#"{"Initial":"x"}"#.to_owned()));
}

/// Stands for the protocol's parser: takes the text of the body for the member `Text`.
fn parse(_: ShapeId, body: &[u8]) -> Result<Value, Fault> {
    Ok(st(&[("Text", Value::str(String::from_utf8_lossy(body)))]))
}

#[test]
fn events_come_in() {
    let (service, stream) = stream(Protocol::RestJson);
    let out = |name, value| read(&event(&service, stream, Protocol::RestJson, name, &value).unwrap());
    let details = r#"{"Text":"somestring","Number":123}"#;
    let mut expected = rich();
    if let Value::Struct(members) = &mut expected {
        members.set("Details", st(&[("Text", Value::str(details))]));
    }
    let raw = st(&[("Payload", Value::Blob("b".into()))]);
    let cases = [
        (out("Rich", rich()), Incoming::Event("Rich", expected)),
        (out("Raw", raw.clone()), Incoming::Event("Raw", raw)),
        (out("Plain", st(&[])), Incoming::Event("Plain", st(&[("Text", Value::str("{}"))]))),
        (out("Bare", st(&[])), Incoming::Event("Bare", st(&[]))),
        (Message::default(), Incoming::End),
    ];
    for (message, expected) in cases {
        assert_eq!(event_value(&service, stream, &message, &mut parse), Ok(expected));
    }
}

#[test]
fn events_that_are_not_modelled_are_refused() {
    let (service, stream) = stream(Protocol::RestJson);
    let named = |name: &str| Message {
        headers: [(":message-type", "event"), (":event-type", name)]
            .map(|(n, v)| crate::eventstream::Header { name: n.into(), value: HeaderValue::String(v.into()) })
            .to_vec(),
        payload: bytes::Bytes::new(),
    };
    let cases = [
        (named("Odd"), "The event stream has no event of type Odd."),
        (
            Message { payload: "x".into(), ..Message::default() },
            "The event stream's message names no event type.",
        ),
    ];
    for (message, expected) in cases {
        let fault = event_value(&service, stream, &message, &mut parse).unwrap_err();
        assert_eq!((fault.code.as_str(), fault.message.as_str()), ("ValidationException", expected));
    }
    let first = named("initial-request");
    assert_eq!(event_value(&service, stream, &first, &mut parse), Ok(Incoming::InitialRequest));
}

/// The frame of a typed-header event, as clients' own tests have it.
#[test]
fn a_frame_that_clients_know() {
    let frame = "AAABAQAAAJBjEbY4DTptZXNzYWdlLXR5cGUHAAVldmVudAs6ZXZlbnQtdHlwZQcABVR5cGVDDTpjb250ZW50LXR5cGUHAAh0ZXh0\
                 L3htbAdCb29sZWFuAAdJbnRlZ2VyBAAAAHsEQmxvYgYACHNvbWVibG9iBlN0cmluZwcACnNvbWVzdHJpbmcJVGltZXN0YW1wCAAA\
                 AUsgGsQAPERldGFpbHMgeG1sbnM9IiI+PFN0cmluZ0ZpZWxkPnNvbWVzdHJpbmc8L1N0cmluZ0ZpZWxkPjxJbnRlZ2VyRmllbGQ+\
                 MTIzPC9JbnRlZ2VyRmllbGQ+PC9EZXRhaWxzPhGUvKo=";
    let message = read(&STANDARD.decode(frame).unwrap());
    assert_eq!(message.text(":event-type"), Some("TypeC"));
    assert_eq!(
        message.header("Timestamp"),
        Some(&HeaderValue::Timestamp(Timestamp::from_seconds(1_422_172_800)))
    );
    assert_eq!(message.header("Blob"), Some(&HeaderValue::Bytes("someblob".into())));
}
