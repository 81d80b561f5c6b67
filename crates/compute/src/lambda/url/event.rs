//! What a function is given of a request: the payload format 2.0. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use crate::lambda::model::Url;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, COOKIE, USER_AGENT};
use http::request::Parts;
use kernel::Peer;
use kernel::identity::Caller;
use wire::Value;

/// What is known of a request beside its head and body.
#[derive(Debug)]
pub(super) struct Visit<'v> {
    pub(super) url: &'v Url,
    /// Below the URL.
    pub(super) path: &'v str,
    pub(super) host: &'v str,
    pub(super) peer: Peer,
    pub(super) id: &'v str,
    pub(super) now: Timestamp,
    /// `None` where nobody was asked.
    pub(super) caller: Option<&'v Caller>,
    /// The organization of the caller's account.
    pub(super) organization: Option<String>,
}

/// Adds a value to those of its name.
fn join(all: &mut Vec<(String, Value)>, name: String, value: &str) {
    match all.iter_mut().find(|(known, _)| *known == name) {
        Some((_, Value::Str(known))) => {
            known.push(',');
            known.push_str(value);
        }
        _ => all.push((name, Value::str(value))),
    }
}

fn headers(parts: &Parts, visit: &Visit<'_>) -> Value {
    let mut all = Vec::new();
    for (name, value) in parts.headers.iter().filter(|(name, _)| **name != COOKIE) {
        join(&mut all, name.as_str().to_owned(), &String::from_utf8_lossy(value.as_bytes()));
    }
    let (scheme, port) = if visit.peer.tls.is_some() { ("https", "443") } else { ("http", "80") };
    let port = visit.host.rsplit_once(':').map_or(port, |(_, port)| port);
    join(&mut all, "x-forwarded-for".into(), &visit.peer.address.to_canonical().to_string());
    for (name, value) in [("x-forwarded-proto", scheme), ("x-forwarded-port", port)] {
        all.retain(|(known, _)| known != name);
        all.push((name.to_owned(), Value::str(value)));
    }
    Value::Map(all)
}

/// Whether a body of this type is text to AWS.
fn is_text(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || matches!(kind.as_str(), "application/json" | "application/javascript" | "application/xml")
        || (kind.starts_with("application/") && (kind.ends_with("+json") || kind.ends_with("+xml")))
}

/// `12/Mar/2020:19:03:58 +0000`
fn clf(now: Timestamp) -> String {
    // `Thu, 12 Mar 2020 19:03:58 GMT`
    let date = now.http_date();
    match date.split(' ').collect::<Vec<_>>()[..] {
        [_, day, month, year, time, _] => format!("{day}/{month}/{year}:{time} +0000"),
        _ => date,
    }
}

fn iam(caller: &Caller, organization: Option<&str>) -> Value {
    let id = caller.user_id.split(':').next().unwrap_or_default();
    Value::map(vec![
        ("accessKey", Value::str(&caller.access_key)),
        ("accountId", Value::str(caller.account.as_str())),
        ("callerId", Value::str(&caller.user_id)),
        ("cognitoIdentity", Value::Null),
        ("principalOrgId", organization.map_or(Value::Null, Value::str)),
        ("userArn", Value::str(&*caller.arn())),
        ("userId", Value::str(if caller.session.is_some() { &caller.user_id } else { id })),
    ])
}

fn context(parts: &Parts, visit: &Visit<'_>) -> Value {
    let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = visit.host.rsplit_once(':').map_or(visit.host, |(name, _)| name);
    let mut members = vec![
        ("accountId", Value::str(visit.url.account.as_str())),
        ("apiId", Value::str(&visit.url.id)),
        ("domainName", Value::str(name)),
        ("domainPrefix", Value::str(&visit.url.id)),
        (
            "http",
            Value::map(vec![
                ("method", Value::str(parts.method.as_str())),
                ("path", Value::str(visit.path)),
                ("protocol", Value::Str(format!("{:?}", parts.version))),
                ("sourceIp", Value::Str(visit.peer.address.to_canonical().to_string())),
                ("userAgent", Value::str(agent)),
            ]),
        ),
        ("requestId", Value::str(visit.id)),
        ("routeKey", Value::str("$default")),
        ("stage", Value::str("$default")),
        ("time", Value::Str(clf(visit.now))),
        ("timeEpoch", Value::Int(visit.now.micros() / 1000)),
    ];
    if let Some(caller) = visit.caller {
        members.push(("authorizer", Value::map(vec![("iam", iam(caller, visit.organization.as_deref()))])));
    }
    Value::map(members)
}

