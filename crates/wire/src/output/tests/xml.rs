//! query, ec2 and rest-xml.

use super::build::{Build, at, member, named, to};
use super::{body, headers, map, reply, st, strings};
use crate::model::{Kind, Location, MemberRef, Protocol, Service, Structure, TimestampFormat};
use crate::value::Value;
use base::Timestamp;

fn time() -> Value {
    Value::Time(Timestamp::from_seconds(1_422_172_800))
}

/// What a query answer holds in its result.
fn result(service: &Service, value: &Value) -> String {
    let text = body(service, Protocol::Query, value);
    let inner = text.strip_prefix("<DoResponse xmlns=\"https://service.example/doc/\">").unwrap();
    let end = "<ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></DoResponse>";
    let inner = inner.strip_suffix(end).unwrap();
    inner.trim_start_matches("<DoResult>").trim_end_matches("</DoResult>").to_owned()
}

#[test]
fn scalars_in_the_models_order() {
    let mut b = Build::new("iam", Protocol::Query);
    let members = vec![
        member("Str", to(b.string())),
        member("Num", named(b.integer(), "FooNum")),
        member("No", to(b.boolean())),
        member("Yes", to(b.boolean())),
        member("Float", to(b.float(false))),
        member("Double", to(b.float(true))),
        member("Time", to(b.timestamp(TimestampFormat::Default))),
        member("Unix", to(b.timestamp(TimestampFormat::Unix))),
        member("Blob", to(b.blob())),
    ];
    let output = b.structure("Out", members);
    let service = b.done(Some(output));
    let value = st(&[
        ("Blob", Value::Blob("value".into())),
        ("Unix", time()),
        ("Time", time()),
        ("Double", Value::Float(1.3)),
        ("Float", Value::Float(f64::from(1.2_f32))),
        ("Yes", Value::Bool(true)),
        ("No", Value::Bool(false)),
        ("Num", Value::Int(-123)),
        ("Str", Value::str("my <\"name\">\r\n & 'mine'\u{1}\u{1f}é")),
    ]);
    assert_eq!(
        result(&service, &value),
        "<Str>my &lt;&quot;name&quot;&gt;&#xD;\n &amp; &apos;mine&apos;&#x1;&#x1F;é</Str><FooNum>-123</FooNum>\
         <No>false</No><Yes>true</Yes><Float>1.2</Float><Double>1.3</Double><Time>2015-01-25T08:00:00Z</Time>\
         <Unix>1422172800</Unix><Blob>dmFsdWU=</Blob>"
    );
}

