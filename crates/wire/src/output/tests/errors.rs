//! Faults in every protocol.

use super::build::{Build, at, error, member, to};
use super::{ID, headers, text};
use crate::Fault;
use crate::model::{Kind, Location, Protocol, Service};
use crate::output::fault;
use crate::value::Value;

/// A service with the error shape `Gone`, whose query code is `Service.Gone`.
fn service(id: &'static str, protocol: Protocol) -> Service {
    let mut b = Build::new(id, protocol);
    let (string, integer) = (b.string(), b.integer());
    let members = vec![
        member("Message", to(string)),
        member("Resource", to(string)),
        at(Location::Header, "RetryAfter", super::build::named(integer, "Retry-After")),
    ];
    b.shape("Gone", Kind::Structure(error("Service.Gone", 410, members)));
    b.done(None)
}

fn gone() -> Fault {
    Fault::new(0, "Gone", "It's <gone>").with("Resource", Value::str("r"))
}

#[test]
fn bodies() {
    let bare = "<?xml version=\"1.0\"?>\n";
    let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let cases: [(&'static str, Protocol, u16, String); 9] = [
        (
            "iam",
            Protocol::Query,
            410,
            "<ErrorResponse xmlns=\"https://service.example/doc/\"><Error><Type>Sender</Type><Code>Service.Gone</Code>\
             <Message>It&apos;s &lt;gone&gt;</Message><Resource>r</Resource></Error><RequestId>req-1</RequestId>\
             </ErrorResponse>"
                .into(),
        ),
        (
            "ec2",
            Protocol::Ec2Query,
            410,
            format!(
                "{xml}<Response><Errors><Error><Code>Service.Gone</Code><Message>It&apos;s &lt;gone&gt;</Message>\
                 <Resource>r</Resource></Error></Errors><RequestID>req-1</RequestID></Response>"
            ),
        ),
        (
            "s3",
            Protocol::RestXml,
            410,
            format!(
                "{xml}<Error><Code>Service.Gone</Code><Message>It&apos;s &lt;gone&gt;</Message>\
                 <Resource>r</Resource><RequestId>req-1</RequestId><HostId>cmVxLTE=</HostId></Error>"
            ),
        ),
        (
            "route53",
            Protocol::RestXml,
            410,
            format!(
                "{bare}<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error>\
                 <Type>Sender</Type><Code>Service.Gone</Code><Message>It&apos;s &lt;gone&gt;</Message>\
                 <Resource>r</Resource></Error><RequestId>req-1</RequestId></ErrorResponse>"
            ),
        ),
        ("kms", Protocol::Json11, 410, r#"{"__type":"Gone","Message":"It's <gone>","Resource":"r"}"#.into()),
        (
            "dynamodb",
            Protocol::Json10,
            410,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#Gone","Message":"It's <gone>","Resource":"r"}"#.into(),
        ),
        ("sqs", Protocol::Json10, 410, r#"{"__type":"com.amazonaws.sqs#Gone","Message":"It's <gone>","Resource":"r"}"#.into()),
        ("lambda", Protocol::RestJson, 410, r#"{"Message":"It's <gone>","Resource":"r"}"#.into()),
        ("x", Protocol::RpcV2Cbor, 410, "\u{0}".into()),
    ];
    for (id, protocol, status, expected) in cases {
        let service = service(id, protocol);
        for code in ["Gone", "Service.Gone"] {
            let answer = fault(Some(&service), None, protocol, &Fault { code: code.into(), ..gone() }, ID);
            assert_eq!(answer.status, status);
            if protocol == Protocol::RpcV2Cbor {
                assert_eq!(
                    answer.body,
                    &b"\xa3\x66__type\x74com.amazonaws.x#Gone\x67Message\x6bIt's <gone>\x68Resource\x61r"[..]
                );
            } else {
                assert_eq!(text(&answer), expected, "{id} {code}");
            }
        }
    }
}

#[test]
fn lambda_tells_whose_fault_it_was_where_its_model_has_a_place_for_it() {
    let answer = |id: &'static str, status: u16, members: &[&'static str]| {
        let mut b = Build::new(id, Protocol::RestJson);
        let string = b.string();
        let members = members.iter().map(|name| member(name, to(string))).collect();
        b.shape("Gone", Kind::Structure(error("Gone", 410, members)));
        let refused = Fault::new(status, "Gone", "no");
        text(&fault(Some(&b.done(None)), None, Protocol::RestJson, &refused, ID))
    };
    let both = ["Type", "message"];
    assert_eq!(answer("lambda", 410, &both), r#"{"message":"no","Type":"User"}"#);
    assert_eq!(answer("lambda", 500, &both), r#"{"message":"no"}"#);
    assert_eq!(answer("lambda", 410, &["message"]), r#"{"message":"no"}"#);
    assert_eq!(answer("backup", 410, &both), r#"{"message":"no"}"#);
}

#[test]
fn what_no_model_knows_goes_out_as_it_is() {
    let denied = Fault::new(400, "AccessDeniedException", "no").with("Reason", Value::Int(7));
    let failure = Fault::new(500, "InternalFailure", "");
    let unread = Fault::new(400, "SerializationException", "no");
    let cases = [
        ("kms", Protocol::Json11, &denied, r#"{"__type":"AccessDeniedException","Message":"no","Reason":7}"#),
        (
            "dynamodb",
            Protocol::Json10,
            &denied,
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no","Reason":7}"#,
        ),
        (
            "dynamodb",
            Protocol::Json10,
            &unread,
            r#"{"__type":"com.amazon.coral.service#SerializationException","Message":"no"}"#,
        ),
        ("kms", Protocol::Json11, &unread, r#"{"__type":"SerializationException","message":"no"}"#),
        ("lambda", Protocol::RestJson, &failure, "{}"),
        (
            "iam",
            Protocol::Query,
            &failure,
            "<ErrorResponse xmlns=\"https://service.example/doc/\"><Error><Type>Receiver</Type>\
             <Code>InternalFailure</Code><Message></Message></Error><RequestId>req-1</RequestId></ErrorResponse>",
        ),
    ];
    for (id, protocol, problem, expected) in cases {
        let answer = fault(Some(&service(id, protocol)), None, protocol, problem, ID);
        assert_eq!((answer.status, text(&answer).as_str()), (problem.status, expected));
    }
    let validation = Fault::new(400, "ValidationException", "bad");
    let answer = fault(Some(&service("dynamodb", Protocol::Json10)), None, Protocol::Json10, &validation, ID);
    assert_eq!(answer.headers.get("server").map(|value| value.as_bytes()), Some(&b"Server"[..]));
    assert_eq!(
        text(&answer),
        r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"bad"}"#
    );
}

#[test]
fn before_a_service_is_known() {
    let unknown = Fault::new(404, "UnknownOperationException", "");
    let cases = [
        (Protocol::Json11, r#"{"__type":"UnknownOperationException"}"#),
        (
            Protocol::Query,
            "<ErrorResponse><Error><Type>Sender</Type><Code>UnknownOperationException</Code><Message></Message>\
             </Error><RequestId>req-1</RequestId></ErrorResponse>",
        ),
    ];
    for (protocol, expected) in cases {
        assert_eq!(text(&fault(None, None, protocol, &unknown, ID)), expected);
    }
}

#[test]
fn headers_of_errors() {
    let retry = || gone().with("RetryAfter", Value::Int(9));
    let answer = fault(Some(&service("lambda", Protocol::RestJson)), None, Protocol::RestJson, &retry(), ID);
    assert_eq!(text(&answer), r#"{"Message":"It's <gone>","Resource":"r"}"#);
    assert_eq!(
        headers(&answer),
        [
            "content-type: application/json",
            "retry-after: 9",
            "x-amzn-errortype: Gone",
            "x-amzn-requestid: req-1"
        ]
    );
    let mut both = service("sqs", Protocol::Json10);
    both.protocols.push(Protocol::Query);
    for (protocol, expected) in [(Protocol::Json10, Some("Service.Gone;Sender")), (Protocol::Query, None)] {
        let answer = fault(Some(&both), None, protocol, &gone(), ID);
        assert_eq!(answer.headers.get("x-amzn-query-error").map(|v| v.to_str().unwrap()), expected);
    }
    let failure = Fault::new(503, "Down", "");
    let answer = fault(Some(&both), None, Protocol::RpcV2Cbor, &failure, ID);
    assert_eq!(answer.headers["x-amzn-query-error"], "Down;Receiver");
}

#[test]
fn not_modified_has_no_body() {
    let answer = fault(
        Some(&service("s3", Protocol::RestXml)),
        None,
        Protocol::RestXml,
        &Fault::new(304, "NotModified", "x"),
        ID,
    );
    assert_eq!((answer.status, answer.body.len()), (304, 0));
    assert_eq!(headers(&answer), ["server: AmazonS3", "x-amz-id-2: cmVxLTE=", "x-amz-request-id: req-1"]);
}

/// An operation's own error is preferred to another shape of the same code.
#[test]
fn the_operations_errors_come_first() {
    let mut b = Build::new("elb", Protocol::Query);
    let string = b.string();
    b.shape("First", Kind::Structure(error("Same", 400, vec![])));
    let own = b.shape("Second", Kind::Structure(error("Same", 409, vec![member("Extra", to(string))])));
    let mut service = b.done(None);
    service.operations[0].errors.push(own);
    let same = Fault::new(0, "Same", "");
    assert_eq!(fault(Some(&service), Some(&service.operations[0]), Protocol::Query, &same, ID).status, 409);
    assert_eq!(fault(Some(&service), None, Protocol::Query, &same, ID).status, 400);
}
