//! Requests and answers of the rest-xml protocol, written and read by the model: a client in small.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};
use wire::model::{Kind, Location, MemberModel, MemberRef, Service, Structure};

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn wire_name(member: &MemberModel) -> &str {
    if member.target.wire_name.is_empty() { member.name } else { member.target.wire_name }
}

fn escape(text: &str, keep: &str) -> String {
    let byte = |b: u8| match char::from(b) {
        c if c.is_ascii_alphanumeric() || "-_.~".contains(c) || keep.contains(c) => c.to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The request, unsigned and without a host.
pub(crate) fn request(model: &'static Service, operation: &str, parameters: &Value) -> Request<Bytes> {
    let operation = model.operation(operation).unwrap_or_else(|| panic!("no operation {operation}"));
    let empty = Structure::default();
    let input = operation.input.and_then(|shape| model.structure(shape)).unwrap_or(&empty);
    let mut uri = operation.uri.to_owned();
    let mut query: Vec<String> = Vec::new();
    let mut request = Request::builder().method(operation.method);
    let mut body = Bytes::new();
    let mut loose = Map::new();
    let payload = input.payload.and_then(|at| input.members.get(at)).map(|m| m.name);
    for (name, value) in parameters.as_object().unwrap() {
        let member = input.member(name).unwrap_or_else(|| panic!("{} has no {name}", operation.name));
        let wire = wire_name(member);
        match member.location {
            Location::Uri => {
                uri = uri.replace(&format!("{{{wire}}}"), &escape(&text(value), ""));
                uri = uri.replace(&format!("{{{wire}+}}"), &escape(&text(value), "/"));
            }
            Location::QueryString => query.push(format!("{wire}={}", escape(&text(value), ""))),
            Location::Header => {
                let value = match value {
                    Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
                    one => text(one),
                };
                // What no header can carry is sent as something else that is wrong.
                let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("?"));
                request = request.header(wire, value);
            }
            Location::HeaderPrefix => {
                for (name, value) in value.as_object().unwrap() {
                    request = request.header(format!("{wire}{name}"), text(value));
                }
            }
            Location::Body if payload == Some(member.name) => match &model.shape(member.target.shape).kind {
                Kind::Blob { .. } | Kind::String { .. } => body = Bytes::from(text(value)),
                _ => {
                    let mut out = Vec::new();
                    element(model, &mut out, wire, &member.target, value);
                    body = Bytes::from(out);
                }
            },
            Location::Body => {
                loose.insert(name.clone(), value.clone());
            }
            Location::StatusCode => {}
        }
    }
    if !loose.is_empty() {
        let mut out = Vec::new();
        out.extend(format!("<{}>", operation.name).bytes());
        members(model, &mut out, input, &loose);
        out.extend(format!("</{}>", operation.name).bytes());
        body = Bytes::from(out);
    }
    let joint = if uri.contains('?') { "&" } else { "?" };
    if !query.is_empty() {
        uri = format!("{uri}{joint}{}", query.join("&"));
    }
    request.uri(uri).body(body).unwrap()
}

fn xml_text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").bytes());
}

fn element(model: &Service, out: &mut Vec<u8>, name: &str, target: &MemberRef, value: &Value) {
    out.extend(format!("<{name}").bytes());
    if let (Kind::Structure(s), Some(members)) = (&model.shape(target.shape).kind, value.as_object()) {
        for member in s.members.iter().filter(|m| m.target.xml_attribute) {
            if let Some(value) = members.get(member.name) {
                let prefix = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
                out.extend(format!(" {prefix} {}=\"{}\"", wire_name(member), text(value)).bytes());
            }
        }
    }
    out.push(b'>');
    match (&model.shape(target.shape).kind, value) {
        (Kind::Structure(s), Value::Object(given)) => members(model, out, s, given),
        (Kind::List { element: item, .. }, Value::Array(items)) => {
            let name = if item.wire_name.is_empty() { "member" } else { item.wire_name };
            items.iter().for_each(|value| element(model, out, name, item, value));
        }
        (_, scalar) => xml_text(out, &text(scalar)),
    }
    out.extend(format!("</{name}>").bytes());
}

fn members(model: &Service, out: &mut Vec<u8>, s: &Structure, given: &Map<String, Value>) {
    for (name, value) in given {
        let Some(member) = s.member(name) else {
            // A client that knows more than the model.
            out.extend(format!("<{name}>").bytes());
            xml_text(out, &text(value));
            out.extend(format!("</{name}>").bytes());
            continue;
        };
        if member.target.xml_attribute || member.location != Location::Body {
            continue;
        }
        match (&model.shape(member.target.shape).kind, value) {
            (Kind::List { element: item, flattened, .. }, Value::Array(items))
                if *flattened || member.target.flattened =>
            {
                items.iter().for_each(|value| element(model, out, wire_name(member), item, value));
            }
            _ => element(model, out, wire_name(member), &member.target, value),
        }
    }
}

