//! [`Value`]s as plain JSON text, without a model: for event details and audit records, and for the documents that
//! are JSON whatever the protocol (a queue's redrive policy, a filter policy, the body of a message).
//!
//! Blobs are base64, timestamps ISO 8601.

use crate::model::{Kind, Service, ShapeId};
use crate::output::json::string;
use crate::output::scalar;
use crate::value::Value;

/// What stands in an audit record where a secret stood in the request.
/// AWS: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// The value as JSON.
pub fn text(value: &Value) -> String {
    let mut out = Vec::with_capacity(128);
    write(&mut out, value);
    utf8(out)
}

/// JSON text as a tree of `Map`s, `List`s and scalars. `None` for anything that is not one JSON value, and for what is
/// nested deeper or has more nodes than a request may.
pub fn read(text: &str) -> Option<Value> {
    crate::input::free_json(text)
}

/// A request or response as CloudTrail shows it: names in lower camel case, what the model marks as sensitive hidden,
/// binary data left out. Empty where there is no member at all.
pub fn audit_text(service: &Service, shape: Option<ShapeId>, value: &Value) -> String {
    let (Some(shape), Value::Struct(members)) = (shape, value) else { return String::new() };
    if members.is_empty() {
        return String::new();
    }
    let mut out = Vec::with_capacity(256);
    audit(&mut out, service, Some(shape), value);
    utf8(out)
}

fn utf8(out: Vec<u8>) -> String {
    // Every writer here writes whole characters.
    String::from_utf8(out).unwrap_or_default()
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::List(items) => list(out, items, write),
        Value::Map(items) => {
            object(out, items.iter().map(|(k, v)| (k.as_str(), v)), string, write);
        }
        Value::Struct(members) => object(out, members.iter(), string, write),
        scalar => write_scalar(out, scalar),
    }
}

fn write_scalar(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(true) => out.extend(b"true"),
        Value::Bool(false) => out.extend(b"false"),
        Value::Int(n) => scalar::int(out, *n),
        Value::Float(x) => match scalar::non_finite(*x) {
            Some(name) => string(out, name),
            None => scalar::float(out, *x, true),
        },
        Value::Str(text) => string(out, text),
        Value::Blob(bytes) => {
            out.push(b'"');
            scalar::base64(out, bytes);
            out.push(b'"');
        }
        Value::Time(t) => string(out, &t.iso8601()),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Elements(_) => {
            out.extend(b"null");
        }
    }
}

fn list<'v>(out: &mut Vec<u8>, items: &'v [Value], mut each: impl FnMut(&mut Vec<u8>, &'v Value)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}

fn object<'n, 'v>(
    out: &mut Vec<u8>,
    members: impl Iterator<Item = (&'n str, &'v Value)>,
    name: impl Fn(&mut Vec<u8>, &str),
    mut each: impl FnMut(&mut Vec<u8>, &'v Value),
) {
    out.push(b'{');
    for (i, (key, value)) in members.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        name(out, key);
        out.push(b':');
        each(out, value);
    }
    out.push(b'}');
}

fn audit(out: &mut Vec<u8>, service: &Service, shape: Option<ShapeId>, value: &Value) {
    let shape = shape.map(|id| service.shape(id));
    if shape.is_some_and(|s| s.sensitive) {
        return string(out, HIDDEN);
    }
    match (shape.map(|s| &s.kind), value) {
        (Some(Kind::Structure(structure)), Value::Struct(members)) => {
            let shown = members.iter().filter(|(_, v)| !matches!(v, Value::Blob(_)));
            let target = |name: &str| structure.member(name).map(|m| m.target.shape);
            let mut first = true;
            out.push(b'{');
            for (name, value) in shown {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                lower_camel(out, name);
                out.push(b':');
                audit(out, service, target(name), value);
            }
            out.push(b'}');
        }
        (Some(Kind::List { element, .. }), Value::List(items)) => {
            list(out, items, |out, item| audit(out, service, Some(element.shape), item));
        }
        (Some(Kind::Map { value: inner, .. }), Value::Map(items)) => {
            let pairs = items.iter().map(|(k, v)| (k.as_str(), v));
            object(out, pairs, string, |out, v| audit(out, service, Some(inner.shape), v));
        }
        (_, value) => write(out, value),
    }
}

/// `UserName` as `userName`, `MFADevice` as `mFADevice`: the first letter alone, as CloudTrail does.
fn lower_camel(out: &mut Vec<u8>, name: &str) {
    let at = out.len() + 1;
    string(out, name);
    if let Some(first) = out.get_mut(at) {
        first.make_ascii_lowercase();
    }
}
