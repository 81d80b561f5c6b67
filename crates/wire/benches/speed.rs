//! How long routing and parsing take: `cargo bench -p wire`.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Instant;
use wire::{Head, input, route};
/// What it is, method, path, headers, body.
type Case =
    (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static [u8]);

const ROUNDS: u128 = 40_000;

const CASES: &[Case] = &[
        ("json putitem 200B", "POST", "/", &[("x-amz-target", "DynamoDB_20120810.PutItem"), ("content-type", "application/x-amz-json-1.0"), ("authorization","AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/dynamodb/aws4_request, x"),("host","localhost:4566")], br#"{"TableName":"orders-production","Item":{"pk":{"S":"customer#12345"},"sk":{"S":"order#2026-01-01"},"total":{"N":"129.95"},"paid":{"BOOL":true},"lines":{"L":[{"S":"a"},{"S":"b"}]}}}"#),
        ("json getitem", "POST", "/", &[("x-amz-target", "DynamoDB_20120810.GetItem"), ("content-type", "application/x-amz-json-1.0"),("host","localhost:4566")], br#"{"TableName":"orders-production","Key":{"pk":{"S":"customer#12345"}}}"#),
        ("query createuser 200B", "POST", "/", &[("content-type","application/x-www-form-urlencoded"), ("authorization","AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/iam/aws4_request, x"),("host","localhost:4566")], b"Action=CreateUser&Version=2010-05-08&UserName=eva&Path=%2Fa%2F&Tags.member.1.Key=team&Tags.member.1.Value=blue&Tags.member.2.Key=cost&Tags.member.2.Value=42"),
        ("ec2 runinstances", "POST", "/", &[("content-type","application/x-www-form-urlencoded"), ("authorization","AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ec2/aws4_request, x"),("host","localhost:4566")], b"Action=RunInstances&Version=2016-11-15&ImageId=ami-12345678&MinCount=1&MaxCount=1&InstanceType=t3.micro&SecurityGroupId.1=sg-1&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"),
        ("s3 put head", "PUT", "/bucket/some/key.txt", &[("authorization","AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, x"),("host","localhost:4566"),("content-length","10"),("content-type","text/plain"),("x-amz-meta-a","b")], b""),
        ("lambda invoke", "POST", "/2015-03-31/functions/myfn/invocations", &[("authorization","AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/lambda/aws4_request, x"),("host","localhost:4566")], b"{\"a\":1}"),
];

#[expect(clippy::print_stdout, reason = "a command-line tool")]
fn main() {
    for (name, method, path, list, body) in CASES {
        let pair =
            |(n, v): &(&'static str, &'static str)| (HeaderName::from_static(n), HeaderValue::from_static(v));
        let headers: HeaderMap = list.iter().map(pair).collect();
        let head = Head { method, path, query: "", headers: &headers };
        let body = Bytes::from_static(body);
        let route = route::route(&head, &body).expect("routes");
        let parsed = input::parse(&route, &head, body.clone()).expect("parses");
        assert!(parsed.violations.is_empty() && parsed.unknown.is_empty());
        let routing = best(|| drop(std::hint::black_box(route::route(&head, &body))));
        let parsing = best(|| drop(std::hint::black_box(input::parse(&route, &head, body.clone()))));
        println!("{name:20} {:3} bytes: route {routing} ns, parse and validate {parsing} ns", body.len());
    }
}

/// Nanoseconds of one call, in the best of five series.
fn best(call: impl Fn()) -> u128 {
    let series = || {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| call());
        start.elapsed().as_nanos() / ROUNDS
    };
    (0..5).map(|_| series()).min().unwrap_or(0)
}