/// The event, as JSON.
pub(super) fn write(parts: &Parts, body: &[u8], visit: &Visit<'_>) -> String {
    let query = parts.uri.query().unwrap_or_default();
    let mut parameters = Vec::new();
    for (name, value) in wire::head::form_pairs(query) {
        join(&mut parameters, name, &value);
    }
    let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<Value> = cookies
        .flat_map(|value| value.split(';'))
        .map(|cookie| Value::str(cookie.trim()))
        .filter(|cookie| cookie.as_str() != Some(""))
        .collect();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let text = std::str::from_utf8(body).ok().filter(|_| is_text(kind) || body.is_empty());
    let mut members = vec![
        ("version", Value::str("2.0")),
        ("routeKey", Value::str("$default")),
        ("rawPath", Value::str(visit.path)),
        ("rawQueryString", Value::str(query)),
        ("headers", headers(parts, visit)),
        ("requestContext", context(parts, visit)),
        ("isBase64Encoded", Value::Bool(text.is_none())),
    ];
    if !cookies.is_empty() {
        members.push(("cookies", Value::List(cookies)));
    }
    if !parameters.is_empty() {
        members.push(("queryStringParameters", Value::Map(parameters)));
    }
    if !body.is_empty() {
        members.push(("body", text.map_or_else(|| Value::Str(STANDARD.encode(body)), Value::str)));
    }
    wire::json::text(&Value::map(members))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn event(request: http::request::Builder, body: &[u8], caller: Option<&Caller>) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let url = Url { id: "abc".into(), ..Url::default() };
        let peer = Peer::at(Ipv4Addr::LOCALHOST.into(), None);
        let now = Timestamp::from_seconds(1_583_348_638);
        let host = "abc.lambda-url.us-east-1.localhost:4566";
        let visit = Visit {
            url: &url,
            path: parts.uri.path(),
            host,
            peer,
            id: "id",
            now,
            caller,
            organization: Some("o-1".to_owned()),
        };
        wire::json::read(&write(&parts, body, &visit)).unwrap()
    }

    fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
        path.iter().try_fold(value, |value, name| value.entry(name))
    }

    fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
        at(value, path).and_then(Value::as_str)
    }

    #[test]
    fn a_request_with_everything() {
        let request = http::Request::builder().method("POST").uri("/a%20b?x=1&x=2&y=%20");
        let request = request.header("X-One", "1").header("x-one", "2").header("cookie", "a=1; b=2");
        let event = event(request.header("content-type", "text/plain"), b"hello", None);
        assert_eq!(text(&event, &["rawPath"]), Some("/a%20b"));
        assert_eq!(text(&event, &["rawQueryString"]), Some("x=1&x=2&y=%20"));
        assert_eq!(text(&event, &["queryStringParameters", "x"]), Some("1,2"));
        assert_eq!(text(&event, &["queryStringParameters", "y"]), Some(" "));
        assert_eq!(text(&event, &["headers", "x-one"]), Some("1,2"));
        assert_eq!(at(&event, &["headers", "cookie"]), None);
        assert_eq!(at(&event, &["cookies"]), Some(&Value::List(vec![Value::str("a=1"), Value::str("b=2")])));
        assert_eq!(text(&event, &["body"]), Some("hello"));
        assert_eq!(at(&event, &["isBase64Encoded"]), Some(&Value::Bool(false)));
        assert_eq!(text(&event, &["requestContext", "time"]), Some("04/Mar/2020:19:03:58 +0000"));
        assert_eq!(text(&event, &["requestContext", "http", "protocol"]), Some("HTTP/1.1"));
        assert_eq!(text(&event, &["headers", "x-forwarded-port"]), Some("4566"));
        assert_eq!(at(&event, &["requestContext", "authorizer"]), None);
    }

    #[test]
    fn bodies_that_are_no_text_and_callers() {
        let root = Caller::root(base::AccountId::DEFAULT, "AKID");
        let event = event(http::Request::builder().uri("/"), &[0, 255], Some(&root));
        assert_eq!(text(&event, &["body"]), Some("AP8="));
        assert_eq!(at(&event, &["isBase64Encoded"]), Some(&Value::Bool(true)));
        let iam = |name| text(&event, &["requestContext", "authorizer", "iam", name]).unwrap_or_default();
        assert_eq!((iam("accessKey"), iam("principalOrgId")), ("AKID", "o-1"));
        assert_eq!(iam("userArn"), "arn:aws:iam::000000000000:root");
        for (kind, expected) in [
            ("application/json; charset=utf-8", true),
            ("image/svg+xml", false),
            ("application/problem+json", true),
            ("application/x-www-form-urlencoded", false),
        ] {
            assert_eq!(is_text(kind), expected, "{kind}");
        }
    }
}