/// An element of a document.
#[derive(Default, Debug)]
struct Node {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
    text: String,
}

fn opened(tag: &BytesStart<'_>) -> Node {
    let attribute =
        |a: quick_xml::events::attributes::Attribute<'_>| (a.key.as_ref().to_owned(), a.value.to_string());
    Node {
        name: tag.local_name().as_ref().to_owned(),
        attributes: tag.attributes().flatten().map(attribute).collect(),
        ..Node::default()
    }
}

fn document(text: &str) -> Node {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open = vec![Node::default()];
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e}: {text}")) {
            Event::Start(tag) => open.push(opened(&tag)),
            Event::Empty(tag) => open.last_mut().unwrap().children.push(opened(&tag)),
            Event::End(_) => {
                let node = open.pop().unwrap();
                open.last_mut().unwrap().children.push(node);
            }
            Event::Text(t) => open.last_mut().unwrap().text.push_str(t.as_ref()),
            Event::GeneralRef(r) => {
                open.last_mut().unwrap().text.push_str(&crate::harness::reference(r.as_ref()));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    open.pop().unwrap().children.pop().unwrap_or_default()
}

/// The members of an answer, as JSON: lists as arrays, all else as the model has it.
pub(crate) fn read(model: &'static Service, operation: &str, headers: &HeaderMap, body: &[u8]) -> Value {
    let Some(output) = model.operation(operation).and_then(|op| model.structure(op.output?)) else {
        return Value::Null;
    };
    let mut out = Map::new();
    let as_text = || String::from_utf8_lossy(body).into_owned();
    let payload = output.payload.and_then(|at| output.members.get(at)).map(|m| m.name);
    let mut root = None;
    for member in &output.members {
        let wire = wire_name(member);
        match member.location {
            Location::Header => {
                if let Some(value) = headers.get(wire).and_then(|v| v.to_str().ok()) {
                    out.insert(member.name.into(), scalar(model, &member.target, value));
                }
            }
            Location::HeaderPrefix => {
                let named = |name: &http::HeaderName| {
                    name.as_str().strip_prefix(&wire.to_ascii_lowercase()).map(str::to_owned)
                };
                let pairs = headers.iter().filter_map(|(n, v)| Some((named(n)?, json!(v.to_str().ok()?))));
                out.insert(member.name.into(), Value::Object(pairs.collect()));
            }
            Location::Body if payload == Some(member.name) => {
                let value = match &model.shape(member.target.shape).kind {
                    Kind::Blob { .. } | Kind::String { .. } => json!(as_text()),
                    _ if body.is_empty() => continue,
                    _ => value(model, &member.target, &document(&as_text())),
                };
                out.insert(member.name.into(), value);
            }
            Location::Body if payload.is_none() && !body.is_empty() => {
                let root: &Node = root.get_or_insert_with(|| document(&as_text()));
                if operation == "GetBucketLocation" {
                    out.insert(member.name.into(), json!(root.text));
                } else {
                    take(model, member, root, &mut out);
                }
            }
            _ => {}
        }
    }
    Value::Object(out)
}

fn take(model: &Service, member: &MemberModel, node: &Node, out: &mut Map<String, Value>) {
    let name = wire_name(member);
    if member.target.xml_attribute {
        let found = node.attributes.iter().find(|(n, _)| n.rsplit(':').next() == name.rsplit(':').next());
        if let Some((_, value)) = found {
            out.insert(member.name.into(), json!(value));
        }
        return;
    }
    let mut found = node.children.iter().filter(|child| child.name == name);
    match &model.shape(member.target.shape).kind {
        Kind::List { element, flattened, .. } if *flattened || member.target.flattened => {
            let items: Vec<Value> = found.map(|child| value(model, element, child)).collect();
            if !items.is_empty() {
                out.insert(member.name.into(), items.into());
            }
        }
        _ => {
            if let Some(child) = found.next() {
                out.insert(member.name.into(), value(model, &member.target, child));
            }
        }
    }
}

fn value(model: &Service, target: &MemberRef, node: &Node) -> Value {
    match &model.shape(target.shape).kind {
        Kind::Structure(s) => {
            let mut out = Map::new();
            s.members.iter().for_each(|member| take(model, member, node, &mut out));
            Value::Object(out)
        }
        Kind::List { element, .. } => {
            node.children.iter().map(|child| value(model, element, child)).collect()
        }
        _ => scalar(model, target, &node.text),
    }
}

fn scalar(model: &Service, target: &MemberRef, text: &str) -> Value {
    match &model.shape(target.shape).kind {
        Kind::Integer { .. } => text.parse::<i64>().map_or_else(|_| json!(text), |n| json!(n)),
        Kind::Boolean => json!(text == "true"),
        _ => json!(text),
    }
}
