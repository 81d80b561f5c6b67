//! What each protocol reads, and the exact refusal of what it cannot read.

use super::{Parsed, parse};
use crate::fault::Fault;
use crate::head::Head;
use crate::route::route;
use crate::value::Value;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;

/// Routes and parses `GET /path?query` with headers and a body.
pub(super) fn run(line: &str, list: &[(&str, &str)], body: &[u8]) -> Result<Parsed, Fault> {
    let pair = |(n, v): &(&str, &str)| {
        (HeaderName::try_from(*n).unwrap(), HeaderValue::from_bytes(v.as_bytes()).unwrap())
    };
    let headers: HeaderMap = list.iter().map(pair).collect();
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let head = Head { method, path, query, headers: &headers };
    let route = route(&head, body).map_err(|r| r.fault)?;
    parse(&route, &head, Bytes::copy_from_slice(body))
}

/// A compact way to write a tree: `{UserName: "eva", Tags: [{Key: "k"}]}`; maps have quoted keys.
fn print(value: &Value) -> String {
    let join = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => format!("{x}f"),
        Value::Str(s) => format!("{s:?}"),
        Value::Blob(b) => b.iter().fold("0x".to_owned(), |mut out, b| {
            let _ = write!(out, "{b:02x}");
            out
        }),
        Value::Time(t) => format!("{t}"),
        Value::List(l) => format!("[{}]", join(l.iter().map(print).collect())),
        Value::Map(m) => {
            format!("{{{}}}", join(m.iter().map(|(k, v)| format!("{k:?}: {}", print(v))).collect()))
        }
        Value::Struct(s) => {
            format!("{{{}}}", join(s.iter().map(|(k, v)| format!("{k}: {}", print(v))).collect()))
        }
        Value::Elements(written) => format!("{written:?}"),
    }
}

/// The tree and the unknown members, or status, code and message.
fn show(result: Result<Parsed, Fault>) -> String {
    match result {
        Ok(p) if p.unknown.is_empty() => print(&p.value),
        Ok(p) => format!("{} unknown {:?}", print(&p.value), p.unknown),
        Err(f) => format!("{} {} {}", f.status, f.code, f.message).trim_end().to_owned(),
    }
}

fn json(target: &str, body: &str) -> String {
    let headers = [("x-amz-target", target), ("content-type", "application/x-amz-json-1.0")];
    show(run("POST /", &headers, body.as_bytes()))
}