#[test]
fn lists_and_maps() {
    let flat = |target| MemberRef { flattened: true, ..target };
    type Cases = Vec<(fn(&mut Build) -> MemberRef, Value, &'static str)>;
    let cases: Cases = vec![
        (|b| to_list(b, "", false), strings(&["a", "b"]), "<M><member>a</member><member>b</member></M>"),
        (|b| to_list(b, "item", false), strings(&["a"]), "<M><item>a</item></M>"),
        (|b| to_list(b, "", false), strings(&[]), "<M/>"),
        (|b| to_list(b, "", true), strings(&["a", "b"]), "<M>a</M><M>b</M>"),
        (|b| to_list(b, "Named", true), strings(&["a"]), "<Named>a</Named>"),
        (|b| to_list(b, "", true), strings(&[]), ""),
        (
            |b| to_map(b, "", "", false),
            map(&[("k", "v")]),
            "<M><entry><key>k</key><value>v</value></entry></M>",
        ),
        (|b| to_map(b, "N", "V", false), map(&[("k", "")]), "<M><entry><N>k</N><V/></entry></M>"),
        (|b| to_map(b, "", "", false), map(&[]), "<M/>"),
        (
            |b| to_map(b, "Name", "Value", true),
            map(&[("k", "v"), ("l", "w")]),
            "<M><Name>k</Name><Value>v</Value></M><M><Name>l</Name><Value>w</Value></M>",
        ),
    ];
    for (target, value, expected) in cases {
        let mut b = Build::new("iam", Protocol::Query);
        let target = target(&mut b);
        let output = b.structure("Out", vec![member("M", target)]);
        assert_eq!(
            result(&b.done(Some(output)), &st(&[("M", value)])),
            if expected.is_empty() { "<DoResult/>" } else { expected }
        );
    }
    let mut b = Build::new("iam", Protocol::Query);
    let target = flat(to_list(&mut b, "", false));
    let output = b.structure("Out", vec![member("M", target)]);
    assert_eq!(
        result(&b.done(Some(output)), &st(&[("M", strings(&["a"]))])),
        "<M>a</M>",
        "flattened at the member"
    );
}

fn to_list(b: &mut Build, element: &'static str, flattened: bool) -> MemberRef {
    let string = b.string();
    to(b.list(named(string, element), flattened))
}

fn to_map(b: &mut Build, key: &'static str, value: &'static str, flattened: bool) -> MemberRef {
    let string = b.string();
    to(b.map(named(string, key), named(string, value), flattened))
}

#[test]
fn an_answer_without_a_result() {
    let service = Build::new("iam", Protocol::Query).done(None);
    let answer = reply(&service, Protocol::Query, &st(&[]));
    assert_eq!(
        super::text(&answer),
        "<DoResponse xmlns=\"https://service.example/doc/\"><ResponseMetadata><RequestId>req-1</RequestId>\
         </ResponseMetadata></DoResponse>"
    );
    assert_eq!(answer.status, 200);
    assert_eq!(headers(&answer), ["content-type: text/xml", "x-amzn-requestid: req-1"]);
}

#[test]
fn query_names_come_before_the_others() {
    let mut b = Build::new("sqs", Protocol::Json10);
    let target = MemberRef { query_name: "Query", wire_name: "Wire", ..to(b.string()) };
    let output = b.structure("Out", vec![member("Own", target)]);
    let service = b.done(Some(output));
    let value = st(&[("Own", Value::str("x"))]);
    assert_eq!(body(&service, Protocol::Json10, &value), r#"{"Own":"x"}"#);
    assert!(body(&service, Protocol::Query, &value).contains("<DoResult><Query>x</Query></DoResult>"));
    assert!(body(&service, Protocol::RestXml, &value).contains("<Wire>x</Wire>"));
}

#[test]
fn ec2() {
    let mut b = Build::new("ec2", Protocol::Ec2Query);
    let string = b.string();
    let list = b.list(named(string, "item"), false);
    let timestamp = b.timestamp(TimestampFormat::Default);
    let members =
        vec![member("Groups", named(list, "groupSet")), member("LaunchTime", named(timestamp, "launchTime"))];
    let output = b.structure("Out", members);
    let service = b.done(Some(output));
    let start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <DoResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>req-1</requestId>";
    let cases = [
        (
            strings(&["a"]),
            "<groupSet><item>a</item></groupSet><launchTime>2015-01-25T08:00:00.000Z</launchTime>",
        ),
        (strings(&[]), "<groupSet/><launchTime>2015-01-25T08:00:00.000Z</launchTime>"),
    ];
    for (groups, expected) in cases {
        let answer = reply(&service, Protocol::Ec2Query, &st(&[("Groups", groups), ("LaunchTime", time())]));
        assert_eq!(super::text(&answer), format!("{start}{expected}</DoResponse>"));
        assert_eq!(headers(&answer), ["content-type: text/xml;charset=UTF-8", "x-amzn-requestid: req-1"]);
    }
    let nothing = Build::new("ec2", Protocol::Ec2Query).done(None);
    assert_eq!(
        body(&nothing, Protocol::Ec2Query, &st(&[])),
        format!("{start}<return>true</return></DoResponse>")
    );
}

const S3: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

fn bare_document(content: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n{content}")
}

fn s3_document(content: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{content}")
}

#[test]
fn s3_attributes_and_roots() {
    let mut b = Build::new("s3", Protocol::RestXml);
    let string = b.string();
    let kind = MemberRef { xml_attribute: true, ..named(string, "xsi:type") };
    let grantee = b.shape(
        "Grantee",
        Kind::Structure(Structure {
            members: vec![member("ID", to(string)), member("Type", kind)],
            xml_namespace: "http://www.w3.org/2001/XMLSchema-instance",
            ..Structure::default()
        }),
    );
    let etag = at(Location::Header, "ETag", named(string, "ETag"));
    let output = b.structure("Out", vec![member("Grantee", to(grantee)), member("Prefix", to(string)), etag]);
    let mut service = b.done(Some(output));
    service.operations[0].name = "GetBucketAcl";
    let grantee = st(&[("ID", Value::str("me")), ("Type", Value::str("Canonical\n\"User\""))]);
    let value = st(&[("Grantee", grantee), ("Prefix", Value::str("")), ("ETag", Value::str("\"e\""))]);
    let answer = reply(&service, Protocol::RestXml, &value);
    let content = "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                   xsi:type=\"Canonical&#xA;&quot;User&quot;\"><ID>me</ID></Grantee><Prefix></Prefix>";
    let expected = format!("<AccessControlPolicy {S3}>{content}</AccessControlPolicy>");
    assert_eq!(super::text(&answer), s3_document(&expected));
    assert_eq!(
        headers(&answer),
        [
            "content-type: application/xml",
            "etag: \"e\"",
            "server: AmazonS3",
            "x-amz-id-2: cmVxLTE=",
            "x-amz-request-id: req-1"
        ]
    );
}

#[test]
fn the_location_is_the_root_itself() {
    let mut b = Build::new("s3", Protocol::RestXml);
    let string = b.string();
    let output = b.structure("GetBucketLocationOutput", vec![member("LocationConstraint", to(string))]);
    let mut service = b.done(Some(output));
    service.operations[0].name = "GetBucketLocation";
    let cases = [
        (
            st(&[("LocationConstraint", Value::str("eu-west-1"))]),
            format!("<LocationConstraint {S3}>eu-west-1</LocationConstraint>"),
        ),
        (st(&[]), format!("<LocationConstraint {S3}/>")),
    ];
    for (value, expected) in cases {
        assert_eq!(body(&service, Protocol::RestXml, &value), s3_document(&expected));
    }
}

#[test]
fn payloads_of_rest_xml() {
    let mut b = Build::new("cloudfront", Protocol::RestXml);
    let string = b.string();
    let inner = b.structure("Distribution", vec![member("Id", to(string))]);
    let output = b.shape(
        "Out",
        Kind::Structure(Structure {
            members: vec![at(Location::Header, "ETag", to(string)), member("Distribution", to(inner))],
            payload: Some(1),
            ..Structure::default()
        }),
    );
    let service = b.done(Some(output));
    let root = "Distribution xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"";
    let cases = [
        (
            st(&[("Distribution", st(&[("Id", Value::str("E1"))]))]),
            bare_document(&format!("<{root}><Id>E1</Id></Distribution>")),
        ),
        (st(&[("Distribution", st(&[]))]), bare_document(&format!("<{root}/>"))),
        (st(&[]), String::new()),
    ];
    for (value, expected) in cases {
        assert_eq!(body(&service, Protocol::RestXml, &value), expected);
    }
}

#[test]
fn an_empty_output_is_a_document_but_in_s3() {
    for (id, expected) in
        [("s3", ""), ("route53", "<Out xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"/>")]
    {
        let mut b = Build::new(id, Protocol::RestXml);
        let output = b.structure("Out", vec![]);
        let expected = if expected.is_empty() { String::new() } else { bare_document(expected) };
        assert_eq!(body(&b.done(Some(output)), Protocol::RestXml, &st(&[])), expected);
    }
}
