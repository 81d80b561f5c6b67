//! Requests as AWS's own SDK for Python writes them, and the parameters that it was given.
//!
//! Each line of `vectors.jsonl` is one call: botocore's serializer made the request from `want`, with every member
//! of the input set. There, `T` is seconds since the epoch and `B` base64; streaming payloads are left out.

use super::{Context, json, parse};
use crate::catalog;
use crate::head::Head;
use crate::model::Protocol;
use crate::route::route;
use crate::value::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Without types, and with keys in order: what JSON can hold.
fn plain(value: &Value) -> Value {
    let sorted = |mut items: Vec<(String, Value)>| {
        items.sort_by(|a, b| a.0.cmp(&b.0));
        Value::Map(items)
    };
    match value {
        Value::Blob(bytes) => Value::Str(format!("B{}", STANDARD.encode(bytes))),
        Value::Time(time) => Value::Str(format!("T{}", time.seconds())),
        Value::List(items) => Value::List(items.iter().map(plain).collect()),
        Value::Map(items) => sorted(items.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        Value::Struct(members) => sorted(members.iter().map(|(k, v)| (k.to_owned(), plain(v))).collect()),
        other => other.clone(),
    }
}

fn field<'a>(case: &'a Value, name: &str) -> &'a Value {
    let Value::Map(fields) = case else { panic!("a case is an object") };
    &fields.iter().find(|(k, _)| k == name).unwrap_or_else(|| panic!("{name} is missing")).1
}

#[test]
fn requests_of_the_python_sdk_are_read_back() {
    let mut cx = Context::new(catalog::service("iam").unwrap(), Protocol::Json10);
    let mut count = 0;
    for line in include_str!("vectors.jsonl").lines() {
        let case = json::free(&mut cx, line).unwrap();
        let text = |name| field(&case, name).as_str().unwrap();
        let Value::Map(list) = field(&case, "headers") else { panic!("headers are an object") };
        let pair = |(name, value): &(String, Value)| {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            (HeaderName::try_from(name.as_str()).unwrap(), value)
        };
        let headers: HeaderMap = list.iter().map(pair).collect();
        let head =
            Head { method: text("method"), path: text("path"), query: text("query"), headers: &headers };
        let body = Bytes::from(STANDARD.decode(text("body")).unwrap());
        let route = route(&head, &body).unwrap_or_else(|r| panic!("{r:?} for {line}"));
        assert_eq!((route.service.id, route.operation.name), (text("service"), text("op")), "{line}");
        let parsed = parse(&route, &head, body).unwrap_or_else(|f| panic!("{f} for {line}"));
        assert_eq!(plain(&parsed.value), plain(field(&case, "want")), "{line}");
        assert_eq!(parsed.unknown, Vec::<String>::new(), "{line}");
        count += 1;
    }
    assert_eq!(count, 174);
}