#[test]
fn json_is_read() {
    let table = [
        ("{}", "{}"),
        (" {\"TableName\" : \"t\"}\n", r#"{TableName: "t"}"#),
        (r#"{"TableName":null}"#, "{}"),
        (r#"{"TableName":"a","TableName":"b"}"#, r#"{TableName: "b"}"#),
        (r#"{"TableName":"\u00e4\ud83d\ude00\n\"\/"}"#, "{TableName: \"ä😀\\n\\\"/\"}"),
        (r#"{"TableName":"\ud83d!"}"#, "{TableName: \"\u{fffd}!\"}"),
        (
            r#"{"Item":{"a":{"S":"x"},"n":{"N":"1"},"b":{"B":"AQI="},"l":{"L":[{"NULL":true}]}}}"#,
            r#"{Item: {"a": {S: "x"}, "n": {N: "1"}, "b": {B: 0x0102}, "l": {L: [{NULL: true}]}}}"#,
        ),
        (r#"{"Item":{"a":{"S":"x"},"a":{"S":"y"}}}"#, r#"{Item: {"a": {S: "y"}}}"#),
        (r#"{"Colour":{"x":[1,2.5e3,null,"\\"]},"TableName":"t"}"#, r#"{TableName: "t"} unknown ["Colour"]"#),
        (r#"{"Item":{"a":{"Z":1},"b":{"Z":2}}}"#, r#"{Item: {"a": {}, "b": {}}} unknown ["Item.Z"]"#),
        (r#"{"__type":"x"}"#, "{}"),
    ];
    for (body, want) in table {
        assert_eq!(json("DynamoDB_20120810.PutItem", body), want, "{body}");
    }
    let numbers = [
        ("1", "{Limit: 1}"),
        ("-0", "{Limit: 0}"),
        ("2.0", "{Limit: 2}"),
        ("1e2", "{Limit: 100}"),
        ("1.5", "400 SerializationException DECIMAL_VALUE cannot be converted to Integer"),
        ("99999999999", "400 SerializationException NUMBER_VALUE cannot be converted to Integer"),
        ("01", "400 SerializationException"),
        ("1.", "400 SerializationException"),
        (".5", "400 SerializationException"),
        ("+1", "400 SerializationException"),
        ("NaN", "400 SerializationException"),
        ("\"1\"", "400 SerializationException STRING_VALUE cannot be converted to Integer"),
        ("true", "400 SerializationException TRUE_VALUE cannot be converted to Integer"),
        ("[1]", "400 SerializationException Unrecognized collection type class java.lang.Integer"),
        ("{}", "400 SerializationException Start of structure or map found where not expected"),
    ];
    for (number, want) in numbers {
        let body = format!("{{\"Limit\":{number}}}");
        assert_eq!(json("DynamoDB_20120810.Scan", &body), want, "{number}");
    }
}

#[test]
fn json_that_cannot_be_read() {
    let table = [
        ("", "400 SerializationException"),
        ("[]", "400 SerializationException"),
        ("{", "400 SerializationException"),
        ("{}x", "400 SerializationException"),
        (r#"{"TableName"}"#, "400 SerializationException"),
        (r#"{"TableName":"a",}"#, "400 SerializationException"),
        ("{\"TableName\":\"a\nb\"}", "400 SerializationException"),
        (r#"{"TableName":"\x"}"#, "400 SerializationException"),
        (r#"{"TableName":"\u12"}"#, "400 SerializationException"),
        (r#"{"TableName":7}"#, "400 SerializationException NUMBER_VALUE cannot be converted to String"),
        (r#"{"TableName":["#, "400 SerializationException"),
        (
            r#"{"Item":[]}"#,
            "400 SerializationException Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
        ),
        (r#"{"Item":"x"}"#, "400 SerializationException Unexpected field type"),
        (
            r#"{"Item":{"b":{"B":"!"}}}"#,
            "400 SerializationException Base64 encoded length is expected a multiple of 4 bytes but found: 1",
        ),
    ];
    for (body, want) in table {
        assert_eq!(json("DynamoDB_20120810.PutItem", body), want, "{body}");
    }
}

#[test]
fn dynamodb_has_words_of_its_own_for_types() {
    let class = "Unrecognized collection type class";
    let package = "com.amazonaws.dynamodb.v20120810";
    let structure = "Start of structure or map found where not expected";
    let cast = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of loader 'bootstrap')";
    let map = format!("Unrecognized collection type java.util.Map<java.lang.String, {package}");
    let last = "Invalid last non-pad Base64 character dectected";
    for (operation, body, want) in [
        ("PutItem", r#"{"TableName":false}"#, "FALSE_VALUE cannot be converted to String"),
        ("PutItem", r#"{"TableName":3.5}"#, "DECIMAL_VALUE cannot be converted to String"),
        ("PutItem", r#"{"TableName":[]}"#, &format!("{class} java.lang.String")),
        ("PutItem", r#"{"TableName":{}}"#, structure),
        ("PutItem", r#"{"Item":{"a":"x"}}"#, "Unexpected value type in payload"),
        ("PutItem", r#"{"Item":{"a":[]}}"#, &format!("{class} {package}.AttributeValue")),
        ("PutItem", r#"{"Item":{"a":{"BOOL":"x"}}}"#, "Unexpected token received from parser"),
        ("PutItem", r#"{"Item":{"a":{"BOOL":1}}}"#, "NUMBER_VALUE cannot be converted to Boolean"),
        ("PutItem", r#"{"Item":{"a":{"SS":{}}}}"#, structure),
        ("PutItem", r#"{"Item":{"a":{"SS":1}}}"#, "Unexpected field type"),
        ("PutItem", r#"{"Item":{"a":{"B":1}}}"#, "only base-64-encoded strings are convertible to bytes"),
        ("PutItem", r#"{"Item":{"a":{"B":[]}}}"#, &format!("{class} java.nio.ByteBuffer")),
        ("PutItem", r#"{"Item":{"a":{"B":"=+/="}}}"#, last),
        ("PutItem", r#"{"Item":{"a":{"B":"+/+="}}}"#, last),
        ("PutItem", r#"{"Item":{"a":{"B":"a!bc"}}}"#, "Invalid Base64 character: '!'"),
        ("PutItem", r#"{"Expected":{"a":{"Value":1}}}"#, "Unexpected field type"),
        ("PutItem", r#"{"Expected":[]}"#, &format!("{map}.ExpectedAttributeValue>")),
        ("BatchGetItem", r#"{"RequestItems":{"t":{"Keys":[1]}}}"#, cast),
        ("BatchGetItem", r#"{"RequestItems":{"t":{"Keys":[[]]}}}"#, &format!("{map}.AttributeValue>")),
        ("BatchWriteItem", r#"{"RequestItems":{"t":1}}"#, cast),
        (
            "BatchWriteItem",
            r#"{"RequestItems":[]}"#,
            &format!(
                "Unrecognized collection type java.util.Map<java.lang.String, java.util.List<{package}.WriteRequest>>"
            ),
        ),
        (
            "UpdateTable",
            r#"{"ProvisionedThroughput":{"ReadCapacityUnits":"1"}}"#,
            "STRING_VALUE cannot be converted to Long",
        ),
    ] {
        let got = json(&format!("DynamoDB_20120810.{operation}"), body);
        assert_eq!(got, format!("400 SerializationException {want}"), "{body}");
    }
    // Others keep the words of AWS's other JSON services.
    assert_eq!(
        json("TrentService.ListKeys", r#"{"Limit":"1"}"#),
        "400 SerializationException STRING_VALUE can not be converted to an Integer"
    );
}

#[test]
fn json_times_floats_and_tokens() {
    let put = |body: &str| json("GraniteServiceVersion20100801.PutMetricData", body);
    assert_eq!(
        put(r#"{"Namespace":"n","MetricData":[{"MetricName":"m","Value":1,"Timestamp":1307235723.5}]}"#),
        r#"{Namespace: "n", MetricData: [{MetricName: "m", Value: 1f, Timestamp: 2011-06-05T01:02:03.500Z}]}"#
    );
    assert_eq!(put(r#"{"MetricData":[{"Value":"NaN"}]}"#), "{MetricData: [{Value: NaNf}]}");
    assert_eq!(
        put(r#"{"MetricData":[{"Value":"1"}]}"#),
        "400 SerializationException STRING_VALUE can not be converted to a Double"
    );
    let headers =
        [("x-amz-target", "secretsmanager.CreateSecret"), ("content-type", "application/x-amz-json-1.1")];
    let absent = run("POST /", &headers, br#"{"Name":"n"}"#).unwrap();
    assert_eq!(absent.idempotency, ["ClientRequestToken"]);
    let name = "0123456789012345678901234567890123456789";
    let body = format!(r#"{{"Name":"n","ClientRequestToken":"{name}"}}"#);
    assert!(run("POST /", &headers, body.as_bytes()).unwrap().idempotency.is_empty());
}

fn query(service: &str, body: &str) -> String {
    let credential = format!("AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/aws4_request, x");
    let headers = [("authorization", &*credential), ("content-type", "application/x-www-form-urlencoded")];
    show(run("POST /", &headers, body.as_bytes()))
}

#[test]
fn query_is_read() {
    let table = [
        ("iam", "Action=CreateUser&Version=2010-05-08&UserName=eva", r#"{UserName: "eva"}"#),
        ("iam", "Action=CreateUser&UserName=a+b%2Fc&Path=", r#"{Path: "", UserName: "a b/c"}"#),
        (
            "iam",
            "Action=CreateUser&Tags.member.2.Key=b&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.10.Key=c",
            r#"{Tags: [{Key: "a", Value: "1"}, {Key: "b"}, {Key: "c"}]}"#,
        ),
        ("iam", "Action=ListUsers&MaxItems=5", "{MaxItems: 5}"),
        ("iam", "Action=ListUsers&MaxItems=abc", "400 MalformedInput Expected an integer."),
        ("iam", "Action=ListUsers&Colour=red&X-Amz-Date=1", r#"{} unknown ["Colour"]"#),
        (
            "iam",
            "Action=CreateUser&Tags.member.1.Colour=x&Tags.x=1",
            r#"{Tags: [{}]} unknown ["Tags.x", "Tags.Colour"]"#,
        ),
        ("iam", "Action=UntagUser&TagKeys=", "{TagKeys: []}"),
        (
            "iam",
            "Action=CreateUser&Tags=x",
            "400 MalformedQueryString The query string contains a syntax error",
        ),
        (
            "iam",
            "Action=CreateUser&UserName=%ff",
            "400 MalformedQueryString The query string contains a syntax error",
        ),
        // The dot sorts before everything, or `Tags-x` would split the group of `Tags`.
        (
            "iam",
            "Action=CreateUser&Tags-x=1&Tags.member.1.Key=a&Tags=",
            r#"{Tags: [{Key: "a"}]} unknown ["Tags-x"]"#,
        ),
        (
            "sqs",
            "Action=SetQueueAttributes&QueueUrl=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5",
            r#"{Attributes: {"DelaySeconds": "5"}, QueueUrl: "q"}"#,
        ),
        (
            "sqs",
            "Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String",
            r#"{Entries: [{Id: "a", MessageAttributes: {"n": {DataType: "String"}}}]}"#,
        ),
        ("sns", "Action=SetSubscriptionAttributes&AttributeName=a", r#"{AttributeName: "a"}"#),
        (
            "sns",
            "Action=CreateTopic&Attributes.entry.1.key=a&Attributes.entry.1.value=b",
            r#"{Attributes: {"a": "b"}}"#,
        ),
        (
            "monitoring",
            "Action=PutMetricData&MetricData.member.1.Timestamp=2011-06-05T01%3A02%3A03Z&MetricData.member.1.Values.member.1=2.5",
            "{MetricData: [{Timestamp: 2011-06-05T01:02:03Z, Values: [2.5f]}]}",
        ),
        (
            "ec2",
            "Action=RunInstances&ImageId=ami-1&MinCount=1&SecurityGroupId.1=sg-1&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.ResourceType=instance",
            r#"{ImageId: "ami-1", MinCount: 1, SecurityGroupIds: ["sg-1"], TagSpecifications: [{ResourceType: "instance", Tags: [{Key: "k"}]}]}"#,
        ),
        (
            "ec2",
            "Action=DescribeInstances&Filter.1.Name=vpc-id&Filter.1.Value.1=v&MaxResults=x",
            "400 InvalidParameterValue Value (x) for parameter MaxResults is invalid. Expected an integer.",
        ),
        ("ec2", "Action=DescribeInstances&DryRun=true", "{DryRun: true}"),
    ];
    for (service, body, want) in table {
        assert_eq!(query(service, body), want, "{body}");
    }
}

fn rest(service: &str, line: &str, more: &[(&str, &str)], body: &str) -> String {
    let credential = format!("AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/aws4_request, x");
    let mut headers = vec![("authorization", &*credential)];
    headers.extend(more);
    show(run(line, &headers, body.as_bytes()))
}

#[test]
fn what_a_url_is_signed_with_may_stand_for_headers() {
    let v4 = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=s";
    let v2 = "AWSAccessKeyId=A&Signature=s&Expires=1";
    let read = |query: &str, headers: &[(&str, &str)]| show(run(&format!("PUT /b/k?{query}"), headers, b""));
    let more = "x-amz-storage-class=STANDARD_IA&x-amz-meta-a=%C3%BC%201&If-None-Match=%2A";
    type Headers = &'static [(&'static str, &'static str)];
    let table: [(&str, Headers, &str); 5] = [
        (
            v4,
            &[],
            r#"{Bucket: "b", IfNoneMatch: "*", Key: "k", Metadata: {"a": "ü 1"}, StorageClass: "STANDARD_IA"}"#,
        ),
        (
            v4,
            &[("x-amz-storage-class", "GLACIER"), ("x-amz-meta-a", "2")],
            r#"{Bucket: "b", IfNoneMatch: "*", Key: "k", Metadata: {"a": "2"}, StorageClass: "GLACIER"}"#,
        ),
        // Of the old signature only the headers of AWS are a part.
        (
            v2,
            &[("host", "s3.amazonaws.com")],
            r#"{Bucket: "b", Key: "k", Metadata: {"a": "ü 1"}, StorageClass: "STANDARD_IA"} unknown ["?If-None-Match"]"#,
        ),
        (
            "x-amz-checksum-crc32=AAAAAA%3D%3D&AWSAccessKeyId=A&Signature=s&Expires=1",
            &[("host", "s3.amazonaws.com")],
            r#"{Bucket: "b", Key: "k", Metadata: {"a": "ü 1"}, StorageClass: "STANDARD_IA"} unknown ["?If-None-Match", "?x-amz-checksum-crc32"]"#,
        ),
        (
            "x-id=PutObject",
            &[("host", "s3.amazonaws.com")],
            r#"{Bucket: "b", Key: "k"} unknown ["?x-amz-storage-class", "?x-amz-meta-a", "?If-None-Match"]"#,
        ),
    ];
    for (signature, headers, want) in table {
        assert_eq!(read(&format!("{more}&{signature}"), headers), want, "{signature}");
    }
}

#[test]
fn a_queue_is_named_by_its_address() {
    let headers = [
        ("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/sqs/aws4_request, x"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("host", "localhost:4566"),
    ];
    let read = |path: &str, body: &str| show(run(&format!("POST {path}"), &headers, body.as_bytes()));
    let table = [
        ("/000000000000/q", "Action=PurgeQueue", r#"{QueueUrl: "http://localhost:4566/000000000000/q"}"#),
        ("/000000000000/q", "Action=PurgeQueue&QueueUrl=x", r#"{QueueUrl: "x"}"#),
        ("/", "Action=PurgeQueue", "{}"),
        ("/000000000000/q", "Action=ListQueues", "{}"),
    ];
    for (path, body, want) in table {
        assert_eq!(read(path, body), want, "{path} {body}");
    }
}

/// Service, request line, headers, body, and what comes of it.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

#[test]
fn rest_json_is_read() {
    let table: &[Case] = &[
        (
            "lambda",
            "POST /2015-03-31/functions/a%3Ab/invocations?Qualifier=q",
            &[("x-amz-invocation-type", "Event")],
            "{\"free\": 1}",
            r#"{FunctionName: "a:b", InvocationType: "Event", Qualifier: "q", Payload: 0x7b2266726565223a20317d}"#,
        ),
        (
            "lambda",
            "GET /2015-03-31/functions?MaxItems=5&Colour=red&x-id=ListFunctions",
            &[],
            "",
            r#"{MaxItems: 5} unknown ["?Colour"]"#,
        ),
        (
            "lambda",
            "POST /2015-03-31/functions",
            &[],
            r#"{"FunctionName":"f","Code":{"ZipFile":"AAE="},"Publish":true,"Handler":null}"#,
            r#"{FunctionName: "f", Code: {ZipFile: 0x0001}, Publish: true}"#,
        ),
        ("lambda", "POST /2015-03-31/functions", &[], "{", "400 SerializationException"),
        (
            "lambda",
            "GET /2015-03-31/functions?MaxItems=x",
            &[],
            "",
            "400 SerializationException Expected an integer.",
        ),
        (
            "lambda",
            "DELETE /2017-03-31/tags/arn%3Aaws?tagKeys=a&tagKeys=b%20c",
            &[],
            "",
            r#"{Resource: "arn:aws", TagKeys: ["a", "b c"]}"#,
        ),
        (
            "apigateway",
            "POST /v2/apis",
            &[],
            r#"{"name":"n","protocolType":"HTTP","Name":"x"}"#,
            r#"{Name: "n", ProtocolType: "HTTP"} unknown ["Name"]"#,
        ),
        (
            "apigateway",
            "POST /restapis?mode=import&a=1&b=2",
            &[],
            "{}",
            r#"{parameters: {"a": "1", "b": "2"}, body: 0x7b7d}"#,
        ),
        (
            "glacier",
            "POST /-/vaults/v/archives",
            &[("x-amz-archive-description", "d")],
            "",
            r#"{vaultName: "v", accountId: "-", archiveDescription: "d"}"#,
        ),
    ];
    for (service, line, headers, body, want) in table {
        assert_eq!(rest(service, line, headers, body), *want, "{line} {body}");
    }
}

#[test]
fn rest_xml_is_read() {
    let broken = "400 MalformedXML The XML you provided was not well-formed or did not validate against our published schema";
    let delete = |xml: &str| rest("s3", "POST /b?delete", &[], xml);
    let table = [
        (
            r#"<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
               <Object><Key>a&amp;b&#x41;</Key></Object><!-- c --><Object><Key><![CDATA[<x>]]></Key></Object><Quiet>true</Quiet></Delete>"#,
            r#"{Bucket: "b", Delete: {Objects: [{Key: "a&bA"}, {Key: "<x>"}], Quiet: true}}"#,
        ),
        (
            "<Delete><Object/><Colour><x/></Colour></Delete>",
            r#"{Bucket: "b", Delete: {Objects: [{}]}} unknown ["Delete.Colour"]"#,
        ),
        ("<Delete/>", r#"{Bucket: "b", Delete: {}}"#),
        ("", r#"{Bucket: "b"}"#),
        ("<Other/>", broken),
        ("<Delete>", broken),
        ("<Delete></Other>", broken),
        ("<Delete>text</Delete>", broken),
        ("<Delete><Quiet>perhaps</Quiet></Delete>", broken),
        ("<Delete><Object><Key>&unknown;</Key></Object></Delete>", broken),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><Delete/>", broken),
        ("<Delete/><Delete/>", broken),
        ("x", broken),
    ];
    for (xml, want) in table {
        assert_eq!(delete(xml), want, "{xml}");
    }
    let put = rest(
        "s3",
        "PUT /b/a%20b+c?x-id=PutObject",
        &[("x-amz-meta-colour", "röt"), ("content-length", "3"), ("x-amz-acl", "private")],
        "",
    );
    assert_eq!(
        put,
        r#"{ACL: "private", Bucket: "b", ContentLength: 3, Key: "a b+c", Metadata: {"colour": "röt"}}"#
    );
    let acl = r#"<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="x" xsi:type="CanonicalUser"><ID>1</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"#;
    assert_eq!(
        rest("s3", "PUT /b?acl", &[], acl),
        r#"{Bucket: "b", AccessControlPolicy: {Grants: [{Grantee: {Type: "CanonicalUser", ID: "1"}, Permission: "READ"}]}}"#
    );
    let attributes = [("x-amz-object-attributes", "ETag, ObjectSize")];
    assert_eq!(
        rest("s3", "GET /b/k?attributes", &attributes, ""),
        r#"{Bucket: "b", Key: "k", ObjectAttributes: ["ETag", "ObjectSize"]}"#
    );
    let since = [("if-modified-since", "Sun, 05 Jun 2011 01:02:03 GMT")];
    assert_eq!(
        rest("s3", "GET /b/k", &since, ""),
        r#"{Bucket: "b", IfModifiedSince: 2011-06-05T01:02:03Z, Key: "k"}"#
    );
    assert_eq!(
        rest("s3", "GET /b?list-type=2&max-keys=x", &[], ""),
        "400 InvalidArgument Provided max-keys not an integer or within integer range"
    );
    assert_eq!(
        rest(
            "route53",
            "POST /2013-04-01/hostedzone/Z1/rrset/",
            &[],
            "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
        ),
        r#"{HostedZoneId: "Z1", ChangeBatch: {Changes: [{Action: "CREATE"}]}}"#
    );
}

fn cbor(body: &[u8]) -> String {
    let line = "POST /service/GraniteServiceVersion20100801/operation/PutMetricData";
    show(run(line, &[("smithy-protocol", "rpc-v2-cbor")], body))
}

#[test]
fn cbor_is_read() {
    let table: &[(&[u8], &str)] = &[
        (b"", "{}"),
        (b"\xa0", "{}"),
        (b"\xbf\xff", "{}"),
        (b"\xa1\x69Namespace\x61n", r#"{Namespace: "n"}"#),
        (b"\xbf\x69Namespace\x7f\x61n\x61m\xff\xff", r#"{Namespace: "nm"}"#),
        (b"\xa1\x69Namespace\xf6", "{}"),
        (b"\xa1\x6aMetricData\x81\xa1\x65Value\xf9\x3e\x00", "{MetricData: [{Value: 1.5f}]}"),
        (b"\xa1\x6aMetricData\x9f\xa1\x65Value\xfa\x3f\xc0\x00\x00\xff", "{MetricData: [{Value: 1.5f}]}"),
        (b"\xa1\x6aMetricData\x81\xa1\x65Value\x20", "{MetricData: [{Value: -1f}]}"),
        (
            b"\xa1\x6aMetricData\x81\xa1\x69Timestamp\xc1\x1a\x4d\xea\xd3\xcb",
            "{MetricData: [{Timestamp: 2011-06-05T00:54:35Z}]}",
        ),
        (
            b"\xa1\x6aMetricData\x81\xa1\x71StorageResolution\x18\x3c",
            "{MetricData: [{StorageResolution: 60}]}",
        ),
        (b"\xa1\x66Colour\x82\x01\x41a", r#"{} unknown ["Colour"]"#),
        (b"\xa1\x69Namespace\xc6\x61n", r#"{Namespace: "n"}"#),
        (
            b"\xa1\x69Namespace\x01",
            "400 SerializationException Unexpected value type: found an integer where a string is expected.",
        ),
        (b"\x80", "400 SerializationException"),
        (b"\xa1", "400 SerializationException"),
        (b"\xa0\x00", "400 SerializationException"),
        (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "400 SerializationException"),
        (b"\xa1\x7b\xff\xff\xff\xff\xff\xff\xff\xff", "400 SerializationException"),
        (b"\xa1\x69Namespace\x61\xff", "400 SerializationException"),
        (b"\xa1\x69Namespace\x1f", "400 SerializationException"),
        (b"\xa1\x69Namespace\xff", "400 SerializationException"),
    ];
    for (body, want) in table {
        assert_eq!(cbor(body), *want, "{body:x?}");
    }
}
